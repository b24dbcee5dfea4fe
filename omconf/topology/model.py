"""The topology as data: nodes, the servers that they share, and who uses which.

It is derived once, from the cluster; each drawing shows the same boxes, lines and labels.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from omconf.cluster.model import Cluster, Node

MAX_NODES = 30
"""More nodes than these are drawn as groups: a larger picture tells nobody anything."""
MAX_MEDIA_SERVERS = 3
"""More media servers are drawn as one box."""


class Role(StrEnum):
    """What a box stands for; a drawing may give each its own shape and colour."""

    NODE = "node"
    DATABASE = "database"
    DATA = "data"
    MEDIA = "media"


@dataclass(frozen=True, slots=True)
class Box:
    """A node, a group of like nodes, or a server: its title and what stands below it."""

    role: Role
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """What some nodes (by their place in `Topology.nodes`) do with a server (in `servers`).

    With `runs` it is not what they use but what runs on them.
    """

    nodes: tuple[int, ...]
    server: int
    label: str
    runs: bool = False


@dataclass(frozen=True, slots=True)
class Topology:
    """The whole picture; `discovery` says how the members find each other."""

    cluster: str
    discovery: str
    nodes: tuple[Box, ...]
    servers: tuple[Box, ...]
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class _Use:
    """A link before the nodes are grouped: the nodes by their names."""

    nodes: frozenset[str]
    label: str
    runs: bool = False


def topology(cluster: Cluster) -> Topology:
    """Derive the picture of a cluster."""
    shared = [_database(cluster), _data(cluster), *_media(cluster)]
    uses = [(place, use) for place, (_, used) in enumerate(shared) for use in used if use.nodes]
    groups = _groups(cluster.nodes, [use for _, use in uses])
    links = [
        Link(
            tuple(i for i, group in enumerate(groups) if group[0].name.value in use.nodes),
            place,
            use.label,
            use.runs,
        )
        for place, use in uses
    ]
    return Topology(
        cluster.name.value,
        _discovery(cluster),
        tuple(_box(group) for group in groups),
        tuple(box for box, _ in shared),
        tuple(links),
    )


def _discovery(cluster: Cluster) -> str:
    d = cluster.discovery
    if d.kind.value == "multicast":
        return f"multicast {d.group.value}:{d.port.value}, ttl {d.ttl.value}"
    port = cluster.hazelcast.port
    return f"tcp-ip, port {port.value}" if port else "tcp-ip, port 5701 and up"


def _database(cluster: Cluster) -> tuple[Box, list[_Use]]:
    database = cluster.database
    places = (server.place for server in database.servers)
    on = {server.node: None for server in database.servers if server.node}
    box = Box(
        Role.DATABASE,
        "Database",
        (database.kind.value, ", ".join(places), *_on(", ".join(on))),
    )
    return box, [_Use(_names(cluster), "JDBC"), *(_runs("runs", node) for node in on)]


def _data(cluster: Cluster) -> tuple[Box, list[_Use]]:
    storage = cluster.storage
    point = cluster.openmeetings.data_dir.value
    if storage.fstab:
        box = Box(Role.DATA, "Data folder", (storage.fstab.type.value, storage.device))
        return box, [_Use(_names(cluster), f"mount at {point}")]
    if not storage.device:
        box = Box(Role.DATA, "Data folder", ("mounted by the admin",))
        return box, [_Use(_names(cluster), f"at {point}")]
    box = Box(Role.DATA, "Data server", (storage.kind.value, storage.device, *_on(storage.node)))
    others = _names(cluster) - {storage.node}
    return box, [_Use(others, f"mount at {point}"), _runs("holds", storage.node)]


def _media(cluster: Cluster) -> list[tuple[Box, list[_Use]]]:
    """The media servers that the spec names; one on loopback is not drawn, as it is each node's own."""
    users: dict[str, set[str]] = {}
    for node in cluster.nodes:
        place = urlsplit(node.kurento_url.value).netloc if node.kurento_url else ""
        if place and not place.startswith(("localhost", "127.")):
            users.setdefault(place, set()).add(node.name.value)
    if len(users) > MAX_MEDIA_SERVERS:
        box = Box(Role.MEDIA, "Media servers", (f"{len(users)} of them",))
        return [(box, [_Use(frozenset().union(*users.values()), "WebSocket")])]
    return [
        (Box(Role.MEDIA, "Media server", (place,)), [_Use(frozenset(names), "WebSocket")])
        for place, names in users.items()
    ]


def _names(cluster: Cluster) -> frozenset[str]:
    return frozenset(node.name.value for node in cluster.nodes)


def _on(node: str | None) -> tuple[str, ...]:
    return (f"on {node}",) if node else ()


def _runs(label: str, node: str | None) -> _Use:
    return _Use(frozenset({node} if node else ()), label, runs=True)


def _groups(nodes: Sequence[Node], uses: Iterable[_Use]) -> list[list[Node]]:
    """Each node for itself; of too many, those together that use the same."""
    if len(nodes) <= MAX_NODES:
        return [[node] for node in nodes]
    uses = list(uses)
    groups: dict[tuple[bool, ...], list[Node]] = {}
    for node in nodes:
        alike = tuple(node.name.value in use.nodes for use in uses)
        groups.setdefault(alike, []).append(node)
    return list(groups.values())


def _box(group: Sequence[Node]) -> Box:
    first, last = _node(group[0]), _node(group[-1])
    if len(group) == 1:
        return first
    (address, url), (last_address, last_url) = first.lines, last.lines
    lines = (f"{len(group)} nodes", f"{address} … {last_address}", f"{url} …", last_url)
    return Box(Role.NODE, f"{first.title} … {last.title}", lines)


def _node(node: Node) -> Box:
    return Box(Role.NODE, node.name.value, (node.address.value, urlsplit(node.url.value).netloc))
