"""The resolved cluster: defaults are filled in, every value has its origin, no raw YAML is left."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from omconf.dataclass import dataclass
from omconf.formats import names
from omconf.origin import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.origin import Span
    from omconf.releases import Release
    from omconf.secret_sources import SecretRef

DatabaseKind = Literal["postgresql", "mysql", "mssql", "oracle", "db2"]
DiscoveryKind = Literal["multicast", "tcp-ip"]
StorageKind = Literal["nfs", "cifs", "mounted"]
FirewallKind = Literal["none", "nftables"]


@dataclass(frozen=True, slots=True)
class Node:
    """One OpenMeetings server of the cluster.

    `kurento_url` is the node's media server, None for the shipped value.
    """

    name: Value[str]
    instance_name: Value[str]
    """Its name in Hazelcast."""
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
    """Its previous name."""
    public_port: Value[int] | None = None
    """The port of `public_address` that NAT forwards to its Hazelcast; None: Hazelcast's own."""
    member: Value[str] | None = None
    """Its name in the member list of `tcp-ip`; None: the address at which the others see it."""

    @property
    def seen_address(self) -> Value[str]:
        """The address at which the other members see it."""
        return self.public_address or self.address

    @property
    def seen_at(self) -> Value[str]:
        """The address at which the other members see it, with the port if NAT changes it."""
        return self._with_port(self.seen_address)

    @property
    def listed_as(self) -> Value[str]:
        """Its entry in a member list, with the port if NAT changes it."""
        return self._with_port(self.member or self.seen_address)

    def _with_port(self, host: Value[str]) -> Value[str]:
        port = self.public_port
        return Value(f"{host.value}:{port.value}", host.origin) if port else host

    @property
    def known_as(self) -> frozenset[str]:
        """Return the node's names and addresses, in lower case, as hand-made files may use them."""
        found = (self.address, self.storage_address, self.public_address)
        addresses = {value.value for value in found if value is not None}
        hosts = (urlsplit(self.url.value).hostname, self.member.value if self.member else None)
        return frozenset({self.name.value, *addresses, *(host.lower() for host in hosts if host)})


@dataclass(frozen=True, slots=True)
class OpenMeetings:
    """The installation that all nodes share, and where it is."""

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
        """False with `service: none`."""
        return self.service.value != "none"


@dataclass(frozen=True, slots=True)
class Discovery:
    """How members find each other; group, port, ttl and timeout (seconds) are for multicast."""

    kind: Value[DiscoveryKind]
    group: Value[str]
    port: Value[int]
    ttl: Value[int]
    timeout: Value[int]


@dataclass(frozen=True, slots=True)
class ExtraFile:
    """A file next to the spec: its path in diagnostics, and its bytes."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Hazelcast:
    """Hazelcast's settings beyond discovery; `port` is None for 5701 with auto-increment."""

    cluster_name: Value[str]
    port: Value[int] | None
    properties: Mapping[str, Value[str]]
    extra: Value[ExtraFile] | None
    interfaces: Value[str] | None = None
    """A pattern that selects each node's address, or `none`; None: the node's own address."""


@dataclass(frozen=True, slots=True)
class Network:
    """The network that members share."""

    subnets: tuple[Value[str], ...]
    multicast_route: Value[bool]
    firewall: Value[FirewallKind]


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """A server of the database; `node` is the node that it runs on, None if it is external."""

    host: Value[str]
    node: str | None
    port: Value[int]

    @property
    def name(self) -> str:
        """The host's name."""
        return self.node or self.host.value

    @property
    def place(self) -> str:
        """The address and port where it listens."""
        return f"{self.host.value}:{self.port.value}"

    @property
    def on_loopback(self) -> bool:
        """True if the name means another host on every node (loopback)."""
        try:
            return ipaddress.ip_address(self.host.value).is_loopback
        except ValueError:
            return self.host.value.lower() in names.LOOPBACK


@dataclass(frozen=True, slots=True)
class NodeFile:
    """A file that a driver reads on each node.

    `source` is the content that omconf installs; None: the admin does. `format` is how drivers read it:
    `pem`, `pk8`, `p12` or `jks`; empty if its name does not show it.
    """

    path: Value[str]
    source: Value[SecretRef] | None
    format: str


@dataclass(frozen=True, slots=True)
class DatabaseTls:
    """TLS to the database; None is not set."""

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
    """The database, and its servers in the order in which a driver tries them."""

    kind: Value[DatabaseKind]
    servers: tuple[DatabaseServer, ...]
    name: Value[str]
    service: Value[str] | None
    """Oracle's service name, instead of a SID."""
    user: Value[str]
    password: Value[SecretRef]
    tls: DatabaseTls | None
    options: Mapping[str, Value[str] | Value[SecretRef]]
    pool: Mapping[str, Value[str]]
    properties: Mapping[str, Value[str]]
    """Further JPA properties."""
    max_connections: Value[int] | None
    """The server's connection limit, if the spec sets it."""

    def on(self, node: str) -> tuple[DatabaseServer, ...]:
        """Return the servers that run on a node."""
        return tuple(server for server in self.servers if server.node == node)


