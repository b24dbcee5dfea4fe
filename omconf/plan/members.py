"""The nodes that a cluster had at its last apply, as its other nodes remember them.

Each node keeps `NAME ADDRESS`, a line for each node, in a file of omconf's own state (apply/node.sh).
All of it is hostile input.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING

from omconf.cluster.places import STATE
from omconf.dataclass import dataclass
from omconf.diagnostics import Finding
from omconf.rules import FORGOTTEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omconf.cluster.model import Cluster
    from omconf.deployed.snapshot import NodeFiles, Snapshot

MAX_LINES = 10_000
"""Lines that are read."""
MAX_FORMER = 1_000
"""Former nodes that are remembered."""
MAX_NAMED = 50
"""Former nodes that get a finding of their own."""
_LINE = re.compile(r"(?P<name>[a-z0-9-]{1,63}) (?P<address>[0-9.]{7,15})")
HINT = (
    "Add `removed: {{{name}: {{ssh: DESTINATION}}}}` to the spec to have its files deleted by --ssh or"
    " --ansible. If the host no longer exists, `ignore` this rule."
)
MANY = "Only omconf writes this list: check its content, and who else can write there."
RENAMED = "If {new} is the same node, add `renamed_from: {name}` to it."


def place(cluster: str) -> str:
    """Where a node keeps it."""
    return f"{STATE.format(cluster=cluster)}/members"


def read(data: bytes) -> dict[str, tuple[str, int]]:
    """Read the addresses of nodes by name, each with its line; what makes no sense is left out."""
    lines = data.decode("ascii", "replace").split("\n", MAX_LINES)[:MAX_LINES]
    found = ((_LINE.fullmatch(line), number) for number, line in enumerate(lines, 1))
    return {line["name"]: (line["address"], number) for line, number in found if line}


@dataclass(frozen=True, slots=True)
class Former:
    """A node that the spec no longer has; `by` are the nodes that remember it, by their lines."""

    address: str = ""
    by: dict[str, int] = field(default_factory=dict)


def former(cluster: Cluster, nodes: Mapping[str, NodeFiles]) -> dict[str, Former]:
    """Find the nodes that the spec no longer has, by name; first those that most nodes remember.

    So what one node invents displaces none that the others know.
    """
    known = {node.name.value for node in cluster.nodes} | earlier(cluster)
    found: dict[str, Former] = {}
    others: dict[bytes, dict[str, tuple[str, int]]] = {}  # the nodes mostly keep the same
    for node, files in nodes.items():
        file = files.around.get(place(cluster.name.value))
        data = (file and file.data) or b""
        if data not in others:
            others[data] = {name: at for name, at in read(data).items() if name not in known}
        for name, (address, line) in others[data].items():
            found.setdefault(name, Former(address)).by[node] = line
    ranked = sorted(found.items(), key=lambda item: (-len(item[1].by), item[0]))
    return dict(ranked[:MAX_FORMER])


def earlier(cluster: Cluster) -> set[str]:
    """Return the former names of nodes that were renamed."""
    return {node.renamed_from.value for node in cluster.nodes if node.renamed_from}


def ignored(cluster: Cluster) -> bool:
    """Tell whether the spec says, by an `ignore`, that hosts of former nodes no longer exist."""
    return any(each.rule.value == FORGOTTEN.id for each in cluster.ignores)


def addresses(cluster: Cluster, nodes: Mapping[str, NodeFiles]) -> dict[str, str]:
    """Return the addresses of the nodes that the spec no longer has, by name."""
    return {name: each.address for name, each in former(cluster, nodes).items()}


def forgotten(
    cluster: Cluster, snapshot: Snapshot, committed: Iterable[str] = ()
) -> list[tuple[str | None, Finding]]:
    """Warn of each former node that nothing of the plan concerns, with a node that remembers it.

    `committed` are further ones, which a committed bundle directory holds.
    """
    handled = {*snapshot.left, *(node.name.value for node in cluster.removed)}
    found = former(cluster, snapshot.nodes)
    found |= {name: Former() for name in committed if name not in found}
    addresses = {node.address.value: node.name.value for node in cluster.nodes}
    every = [
        (next(iter(each.by), None), _finding(name, each, addresses.get(each.address)))
        for name, each in found.items()
        if name not in handled
    ]
    if len(every) <= MAX_NAMED:
        return every
    message = f"{len(every) - MAX_NAMED:,} more former nodes of this cluster are listed."
    by = every[MAX_NAMED][0]
    return [*every[:MAX_NAMED], (by, Finding(FORGOTTEN, 0, message, MANY if by else ""))]


def _finding(name: str, former: Former, same: str | None) -> Finding:
    message = (
        f"{name} was a node of this cluster but is neither in `nodes` nor in `removed`: "
        "nothing is stopped or deleted there."
    )
    renamed = f"{RENAMED.format(new=same, name=name)} Otherwise: " if same else ""
    line = next(iter(former.by.values()), 0)
    return Finding(FORGOTTEN, line, message, renamed + HINT.format(name=name))


def text(cluster: Cluster, remembered: Mapping[str, str]) -> bytes:
    """Return the list that a node keeps: the nodes of the spec, and those `remembered`."""
    every = {**remembered, **{node.name.value: node.address.value for node in cluster.nodes}}
    return "".join(f"{name} {address}\n" for name, address in sorted(every.items())).encode()
