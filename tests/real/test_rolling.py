"""What a plan says of rolling a change out, held against real members that are restarted so.

The members run from the files of the spec before; one after the other gets those of the spec after.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from omconf.actions import Service
from omconf.artifacts.contents import Artifact
from omconf.bundle.compile import compile_bundle
from omconf.cluster.model import Cluster
from omconf.deployed.snapshot import DeployedFile, NodeFiles, Snapshot
from omconf.pipeline.bundle_secrets import secrets_of
from omconf.plan.compare import compare
from omconf.plan.model import Plan
from tests.clusters import cluster_of, spec_of
from tests.real.programs import Network
from tests.real.test_hazelcast import UNREAD, Members

NODES = 2
TCP_IP = {"discovery": {"kind": "tcp-ip"}}
COUNT = {"hazelcast": {"properties": {"hazelcast.partition.count": 11}}}
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a property": (
        {},
        {"hazelcast": {"properties": {"hazelcast.health.monitoring.level": "OFF"}}},
        "one",
    ),
    "a port, with multicast": ({}, {"hazelcast": {"port": 5711}}, "one"),
    "the ttl and the timeout": ({}, {"discovery": {"ttl": 31, "timeout": 3}}, "one"),
    "the group": ({}, {"discovery": {"group": "239.9.9.9"}}, "two"),
    "a port, with tcp-ip": (TCP_IP, {**TCP_IP, "hazelcast": {"port": 5711}}, "two"),
    "the kind of join": ({}, TCP_IP, "refused"),
    "the partition count": ({}, COUNT, "refused"),
    "another minor version": ({"openmeetings": {"release": "8.1.0"}}, {}, "never one"),
}


def planned(before: Cluster, after: Cluster) -> Plan:
    """The plan from what one spec compiles to, to what another does."""
    deployed = {
        node.node: NodeFiles({a.path: DeployedFile(a.data) for a in node.artifacts})
        for node in compile_bundle(before).nodes
    }
    bundle = compile_bundle(after)
    return compare(after, bundle, Snapshot("git", deployed), secrets_of(bundle))


def restarted(plan: Plan) -> list[tuple[str, ...]]:
    """The nodes that restart, in the order of the roll-out's steps."""
    restart = Service("restart", "openmeetings.service")
    return [step.nodes for step in plan.rollout.steps if restart in step.actions]


def hazelcasts(cluster: Cluster, folder: Path) -> dict[str, Path]:
    """A cluster's hazelcast.xml files, by the node's address."""
    folder.mkdir()
    addresses = {node.name.value: node.address.value for node in cluster.nodes}
    files = {}
    for node in compile_bundle(cluster).nodes:
        artifact: Artifact = next(a for a in node.artifacts if a.kind == "hazelcast")
        files[addresses[node.node]] = folder / f"{node.node}.xml"
        files[addresses[node.node]].write_bytes(artifact.data)
    return files


def jar(cluster: Cluster) -> str:
    return cluster.openmeetings.release.value.hazelcast_jar or UNREAD


@pytest.mark.parametrize("name", CHANGES)
def test_a_plan_says_what_becomes_of_members(
    java: str, network: Network, tmp_path: Path, name: str
) -> None:
    one, other, outcome = CHANGES[name]
    before, after = cluster_of(spec_of(NODES, **one)), cluster_of(spec_of(NODES, **other))
    plan = planned(before, after)
    stop = Service("stop", "openmeetings.service")
    stopped = [step.nodes for step in plan.rollout.steps if stop in step.actions]
    assert (NODES in map(len, stopped)) == (outcome != "one"), plan.rollout
    members = Members(java, network, tmp_path, jar(before))
    start = hazelcasts(before, tmp_path / "before")
    files = hazelcasts(after, tmp_path / "after")
    for address, file in start.items():
        members.start(address, file)
    together = members.named(start.values())
    members.wait(dict.fromkeys(start, together))
    first, *rest = start
    if jar(before) != jar(after):
        members.take(jar(after))
    members.restart(first, files[first])
    if outcome == "one":
        # While one is away, and when it is back, the others never see two clusters.
        members.wait(dict.fromkeys(start, together))
        for address in rest:
            members.restart(address, files[address])
            members.wait(dict.fromkeys(start, together))
        return
    alone = members.named([files[first]])
    others = members.named([start[address] for address in rest])
    if outcome == "two":
        members.wait({first: alone, **dict.fromkeys(rest, others)})
        time.sleep(8)  # longer than it takes two members to find each other
        members.wait({first: alone, **dict.fromkeys(rest, others)}, seconds=1)
        return
    end = time.monotonic() + 60
    wanted = ("refused",) if outcome == "refused" else ("refused", alone)
    while not members.seen(first).startswith(wanted):
        assert time.monotonic() < end, members.output[first].read_text()[-3000:]
        time.sleep(0.2)
    members.wait(dict.fromkeys(rest, others))


def test_a_member_attribute_rolls_through_three_members(
    java: str, network: Network, tmp_path: Path
) -> None:
    """One cluster all the time: whoever runs sees all others that run."""
    before = cluster_of(spec_of(3))
    data = spec_of(3)
    for node in data["nodes"].values():
        node["url"] = node["url"].replace("example.org", "example.com")
    after = cluster_of(data)
    plan = planned(before, after)
    assert {c.effect.rolling for c in plan.changes if c.effect} == {True}
    assert restarted(plan) == [("om1",), ("om2",), ("om3",)]
    members = Members(java, network, tmp_path)
    running = hazelcasts(before, tmp_path / "before")
    for address, file in running.items():
        members.start(address, file)
    members.wait(dict.fromkeys(running, members.named(running.values())))
    for address, file in hazelcasts(after, tmp_path / "after").items():
        others = {a: f for a, f in running.items() if a != address}
        members.stop(address)
        members.wait(dict.fromkeys(others, members.named(others.values())))
        running[address] = file
        members.start(address, file)
        members.wait(dict.fromkeys(running, members.named(running.values())))
    for address in running:
        said = members.output[address].read_text().splitlines()
        assert not [line for line in said if line.startswith("refused")]


def test_a_stray_third_member_comes_back_by_its_own_restart(
    java: str, network: Network, tmp_path: Path
) -> None:
    """Its multicast group was changed by hand; the two that run as they should are not touched."""
    cluster = cluster_of(spec_of(3))
    files = hazelcasts(cluster, tmp_path / "wanted")
    *others, stray = files
    by_hand = tmp_path / "by-hand.xml"
    by_hand.write_bytes(files[stray].read_bytes().replace(b"224.2.2.3", b"239.7.7.7"))
    bundle = compile_bundle(cluster)
    deployed = {
        node.node: NodeFiles(
            {
                a.path: DeployedFile(
                    by_hand.read_bytes() if (node.node, a.kind) == ("om3", "hazelcast") else a.data
                )
                for a in node.artifacts
            }
        )
        for node in bundle.nodes
    }
    plan = compare(cluster, bundle, Snapshot("git", deployed), secrets_of(bundle))
    assert {effect.rolling for c in plan.changes if (effect := c.effect)} == {False}
    assert restarted(plan) == [("om3",)]
    assert {node for step in plan.rollout.steps for node in step.nodes} == {"om3"}
    assert plan.rollout.disruption == "rolling"
    members = Members(java, network, tmp_path)
    two = members.named([files[address] for address in others])
    for address in files:
        members.start(address, by_hand if address == stray else files[address])
    members.wait({**dict.fromkeys(others, two), stray: members.named([by_hand])})
    members.restart(stray, files[stray])
    members.wait(dict.fromkeys(files, members.named(files.values())))
