"""The parts of the simulated cluster: a compiled spec, a host, and an OpenMeetings that runs.

A `Host` has files, mounts, exports and units as plain data; a `Process` has what OpenMeetings read when
it started, as later edits of its files do not reach it. `Desired` says which bytes a node's files have
after an apply, for which it uses the kinds and the merge of omconf itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from omconf.actions import Stage
from omconf.artifacts import kinds
from omconf.artifacts.contents import Artifact, Ownership
from omconf.bundle import manifest
from omconf.bundle.compile import compile_bundle
from omconf.cluster import places
from omconf.formats import block
from omconf.releases import RELEASES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.cluster.model import Cluster, Node

KINDS = {kind.name: kind for kind in kinds()}
READ_AT_START = tuple(kind.name for kind in kinds() if kind.stage is Stage.OPENMEETINGS)
ROUTE, FIREWALL = "omconf-multicast-route.service", "omconf-firewall.service"
SCRIPT = "/usr/local/sbin/omconf-multicast-route"
FSTAB, EXPORTS, SMB, SYSTEM = "/etc/fstab", "/etc/exports", "/etc/samba/smb.conf", "/etc/systemd"
URL = "properties/openjpa.ConnectionProperties/Url"
USER = "properties/openjpa.ConnectionProperties/Username"
MEMBER = "network/join/tcp-ip/member-list/member["
COUNT = "properties/hazelcast.partition.count"
MULTICAST = "network/join/multicast/"
BY_HAND = "mounted by hand"
MOUNT_FROM = "files.example.org"
"""The name of the data server that specs may give."""
STOCK = b"<!-- as it is shipped -->"
SHIPPED = {
    "hazelcast": b'<hazelcast xmlns="http://www.hazelcast.com/schema/config">%b</hazelcast>'
    % STOCK,
    "persistence": b'<persistence xmlns="http://java.sun.com/xml/ns/persistence" version="2.0">'
    b'%b<persistence-unit name="openmeetings"></persistence-unit></persistence>' % STOCK,
}

Items = dict[str, str]
Folder = tuple[str, str]
"""Which folder it really is: the host that has it, and its path there."""


class Wrong(AssertionError):  # noqa: N818
    """Something that must never be, or a command that would fail."""


class Fails(Wrong):
    """A command that fails on a real host, and does nothing."""


@lru_cache(maxsize=4096)
def items_of(kind: str, data: bytes) -> Items:
    """What a kind reads in a file."""
    return dict(KINDS[kind].read(data.decode()).items)


@dataclass(frozen=True)
class Desired:
    """A spec, and what it compiles to, by node and path."""

    cluster: Cluster
    artifacts: Mapping[str, Mapping[str, Artifact]]

    @classmethod
    def of(cls, cluster: Cluster) -> Desired:
        nodes = compile_bundle(cluster).nodes
        return cls(cluster, {n.node: {a.path: a for a in n.artifacts} for n in nodes})

    @property
    def nodes(self) -> dict[str, Node]:
        return {node.name.value: node for node in self.cluster.nodes}

    @property
    def manifest_path(self) -> str:
        return places.manifest(self.cluster.name.value)

    def manifest(self, node: str) -> bytes:
        name = self.cluster.name.value
        return manifest.for_node(name, node, self.artifacts[node].values())

    def write(self, node: str, path: str, before: bytes | None) -> bytes | None:
        """The file after a `put`: whole, or with its block or its keys in what is there."""
        if path == self.manifest_path:
            return self.manifest(node)
        artifact = self.artifacts.get(node, {}).get(path)
        text = (before or b"").decode()
        if artifact is None:
            if before is None:
                raise Wrong(f"nothing to write to {path}")
            return block.merge(text, self.cluster.name.value, None).encode()
        if artifact.ownership is Ownership.FILE:
            return artifact.data
        if artifact.ownership is Ownership.BLOCK:
            return block.merge(text, self.cluster.name.value, artifact.text).encode()
        ours = dict(line.partition("=")[::2] for line in artifact.text.splitlines())
        kept = [x for x in text.splitlines() if x.partition("=")[0] not in ours]
        return "\n".join([*kept, *(f"{k}={v}" for k, v in ours.items()), ""]).encode()

    def files(self, node: str) -> dict[str, bytes]:
        """All files of a node on which the spec was applied."""
        paths = [*self.artifacts[node], self.manifest_path]
        return {path: self.write(node, path, None) or b"" for path in paths}

    def by_hand(self) -> bool:
        return self.cluster.storage.by_hand


@dataclass(frozen=True)
class Process:
    """An OpenMeetings that runs: what it read when it started."""

    release: str
    read: Mapping[str, Items]
    folder: Folder
    mount: str | None
    home: str
    unit: str
    """What started it; "" for a person."""

    @property
    def database(self) -> str:
        return self.read["persistence"][URL]

    @property
    def account(self) -> str:
        return self.read["persistence"].get(USER, "")

    @property
    def data_dir(self) -> str:
        return self.read["jvm"]["-DDATA_DIR"]

    def like(self, wanted: Process) -> bool:
        """Tell whether it runs on what is wanted: a restart would change nothing.

        Who else is on a list of members is not part of it, nor are keys that are not omconf's.
        """

        def settings(process: Process) -> Any:
            ours = wanted.read["openmeetings_properties"]
            read = {
                kind: {k: v for k, v in items.items() if not k.startswith(MEMBER)}
                for kind, items in process.read.items()
            }
            keys = read["openmeetings_properties"]
            read["openmeetings_properties"] = {k: v for k, v in keys.items() if k in ours}
            where = (process.home, process.unit)
            return process.release, read, process.folder, process.mount, where

        return bool(settings(self) == settings(wanted))

    def joins(self) -> dict[str, str]:
        """What two members must have in common to become one cluster (measured)."""
        hazelcast = self.read["hazelcast"]
        jar = RELEASES[self.release].hazelcast_jar
        common = {
            "line": ".".join(jar.split(".")[:2]) if jar else self.release,
            "name": hazelcast.get("cluster-name", "dev"),
            "partitions": hazelcast.get(COUNT, "271"),
            "kind": ",".join(
                sorted(k for k in hazelcast if k.endswith("/enabled") and "join" in k)
            ),
        }
        if f"{MULTICAST}enabled" in hazelcast:
            common["group"] = hazelcast.get(f"{MULTICAST}multicast-group", "224.2.2.3")
            common["port"] = hazelcast.get(f"{MULTICAST}multicast-port", "54327")
        else:
            common["port"] = hazelcast.get("network/port", "5701")
        return common

    def lists(self, address: str) -> bool:
        hazelcast = self.read["hazelcast"]
        listed = [v.partition(":")[0] for k, v in hazelcast.items() if k.startswith(MEMBER)]
        return f"{MULTICAST}enabled" in hazelcast or address in listed


@dataclass
class Host:
    """One machine."""

    name: str
    address: str
    homes: Mapping[str, Mapping[str, str]]
    """Where OpenMeetings' files lie, by home and kind."""
    home: str
    """What is started."""
    units: frozenset[str]
    """The units that may start it."""
    files: dict[str, bytes] = field(default_factory=dict)
    releases: dict[str, str] = field(default_factory=dict)
    """What is installed, by home."""
    process: Process | None = None
    enabled: set[str] = field(default_factory=set)
    active: set[str] = field(default_factory=set)
    stale: bool = False
    """Whether systemd has not read yet what is on disk."""
    route: bool = False
    table: bytes | None = None
    mounts: dict[str, tuple[str, Folder]] = field(default_factory=dict)
    earlier_mounts: list[dict[str, tuple[str, Folder]]] = field(default_factory=list)
    exports: Items = field(default_factory=dict)
    shares: Items = field(default_factory=dict)
    accounts: bool = False
    folders: set[str] = field(default_factory=set)
    leads: list[str] = field(default_factory=list)
    """Where the name of the data server led to, the present address last."""

    @property
    def paths(self) -> Mapping[str, str]:
        return self.homes[self.home]

    @property
    def release(self) -> str | None:
        return self.releases.get(self.home)

    def state(self) -> Any:
        """What an undo has to bring back."""
        process = self.process and (self.process.release, self.process.read, self.process.mount)
        other = {p for home in self.homes.values() for p in home.values()} - {*self.paths.values()}
        return (
            {p: data for p, data in self.files.items() if data.strip() and p not in other},
            *(self.release, process, self.home, self.process and self.process.unit),
            *(self.enabled, self.active, self.stale),
            *(self.route, self.table, self.mounts, self.exports, self.shares),
        )

    def read(self, path: str, kind: str) -> Items:
        return items_of(kind, self.files.get(path, b""))


def folder_of(spec: Desired) -> Folder:
    """Which folder holds the shared data, by a spec."""
    storage = spec.cluster.storage
    if storage.fstab:
        address, _, path = storage.fstab.what.value.partition(":")
        return address, path
    if storage.by_hand or storage.server is None:
        return (BY_HAND, "")
    node = spec.nodes.get(storage.node or "")
    address = node.storage_address.value if node else storage.server.value
    if storage.samba and node is None:
        return address, storage.samba.share.value
    return address, storage.export.value.rstrip("/")


@lru_cache(maxsize=1024)
def let_in(table: bytes) -> frozenset[str]:
    """The addresses that a firewall lets in."""
    return frozenset(re.findall(r"^ +(10[0-9.]+),", table.decode(), re.MULTILINE))
