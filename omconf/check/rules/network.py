"""Rules about discovery and ports (OM221 to OM226)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from omconf.cluster.ports import HAZELCAST_PORT, NFS_PORT, REMOTE_COMMIT_PORT, SMB_PORT
from omconf.diagnostics import Diagnostic, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.cluster.model import Cluster, Node
    from omconf.origin import Span

LINK_LOCAL_GROUP = Rule(
    "OM221", Severity.WARNING, "a multicast group that never leaves its segment"
)
OUTSIDE_SUBNET = Rule("OM224", Severity.WARNING, "a node that multicast may not reach")
PORT_TWICE = Rule("OM225", Severity.ERROR, "two services of one node on one port")
MANY_MEMBERS = Rule(
    "OM226", Severity.WARNING, "member lists that grow with the square of the nodes"
)

TOMCAT_PORTS = {5080: "Tomcat (http)", 5443: "Tomcat (https)", 8005: "Tomcat (shutdown)"}
MANY = 50
TOO_MANY = 1000
"""With more nodes, the lists of all the others take gigabytes."""


def check(cluster: Cluster) -> Iterator[Diagnostic]:
    """Check that members can find each other."""
    d = cluster.discovery
    multicast = d.kind.value == "multicast"
    if multicast and ipaddress.IPv4Address(d.group.value) in ipaddress.IPv4Network("224.0.0.0/24"):
        named = (
            ", the group of the clustering page's example," if d.group.value == "224.0.0.0" else ""
        )
        yield LINK_LOCAL_GROUP.at(
            d.group.span,
            f"{d.group.value}{named} is in 224.0.0.0/24: packets to it never pass a router,"
            " whatever the ttl.",
            hint="Use a group from 224.0.1.0 on, for example `224.2.2.3`.",
        )
    subnet = cluster.network.subnet
    if multicast and subnet:
        network = ipaddress.IPv4Network(subnet.value)
        for node in cluster.nodes:
            if ipaddress.IPv4Address(node.address.value) not in network:
                yield OUTSIDE_SUBNET.at(
                    node.address.span,
                    f"`{node.name.value}` ({node.address.value}) is outside {subnet.value}:"
                    " multicast reaches it only through multicast routing.",
                    hint="Without that, write `discovery: {kind: tcp-ip}`.",
                )
    if not multicast and len(cluster.nodes) > MANY:
        yield MANY_MEMBERS.at(
            d.kind.span,
            f"With tcp-ip each of the {len(cluster.nodes)} nodes lists all the others: every new"
            " node changes every node's file.",
            hint="Where the network can do it, multicast needs no lists.",
            severity=Severity.ERROR if len(cluster.nodes) > TOO_MANY else None,
        )
    for node in cluster.nodes:
        yield from _ports(cluster, node)


def _ports(cluster: Cluster, node: Node) -> Iterator[Diagnostic]:
    taken: dict[int, str] = {REMOTE_COMMIT_PORT: "OpenJPA's remote commits", **TOMCAT_PORTS}
    wanted: list[tuple[int, str, Span | None]] = []
    port = cluster.hazelcast.port
    wanted.append(
        (port.value if port else HAZELCAST_PORT, "Hazelcast", port.span if port else None)
    )
    if cluster.discovery.kind.value == "multicast":
        wanted.append(
            (cluster.discovery.port.value, "Hazelcast's multicast", cluster.discovery.port.span)
        )
    serves = {"nfs": (NFS_PORT, "the NFS server"), "cifs": (SMB_PORT, "the Samba server")}
    share = serves.get(cluster.storage.kind.value)
    if share and cluster.storage.node == node.name.value:
        wanted.append((*share, None))
    if cluster.database.node == node.name.value:
        wanted.append((cluster.database.port.value, "the database", cluster.database.port.span))
    url = urlsplit(node.url.value)
    if url.port and url.port not in TOMCAT_PORTS:
        wanted.append((url.port, "the url", node.url.span))
    for number, what, span in wanted:
        if number in taken:
            yield PORT_TWICE.at(
                span or _span(wanted, number) or node.name.span,
                f"{what[0].upper()}{what[1:]} and {taken[number]} both use port {number} of"
                f" `{node.name.value}`.",
                hint=f"Give {what} another port.",
            )
        taken.setdefault(number, what)


def _span(wanted: list[tuple[int, str, Span | None]], number: int) -> Span | None:
    """Where neither service's own port is said, point at the other that is."""
    return next((span for n, _, span in wanted if n == number and span), None)
