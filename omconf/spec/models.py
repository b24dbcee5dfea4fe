"""The spec's keys as pydantic models: the one table of what may stand in `cluster.yaml`.

The same models give the JSON Schema for editors (`omconf schema`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo  # noqa: TC002 - no model field, but beside them

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
    """A mapping of the spec: unknown keys refused, the input never shown in an error's text."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True, strict=True)


def section_of(info: FieldInfo) -> type[Section] | None:
    """Return the model of a key whose value is a mapping of keys, itself or of each of its values."""
    for choice in (info.annotation, *getattr(info.annotation, "__args__", ())):
        if isinstance(choice, type) and issubclass(choice, Section):
            return choice
    return None


class OpenMeetings(Section):
    """What is installed on every node, and where."""

    release: Release = Field(
        description="The OpenMeetings release that all nodes run.", examples=["9.1.0"]
    )
    home: Folder = Field("/opt/om", description="Where OpenMeetings is installed (Tomcat's base).")
    webapp: Webapp = Field("openmeetings", description="The folder under <home>/webapps.")
    data_dir: Folder = Field("/opt/omdata", description="The data folder that all nodes share.")
    timezone: TimeZone = Field("Etc/UTC", description="The time zone of all nodes, an IANA name.")
    service: Unit = Field(
        "openmeetings.service",
        description="The systemd unit; `none` where there is no systemd.",
    )
    user: Account = Field("nobody", description="The user that OpenMeetings runs as.")
    group: Account = Field("nogroup", description="The group that OpenMeetings runs as.")
    java_options: list[JvmOption] = Field(
        [], description="Further JVM options.", examples=[["-Xmx2g", "-XX:+UseG1GC"]]
    )


class Network(Section):
    """The network that the nodes share."""

    interface: Interface | None = Field(
        None, description="The network device; unset: the one that holds the node's address."
    )
    subnet: Subnets | None = Field(
        None,
        description="The nodes' network, or several, to check that multicast reaches all of them.",
        examples=["10.1.1.0/24", ["10.1.1.0/24", "10.2.1.0/24"]],
    )
    multicast_route: bool | None = Field(
        None, description="Whether nodes get a multicast route; unset: when discovery is multicast."
    )
    firewall: Literal["none", "nftables"] = Field(
        "none",
        description="`nftables`: the cluster's ports on a node are closed to all but the nodes.",
    )


class Hazelcast(Section):
    """Hazelcast's own settings."""

    cluster_name: HazelcastName | None = Field(
        None, description="Hazelcast's cluster-name; unset: the cluster's name."
    )
    port: Port | None = Field(
        None, description="Hazelcast's port, without counting up; unset: 5701 and counting up."
    )
    interfaces: Interfaces | None = Field(
        None,
        description="Which address of a node Hazelcast takes: a pattern as `10.1.1.*`, or `none`,"
        " which leaves it to Hazelcast; unset: the node's own address.",
    )
    properties: dict[PropertyName, XmlText] = Field(
        {}, description="Further `hazelcast.*` properties, or others than the stock ones."
    )
    extra: Text | None = Field(
        None,
        description="A file beside the spec, with a <hazelcast> root: further Hazelcast elements.",
        examples=["hazelcast-extra.xml"],
    )


