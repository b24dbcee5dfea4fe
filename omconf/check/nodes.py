"""Rules about the nodes: each is told from every other by address and url (OM201 to OM209)."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from omconf.check.urls import better_url, webapp_path
from omconf.cluster.ports import HAZELCAST_PORT, REMOTE_COMMIT_PORT
from omconf.diagnostics import Diagnostic, Rule, Severity
from omconf.rules import (
    NOT_A_URL,
    NUMERIC_URL,
    ONE_NAT,
    ONE_NODE,
    OTHER_PATH,
    RENAMED,
    SAME_ADDRESS,
    SAME_NAME,
    SAME_URL,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.cluster.model import Cluster, Node
    from omconf.origin import Value


def check(cluster: Cluster) -> Iterator[Diagnostic]:
    """Check what tells the nodes apart."""
    # As the others see a node: its members, those beyond NAT, the data server. Where two have one
    # address, each behind NAT of its own, others see the public ones; one NAT tells them by port.
    port = cluster.hazelcast.port.value if cluster.hazelcast.port else HAZELCAST_PORT
    inside = [n for n in cluster.nodes if n.public_address is None]
    seen = [(n, n.seen_at, _endpoint(n, port)) for n in cluster.nodes]
    # Where the data server's own files name no node, it need not tell them apart.
    named = cluster.storage.kind.value != "mounted" and not cluster.storage.clients
    known = cluster.nodes if named else ()
    stored = [(n, n.storage_address, n.storage_address.value) for n in known]
    plain = [(n, n.address, n.address.value) for n in inside]
    for addresses, of_storage in ((plain, False), (seen, False), (stored, True)):
        values = [(n.name.value, a, key, _said_by(n, a)) for n, a, key in addresses]
        yield from _twice(SAME_ADDRESS, values, of_storage=of_storage)
    yield from _itself(cluster, port)
    yield from _listed_twice(cluster, port)
    yield from _behind_one(cluster)
    yield from _twice(
        SAME_URL,
        [(n.name.value, n.url, _normal(n.url.value), "url") for n in cluster.nodes],
    )
    called = [(n.name.value, n.instance_name) for n in cluster.nodes]
    values = [(node, name, name.value, "instance_name") for node, name in called]
    yield from (replace(d, severity=Severity.ERROR) for d in _twice(SAME_NAME, values))
    if len(cluster.nodes) == 1:
        yield ONE_NODE.at(
            cluster.nodes[0].name.span,
            f"`{cluster.nodes[0].name.value}` is the only node: one node is not a cluster.",
            hint="Add a second node under `nodes:`.",
        )
    yield from _renamed(cluster)
    path = webapp_path(cluster)
    for node in cluster.nodes:
        parts = urlsplit(node.url.value)
        if parts.scheme != "https":
            yield NOT_A_URL.at(
                node.url.span,
                f"The url of `{node.name.value}` is not https: browsers deny it "
                "the camera and the microphone.",
                hint=f"Write `{better_url(cluster, node)}`.",
                severity=Severity.WARNING,
            )
        if _is_address(parts.hostname or ""):
            yield NUMERIC_URL.at(
                node.url.span,
                f"The url of `{node.name.value}` uses an IP address, which may break HTTPS.",
                hint=f"Use the host name of the certificate, as in `{better_url(cluster, node)}`.",
            )
        if parts.path.rstrip("/") != path:
            yield OTHER_PATH.at(
                node.url.span,
                f"The url of `{node.name.value}` ends in `{parts.path or '/'}`, but the webapp"
                f" answers at `{path or '/'}`.",
                hint=f"Write `{better_url(cluster, node)}`, unless a proxy maps the path.",
            )


def _endpoint(node: Node, port: int) -> str:
    """Where the others reach its Hazelcast."""
    return f"{node.seen_address.value}:{node.public_port.value if node.public_port else port}"


def _itself(cluster: Cluster, port: int) -> Iterator[Diagnostic]:
    """Find nodes that one behind NAT cannot reach: what others see of them is its own address.

    Two private networks may have one address twice where both nodes have a public one.
    """
    own: dict[str, list[Node]] = {}
    for node in cluster.nodes:
        if node.public_address:
            own.setdefault(f"{node.address.value}:{port}", []).append(node)
    for node in cluster.nodes:
        behind = own.get(_endpoint(node, port), ())[:2]
        other = next((found for found in behind if found is not node), None)
        # If others see both at one address, that is already reported.
        if other is None or _endpoint(other, port) == _endpoint(node, port):
            continue
        name, key = node.name.value, "public_address" if node.public_address else "address"
        yield SAME_ADDRESS.at(
            node.seen_address.span,
            f"`{other.name.value}` cannot reach `{name}`: the `{key}` of `{name}`,"
            f" {node.seen_address.value}, is also the `address` of `{other.name.value}` itself.",
            hint=f"Correct the `{key}`, or the `address` of `{other.name.value}`."
            if node.public_address
            else f"Set a `public_address` for `{name}` as well, or change its `address`.",
        )


def _listed_twice(cluster: Cluster, port: int) -> Iterator[Diagnostic]:
    """Find nodes that the member list calls by another's name, or by its address."""
    owners: dict[str, Node] = {}
    for node in cluster.nodes:
        owners.setdefault(_endpoint(node, port), node)
    for node in cluster.nodes:
        if node.member is None:
            continue
        number = node.public_port.value if node.public_port else port
        other = owners.setdefault(f"{node.member.value.lower()}:{number}", node)
        if other is node:
            continue
        name, by = node.name.value, other.name.value
        message = f"`{name}` has the same `member` as `{by}`: {node.member.value}."
        if other.member is None or other.member.value.lower() != node.member.value.lower():
            key = "public_address" if other.public_address else "address"
            message = f"The `member` of `{name}` is the `{key}` of `{by}`: {node.member.value}."
        yield SAME_ADDRESS.at(node.member.span, message, hint=_HINTS["member"])