def credentials_path(cluster: str) -> str:
    """Where nodes keep the account of a Samba mount, whether or not they use one now."""
    return f"/etc/omconf/{cluster}/storage.credentials"


@dataclass(frozen=True, slots=True)
class Samba:
    """The Samba share of the data folder, and the account that the other nodes log in with.

    `credentials` is the file with the account on each of them. With a `domain`, or a domain user
    (`user@domain`), Samba itself does not have the account.
    """

    share: Value[str]
    user: Value[str]
    password: Value[SecretRef]
    credentials: Value[str]
    domain: Value[str] | None = None

    @property
    def of_domain(self) -> bool:
        """Whether the account belongs to a Windows domain."""
        return self.domain is not None or "@" in self.user.value

    @property
    def account(self) -> str:
        """The account in Windows notation."""
        return f"{self.domain.value}\\{self.user.value}" if self.domain else self.user.value


@dataclass(frozen=True, slots=True)
class Mount:
    """The mount on every node, as fields of fstab (`kind: mounted`)."""

    what: Value[str]
    type: Value[str]
    options: tuple[Value[str], ...]


@dataclass(frozen=True, slots=True)
class Storage:
    """The shared data folder; `node` is the data server's name, None if it is external."""

    kind: Value[StorageKind]
    server: Value[str] | None
    node: str | None
    export: Value[str]
    options: tuple[Value[str], ...]
    export_options: tuple[Value[str], ...]
    type: Value[str]
    """`nfs` or `nfs4`, the type of an NFS mount."""
    mount_from: Value[str] | None = None
    """The server as fstab names it, if that is not `server`."""
    pseudo_root: Value[str] | None = None
    """The folder that the server exports as the root of NFSv4."""
    clients: tuple[Value[str], ...] = ()
    """The clients that an export allows; none: each node."""
    samba: Samba | None = None
    """Set if the kind is cifs."""
    fstab: Mount | None = None
    """What nodes mount if the kind is `mounted`; None: only the admin knows."""

    @property
    def by_hand(self) -> bool:
        """Whether the admin mounts the folder in a way that omconf does not know."""
        return self.kind.value == "mounted" and self.fstab is None

    @property
    def mount_options(self) -> tuple[Value[str], ...]:
        """The mount options of the spec."""
        return self.fstab.options if self.fstab else self.options

    @property
    def mount_path(self) -> str:
        """The export as NFS clients name it: below the root of NFSv4, if there is one."""
        path, root = self.export.value, self.pseudo_root.value if self.pseudo_root else ""
        inside = f"{path}/".startswith(f"{root}/")
        return path[len(root) :] or "/" if root and inside else path

    @property
    def device(self) -> str:
        """What nodes mount: the first field of fstab; empty if only the admin knows."""
        if self.fstab:
            return self.fstab.what.value
        if self.server is None or self.by_hand:
            return ""
        host = (self.mount_from or self.server).value
        return f"//{host}/{self.samba.share.value}" if self.samba else f"{host}:{self.mount_path}"


@dataclass(frozen=True, slots=True)
class Kurento:
    """Settings of the media server other than each node's URL; None: the shipped value."""

    turn_url: Value[str] | None
    turn_user: Value[str] | None
    turn_secret: Value[SecretRef] | None
    turn_mode: Value[str] | None
    turn_ttl: Value[int] | None


@dataclass(frozen=True, slots=True)
class Removed:
    """A node removed from the spec: its name, and the OpenSSH destination that still reaches it."""

    name: Value[str]
    ssh: Value[str]


@dataclass(frozen=True, slots=True)
class Ignore:
    """A warning that is known and accepted; `place` is where the spec names `node`."""

    rule: Value[str]
    node: Value[str] | None
    path: Value[str] | None
    place: Span | None


@dataclass(frozen=True, eq=False)
class Cluster:
    """The whole cluster; nodes are sorted by name, so that the order of keys never matters.

    Compared by identity, so that shared values can be cached per cluster.
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
    """Secrets that must be equal on all nodes, by the spec's key (`remember_me_key` ...)."""
    ignores: tuple[Ignore, ...]
    nodes: tuple[Node, ...]
    removed: tuple[Removed, ...] = ()

    @property
    def destinations(self) -> dict[str, str]:
        """The OpenSSH destinations of all nodes and removed nodes, by name."""
        every = [(node.name.value, node.ssh.value) for node in self.nodes]
        return dict([*every, *((node.name.value, node.ssh.value) for node in self.removed)])
