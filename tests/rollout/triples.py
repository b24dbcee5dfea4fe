"""What is deployed, what was changed by hand since, and what is wanted now: for the simulator.

The strategy `triples` draws a spec, a second one that follows from it by a few entries of `CHANGES`
(and nodes that leave, join or are renamed), and some `EDITS` of deployed files. `simulated` rolls the
plan of such a triple out, or a part of it and back, and holds the outcome against the second spec or
the state before.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from omconf.bundle.compile import compile_bundle
from omconf.deployed.snapshot import DeployedFile, NodeFiles, Snapshot
from omconf.pipeline.bundle_secrets import secrets_of
from omconf.plan.compare import compare
from omconf.plan.model import Action
from tests.clusters import cluster_of, spec_of
from tests.rollout.hosts import BY_HAND, MOUNT_FROM, Desired, Wrong
from tests.rollout.simulator import World, deployed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from omconf.plan.model import Plan

Data = dict[str, Any]
Hand = dict[str, dict[str, bytes]]

CHANGES: dict[str, list[Data]] = {
    "group": [{"discovery": {"group": "239.9.9.9"}}],
    "join": [{"discovery": {"kind": "tcp-ip"}}, {"discovery": {"kind": "multicast"}}],
    "multicast port": [{"discovery": {"port": 54999}}],
    "port": [{"hazelcast": {"port": 5711}}, {"hazelcast": {"port": 5701}}],
    "partitions": [{"hazelcast": {"properties": {"hazelcast.partition.count": 11}}}],
    "level": [{"hazelcast": {"properties": {"hazelcast.health.monitoring.level": "OFF"}}}],
    "release": [
        {"openmeetings": {"release": "9.1.0"}},
        {"openmeetings": {"release": "9.0.0"}},
        {"openmeetings": {"release": "8.1.0"}},
    ],
    "timezone": [{"openmeetings": {"timezone": "Europe/Berlin"}}],
    "java": [{"openmeetings": {"java_options": ["-Xmx2g"]}}],
    "data_dir": [{"openmeetings": {"data_dir": "/srv/data"}}],
    "service": [
        {"openmeetings": {"service": "none"}},
        {"openmeetings": {"service": "om.service"}},
    ],
    "home": [{"openmeetings": {"home": "/srv/om"}}],
    "database": [{"database": {"host": "10.1.1.251"}}, {"database": {"name": "other"}}],
    "user": [{"database": {"user": "other"}}],
    "server": [
        {"storage": {"server": "om1"}},
        {"storage": {"server": "om2"}},
        {"storage": {"server": "10.1.1.240"}},
    ],
    "storage": [
        {"storage": {"kind": "mounted"}},
        {"storage": {"kind": "mounted", "fstab": {"what": "10.1.1.241:/om", "type": "glusterfs"}}},
        {"storage": {"kind": "nfs"}},
        {"storage": {"kind": "cifs", "share": "om", "password": {"env": "P"}}},
    ],
    "export": [{"storage": {"export": "/srv/export"}}],
    "options": [{"storage": {"options": ["hard", "timeo=70"]}}],
    "type": [{"storage": {"type": "nfs4"}}, {"storage": {"type": "nfs"}}],
    "mount_from": [{"storage": {"mount_from": MOUNT_FROM}}],
    "clients": [{"storage": {"clients": ["10.1.0.0/16"]}}],
    "export_options": [{"storage": {"export_options": ["rw", "async"]}}],
    "firewall": [{"network": {"firewall": "nftables"}}, {"network": {"firewall": "none"}}],
    "route": [
        {"network": {"multicast_route": False}},
        {"network": {"multicast_route": True}},
    ],
    "kurento": [{"kurento": {"url": "ws://10.1.1.20:8888/kurento"}}],
}
"""Sections that may be laid over a spec, by what they change."""

EDITS: dict[str, Callable[[bytes], bytes]] = {
    "hazelcast.xml": lambda data: data.replace(b"224.2.2.3", b"239.7.7.7"),
    "hazelcast.xml ": lambda data: data.replace(b">5711<", b">5799<").replace(b">5701<", b">5799<"),
    "hazelcast.xml  ": lambda data: data.replace(b"example.org", b"example.net"),
    "setenv.sh": lambda data: data.replace(b"Etc/UTC", b"Europe/Paris"),
    "persistence.xml": lambda data: data.replace(b"DefaultLevel=WARN", b"DefaultLevel=INFO"),
    "fstab": lambda data: data.replace(b"timeo=50", b"timeo=60"),
    "exports": lambda data: data.replace(b",root_squash", b",no_root_squash"),
    "omconf-multicast-route": lambda data: data.replace(b"set -eu", b"set -e"),
    "omconf.conf": lambda data: data.replace(b"TZ=Etc/UTC", b"TZ=Europe/Paris"),
    "check.conf": lambda data: data.replace(b"user=nobody", b"user=root"),
}
"""Edits by hand, by the end of the path."""


def laid_over(data: Data, sections: Data) -> Data:
    """A spec with sections in it; what contradicts a kind of storage goes."""
    result = copy.deepcopy(data)
    for name, value in sections.items():
        section = result.setdefault(name, {})
        for key, inner in value.items():
            section[key] = {**section.get(key, {}), **inner} if key == "properties" else inner
    return result


def settled(data: Data) -> Data:
    """Leave out what does not go with the kind of storage, or names a node that is gone."""
    result = copy.deepcopy(data)
    storage = result["storage"]
    cifs, nfs = ("share", "password", "user"), ("export_options", "type", "clients")
    dropped = {
        "nfs": (*cifs, "fstab"),
        "cifs": (*nfs, "fstab"),
        "mounted": (*cifs, *nfs, "server", "export", "options", "mount_from"),
    }[storage["kind"]]
    for key in dropped:
        storage.pop(key, None)
    if storage["kind"] == "cifs":
        storage.pop("options", None)
        storage["user"] = "omdata"
    elif storage["kind"] == "nfs":
        server = storage.get("server", "om1")
        gone = server.startswith("om") and server not in result["nodes"]
        renamed = {n.get("renamed_from"): name for name, n in result["nodes"].items()}
        last = max(result["nodes"])
        storage["server"] = renamed.get(server, last) if gone else server
    if storage["kind"] == "cifs":
        server = storage.get("server", "om1")
        gone = server.startswith("om") and server not in result["nodes"]
        storage["server"] = min(result["nodes"]) if gone else server
    return result


def edited(spec: Desired, node: str, edit: str) -> dict[str, bytes]:
    """A node's file after an edit by hand; nothing where it has no such file."""
    for path in spec.artifacts[node]:
        if path.endswith("/" + edit.strip()):
            return {path: EDITS[edit](spec.write(node, path, None) or b"")}
    return {}


