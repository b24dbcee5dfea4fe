"""Rules about discovery and ports (OM221 to OM226, OM228)."""

from __future__ import annotations

import ipaddress
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from omconf.check.urls import better_url
from omconf.cluster.ports import HAZELCAST_PORT, NFS_PORT, REMOTE_COMMIT_PORT, SMB_PORT
from omconf.diagnostics import Diagnostic, Severity
from omconf.rules import (
    LINK_LOCAL_GROUP,
    MANY_MEMBERS,
    NO_SHARED_NETWORK,
    OUTSIDE_SUBNET,
    PORT_TWICE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.cluster.model import Cluster, Node
    from omconf.origin import Span


PRIVATE = tuple(
    ipaddress.IPv4Network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")
)
"""Address ranges that no network holds two of (RFC 1918, 6598 and 3927)."""
TOMCAT_PORTS = {5080: "Tomcat (http)", 5443: "Tomcat (https)", 8005: "Tomcat (shutdown)"}
ROUTED = "multicast reaches the other only through multicast routing"
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
            f"{d.group.value}{named} is in 224.0.0.0/24: routers never forward packets "
            "to it, whatever the ttl.",
            hint="Use a group from 224.0.1.0 upwards, for example `224.2.2.3`.",
        )
    beyond = [node for node in cluster.nodes if node.public_address]
    if multicast and beyond and len(cluster.nodes) > 1:
        yield _nat(cluster, beyond[0])
    if multicast and cluster.network.subnets:
        yield from _outside(cluster)
    elif multicast and not beyond:
        yield from _apart(cluster)
    if not multicast and len(cluster.nodes) > MANY:
        too_many = len(cluster.nodes) > TOO_MANY
        yield MANY_MEMBERS.at(
            d.kind.span,
            f"With tcp-ip each of the {len(cluster.nodes)} nodes lists all the others: every new"
            " node changes every node's file.",
            hint=f"With more than {TOO_MANY} nodes, use multicast: the lists would take gigabytes."
            if too_many
            else "If the network supports it, multicast needs no lists.",
            severity=Severity.ERROR if too_many else None,
        )
    for node in cluster.nodes:
        yield from _ports(cluster, node)


def _nat(cluster: Cluster, node: Node) -> Diagnostic:
    """Multicast does not pass NAT, surely not between two nodes that have one address."""
    addresses = Counter(node.address.value for node in cluster.nodes)
    twice = next((n for n in cluster.nodes if addresses[n.address.value] > 1), None)
    node = twice or node
    return OUTSIDE_SUBNET.at(
        node.public_address.span if node.public_address else node.address.span,
        f"`{node.name.value}` is behind NAT, which multicast does not pass: each node "
        "would form its own cluster.",
        hint="Write `discovery: {kind: tcp-ip}`.",
        severity=Severity.ERROR if twice else None,
    )


def _outside(cluster: Cluster) -> Iterator[Diagnostic]:
    """Hold the nodes against the subnets; when they hold none of them, a subnet is what is wrong."""
    subnets = cluster.network.subnets
    networks = [ipaddress.IPv4Network(subnet.value) for subnet in subnets]
    named = " and ".join(subnet.value for subnet in subnets[:3])
    named += f" and {len(subnets) - 3} more" if len(subnets) > 3 else ""
    addresses = {n.name.value: ipaddress.IPv4Address(n.address.value) for n in cluster.nodes}
    if not any(address in network for network in networks for address in addresses.values()):
        first = ipaddress.IPv4Network(f"{cluster.nodes[0].address.value}/24", strict=False)
        fits = all(address in first for address in addresses.values())
        yield OUTSIDE_SUBNET.at(
            subnets[0].span,
            f"No node is in {named}.",
            hint=f"Write the nodes' own network: `subnet: {first}`."
            if fits
            else "Write the nodes' own network, or `discovery: {kind: tcp-ip}`.",
        )
        return
    yield from _in_several(cluster, networks)
    for node in cluster.nodes:
        if not any(addresses[node.name.value] in network for network in networks):
            outside = f"`{node.name.value}` ({node.address.value}) is outside {named}:"
            if _one_segment(cluster):
                yield OUTSIDE_SUBNET.at(
                    node.address.span,
                    f"{outside} with ttl 1, multicast packets do not pass routers.",
                    hint="Write `discovery: {kind: tcp-ip}`; a higher ttl needs multicast routing.",
                )
                continue
            yield OUTSIDE_SUBNET.at(
                node.address.span,
                f"{outside} multicast reaches it only through multicast routing.",
                hint="Without that, write `discovery: {kind: tcp-ip}`.",
            )


