"""What Hazelcast would make of the spec's `hazelcast`, `public_address` and `member`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.artifacts.hazelcast.rendering import REMOVED_PROPERTIES, extra
from omconf.findings import plain_property
from omconf.formats import names
from omconf.hazelcast import deployed_members
from omconf.rules import CONTRADICTION
from omconf.secrets import in_plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.cluster.model import Cluster
    from omconf.diagnostics import Diagnostic
    from omconf.origin import Value

_ONE_FOR_ALL = ("hazelcast.local.localAddress", "hazelcast.local.publicAddress")
"""Properties that must differ between nodes."""


def diagnostics(cluster: Cluster) -> Iterator[Diagnostic]:
    """Report properties, elements and interfaces with which members would not find each other."""
    for name, value in cluster.hazelcast.properties.items():
        if name in REMOVED_PROPERTIES:
            message = f"The clustering page removes `{name}`; this would add it again."
            yield CONTRADICTION.at(value.span, message, hint="Remove it.")
        elif not name.startswith("hazelcast."):
            message = (
                f"`{name[:80]}` is not a Hazelcast property: their names start with `hazelcast.`."
            )
            yield CONTRADICTION.at(value.span, message)
        elif name in _ONE_FOR_ALL:
            message = f"`{name}` would give all nodes one address."
            hint = "Set `nodes.<name>.address` or `.public_address` of each node instead."
            yield CONTRADICTION.at(value.span, message, hint=hint)
        elif in_plain(name, value.value):
            yield plain_property(name, value.span)
    if cluster.hazelcast.extra:
        yield from extra(cluster).diagnostics
    chosen = cluster.hazelcast.interfaces
    if found := _no_match(cluster, chosen) if chosen else _names(cluster):
        yield found


def _no_match(cluster: Cluster, chosen: Value[str]) -> Diagnostic | None:
    """Report the first node whose address the interfaces pattern does not match."""
    for node in cluster.nodes if chosen.value != "none" else ():
        if not deployed_members.matches(chosen.value, node.address.value):
            message = f"`{chosen.value}` does not match {node.address.value}, the address of"
            hint = "Hazelcast starts only if one of the host's addresses matches."
            return CONTRADICTION.at(chosen.span, f"{message} `{node.name.value}`.", hint=hint)
    return None


def _names(cluster: Cluster) -> Diagnostic | None:
    """Report the first name in a member list, if the interfaces match only one node.

    Hazelcast ignores names whose address no interface matches, and starts alone (measured).
    """
    for member in (node.member for node in cluster.nodes if node.member):
        if not names.NUMERIC.fullmatch(member.value):
            message = (
                f"Hazelcast does not look for `{member.value}`: it ignores host names that do not"
                f" match its interfaces, and each node lists only its own address there."
            )
            hint = (
                "Set a pattern that matches all nodes: `hazelcast: {interfaces: 10.1.1.*}`, for"
                " example."
            )
            return CONTRADICTION.at(member.span, message, hint=hint)
    return None
