"""The firewall of each node: an nftables table of its own that closes the cluster's ports.

Hazelcast and OpenJPA's remote commits listen on every address of a node (measured with 9.1.0), and
neither asks for a password. The table only closes: its policy is accept, and what it lets through
other tables may still drop. Connections are not tracked: on a host where nothing else does that, the
table does not begin it. A TCP connection is filtered by its first packet only.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from omconf.actions import RELOAD_UNITS, Do, Run, Service, Stage, at_boot
from omconf.artifacts.contents import Artifact, Line, Ownership, line
from omconf.artifacts.effect import Change, Effect
from omconf.artifacts.model import Kind
from omconf.artifacts.reading import Reading
from omconf.cluster.ports import REMOTE_COMMIT_PORT, STORAGE_PORTS, hazelcast_ports
from omconf.formats import header
from omconf.origin import FromDefault, FromFormat, Value
from omconf.rules import CLOSED_URL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omconf.cluster.model import Cluster, DatabaseServer, Node
    from omconf.diagnostics import Diagnostic


UNIT_NAME = "omconf-firewall.service"
UNIT_PATH = f"/etc/systemd/system/{UNIT_NAME}"
UNIT_GOES = (
    Do(Service("stop", UNIT_NAME), Service("start", UNIT_NAME)),
    Do(Service("disable", UNIT_NAME), Service("enable", UNIT_NAME)),
)
NFT = "/usr/sbin/nft"

TABLE = FromFormat("nftables")
UNIT = FromFormat("systemd unit")
REPLACED = FromDefault("network.firewall", "the whole file is one transaction, and can be repeated")
LOCAL = FromDefault("network.firewall", "a node may always reach itself")
NEW_ONLY = FromDefault("network.firewall", "answers to what the node itself asked for come in")
HAZELCAST = FromDefault("hazelcast.port", "Hazelcast tries 100 ports, from 5701 on")
COMMITS = FromDefault("network.firewall", "OpenJPA's remote commits listen on port 5636")
STORAGE = FromDefault("storage.kind", "where the data server listens")
ADMIN = FromDefault("network.firewall", "files of the admin's, which omconf never writes")
FLUSHED = FromDefault(
    "network.firewall", "nftables.service flushes the whole ruleset at each start"
)


class Firewall(Kind):
    """The table's file and the unit that loads it, on every node.

    It comes before the mounts: a new node mounts nothing while the data server is closed to it.
    """

    name: ClassVar[str] = "firewall"
    ownership: ClassVar[Ownership] = Ownership.FILE
    stage: ClassVar[Stage] = Stage.PROTECT
    purpose: ClassVar[str] = "restricts the cluster's ports to the nodes"
    places: ClassVar[tuple[str, ...]] = ("/etc/omconf/{cluster}/firewall.nft", UNIT_PATH)
    textual: ClassVar[bool] = True

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """Return the table, and its unit under systemd; the table depends on what the node serves."""
        if cluster.network.firewall.value != "nftables":
            return []
        name = node.name.value
        table = _table(cluster, name == cluster.storage.node, cluster.database.on(name))
        return [table, _unit(cluster)] if cluster.openmeetings.has_systemd else [table]

    def read(self, text: str) -> Reading:
        """Read the rules as text, an item a line: nft is what knows their grammar."""
        return Reading.by_line(text)

    def check(self, cluster: Cluster) -> Iterator[Diagnostic]:
        """Warn of a public port among those that Hazelcast may take next; OM225 knows the others."""
        if cluster.network.firewall.value != "nftables":
            return
        closed = hazelcast_ports(cluster)
        for node in cluster.nodes:
            port = urlsplit(node.url.value).port
            if port in closed[1:]:
                yield CLOSED_URL.at(
                    node.url.span,
                    f"Port {port} of `{node.name.value}` is closed to browsers: Hazelcast may use"
                    f" any port from {closed[0]} to {closed[-1]}.",
                    hint=f"Write `hazelcast: {{port: {closed[0]}}}`, which closes only that port.",
                )

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """Load the table, or take it away; established connections continue."""
        systemd = cluster.openmeetings.has_systemd
        load, off = _load(cluster), _off(cluster)
        enabled = Do(Service("enable", UNIT_NAME), Service("disable", UNIT_NAME))
        why = "the table is replaced at once; established connections continue"
        if action == "create":
            why = f"{_closed(cluster)}; established connections continue"
        reload = (RELOAD_UNITS,) if systemd else ()
        if action != "create":
            return Effect("firewall", why, run=(*reload, Do(load, again=True)))
        if not systemd:
            return Effect("firewall", why, run=(Do(load, off), at_boot(*load.argv)))
        start = Do(Service("restart", UNIT_NAME), Service("stop", UNIT_NAME))
        return Effect("firewall", why, run=(*reload, enabled, start))

    def delete(self, cluster: Cluster, node: str, path: str) -> Effect:
        """Take the table away, or its unit alone, by which the table goes as well."""
        load, off = _load(cluster), _off(cluster)
        if path != UNIT_PATH:
            why = "the cluster's ports are open to everyone again"
            systemd = cluster.openmeetings.has_systemd
            boot = () if systemd else (at_boot(*load.argv, no_longer=True),)
            return Effect("firewall", why, release=(Do(off, load), *boot))
        stays = any(a.path != UNIT_PATH for a in self.of(cluster, node))
        why = "the unit is removed; the table is loaded another way"
        again = (Do(load, off), at_boot(*load.argv)) if stays else ()
        run = (RELOAD_UNITS, *again)
        return Effect("firewall", why, release=UNIT_GOES, run=run)


KIND = Firewall()

_Drop = tuple[str, Value[str], str]
"""Protocol, port or range of ports, and whose they are."""


def _folder(cluster: Cluster) -> str:
    return f"/etc/omconf/{cluster.name.value}/firewall.d"


def _path(cluster: Cluster) -> str:
    return f"/etc/omconf/{cluster.name.value}/firewall.nft"


def _load(cluster: Cluster) -> Run:
    return Run(("nft", "-f", _path(cluster)))


def _off(cluster: Cluster) -> Run:
    return Run(("nft", _remove(cluster)))


def _name(cluster: Cluster) -> Value[str]:
    """The table's name: nft's names have no hyphens, a cluster's have no underscores."""
    name = cluster.name
    return Value(f"inet omconf_{name.value.replace('-', '_')}", name.origin)