@dataclass(frozen=True, repr=False)
class Triple:
    """What is deployed, what was changed by hand, and what is wanted."""

    before: Desired
    after: Desired
    hand: Mapping[str, Mapping[str, bytes]]
    known: bool = True
    """Whether the source tells the installed release."""
    specs: tuple[Data, Data] = ({}, {})
    edits: tuple[tuple[str, str], ...] = ()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Have Hypothesis print no more either."""
        printer.text(repr(self))

    def __repr__(self) -> str:
        """Say what the specs were made of: all that is compiled from them is megabytes."""
        before, after = self.specs
        return f"Triple.of({before}, {after}, *{self.edits}, known={self.known})"

    @classmethod
    def of(cls, before: Data, after: Data, *edits: tuple[str, str], known: bool = True) -> Triple:
        one, other = Desired.of(cluster_of(before)), Desired.of(cluster_of(after))
        hand: Hand = {}
        for node, edit in edits:
            if node in one.nodes:
                hand.setdefault(node, {}).update(edited(one, node, edit))
        return cls(one, other, hand, known, (before, after), edits)

    def world(self) -> World:
        return deployed(self.before, self.after, self.hand)

    def plan(
        self, world: World, around: Mapping[str, Mapping[str, DeployedFile]] | None = None
    ) -> Plan:
        """Plan what is wanted against the files of a world, and what applies left `around` them."""
        cluster = self.after.cluster
        bundle = compile_bundle(cluster)
        nodes: dict[str, NodeFiles] = {}
        left: dict[str, NodeFiles] = {}
        for name, host in world.hosts.items():
            files = {path: DeployedFile(data) for path, data in host.files.items()}
            here = name in self.after.nodes and self.after.nodes[name].home.value == host.home
            release = host.release if self.known and here else None
            kept = nodes if name in self.after.nodes else left
            kept[name] = NodeFiles(files, around=(around or {}).get(name, {}), release=release)
        nodes = {name: nodes[name] for name in self.after.nodes}
        return compare(cluster, bundle, Snapshot("directory", nodes, left), secrets_of(bundle))


@st.composite
def specs(draw: st.DrawFn) -> Data:
    """A spec of 2 to 6 nodes (one in six: of a single one)."""
    data = spec_of(draw(st.integers(1, 6)))
    for name in draw(st.lists(st.sampled_from(sorted(CHANGES)), max_size=4, unique=True)):
        data = laid_over(data, draw(st.sampled_from(CHANGES[name])))
    return settled(data)


def node(number: int) -> Data:
    """A node that no spec has yet."""
    return {
        "address": f"10.1.1.{100 + number}",
        "url": f"https://x{number}.example.org:5443/openmeetings",
    }


@st.composite
def triples(draw: st.DrawFn) -> Triple:
    """Pairs of specs of which one follows from the other by a few changes, and edits by hand."""
    before = draw(specs())
    after = draw(specs()) if draw(st.integers(0, 4)) == 4 else before
    for name in draw(st.lists(st.sampled_from(sorted(CHANGES)), max_size=2, unique=True)):
        after = laid_over(after, draw(st.sampled_from(CHANGES[name])))
    nodes = dict(after["nodes"])
    for name in draw(st.lists(st.sampled_from(sorted(nodes)), max_size=2, unique=True)):
        match draw(st.sampled_from(["remove", "rename", "url"])):
            case "remove" if len(nodes) > 1:
                del nodes[name]
            case "rename":
                nodes[f"z{name}"] = {**nodes.pop(name), "renamed_from": name}
            case _:
                nodes[name] = {**nodes[name], "url": nodes[name]["url"].replace(".org", ".com")}
    for number in range(draw(st.sampled_from([0, 0, 1, 2]))):
        if len(nodes) < 6:
            nodes[draw(st.sampled_from(["a", "x"])) + str(number)] = node(number)
    after = settled({**after, "nodes": nodes})
    release = max(data["openmeetings"]["release"] for data in (before, after))
    after["openmeetings"] = {**after["openmeetings"], "release": release}
    stay = [name for name in before["nodes"] if name in nodes or f"z{name}" in nodes]
    if len(stay) < 2 and (before["storage"]["kind"] == "mounted") != (
        after["storage"]["kind"] == "mounted"
    ):
        # Nothing on a single node tells whether its folder is mounted by hand.
        after["storage"] = before["storage"]
        after = settled(after)
    if before["openmeetings"].get("service") == "none":
        # Units that begin over scripts that were there before have no way back to these alone.
        after["openmeetings"] = {**after["openmeetings"], "service": "none"}
    names, edits = st.sampled_from(sorted(before["nodes"])), st.sampled_from(sorted(EDITS))
    by_hand = draw(st.lists(st.tuples(names, edits), max_size=3, unique=True))
    return Triple.of(before, after, *by_hand, known=draw(st.booleans()))


def owed(world: World) -> set[str]:
    """The hosts whose OpenMeetings does not run on what is wanted, or not on the folder."""
    after, found = world.spec, set()
    for name, host in world.hosts.items():
        if host.process is None or name not in after.nodes:
            continue
        wanted = {path: artifact.data for path, artifact in after.artifacts[name].items()}
        now = host.process
        other = deployed(after, after, {}).hosts[name]
        assert other.process
        credentials = world.credentials
        if not now.like(other.process) or (
            credentials in wanted and wanted[credentials] != host.files.get(credentials)
        ):
            found.add(name)
    return found


def simulated(triple: Triple, *, side_by_side: bool = False, back: int | None = None) -> Plan:
    """Roll a plan out in the simulator, or a part of it and back; Wrong when it must not be so."""
    world = triple.world()
    plan = triple.plan(world)
    assert plan.complete, plan.diagnostics
    waits = {
        (c.node, c.path) for c in plan.changes if c.effect and c.effect.action == "next-restart"
    }
    world.late = frozenset(waits)
    start = {name: host.state() for name, host in world.hosts.items()} if back is not None else {}
    steps = plan.rollout.steps
    if back is not None:
        start = copy.deepcopy(start)
        taken = steps[: back % (len(steps) + 1)]
        world.roll(taken, side_by_side=side_by_side)
        world.pending = None
        world.undo(taken, triple.before, side_by_side=side_by_side)
        for name, host in world.hosts.items():
            now = host.state()
            if name in start and now != start[name] and start[name][1] is not None:
                different = [(a, b) for a, b in zip(start[name], now, strict=True) if a != b]
                if start[name][0] != now[0]:
                    different = sorted(set(start[name][0].items()) ^ set(now[0].items()))
                trace = "\n".join(world.trace)
                raise Wrong(f"{name} is not as it was: {different}\n{trace}")
        return plan
    owing = owed(world)
    ran = {name for name, host in world.hosts.items() if host.process}
    world.roll(steps, side_by_side=side_by_side)
    try:
        _end(triple, world, plan, owing, ran)
    except Wrong as wrong:
        raise Wrong("\n".join([str(wrong), *world.trace])) from None
    return plan


def _end(triple: Triple, world: World, plan: Plan, owing: set[str], ran: set[str]) -> None:
    if extra := {n for n in world.downs if n in triple.after.nodes} - owing:
        raise Wrong(f"stopped without need: {sorted(extra)}")
    if len(set(world.downs)) < len(world.downs):
        raise Wrong(f"stopped twice: {world.downs}")
    happened = "all" if world.all_down and ran else "rolling" if world.downs else "none"
    if str(plan.rollout.disruption) != happened:
        raise Wrong(f"the plan says {plan.rollout.disruption}, what happens is {happened}")
    as_wanted(triple, world, plan)


def _keys_alone(listing: bytes | None, wanted: bytes) -> bool:
    """Whether a manifest differs only by keys that the spec has no more.

    They stay in their file, and without another change nothing is recorded anew.
    """
    if listing is None:
        return False
    before, after = json.loads(listing)["files"], json.loads(wanted)["files"]
    gone = [entry for entry in before if entry not in after]
    return len(before) - len(gone) == len(after) and all(e["ownership"] == "keys" for e in gone)


def as_wanted(triple: Triple, world: World, plan: Plan) -> None:  # noqa: C901
    """Hold a world against what is wanted, after a plan was carried out."""
    after = triple.after
    same = {(c.node, c.path) for c in plan.changes if c.action is Action.REFORMAT}
    wanted = deployed(after, after, {})
    for name, host in world.hosts.items():
        if name not in after.nodes:
            _clean(triple, world, name)
            continue
        should = wanted.hosts[name]
        for path, data in should.files.items():
            if path == after.manifest_path and (
                any(node == name for node, _ in same) or _keys_alone(host.files.get(path), data)
            ):
                continue
            if host.files.get(path) != data and (name, path) not in same:
                raise Wrong(f"{path} of {name} is not as wanted")
        assert should.process
        if host.process is None or not host.process.like(should.process):
            raise Wrong(f"{name} does not run on what is wanted")
        for what in ("release", "enabled", "active", "stale", "route", "table", "mounts"):
            is_so, wants = getattr(host, what), getattr(should, what)
            if what == "enabled" and not triple.before.cluster.openmeetings.has_systemd:
                continue
            if is_so != wants:
                raise Wrong(f"{what} of {name}: {is_so}, not {wants}")
        for what in ("exports", "shares"):
            if getattr(host, what) != getattr(should, what):
                raise Wrong(f"{what} of {name}: {getattr(host, what)}, not {getattr(should, what)}")
        if leftover := [p for p in _whole(triple.before, host.files) if p not in should.files]:
            raise Wrong(f"left on {name}: {leftover}")
    for name in world.hosts.keys() & after.nodes.keys():
        for other in world.access:
            if other != world.url(after):
                continue
            address = world.hosts[name].address
            if (after.cluster.database.user.value, address) not in world.access[other]:
                raise Wrong(f"{name} may not log in")


def _whole(spec: Desired, files: Mapping[str, bytes]) -> list[str]:
    every = {p for its in spec.artifacts.values() for p, a in its.items() if a.ownership == "file"}
    return sorted(every & files.keys())


def _clean(triple: Triple, world: World, name: str) -> None:
    host = world.hosts[name]
    mark = f"# BEGIN omconf: {triple.after.cluster.name.value}".encode()
    left = [path for path, data in host.files.items() if mark in data]
    left += _whole(triple.before, host.files)
    left += [triple.after.manifest_path] if triple.after.manifest_path in host.files else []
    if left:
        raise Wrong(f"left on {name}: {left}")
    mounts = [entry for entry, _ in host.mounts.values() if entry != BY_HAND]
    if host.process or mounts or host.exports or host.shares or host.route or host.table:
        raise Wrong(f"{name} left, and still {host.state()}")
    if host.active or host.enabled:
        raise Wrong(f"{name} left, and {host.active | host.enabled} are still there")
    addresses = world.access.get(world.url(triple.after), set())
    if any(address == host.address for _, address in addresses):
        raise Wrong(f"{name} left, and may still log in")
