"""The resolved cluster: every default filled, every value with its origin, nothing of raw YAML."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from omconf.formats import names
from omconf.origin import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.origin import Span
    from omconf.releases import Release
    from omconf.secrets import SecretRef

DatabaseKind = Literal["postgresql", "mysql", "mssql", "oracle", "db2"]
DiscoveryKind = Literal["multicast", "tcp-ip"]
StorageKind = Literal["nfs", "cifs", "mounted"]
FirewallKind = Literal["none", "nftables"]


@dataclass(frozen=True, slots=True)
class Node:
    """One OpenMeetings server of the cluster.

    `kurento_url` is the media server that this node uses, None for the one that is shipped.
    """

    name: Value[str]
    instance_name: Value[str]
    """What Hazelcast calls it."""
    address: Value[str]
    url: Value[str]
    home: Value[str]
    interface: Value[str] | None
    storage_address: Value[str]
    public_address: Value[str] | None
    kurento_url: Value[str] | None
    ssh: Value[str]
    """Its OpenSSH destination."""
    renamed_from: Value[str] | None = None
    """The name that it had before."""
    public_port: Value[int] | None = None
    """The port of `public_address` that NAT leads to its Hazelcast; None: the same as Hazelcast's."""
    member: Value[str] | None = None
    """What the member list of `tcp-ip` calls it; None: the address at which the others see it."""

    @property
    def seen_address(self) -> Value[str]:
        """The address at which the other members see it."""
        return self.public_address or self.address

    @property
    def seen_at(self) -> Value[str]:
        """The address at which the other members see it, with the port where NAT changes it."""
        return self._with_port(self.seen_address)

    @property
    def listed_as(self) -> Value[str]:
        """Its entry in a member list, with the port where NAT changes it."""
        return self._with_port(self.member or self.seen_address)

    def _with_port(self, host: Value[str]) -> Value[str]:
        port = self.public_port
        return Value(f"{host.value}:{port.value}", host.origin) if port else host

    @property
    def known_as(self) -> frozenset[str]:
        """What the node is called in hand-made files: its names and addresses, in lower case."""
        found = (self.address, self.storage_address, self.public_address)
        addresses = {value.value for value in found if value is not None}
        hosts = (urlsplit(self.url.value).hostname, self.member.value if self.member else None)
        return frozenset({self.name.value, *addresses, *(host.lower() for host in hosts if host)})


@dataclass(frozen=True, slots=True)
class OpenMeetings:
    """What all nodes have installed, and where."""

    release: Value[Release]
    webapp: Value[str]
    data_dir: Value[str]
    timezone: Value[str]
    service: Value[str]
    user: Value[str]
    group: Value[str]
    java_options: tuple[Value[str], ...]

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
class ExtraFile:
    """A file beside the spec: its path as diagnostics name it, and its bytes."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Hazelcast:
    """What Hazelcast needs beyond discovery; `port` is None for its own 5701 and counting up."""

    cluster_name: Value[str]
    port: Value[int] | None
    properties: Mapping[str, Value[str]]
    extra: Value[ExtraFile] | None
    interfaces: Value[str] | None = None
    """A pattern that chooses each node's address, or `none`; None: the node's own address."""


@dataclass(frozen=True, slots=True)
class Network:
    """The network that members share."""

    subnets: tuple[Value[str], ...]
    multicast_route: Value[bool]
    firewall: Value[FirewallKind]


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """A server of the database; `node` is the name of the node it runs on, None when it is outside."""

    host: Value[str]
    node: str | None
    port: Value[int]

    @property
    def name(self) -> str:
        """What people call it."""
        return self.node or self.host.value

    @property
    def place(self) -> str:
        """Where it listens."""
        return f"{self.host.value}:{self.port.value}"

    @property
    def on_loopback(self) -> bool:
        """True when the host is another host on every node."""
        try:
            return ipaddress.ip_address(self.host.value).is_loopback
        except ValueError:
            return self.host.value.lower() in names.LOOPBACK


@dataclass(frozen=True, slots=True)
class NodeFile:
    """A file that a driver reads on each node.

    `source` is what omconf puts there; None: the admin does. `format` is what a driver makes of it:
    `pem`, `pk8`, `p12` or `jks`; empty where its name does not tell.
    """

    path: Value[str]
    source: Value[SecretRef] | None
    format: str


@dataclass(frozen=True, slots=True)
class DatabaseTls:
    """TLS to the database; what is None is not said."""

    mode: Value[str]
    ca: NodeFile | None
    ca_password: Value[SecretRef] | None
    client_cert: NodeFile | None
    client_key: NodeFile | None
    client_key_password: Value[SecretRef] | None

    @property
    def files(self) -> Mapping[str, NodeFile]:
        """The files by their keys in the spec."""
        keys = ("ca", "client_cert", "client_key")
        return {key: found for key in keys if (found := getattr(self, key)) is not None}


@dataclass(frozen=True, slots=True)
class Database:
    """The one database, and its servers in the order in which a driver tries them."""

    kind: Value[DatabaseKind]
    servers: tuple[DatabaseServer, ...]
    name: Value[str]
    service: Value[str] | None
    """Oracle's name of a service, in the place of a SID."""
    user: Value[str]
    password: Value[SecretRef]
    tls: DatabaseTls | None
    options: Mapping[str, Value[str] | Value[SecretRef]]
    pool: Mapping[str, Value[str]]
    properties: Mapping[str, Value[str]]
    """Further JPA properties."""
    max_connections: Value[int] | None
    """The server's limit, where the spec says it."""

    def on(self, node: str) -> tuple[DatabaseServer, ...]:
        """Give the servers that run on a node."""
        return tuple(server for server in self.servers if server.node == node)


