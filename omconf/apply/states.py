"""What a node has when an apply or an undo ends: which files, and whether OpenMeetings read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from omconf.apply.written import digest
from omconf.cluster import places
from omconf.dataclass import dataclass
from omconf.plan.digest import ABSENT

if TYPE_CHECKING:
    from collections.abc import Collection

    from omconf.apply.node import Node
    from omconf.apply.programs import Did

Files = Literal["new", "mixed", "unchanged", "unknown"]


@dataclass(frozen=True, slots=True)
class State:
    """One node at the end.

    `files` tells of those that the apply changes: all are new, some (`mixed`), or none. `service` is
    what was done with OpenMeetings last, `healthy` what the check said after that; None: not known.
    """

    node: str
    files: Files
    service: Did
    healthy: bool | None = None


def of_node(node: Node, lost: Collection[str]) -> State:
    """Return the state of a node at the end; of a lost one nothing is known."""
    if node.name in lost:
        return State(node.name, "unknown", "unknown")
    return State(node.name, _files(node), node.service, node.healthy)


def _files(node: Node) -> Files:
    """Compare what was written; of a manifest omconf alone takes note."""
    first = {
        w.path: digest(w.before) for w in reversed(node.written) if not places.is_manifest(w.path)
    }
    last = {w.path: w.now for w in node.written}
    # What a person edited is no longer the apply's alone, and of what a person deleted nothing is left.
    edited = {w.path: w.found for w in node.written if w.conflict and w.found}
    new = {p for p, before in first.items() if last[p] != before and edited.get(p) != ABSENT}
    restored = {w.path for w in node.written if w.path in first and w.now != first[w.path]} - new
    if not new:
        return "unchanged"
    return "mixed" if restored or new & edited.keys() or _pending(node, first) else "new"


def _pending(node: Node, written: Collection[str]) -> bool:
    """Tell whether files were still to be written."""
    if node.targets is None:
        return False
    paths = {
        (p, gone) for p, gone in node.planned if p not in written and not places.is_manifest(p)
    }
    try:
        return any(node.targets.of(path, removed=gone).changes for path, gone in paths)
    except ValueError:  # it has no target any more
        return True
