"""The spec's keys as pydantic models: the single definition of `cluster.yaml`.

The same models give the JSON Schema for editors (`omconf schema`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo  # noqa: TC002 - not a model field

from omconf.spec.values import (  # pydantic reads these at run time
    Account,
    Address,
    ClusterName,
    CredentialsFile,
    DatabaseHosts,
    DatabaseKindName,
    Domain,
    Export,
    ExportClient,
    ExportOption,
    FileSystem,
    Folder,
    FormatVersion,
    FstabDevice,
    FstabOption,
    HazelcastName,
    Host,
    InstanceName,
    Interface,
    Interfaces,
    JpaText,
    JvmOption,
    KurentoUrl,
    Member,
    Minutes,
    MountFrom,
    MountOption,
    MulticastGroup,
    NodeFile,
    NodeName,
    OptionName,
    OptionValue,
    OracleName,
    Port,
    PropertyName,
    PublicAddress,
    Reason,
    Release,
    RuleId,
    SambaUser,
    SecretSource,
    ShareName,
    SpringText,
    SshDestination,
    Subnets,
    Text,
    Timeout,
    TimeZone,
    Ttl,
    TurnUrl,
    Unit,
    Url,
    Webapp,
    XmlText,
)


class Section(BaseModel):
    """A mapping of the spec: unknown keys are refused, and errors never show the input."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True, strict=True)


def section_of(info: FieldInfo) -> type[Section] | None:
    """Return the model of a key's value, or of each of its values; None if it is no section."""
    for choice in (info.annotation, *getattr(info.annotation, "__args__", ())):
        if isinstance(choice, type) and issubclass(choice, Section):
            return choice
    return None


class OpenMeetings(Section):
    """What is installed on every node, and where."""

    release: Release = Field(
        description="The OpenMeetings release that all nodes run.", examples=["9.1.0"]
    )
    home: Folder = Field("/opt/om", description="Where OpenMeetings is installed (CATALINA_BASE).")
    webapp: Webapp = Field("openmeetings", description="The folder under <home>/webapps.")
    data_dir: Folder = Field("/opt/omdata", description="The data folder that all nodes share.")
    timezone: TimeZone = Field("Etc/UTC", description="The time zone of all nodes (IANA name).")
    service: Unit = Field(
        "openmeetings.service",
        description="The systemd unit; `none` without systemd.",
    )
    user: Account = Field("nobody", description="The user that OpenMeetings runs as.")
    group: Account = Field("nogroup", description="The group that OpenMeetings runs as.")
    java_options: list[JvmOption] = Field(
        [], description="Further JVM options.", examples=[["-Xmx2g", "-XX:+UseG1GC"]]
    )


class Network(Section):
    """The network that the nodes share."""

    interface: Interface | None = Field(
        None, description="The network interface; unset: the one with the node's address."
    )
    subnet: Subnets | None = Field(
        None,
        description="The nodes' network or networks, to check that multicast reaches all nodes.",
        examples=["10.1.1.0/24", ["10.1.1.0/24", "10.2.1.0/24"]],
    )
    multicast_route: bool | None = Field(
        None, description="Whether nodes get a multicast route; unset: if discovery uses multicast."
    )
    firewall: Literal["none", "nftables"] = Field(
        "none",
        description="`nftables`: only the nodes can reach the cluster's ports of a node.",
    )


class Hazelcast(Section):
    """Hazelcast's own settings."""

    cluster_name: HazelcastName | None = Field(
        None, description="Hazelcast's cluster-name; unset: the cluster's name."
    )
    port: Port | None = Field(
        None,
        description="Hazelcast's port, without auto-increment; unset: 5701 with auto-increment.",
    )
    interfaces: Interfaces | None = Field(
        None,
        description="Which address of a node Hazelcast uses: a pattern such as `10.1.1.*`, or `none`"
        " to let Hazelcast choose; unset: the node's own address.",
    )
    properties: dict[PropertyName, XmlText] = Field(
        {}, description="Further `hazelcast.*` properties, or new values of stock ones."
    )
    extra: Text | None = Field(
        None,
        description="A file next to the spec with further Hazelcast elements below a <hazelcast> root.",
        examples=["hazelcast-extra.xml"],
    )


class Persistence(Section):
    """JPA settings."""

    properties: dict[PropertyName, Text] = Field(
        {}, description="Further JPA properties (`openjpa.Log` ...), or new values of stock ones."
    )


class Discovery(Section):
    """How the members find each other."""

    kind: Literal["multicast", "tcp-ip"] = Field("multicast", description="How members are found.")
    group: MulticastGroup = Field("224.2.2.3", description="The multicast group.")
    port: Port = Field(54327, description="The multicast port (UDP).")
    ttl: Ttl = Field(32, description="How many routers a multicast packet may pass, 1 to 255.")
    timeout: Timeout = Field(
        2, description="How long a starting member looks for others, in seconds."
    )


