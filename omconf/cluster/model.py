"""The resolved cluster: every default filled, every value with its origin, nothing of raw YAML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.origin import Value
    from omconf.releases import Release
    from omconf.secrets import SecretRef

DatabaseKind = Literal["postgresql", "mysql", "mssql", "oracle", "db2"]
DiscoveryKind = Literal["multicast", "tcp-ip"]
StorageKind = Literal["nfs", "mounted"]


@dataclass(frozen=True, slots=True)
class Node:
    """One OpenMeetings server of the cluster; its name is Hazelcast's instance name too."""

    name: Value[str]
    address: Value[str]
    url: Value[str]
    home: Value[str]
    interface: Value[str] | None
    storage_address: Value[str]


@dataclass(frozen=True, slots=True)
class OpenMeetings:
    """What all nodes have installed, and where."""

    release: Value[Release]
    webapp: Value[str]
    data_dir: Value[str]
    service: Value[str]
    user: Value[str]
    group: Value[str]

    @property
    def has_systemd(self) -> bool:
        """False where the spec says `service: none`."""
        return self.service.value != "none"


@dataclass(frozen=True, slots=True)
class Discovery:
    """How members find each other: group, port, ttl and timeout (seconds) matter to multicast."""

    kind: Value[DiscoveryKind]
    group: Value[str]
    port: Value[int]
    ttl: Value[int]
    timeout: Value[int]


@dataclass(frozen=True, slots=True)
class Hazelcast:
    """What Hazelcast needs beyond discovery; `port` is None for its own 5701 and counting up."""

    cluster_name: Value[str]
    port: Value[int] | None
    properties: Mapping[str, Value[str]]


@dataclass(frozen=True, slots=True)
class Network:
    """The network that members share."""

    subnet: Value[str] | None
    multicast_route: Value[bool]


@dataclass(frozen=True, slots=True)
class Database:
    """The one database; `node` is the name of the node it runs on, None when it is outside."""

    kind: Value[DatabaseKind]
    host: Value[str]
    node: str | None
    port: Value[int]
    name: Value[str]
    user: Value[str]
    password: Value[SecretRef]
    options: Mapping[str, Value[str]]
    pool: Mapping[str, Value[str]]
    properties: Mapping[str, Value[str]]
    """Further JPA properties."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The shared data folder; `node` is the data server's name, None when it is outside."""

    kind: Value[StorageKind]
    server: Value[str] | None
    node: str | None
    export: Value[str]
    options: tuple[Value[str], ...]
    export_options: tuple[Value[str], ...]


@dataclass(frozen=True, eq=False)
class Cluster:
    """The whole cluster; nodes in the order of their names, so that key order never shows.

    Compared by identity, so that what all nodes share can be cached for a cluster.
    """

    name: Value[str]
    openmeetings: OpenMeetings
    network: Network
    hazelcast: Hazelcast
    discovery: Discovery
    database: Database
    storage: Storage
    nodes: tuple[Node, ...]
