"""Names that the cluster relies on, and to which addresses the nodes' own /etc/hosts resolve them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.adopt import host, member_list
from omconf.adopt.mounts import REMOTE, mounts
from omconf.artifacts.hazelcast import KIND as HAZELCAST
from omconf.formats.names import NUMERIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omconf.adopt.model import Seen

PATH = "/etc/hosts"


def members(nodes: Sequence[Seen]) -> set[str]:
    """Return the names in the member lists that are in force, in lower case."""
    found: set[str] = set()
    for node in nodes:
        reading = HAZELCAST.read(node.text(node.path(HAZELCAST.places[0])) or "")
        listed = member_list.listed(reading, {}) or {}
        found |= {host.lower().rstrip(".") for host, _ in listed.values()}
    return {name for name in found if not NUMERIC.fullmatch(name)}


def servers(nodes: Sequence[Seen]) -> set[str]:
    """Return the names of the servers of the data folder and of the database, in lower case."""
    found = {m.server for node in nodes for m in mounts(node) if m.kind in REMOTE}
    for node in nodes:
        if fact := node.fact("database", "host"):
            listed = fact.value if isinstance(fact.value, list) else [fact.value]
            found |= {str(each["host"] if isinstance(each, dict) else each) for each in listed}
    return {name.lower().rstrip(".") for name in found if not NUMERIC.fullmatch(name)}


def resolved(node: Seen, names: set[str]) -> dict[str, tuple[str, int]]:
    """Return the addresses that a node's /etc/hosts has for `names`, each with its first line."""
    found: dict[str, tuple[list[str], int]] = {}
    for name, address, line in host.hosts(node):
        if name in names:
            addresses, _ = found.setdefault(name, ([], line))
            addresses += [address] * (address not in addresses)
    return {name: (", ".join(addresses), line) for name, (addresses, line) in found.items()}