class DatabaseTls(Section):
    """TLS to the database; used if the section has any key."""

    mode: Literal["require", "verify-ca", "verify-full"] = Field(
        "verify-full",
        description="`require`: encrypted, without verification; `verify-ca`: the server's"
        " certificate is signed by a trusted CA; `verify-full`: and is valid for the host name in the"
        " spec.",
    )
    ca: NodeFile | None = Field(
        None,
        description="The trusted CAs: PEM for PostgreSQL, otherwise a Java trust store; unset: those"
        " that Java trusts. A path on the nodes, or {file: ..., whole: true}, which omconf installs"
        " there.",
    )
    ca_password: SecretSource | None = Field(
        None, description="Source of the trust store's password, if it has one."
    )
    client_cert: NodeFile | None = Field(
        None,
        description="PostgreSQL: the nodes' client certificate (PEM), if the server requires one.",
    )
    client_key: NodeFile | None = Field(
        None,
        description="The client key. PostgreSQL: PKCS#8 in DER, PEM (from 9.0.0 on), or a PKCS#12"
        " store that includes the certificate; MySQL: such a store.",
    )
    client_key_password: SecretSource | None = Field(
        None, description="Source of the password of that key or store, if it has one."
    )


class Database(Section):
    """The one database of the cluster."""

    kind: DatabaseKindName = Field(
        description="The kind of database; an embedded one cannot be shared."
    )
    host: DatabaseHosts = Field(
        description="Its server: a node's name, an address, a dotted name, or {host: ...}; or a list"
        " of servers, if the driver supports failover.",
        examples=["10.1.1.10", ["db1.example.org", {"host": "db2.example.org", "port": 5433}]],
    )
    port: Port | None = Field(
        None,
        description="The port of servers that do not set their own; unset: the default of the kind.",
    )
    name: JpaText | None = Field(
        None, description="The database's name; unset: the name in the stock file."
    )
    service: OracleName | None = Field(
        None, description="Oracle: the service to connect to, instead of a SID (`name`)."
    )
    user: JpaText = Field(description="The user that OpenMeetings logs in as.")
    password: SecretSource = Field(description="Source of that user's password.")
    tls: DatabaseTls | None = None
    options: dict[OptionName, OptionValue] = Field(
        {},
        description="JDBC URL parameters, which add to or replace the stock ones; a secret is given"
        " as the source that it is read from.",
    )
    pool: dict[OptionName, Text] = Field(
        {},
        description="Connection pool settings (dbcp2), which add to or replace the stock ones.",
    )
    max_connections: Annotated[int, Field(ge=1)] | None = Field(
        None, description="The server's connection limit, to check the size of the nodes' pools."
    )


class FstabLine(Section):
    """The fstab line with which all nodes mount the data folder; any type."""

    what: FstabDevice = Field(description="What is mounted: fstab's first field.")
    type: FileSystem = Field(description="The file system's type: `glusterfs`, `ceph`, `efs`, ...")
    options: list[FstabOption] = Field(["_netdev"], description="The mount's options.")


class Storage(Section):
    """The data folder that all nodes share."""

    kind: Literal["nfs", "cifs", "mounted"] = Field(
        "nfs",
        description="How it is shared; `cifs`: by Samba; `mounted`: the admin mounts it.",
    )
    server: Host | None = Field(
        None,
        description="The data server: a node's name, an address, a dotted name, or {host: ...}.",
    )
    mount_from: MountFrom | None = Field(
        None,
        description="The server as fstab names it; unset: its address, or its name from `server`.",
    )
    type: Literal["nfs", "nfs4"] = Field(
        "nfs", description="The type in fstab; `nfs4`: only NFS version 4."
    )
    export: Export | None = Field(
        None, description="The exported folder on the data server; unset: openmeetings.data_dir."
    )
    pseudo_root: Folder | None = Field(
        None,
        description="The folder that the server exports as the root of NFSv4 (`fsid=0`): nodes mount"
        " the export by its path below that.",
        examples=["/srv/nfs4"],
    )
    clients: list[ExportClient] = Field(
        [],
        description="The clients of the export, instead of each node: networks, netgroups (`@nodes`),"
        " host names and patterns.",
        examples=[["10.1.1.0/24"], ["@nodes"], ["*.om.example.org"]],
    )
    options: list[MountOption] = Field(
        ["timeo=50", "hard", "_netdev"],
        description="Mount options of the other nodes; unset with `cifs`: [hard, _netdev].",
    )
    export_options: list[ExportOption] = Field(
        ["rw", "sync", "no_subtree_check", "root_squash"],
        min_length=1,
        description="Options of each NFS export.",
    )
    share: ShareName | None = Field(
        None, description="The share's name, for `cifs`; unset: openmeetings-<cluster>."
    )
    user: SambaUser = Field(
        "openmeetings",
        description="The account that nodes log in with, for `cifs`; in a Windows domain:"
        " `DOMAIN\\user` or `user@domain`.",
    )
    domain: Domain | None = Field(None, description="The Windows domain of that account.")
    password: SecretSource | None = Field(
        None, description="Source of that account's password; required for `cifs`."
    )
    credentials: CredentialsFile | None = Field(
        None,
        description="The credentials file on the nodes, for `cifs`; unset:"
        " /etc/omconf/<cluster>/storage.credentials.",
    )
    fstab: FstabLine | None = Field(
        None,
        description="How the nodes mount the folder, for `mounted`; unset: only the admin knows.",
    )