def credentials_path(cluster: str) -> str:
    """Where nodes that mount over Samba keep the account, whether they do so at present or not."""
    return f"/etc/omconf/{cluster}/storage.credentials"


@dataclass(frozen=True, slots=True)
class Samba:
    """The share that the data folder is, and the account that the other nodes log in with.

    `credentials` is the file that holds the account on each of them. With a `domain`, or a user of
    one (`user@domain`), Samba has no such account of its own.
    """

    share: Value[str]
    user: Value[str]
    password: Value[SecretRef]
    credentials: Value[str]
    domain: Value[str] | None = None

    @property
    def of_domain(self) -> bool:
        """Whether a Windows domain knows the account."""
        return self.domain is not None or "@" in self.user.value

    @property
    def account(self) -> str:
        """The account as Windows writes it."""
        return f"{self.domain.value}\\{self.user.value}" if self.domain else self.user.value


@dataclass(frozen=True, slots=True)
class Mount:
    """What the admin mounts on every node, as a line of fstab has it."""

    what: Value[str]
    type: Value[str]
    options: tuple[Value[str], ...]


@dataclass(frozen=True, slots=True)
class Storage:
    """The shared data folder; `node` is the data server's name, None when it is outside."""

    kind: Value[StorageKind]
    server: Value[str] | None
    node: str | None
    export: Value[str]
    options: tuple[Value[str], ...]
    export_options: tuple[Value[str], ...]
    type: Value[str]
    """`nfs` or `nfs4`, the type of an NFS mount."""
    mount_from: Value[str] | None = None
    """The server as fstab names it, where that is not `server`."""
    pseudo_root: Value[str] | None = None
    """The folder that the server exports as the root of NFSv4."""
    clients: tuple[Value[str], ...] = ()
    """Whom an export lets in; none: each node."""
    samba: Samba | None = None
    """There when the kind is cifs."""
    fstab: Mount | None = None
    """What nodes mount when the kind is `mounted`; None: the admin alone knows."""

    @property
    def by_hand(self) -> bool:
        """Whether the admin mounts the folder, in a way that omconf knows nothing of."""
        return self.kind.value == "mounted" and self.fstab is None

    @property
    def mount_options(self) -> tuple[Value[str], ...]:
        """The options of the mount, as the spec has them."""
        return self.fstab.options if self.fstab else self.options

    @property
    def mount_path(self) -> str:
        """The export as NFS clients name it: below the root of NFSv4, where there is one."""
        path, root = self.export.value, self.pseudo_root.value if self.pseudo_root else ""
        inside = f"{path}/".startswith(f"{root}/")
        return path[len(root) :] or "/" if root and inside else path

    @property
    def device(self) -> str:
        """What nodes mount: the first field of fstab; empty where the admin alone knows."""
        if self.fstab:
            return self.fstab.what.value
        if self.server is None or self.by_hand:
            return ""
        host = (self.mount_from or self.server).value
        return f"//{host}/{self.samba.share.value}" if self.samba else f"{host}:{self.mount_path}"


@dataclass(frozen=True, slots=True)
class Kurento:
    """What is said of the media server beside each node's URL of it; None: the shipped value."""

    turn_url: Value[str] | None
    turn_user: Value[str] | None
    turn_secret: Value[SecretRef] | None
    turn_mode: Value[str] | None
    turn_ttl: Value[int] | None


@dataclass(frozen=True, slots=True)
class Removed:
    """A node that left the spec: its name, and the OpenSSH destination that still reaches it."""

    name: Value[str]
    ssh: Value[str]


@dataclass(frozen=True, slots=True)
class Ignore:
    """A warning that is known and accepted; `place` is where the spec speaks of `node`."""

    rule: Value[str]
    node: Value[str] | None
    path: Value[str] | None
    place: Span | None


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
    kurento: Kurento
    secrets: Mapping[str, Value[SecretRef]]
    """What must be equal on all nodes, by the spec's key (`remember_me_key` ...)."""
    ignores: tuple[Ignore, ...]
    nodes: tuple[Node, ...]
    removed: tuple[Removed, ...] = ()

    @property
    def destinations(self) -> dict[str, str]:
        """The OpenSSH destinations of all nodes, and of those that were removed, by name."""
        every = [(node.name.value, node.ssh.value) for node in self.nodes]
        return dict([*every, *((node.name.value, node.ssh.value) for node in self.removed)])