def _in_several(cluster: Cluster, networks: list[ipaddress.IPv4Network]) -> Iterator[Diagnostic]:
    """Find nodes in another of the spec's own networks than most: with ttl 1 it cannot work."""
    homes = {
        node.name.value: next((n for n in networks if _holds(n, node)), None)
        for node in cluster.nodes
    }
    (most, _), *others = Counter(home for home in homes.values() if home).most_common()
    if not others:
        return
    there = next(node for node in cluster.nodes if homes[node.name.value] == most)
    for node in cluster.nodes:
        home = homes[node.name.value]
        if home in (None, most):
            continue
        ways = "ttl 1 keeps multicast in one" if _one_segment(cluster) else ROUTED
        yield NO_SHARED_NETWORK.at(
            node.address.span,
            f"`{node.name.value}` is in {home}, `{there.name.value}` in {most}: {ways}.",
            hint="Write `discovery: {kind: tcp-ip}`."
            if _one_segment(cluster)
            else "Without that, write `discovery: {kind: tcp-ip}`.",
            severity=Severity.ERROR if _one_segment(cluster) else None,
        )


def _holds(network: ipaddress.IPv4Network, node: Node) -> bool:
    return ipaddress.IPv4Address(node.address.value) in network


def _apart(cluster: Cluster) -> Iterator[Diagnostic]:
    """Find nodes whose addresses can hardly be in one network with most of the others.

    Routers may carry multicast within a range, but none that has ttl 1: then a network is taken to
    be no larger than a /16.
    """
    narrow = _one_segment(cluster)
    networks = [_network(node.address.value, narrow=narrow) for node in cluster.nodes]
    (most, _), *others = Counter(networks).most_common()
    if not others:
        return
    there = cluster.nodes[networks.index(most)]
    for node, network in zip(cluster.nodes, networks, strict=True):
        if network == most:
            continue
        pair = (
            f"`{node.name.value}` ({node.address.value}) and `{there.name.value}`"
            f" ({there.address.value})"
        )
        if narrow:
            message = f"{pair} seem to be in different networks, and ttl 1 keeps multicast in one."
            hint = "Write `discovery: {kind: tcp-ip}`, or a `network.subnet` that holds both."
        else:
            message = f"{pair} share no network: {ROUTED}."
            hint = "Without that, write `discovery: {kind: tcp-ip}`."
        yield NO_SHARED_NETWORK.at(node.address.span, message, hint=hint)


def _one_segment(cluster: Cluster) -> bool:
    return cluster.discovery.ttl.value == 1


def _network(address: str, *, narrow: bool) -> ipaddress.IPv4Network:
    """Return the largest network that an address may well be in; a narrow one is a /16."""
    number = ipaddress.IPv4Address(address)
    wide = None if narrow else next((range_ for range_ in PRIVATE if number in range_), None)
    return wide or ipaddress.IPv4Network((address, 16), strict=False)


class _Use(NamedTuple):
    """A port that the spec gives to a service of a node; without a key, it cannot be another."""

    number: int
    what: str
    key: str = ""
    span: Span | None = None


def _ports(cluster: Cluster, node: Node) -> Iterator[Diagnostic]:
    fixed = {REMOTE_COMMIT_PORT: "OpenJPA's remote commits", **TOMCAT_PORTS}
    uses = list(_uses(cluster, node))
    for i, use in enumerate(uses):
        before = next((u for u in uses[:i] if u.number == use.number), None)
        taken = before.what if before else fixed.get(use.number)
        if taken is None:
            continue
        # The one that the spec says is the one to change.
        said = next((u for u in (use, before) if u and u.span), use)
        if said.key == "url":
            hint = f"Write `{better_url(cluster, node)}`."
        else:
            key = said.key or "hazelcast.port"
            others = {*fixed, *(u.number for u in uses)}
            start = HAZELCAST_PORT if key == "hazelcast.port" else use.number
            free = next(
                n for n in chain(range(start, 2**16), range(1024, 2**16)) if n not in others
            )
            hint = f"Give `{key}` another port, {free} for example."
        yield PORT_TWICE.at(
            said.span or node.name.span,
            f"{use.what[0].upper()}{use.what[1:]} and {taken} both use port {use.number} of"
            f" `{node.name.value}`.",
            hint=hint,
        )


def _uses(cluster: Cluster, node: Node) -> Iterator[_Use]:
    port = cluster.hazelcast.port
    number, span = (port.value, port.span) if port else (HAZELCAST_PORT, None)
    yield _Use(number, "Hazelcast", "hazelcast.port", span)
    if cluster.discovery.kind.value == "multicast":
        port = cluster.discovery.port
        yield _Use(port.value, "Hazelcast's multicast", "discovery.port", port.span)
    serves = {"nfs": (NFS_PORT, "the NFS server"), "cifs": (SMB_PORT, "the Samba server")}
    share = serves.get(cluster.storage.kind.value)
    if share and cluster.storage.node == node.name.value:
        yield _Use(*share)
    for server in cluster.database.on(node.name.value):
        yield _Use(server.port.value, "the database", "database.port", server.port.span)
    url = urlsplit(node.url.value)
    if url.port and url.port not in TOMCAT_PORTS:
        yield _Use(url.port, "the url", "url", node.url.span)