class Persistence(Section):
    """JPA settings."""

    properties: dict[PropertyName, Text] = Field(
        {}, description="Further JPA properties (`openjpa.Log` ...), or others than the stock ones."
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
    """TLS to the database; there when anything of it is said."""

    mode: Literal["require", "verify-ca", "verify-full"] = Field(
        "verify-full",
        description="`require`: encrypted, whoever answers; `verify-ca`: by a server of a known"
        " authority; `verify-full`: and with the name that the spec calls it by.",
    )
    ca: NodeFile | None = Field(
        None,
        description="The authorities: PEM for PostgreSQL, else a trust store of Java; unset: those"
        " that Java knows. A path on the nodes, or {file: ..., whole: true}: omconf puts it there.",
    )
    ca_password: SecretSource | None = Field(
        None, description="Where the password of that trust store is read from, if it has one."
    )
    client_cert: NodeFile | None = Field(
        None,
        description="PostgreSQL: the nodes' own certificate, PEM, where the server asks for it.",
    )
    client_key: NodeFile | None = Field(
        None,
        description="Its key: PostgreSQL: PKCS#8 in DER, PEM (from 9.0.0 on), or a PKCS#12 store with"
        " the certificate; MySQL: such a store.",
    )
    client_key_password: SecretSource | None = Field(
        None, description="Where the password of that key or store is read from, if it has one."
    )


class Database(Section):
    """The one database of the cluster."""

    kind: DatabaseKindName = Field(
        description="The kind of database; an embedded one cannot be shared."
    )
    host: DatabaseHosts = Field(
        description="Where it runs: a node's name, an address, a dotted name, {host: ...};"
        " several in a list, where the driver goes to the next one when one fails.",
        examples=["10.1.1.10", ["db1.example.org", {"host": "db2.example.org", "port": 5433}]],
    )
    port: Port | None = Field(
        None, description="Its port, where a server has none of its own; unset: the kind's."
    )
    name: JpaText | None = Field(None, description="The database's name; unset: the stock file's.")
    service: OracleName | None = Field(
        None, description="Oracle: the service that it connects to, in the place of a SID (`name`)."
    )
    user: JpaText = Field(description="The user that OpenMeetings logs in as.")
    password: SecretSource = Field(description="Where that user's password is read from.")
    tls: DatabaseTls | None = None
    options: dict[OptionName, OptionValue] = Field(
        {},
        description="JDBC URL parameters, added to the stock ones or in their place; the value of"
        " one that holds a secret says where it is read from.",
    )
    pool: dict[OptionName, Text] = Field(
        {},
        description="Connection pool settings (dbcp2), added to the stock ones or in their place.",
    )
    max_connections: Annotated[int, Field(ge=1)] | None = Field(
        None, description="The server's limit of connections, to hold the nodes' pools against."
    )


class FstabLine(Section):
    """The line of fstab by which all nodes mount the data folder, of whatever type."""

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
        None, description="The data server: a node's name, an address, a dotted name, {host: ...}."
    )
    mount_from: MountFrom | None = Field(
        None, description="The server as fstab names it; unset: its address, or its name as said."
    )
    type: Literal["nfs", "nfs4"] = Field(
        "nfs", description="The type in fstab; `nfs4`: version 4 alone, no earlier one."
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
        description="Whom the export lets in, instead of one line a node: networks, netgroups"
        " (`@nodes`), names and patterns of names.",
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
        description="The account that nodes log in with, for `cifs`; of a Windows domain:"
        " `DOMAIN\\user` or `user@domain`.",
    )
    domain: Domain | None = Field(None, description="The Windows domain of that account.")
    password: SecretSource | None = Field(
        None, description="Where that account's password is read from; required for `cifs`."
    )
    credentials: CredentialsFile | None = Field(
        None,
        description="Where nodes keep that account, for `cifs`; unset:"
        " /etc/omconf/<cluster>/storage.credentials.",
    )
    fstab: FstabLine | None = Field(
        None,
        description="How the nodes mount the folder, for `mounted`; unset: only the admin knows.",
    )


class Turn(Section):
    """The TURN server that browsers use; what is not said keeps the shipped value."""

    url: TurnUrl | None = Field(
        None, description="`host:port`, or `turn:`, `turns:`, `stun:` URLs, joined by commas."
    )
    user: SpringText | None = Field(None, description="The user, with mode `static`.")
    secret: SecretSource | None = Field(None, description="Where its secret is read from.")
    mode: Literal["rest", "static"] | None = Field(
        None,
        description="`rest`: passwords made for a time from the secret; `static`: user, secret.",
    )
    ttl: Minutes | None = Field(None, description="How long such a password lasts, in minutes.")


class Kurento(Section):
    """The media server; what is not said keeps the shipped value."""

    url: KurentoUrl | None = Field(None, description="The media server that all nodes use.")
    turn: Turn = Turn()


class Secrets(Section):
    """Secrets that OpenMeetings needs equal on all nodes (releases 7.0.0 to 8.1.0)."""

    remember_me_key: SecretSource | None = Field(
        None, description="Encrypts the cookie that keeps a user logged in."
    )
    remember_me_salt: SecretSource | None = Field(None, description="The salt of that key.")


class Ignore(Section):
    """A warning that is known and accepted."""

    rule: RuleId = Field(description="The rule's id.", examples=["OM231"])
    node: Text | None = Field(None, description="Only for this node.")
    path: Text | None = Field(None, description="Only for this deployed file.")
    why: Reason = Field(description="The reason, for whoever reads the spec next.")


class NodeDefaults(Section):
    """The keys of a node, for all nodes; `{name}` and `{address}` stand for the node's own."""

    address: Address | None = Field(
        None, description="The address that members use among themselves."
    )
    url: Url | None = Field(None, description="The node's public URL, as browsers reach it.")
    interface: Interface | None = Field(None, description="The node's network device.")
    home: Folder | None = Field(None, description="Where OpenMeetings is installed on this node.")
    storage_address: Address | None = Field(
        None, description="The node's address towards the data server, where it has another."
    )
    public_address: PublicAddress | None = Field(
        None,
        description="The address that the other members see, where there is NAT between them;"
        " with a port where NAT has another for this node's Hazelcast.",
    )
    member: Member | None = Field(
        None,
        description="What the member list of `tcp-ip` calls the node, without a port; unset: its"
        " address, as the others see it.",
    )
    kurento_url: KurentoUrl | None = Field(None, description="The node's own media server.")
    ssh: SshDestination | None = Field(
        None, description="The node's OpenSSH destination; unset: the node's name."
    )


class Node(NodeDefaults):
    """One node of the cluster."""

    instance_name: InstanceName | None = Field(
        None, description="What Hazelcast calls this member; unset: the node's name."
    )
    renamed_from: NodeName | None = Field(
        None,
        description="The name that this node had before: plans compare with that one's files.",
    )


class Removed(Section):
    """A node that left the spec, so that it can still be cleaned."""

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
        description="The nodes by name: a lower-case host label."
    )
    node_defaults: NodeDefaults = NodeDefaults()
    removed: dict[NodeName, Removed] = Field(
        {},
        description="Nodes that left the spec, until `plan --ssh` finds nothing of omconf there.",
    )
