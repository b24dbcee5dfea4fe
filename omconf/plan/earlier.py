"""What was applied to a node before, by its own manifest: only that may be deleted."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from omconf.bundle import applied
from omconf.dataclass import dataclass
from omconf.diagnostics import Finding
from omconf.regex import regex
from omconf.rules import UNBELIEVABLE, UNUSABLE_FILE
from omconf.secrets import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from omconf.bundle.applied import Entry
    from omconf.deployed.snapshot import DeployedFile

_NAME = regex("[a-z0-9-]{1,63}")


@dataclass(frozen=True, slots=True)
class Earlier:
    """The files that count, by path, and what is to be reported of the manifest.

    It is not `known` what was applied where the manifest cannot be read.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)
    finding: Finding | None = None
    known: bool = True


def read(
    manifest: DeployedFile | None,
    cluster: str,
    settings: Mapping[str, str] | None,
    names: Collection[str],
) -> Earlier:
    """Read a node's manifest, None where there is none.

    `settings` are the node's (see cluster/places.py), None of a node that left. `names` are those that
    the manifest may have been written for, where that matters: of a clone, or of two nodes on one
    host, it is another node's.
    """
    if manifest and manifest.problem:
        return Earlier(finding=manifest.problem, known=False)
    if manifest is None or manifest.data is None:
        return Earlier()
    try:
        found = applied.read(manifest.data, cluster, settings)
    except ValueError as error:
        message = f"The node's manifest cannot be used: {error}."
        hint = "Restore it from a backup. If you remove it, files that it lists are not deleted."
        return Earlier(finding=Finding(UNUSABLE_FILE, 0, message, hint), known=False)
    if names and found.node not in names:
        return Earlier(finding=_of_another(found.node))
    return Earlier(
        found.entries, _unbelievable(manifest.data, found.refused) if found.refused else None
    )


def _of_another(node: str | None) -> Finding:
    """Report a manifest that tells what was applied to another node: nothing that it lists counts."""
    whose = f"for the node {quoted(node)}" if node else "for no node"
    message = f"The node's manifest was written {whose}: no whole file that it lists is deleted."
    name = node if node and _NAME.fullmatch(node) else "NAME"
    hint = (
        "A host can be only one node. If this is that node under a new name, add"
        f" `renamed_from: {name}`"
        " to it; if it is a copy of another node, remove the manifest."
    )
    return Finding(UNBELIEVABLE, 0, message, hint)


def _unbelievable(manifest: bytes, refused: Mapping[str, str]) -> Finding:
    """Report the entries of a manifest that do not count: nothing that they name is touched."""
    first, why = next(iter(refused.items()))
    more = f" The same applies to {len(refused) - 1} more." if len(refused) > 1 else ""
    message = f"The node's manifest lists {quoted(first)}, which omconf did not write: {why}.{more}"
    hint = "It is not changed. Find out who changed the manifest, and remove the entry."
    return Finding(UNBELIEVABLE, applied.line_of(manifest, first), message, hint)
