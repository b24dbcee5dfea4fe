"""A block in a file of others: the entries that are there, inside it and out, and those wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from omconf.diagnostics import Finding, Rule, Severity
from omconf.formats import block
from omconf.secrets import quoted

if TYPE_CHECKING:
    from omconf.artifacts.model import Artifact, BlockKind

TWICE = Rule("OM311", Severity.ERROR, "the same entry both inside and outside the block")


@dataclass(frozen=True, slots=True)
class InBlock:
    """What counts now and what is wanted, by key; hand-made entries that the block takes over."""

    found: block.Block | None
    present: dict[str, str]
    desired: dict[str, str]
    taken: list[block.Entry]
    findings: list[Finding]


def read(kind: BlockKind, cluster: str, text: str, artifact: Artifact | None) -> InBlock | Finding:
    """Read a file with (or without) the cluster's block; OM312 when its markers do not pair up."""
    found = block.find(text, cluster)
    if isinstance(found, Finding):
        return found
    outside, findings = kind.entries(block.outside(text, found))
    inside, inner = kind.entries(block.inside(text, found))
    after = kind.behind(block.behind(text, found)) if found else []
    wanted = kind.counted(kind.entries(artifact.text)[0]) if artifact else {}
    desired = {key: entry.value for key, entry in wanted.items()}
    present = {key: entry.value for key, entry in kind.counted(inside).items()}
    ours = frozenset(present)
    taken = [e for e in outside if e.key in desired]
    taken += kind.slips(outside, taken)
    twice = [_twice(entry) for entry in taken if entry.key in ours]
    for entry in taken:
        present.setdefault(entry.key, entry.value)
    return InBlock(found, present, desired, taken, [*findings, *inner, *after, *twice])


def _twice(entry: block.Entry) -> Finding:
    message = f"`{quoted(entry.key)}` stands in line {entry.line} and inside the block too."
    return Finding(TWICE, entry.line, message, "Delete that line: the block holds the entry.")
