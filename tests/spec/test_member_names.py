"""`member`: what the member list of `tcp-ip` calls a node."""

from __future__ import annotations

from typing import Any

import pytest

from omconf.artifacts.hazelcast import KIND
from tests.clusters import cluster_of, errors_of, spec_of

TCP: dict[str, Any] = {"discovery": {"kind": "tcp-ip"}, "hazelcast": {"interfaces": "none"}}


def said(*members: str | None, **sections: Any) -> list[tuple[str, str]]:
    """The errors of a spec with such members."""
    data = spec_of(len(members), **{**TCP, **sections})
    for node, member in zip(data["nodes"].values(), members, strict=True):
        if member is not None:
            node["member"] = member
    return [(d.rule.id, d.message) for d in errors_of(data)]


def listed(**sections: Any) -> list[str]:
    """What the first node's hazelcast.xml lists."""
    cluster = cluster_of({**spec_of(2, **TCP), **sections})
    items = KIND.read(KIND.render(cluster, cluster.nodes[0])[0].text).items
    return [value for key, value in items.items() if "/member-list/member[" in key]


def test_the_list_has_the_names() -> None:
    members = {"node_defaults": {"member": "{name}.example.org"}}
    assert listed(**members) == ["om1.example.org", "om2.example.org"]
    fixed = {"hazelcast": {"interfaces": "10.1.1.*", "port": 5710}}
    assert listed(**members, **fixed) == ["om1.example.org:5710", "om2.example.org:5710"]
    assert listed(node_defaults={"member": "{address}"}) == ["10.1.1.1", "10.1.1.2"]


def test_behind_nat_the_name_has_the_public_port() -> None:
    nodes = spec_of(2)["nodes"]
    nodes["om1"] |= {"public_address": "203.0.113.7:15701", "member": "nat.example.org"}
    nodes["om2"] |= {"public_address": "203.0.113.8:15702", "member": "nat.example.org"}
    assert listed(nodes=nodes) == ["nat.example.org:15701", "nat.example.org:15702"]


@pytest.mark.parametrize(
    "member", ["om 1", "om1:5701", "", "-om1", "om1.", "${x}", "10.1.1", "0x1", "om\n1", "a" * 64]
)
def test_what_is_no_host(member: str) -> None:
    assert [rule for rule, _ in said(member, None)] in (["OM105"], ["OM260"])


@pytest.mark.parametrize("member", ["localhost", "LocalHost", "127.0.0.1"])
def test_what_is_another_host_on_each_node(member: str) -> None:
    assert [rule for rule, _ in said(member, None)] == ["OM105"]


def test_one_name_for_two_nodes() -> None:
    assert said("om.example.org", "OM.example.org") == [
        ("OM201", "`om2` has the same `member` as `om1`: OM.example.org.")
    ]
    assert said("10.1.1.2", "om2") == [
        ("OM201", "The `member` of `om1` is the `address` of `om2`: 10.1.1.2.")
    ]
    assert said("10.1.1.1", "om2") == []


def test_names_mean_nothing_with_multicast() -> None:
    wanted = [("OM105", "`nodes.om1.member` means nothing with `discovery.kind: multicast`.")]
    assert said("om1", None, discovery={}) == wanted
    assert said("om1", None, discovery={"kind": "multicast"}) == wanted
    assert [rule for rule, _ in said("om1", None, discovery={"kind": "multycast"})] == ["OM105"]
    (error,) = said(None, None, discovery={}, node_defaults={"member": "{name}"})
    assert (error[0], error[1].split("`")[1]) == ("OM105", "node_defaults.member")


def test_hazelcast_passes_over_names_beside_each_node_s_own_address() -> None:
    ((rule, message),) = said("om1", "om2", hazelcast={})
    assert rule == "OM261"
    assert message.split("`")[1] == "om1"
    assert said("10.9.1.1", "10.9.1.2", hazelcast={}) == []
