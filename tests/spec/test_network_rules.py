"""OM224 and OM228: multicast between nodes that may not be in one network."""

from __future__ import annotations

from typing import Any

import pytest

from omconf.check.rules import check
from omconf.diagnostics import Diagnostic
from tests.clusters import cluster_of, spec_of


def found(addresses: list[str], **sections: Any) -> list[Diagnostic]:
    data = spec_of(len(addresses), **sections)
    for node, address in zip(data["nodes"].values(), addresses, strict=True):
        node["address"] = address
    return [d for d in check(cluster_of(data)) if d.rule.id in ("OM224", "OM228")]


@pytest.mark.parametrize(
    ("addresses", "ttl", "named"),
    [
        (["10.1.1.1", "10.1.1.2"], 1, []),
        (["10.1.1.1", "10.1.255.2"], 1, []),
        (["10.1.1.1", "10.2.1.2"], 32, []),  # one /8, or routers that carry multicast
        (["10.1.1.1", "10.2.1.2"], 2, []),
        (["10.1.1.1", "10.2.1.2"], 1, ["om2"]),
        (["172.16.1.1", "172.31.1.2"], 32, []),
        (["192.168.1.1", "192.168.200.2"], 1, []),
        (["10.1.1.1", "192.168.1.2"], 32, ["om2"]),
        (["10.1.1.1", "172.16.1.2", "172.16.1.3"], 32, ["om1"]),
        (["10.1.1.1", "172.32.1.2"], 32, ["om2"]),
        (["10.1.1.1", "172.16.1.1", "192.168.1.3", "10.1.1.2"], 32, ["om2", "om3"]),
        (["8.8.1.1", "8.8.200.2"], 1, []),
        (["8.8.1.1", "9.9.1.2"], 255, ["om2"]),
    ],
)
def test_nodes_that_share_no_network(addresses: list[str], ttl: int, named: list[str]) -> None:
    warned = found(addresses, discovery={"ttl": ttl})
    assert [d.message.split("`")[1] for d in warned] == named
    assert all(("ttl 1" in d.message) == (ttl == 1) for d in warned)
    assert all("tcp-ip" in (d.hint or "") for d in warned)
    assert not found(addresses, discovery={"kind": "tcp-ip", "ttl": ttl})


def test_the_subnet_of_the_spec_has_the_last_word() -> None:
    addresses = ["10.1.1.1", "10.2.1.2"]
    assert not found(addresses, discovery={"ttl": 1}, network={"subnet": "10.0.0.0/8"})
    for ttl in (1, 32):
        (warned,) = found(addresses, discovery={"ttl": ttl}, network={"subnet": "10.1.0.0/16"})
        assert warned.rule.id == "OM224"
        assert ("ttl 1" in warned.message) == (ttl == 1)


def test_nat_is_said_once() -> None:
    data = spec_of(2, discovery={"ttl": 1})
    data["nodes"]["om1"] |= {"address": "192.168.1.1", "public_address": "203.0.113.7"}
    ids = [d.rule.id for d in check(cluster_of(data))]
    assert ids.count("OM224") == 1
    assert "OM228" not in ids
