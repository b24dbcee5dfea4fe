"""Who reaches whom: multicast beyond one network (OM224, OM228), NAT with ports (OM201, OM209)."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml

from omconf.artifacts import database_access
from omconf.artifacts.hazelcast import rendering
from omconf.bundle.compile import compile_bundle, validate
from omconf.check import check
from omconf.cluster.resolve import resolve
from omconf.diagnostics import Diagnostic
from omconf.spec.load import load
from tests.clusters import cluster_of, errors_of, rules_of, spec_of
from tests.command import ROOT

SCHEMA = json.loads((ROOT / "schemas/cluster.schema.json").read_text())


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


def behind(*public: str, **sections: Any) -> dict[str, Any]:
    """A cluster without multicast, whose first nodes have public addresses."""
    data = spec_of(3, discovery={"kind": "tcp-ip"}, **sections)
    for node, address in zip(data["nodes"].values(), public, strict=False):
        node["public_address"] = address
    return data


@pytest.mark.parametrize(
    ("public", "rules"),
    [
        (["203.0.113.7:15701"], set()),
        (["203.0.113.7", "203.0.113.8"], set()),
        (["203.0.113.7:15701", "203.0.113.8:15701"], set()),
        (["203.0.113.7:15701", "203.0.113.7:15702"], set()),
        (["203.0.113.7", "203.0.113.7:15702"], set()),
        (["203.0.113.7", "203.0.113.7"], {"OM201"}),
        (["203.0.113.7:15701", "203.0.113.7:15701"], {"OM201"}),
        (["203.0.113.7", "203.0.113.7:5701"], {"OM201"}),  # Hazelcast's own port
        (["203.0.113.7:x"], {"OM223"}),
        (["203.0.113.7:"], {"OM223"}),
        (["203.0.113.7:0"], {"OM223"}),
        (["203.0.113.7:65536"], {"OM223"}),
        (["203.0.113.7:" + "9" * 5000], {"OM223"}),
        (["203.0.113.7:015701"], {"OM223"}),
        (["om1.example.org:15701"], {"OM105"}),
        (["127.0.0.1:15701"], {"OM105"}),
        (["fd00::7"], {"OM240"}),
        (["[fd00::7]:15701"], {"OM105"}),
    ],
)
def test_nat_that_has_a_port_for_each_node(public: list[str], rules: set[str]) -> None:
    data = behind(*public)
    assert rules_of(data) == rules
    if not rules:
        hosts = [address.partition(":")[0] for address in public]
        warned = [d.rule.id for d in check(cluster_of(data))]
        assert ("OM209" in warned) == (len(hosts) != len(set(hosts)))
    schema = jsonschema.Draft202012Validator(SCHEMA)
    well_formed = not rules & {"OM105", "OM223", "OM240"}
    assert schema.is_valid(behind(*public)) == well_formed


def test_the_port_of_nat_is_hazelcasts_alone() -> None:
    public = ("203.0.113.7:15701", "203.0.113.7:15702")
    firewalled = behind(*public, hazelcast={"port": 5710}, network={"firewall": "nftables"})
    firewalled["database"]["kind"] = "mysql"
    cluster = cluster_of(firewalled)
    bundle = compile_bundle(cluster)
    assert validate(bundle) == []
    written = {a.kind + a.path[-4:]: a.text for a in bundle.nodes[0].artifacts}
    text = written["hazelcast.xml"]
    assert "<public-address>203.0.113.7:15701</public-address>" in text
    assert '<port auto-increment="false">5710</port>' in text
    assert [m.value for m in rendering.members(cluster)] == [*public, "10.1.1.3:5710"]
    for name in ("persistence.xml", "firewall.nft"):
        assert "1570" not in written[name]
    (handed,) = database_access.KIND.external_files(cluster)
    assert handed.text.count("CREATE USER IF NOT EXISTS 'openmeetings'@'203.0.113.7'") == 1
    assert "15701" not in handed.text


@pytest.mark.parametrize(
    ("nodes", "message", "hint"),
    [
        ([{}, {"address": "10.1.1.1"}], "`om2` has the same `address` as `om1`", "an address of"),
        (
            [{"public_address": "203.0.113.7:15701"}, {"public_address": "203.0.113.7:15701"}],
            "`om2` has the same `public_address` as `om1`",
            "Give each node its own",
        ),
        (
            [
                {"public_address": "203.0.113.7:15701"},
                {"address": "10.1.1.1", "public_address": "203.0.113.7:15702"},
            ],
            "The data server sees `om2` and `om1` at the same `public_address`: 203.0.113.7",
            "Give each node a `storage_address`",
        ),
        (
            [{"storage_address": "10.2.1.1"}, {"storage_address": "10.2.1.1"}],
            "`om2` has the same `storage_address` as `om1`: 10.2.1.1.",
            "Give each node a `storage_address`",
        ),
        (
            [{"storage_address": "10.1.1.2"}, {}],
            "The `address` of `om2` is the `storage_address` of `om1`: 10.1.1.2.",
            "Give each node a `storage_address`",
        ),
    ],
)
def test_one_address_twice_is_named_by_its_key(
    nodes: list[dict[str, str]], message: str, hint: str
) -> None:
    data = spec_of(2, discovery={"kind": "tcp-ip"}, storage={"kind": "nfs", "server": "10.1.1.9"})
    for node, keys in zip(data["nodes"].values(), nodes, strict=True):
        node.update(keys)
    ((told, way_out),) = {(d.message, d.hint) for d in errors_of(data) if d.rule.id == "OM201"}
    assert message in told
    assert hint in way_out


@pytest.mark.parametrize(
    ("subnets", "ttl", "named"),
    [
        (["10.1.1.0/24", "10.2.1.0/24"], 32, [("OM228", "om3", False)]),
        (["10.1.1.0/24", "10.2.1.0/24"], 1, [("OM228", "om3", True)]),
        (["10.1.1.0/24", "10.3.0.0/16"], 1, [("OM224", "om3", False)]),
        (["10.0.0.0/8", "10.2.1.0/24"], 1, []),
        ("10.1.1.0/24", 32, [("OM224", "om3", False)]),
    ],
)
def test_several_networks(
    subnets: list[str] | str, ttl: int, named: list[tuple[str, str, bool]]
) -> None:
    data = spec_of(3, network={"subnet": subnets}, discovery={"kind": "multicast", "ttl": ttl})
    data["nodes"]["om3"]["address"] = "10.2.1.3"
    jsonschema.validate(data, SCHEMA)
    told = said(data)
    assert [(d.rule.id, d.message.split("`")[1], d.is_error) for d in told] == named
    assert all("tcp-ip" in d.hint for d in told)
    assert not said({**data, "discovery": {"kind": "tcp-ip"}})


def said(data: dict[str, Any]) -> list[Diagnostic]:
    """What the rules of multicast say, errors too."""
    loaded = load(yaml.safe_dump(data).encode(), "cluster.yaml")
    assert loaded.spec
    cluster, _ = resolve(loaded.document, loaded.spec)
    assert cluster
    return [d for d in check(cluster) if d.rule.id in ("OM224", "OM228")]


@pytest.mark.parametrize("subnet", [[], ["10.1.1.1/24"], [7], ["10.1.1.0/24", "x"], 7])
def test_networks_that_cannot_be(subnet: Any) -> None:
    data = spec_of(network={"subnet": subnet})
    assert rules_of(data) == {"OM105"}


def test_multicast_between_two_nodes_of_one_address_cannot_be() -> None:
    data = spec_of(discovery={"kind": "multicast"})
    for number, node in enumerate(data["nodes"].values(), 1):
        node["public_address"] = f"203.0.113.{number}"
    assert [d.is_error for d in said(data)] == [False]
    for node in data["nodes"].values():
        node["address"] = "172.17.0.2"
    assert [d.is_error for d in said(data)] == [True]


def test_containers_that_ports_tell_apart_need_no_address_for_a_folder_that_is_mounted() -> None:
    data = spec_of(4, discovery={"kind": "tcp-ip"})
    for number, node in enumerate(data["nodes"].values()):
        node["address"] = f"172.17.0.{2 + number % 2}"
        node["public_address"] = f"10.1.1.{1 + number // 2}:{15701 + number % 2}"
    data["storage"] = {"kind": "nfs", "server": "nas.example.org"}
    assert rules_of(data) == {"OM201"}
    data["storage"] = {"kind": "mounted"}
    assert not rules_of(data)


@pytest.mark.parametrize(
    ("om1", "om2", "hint"),
    [
        # Each in a private network of its own, behind NAT of its own.
        (("10.0.0.1", "203.0.113.7"), ("10.0.0.1", "203.0.113.8"), None),
        (("10.0.0.1", "203.0.113.7"), ("10.0.0.2", None), None),
        (("10.0.0.1", "10.0.0.1"), ("10.0.0.2", "203.0.113.8"), None),
        # To om2, 10.0.0.1 is itself.
        (
            ("10.0.0.1", None),
            ("10.0.0.1", "203.0.113.8"),
            "Set a `public_address` for `om1` as well",
        ),
        (
            ("10.0.0.1", "203.0.113.7"),
            ("10.0.0.1", None),
            "Set a `public_address` for `om2` as well",
        ),
        (("10.0.0.1", "10.0.0.1"), ("10.0.0.1", "203.0.113.8"), "Correct the `public_address`"),
        (("10.0.0.2", "10.0.0.1"), ("10.0.0.1", "203.0.113.8"), "Correct the `public_address`"),
        (("10.0.0.2", "10.0.0.1:5701"), ("10.0.0.1", "203.0.113.8"), "Correct the"),
        # om2 may publish another's port at an address of its own.
        (("10.0.0.2", "10.0.0.1:15701"), ("10.0.0.1", "203.0.113.8"), None),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_node_that_another_would_look_for_at_its_own_address(
    om1: tuple[str, str | None], om2: tuple[str, str | None], hint: str | None, turned: bool
) -> None:
    data = spec_of(3, discovery={"kind": "tcp-ip"}, storage={"kind": "mounted", "server": None})
    del data["storage"]["server"]
    nodes = data["nodes"]
    for name, (address, public) in (("om1", om1), ("om2", om2)):
        nodes[name] |= {"address": address, **({"public_address": public} if public else {})}
    if turned:
        data["nodes"] = dict(reversed(nodes.items()))
    errors = errors_of(data)
    assert [d.rule.id for d in errors] == ["OM201"] * (hint is not None)
    assert all(hint and hint in d.hint for d in errors)


def test_a_server_by_an_address_that_two_nodes_have() -> None:
    data = spec_of(discovery={"kind": "tcp-ip"}, storage={"server": "172.17.0.2"})
    for number, node in enumerate(data["nodes"].values(), 1):
        node |= {"address": "172.17.0.2", "public_address": f"203.0.113.{number}"}
    (error,) = errors_of(data)
    assert (error.rule.id, error.hint) == ("OM105", "Name one node: `om1`, for example.")
    data["storage"]["server"] = "om2"
    assert not rules_of(data)


@pytest.mark.parametrize(
    ("count", "severity", "hint"),
    [
        (50, "", ""),
        (51, "warning", "If the network supports it, multicast needs no lists."),
        (1000, "warning", "If the network supports it, multicast needs no lists."),
        (
            1001,
            "error",
            "With more than 1000 nodes, use multicast: the lists would take gigabytes.",
        ),
    ],
)
def test_lists_of_members(count: int, severity: str, hint: str) -> None:
    text = yaml.safe_dump(spec_of(count, discovery={"kind": "tcp-ip"}))
    loaded = load(text.encode(), "cluster.yaml")
    assert loaded.spec is not None
    cluster, _ = resolve(loaded.document, loaded.spec)
    assert cluster is not None
    found = [d for d in check(cluster) if d.rule.id == "OM226"]
    assert [(d.severity, d.hint) for d in found] == ([(severity, hint)] if severity else [])