def _remove(cluster: Cluster) -> str:
    """Remove the table, there or not: what was not there cannot be deleted."""
    name = _name(cluster).value
    return f"add table {name}; delete table {name}"


def _cluster_ports(cluster: Cluster) -> list[_Drop]:
    port, ports = cluster.hazelcast.port, hazelcast_ports(cluster)
    spoken = str(port.value) if port else f"{ports[0]}-{ports[-1]}"
    drops = [
        ("tcp", Value(spoken, port.origin if port else HAZELCAST), "Hazelcast"),
        ("tcp", Value(str(REMOTE_COMMIT_PORT), COMMITS), "OpenJPA's remote commits"),
    ]
    d = cluster.discovery
    if d.kind.value == "multicast":
        drops.append(("udp", Value(str(d.port.value), d.port.origin), "Hazelcast's multicast"))
    return drops


def _storage_ports(cluster: Cluster) -> list[_Drop]:
    kind = cluster.storage.kind.value
    return [
        (protocol, Value(str(port), STORAGE), "the data folder")
        for port in STORAGE_PORTS.get(kind, ())
        for protocol in (("tcp", "udp") if kind == "nfs" else ("tcp",))
    ]


def _database_ports(servers: tuple[DatabaseServer, ...]) -> list[_Drop]:
    ports = {server.port.value: server.port for server in servers}
    return [("tcp", Value(str(p.value), p.origin), "the database") for p in ports.values()]


def _closed(cluster: Cluster) -> str:
    """Return the closed ports in words: another firewall has to let the nodes in there."""
    closed = [_spoken(_cluster_ports(cluster))]
    if cluster.storage.node and (ports := _storage_ports(cluster)):
        closed.append(f"on {cluster.storage.node} also {_spoken(ports)}")
    for node in dict.fromkeys(server.node for server in cluster.database.servers):
        if node:
            ports = _database_ports(cluster.database.on(node))
            closed.append(f"on {node} also {_spoken(ports)}")
    return (
        f"it closes to all but the nodes: {', '.join(closed)}; a firewall that drops by default has"
        f" to let the nodes in there; whom else to let in stands in {_folder(cluster)}/*.nft"
    )