class Turn(Section):
    """The TURN server that browsers use; unset keys keep the shipped value."""

    url: TurnUrl | None = Field(
        None, description="`host:port`, or `turn:`, `turns:` and `stun:` URLs separated by commas."
    )
    user: SpringText | None = Field(None, description="The user, for mode `static`.")
    secret: SecretSource | None = Field(None, description="Source of the TURN server's secret.")
    mode: Literal["rest", "static"] | None = Field(
        None,
        description="`rest`: temporary passwords derived from the secret; `static`: user and secret.",
    )
    ttl: Minutes | None = Field(
        None, description="The lifetime of a temporary password, in minutes."
    )


class Kurento(Section):
    """The media server; unset keys keep the shipped value."""

    url: KurentoUrl | None = Field(None, description="The media server that all nodes use.")
    turn: Turn = Turn()


class Secrets(Section):
    """Secrets that must be equal on all nodes (releases 7.0.0 to 8.1.0)."""

    remember_me_key: SecretSource | None = Field(
        None, description="Encrypts the cookie that keeps a user logged in."
    )
    remember_me_salt: SecretSource | None = Field(None, description="The salt of that key.")


class Ignore(Section):
    """A warning that is known and accepted."""

    rule: RuleId = Field(description="The rule's id.", examples=["OM231"])
    node: Text | None = Field(None, description="Ignore it only for this node.")
    path: Text | None = Field(None, description="Ignore it only for this deployed file.")
    why: Reason = Field(description="The reason, for later readers of the spec.")


class NodeDefaults(Section):
    """Default keys for all nodes; `{name}` and `{address}` are replaced by the node's own."""

    address: Address | None = Field(
        None, description="The address that members use to reach each other."
    )
    url: Url | None = Field(None, description="The node's public URL, for browsers.")
    interface: Interface | None = Field(None, description="The node's network interface.")
    home: Folder | None = Field(None, description="Where OpenMeetings is installed on this node.")
    storage_address: Address | None = Field(
        None,
        description="The address at which the data server sees the node, if it is a different one.",
    )
    public_address: PublicAddress | None = Field(
        None,
        description="The address that the other members see behind NAT; with a port if NAT maps"
        " Hazelcast's port to another one.",
    )
    member: Member | None = Field(
        None,
        description="The node's name in the member list of `tcp-ip`, without a port; unset: the"
        " address at which the others see it.",
    )
    kurento_url: KurentoUrl | None = Field(None, description="The node's own media server.")
    ssh: SshDestination | None = Field(
        None, description="The node's OpenSSH destination; unset: the node's name."
    )


class Node(NodeDefaults):
    """One node of the cluster."""

    instance_name: InstanceName | None = Field(
        None, description="The member's name in Hazelcast; unset: the node's name."
    )
    renamed_from: NodeName | None = Field(
        None,
        description="The node's previous name: plans compare with the files of that name.",
    )


class Removed(Section):
    """A node removed from the spec whose files are still to be deleted."""

    ssh: SshDestination = Field(description="Its OpenSSH destination.")


class Spec(Section):
    """A cluster spec, format version 1."""

    omconf: FormatVersion = Field(description="The format version of this file.")
    cluster: ClusterName = Field(description="The cluster's name.")
    openmeetings: OpenMeetings
    network: Network = Network()
    hazelcast: Hazelcast = Hazelcast()
    persistence: Persistence = Persistence()
    discovery: Discovery = Discovery()
    database: Database
    storage: Storage
    kurento: Kurento = Kurento()
    secrets: Secrets = Secrets()
    ignore: list[Ignore] = Field([], description="Warnings that are known and accepted.")
    nodes: Annotated[dict[str, Node], Field(min_length=1)] = Field(
        description="The nodes by name, a lower-case host label."
    )
    node_defaults: NodeDefaults = NodeDefaults()
    removed: dict[NodeName, Removed] = Field(
        {},
        description="Nodes removed from the spec; keep them here until `plan --ssh` finds no files of"
        " omconf there.",
    )