def _behind_one(cluster: Cluster) -> Iterator[Diagnostic]:
    """Find nodes that NAT tells apart by Hazelcast's port alone.

    OpenMeetings hands OpenJPA the members' addresses without their ports, so remote commits for all
    of these go to one port of one address (measured with 9.1.0).
    """
    first: dict[str, Node] = {}
    for node in cluster.nodes:
        other = first.setdefault(node.seen_address.value, node)
        if other is not node and (node.public_port or other.public_port):
            yield ONE_NAT.at(
                node.seen_address.span,
                f"`{node.name.value}` and `{other.name.value}` are both seen at"
                f" {node.seen_address.value}: remote commits, to port {REMOTE_COMMIT_PORT} there,"
                " reach one of them, and the other serves stale data.",
                hint="Give each node its own public address, or connect their networks by a VPN.",
            )


def _renamed(cluster: Cluster) -> Iterator[Diagnostic]:
    """A name that is still used, or that two nodes claim, is no earlier name."""
    names = {node.name.value for node in cluster.nodes}
    taken: dict[str, str] = {}
    for node in cluster.nodes:
        if node.renamed_from is None:
            continue
        earlier = node.renamed_from.value
        message = ""
        if earlier in names:
            message = f"`{node.name.value}` cannot have been `{earlier}`, which is still a node."
        elif earlier in taken:
            message = (
                f"`{node.name.value}` and `{taken[earlier]}` cannot both have been `{earlier}`."
            )
        if message:
            hint = "Write the name that the node had in the spec before, or remove the key."
            yield RENAMED.at(node.renamed_from.span, message, hint=hint)
        taken.setdefault(earlier, node.name.value)


_HINTS = {
    "url": "Users reach each node by its own url; use `{name}` or `{address}` in node_defaults.",
    "address": "Every node needs an address of its own.",
    "member": "The member list names each node once; in node_defaults write `{name}`.",
    "instance_name": "OpenMeetings confuses members that share a name: give each node its own.",
    "public_address": "Give each node its own; different ports are enough for Hazelcast only.",
}
_STORAGE_HINT = "Give each node a `storage_address`: the address that the data server sees."


def _said_by(node: Node, address: Value[str]) -> str:
    """Return the key of the spec that gives an address."""
    if address.span == node.address.span:
        return "address"
    public = node.public_address
    return "public_address" if public and address.span == public.span else "storage_address"


def _twice(
    rule: Rule, values: list[tuple[str, Value[str], str, str]], *, of_storage: bool = False
) -> Iterator[Diagnostic]:
    """Report what stands twice: (node, value, what is compared, the key that gives it)."""
    first: dict[str, tuple[str, str]] = {}
    for name, value, compared, key in values:
        other, by = first.setdefault(compared, (name, key))
        if other == name:
            continue
        message = f"`{name}` has the same `{key}` as `{other}`: {value.value}."
        hint = _HINTS.get(key, _STORAGE_HINT)
        if key != by:
            message = f"The `{key}` of `{name}` is the `{by}` of `{other}`: {value.value}."
        if of_storage and (key, by) != ("address", "address"):
            hint = _STORAGE_HINT
            if key == by == "public_address":
                message = (
                    f"The data server sees `{name}` and `{other}` at the same"
                    f" `{key}`: {value.value}."
                )
        yield rule.at(value.span, message, hint=hint)


def _normal(url: str) -> str:
    """Two spellings of one url: case of the host, the scheme's own port, a slash at the end."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{parts.hostname}:{port}{parts.path.rstrip('/')}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