def _spoken(drops: list[_Drop]) -> str:
    return ", ".join(f"{port.value}/{protocol} ({what})" for protocol, port, what in drops)


# What many nodes share is made once.
@lru_cache(maxsize=8)
def _table(cluster: Cluster, storage: bool, database: tuple[DatabaseServer, ...]) -> Artifact:
    drops = _cluster_ports(cluster)
    drops += _storage_ports(cluster) if storage else []
    drops += _database_ports(database)
    name, asked = _name(cluster), (cluster.network.firewall.origin,)
    lines = (
        line("# ", header.text(cluster.name)),
        line("# It only closes. What it lets through, other tables may still drop.", why=asked),
        line("table ", name, why=(REPLACED,)),
        line("delete table ", name, why=(REPLACED,)),
        line("", why=(TABLE,)),
        line("table ", name, " {", why=asked),
        line("  set nodes {", why=asked),
        line("    type ipv4_addr", why=(TABLE,)),
        line("    elements = {", why=(TABLE,)),
        *_addresses(cluster),
        line("    }", why=(TABLE,)),
        line("  }", why=(TABLE,)),
        line("", why=(TABLE,)),
        line("  chain input {", why=(TABLE,)),
        line("    type filter hook input priority filter; policy accept;", why=asked),
        line("    iif lo accept", why=(LOCAL,)),
        line("    ip saddr @nodes accept", why=asked),
        line("    tcp flags & (syn | ack) != syn accept", why=(NEW_ONLY,)),
        *(
            line(f"    {protocol} dport ", port, f' drop comment "{what}"', why=asked)
            for protocol, port, what in drops
        ),
        line("  }", why=(TABLE,)),
        line("}", why=(TABLE,)),
        line("", why=(TABLE,)),
        line("# Whom else to let in, in the admin's own files; there need be none.", why=(ADMIN,)),
        line(f'include "{_folder(cluster)}/*.nft"', why=(ADMIN,)),
    )
    return Artifact(KIND.name, _path(cluster), KIND.ownership, lines)


@lru_cache(maxsize=2)
def _addresses(cluster: Cluster) -> tuple[Line, ...]:
    """One line an address, so that a node more is a line more."""
    lines: dict[str, Line] = {}
    for node in cluster.nodes:
        for address, note in (
            (node.address, ""),
            (node.storage_address, ", towards the data server"),
            (node.seen_address, ", behind NAT"),
        ):
            text = line("      ", address, ", # ", node.name, note)
            lines.setdefault(address.value, text)
    return tuple(lines.values())


@lru_cache(maxsize=2)
def _unit(cluster: Cluster) -> Artifact:
    """The unit: ordered as Debian's nftables.service is, and loaded anew whenever that one is."""
    asked = (cluster.network.firewall.origin,)
    lines = (
        line("# ", header.text(cluster.name)),
        line("[Unit]", why=(UNIT,)),
        line("Description=Firewall of the OpenMeetings cluster ", cluster.name, why=asked),
        line("DefaultDependencies=no", why=(UNIT,)),
        line("Wants=network-pre.target", why=asked),
        line("Before=network-pre.target shutdown.target ", cluster.openmeetings.service, why=asked),
        line("Conflicts=shutdown.target", why=(UNIT,)),
        line("After=nftables.service", why=(FLUSHED,)),
        line("PartOf=nftables.service", why=(FLUSHED,)),
        line("ReloadPropagatedFrom=nftables.service", why=(FLUSHED,)),
        line("", why=(UNIT,)),
        line("[Service]", why=(UNIT,)),
        line("Type=oneshot", why=(UNIT,)),
        line("RemainAfterExit=yes", why=(UNIT,)),
        line(f"ExecStart={NFT} -f {_path(cluster)}", why=asked),
        line(f"ExecReload={NFT} -f {_path(cluster)}", why=asked),
        line(f'ExecStop={NFT} "{_remove(cluster)}"', why=asked),
        line("", why=(UNIT,)),
        line("[Install]", why=(UNIT,)),
        line("WantedBy=multi-user.target nftables.service", why=(FLUSHED,)),
    )
    return Artifact(KIND.name, UNIT_PATH, KIND.ownership, lines)
