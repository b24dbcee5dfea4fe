"""A block of lines between omconf's markers, in a file that others edit too.

A hand-made line outside the block that says what the block is to say is adopted: it is what is deployed
now, and it goes when the block is written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from omconf.artifacts.model import BlockKind
from omconf.diagnostics import Finding
from omconf.formats import block
from omconf.ownership.model import Owned, Present
from omconf.rules import DUPLICATE_ENTRY
from omconf.secrets import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omconf.artifacts.contents import Artifact
    from omconf.artifacts.model import Kind
    from omconf.ownership.model import Reader


class Block(Owned):
    """The lines between the markers are omconf's."""

    folder = "blocks"
    listed_when_new = True

    def present(
        self, kind: Kind, cluster: str, text: str, artifact: Artifact | None, read: Reader
    ) -> Present:
        """Read the entries of the block, and those outside that are adopted.

        Gives OM312 when the markers do not pair up, OM311 for an entry that stands twice. One that
        stands in another cluster's block is that cluster's: the file is left alone.
        """
        assert isinstance(kind, BlockKind)  # noqa: S101 - what a kind with this ownership is
        found = block.find(text, cluster)
        if isinstance(found, Finding):
            return Present(findings=(found,), broken=True)
        outside, findings = kind.entries(block.outside(text, found))
        if not kind.textual:  # a line of others that a shell cannot read ends the whole script
            findings = [block.of_others(finding) for finding in findings]
        aliases = artifact.aliases if artifact else {}
        known = [kind.known_key(entry.key, aliases) for entry in outside]
        outside = [
            e if e.key == key else replace(e, key=key)
            for e, key in zip(outside, known, strict=True)
        ]
        inside, inner = kind.entries(block.inside(text, found))
        wanted = kind.counted(kind.entries(artifact.text)[0]) if artifact else {}
        others = [] if kind.textual else block.of_other_clusters(text, cluster)
        theirs = [(e, name) for name, lines in others for e in outside if e.line in lines]
        if shared := [_shared(e, name) for e, name in theirs if e.key in wanted]:
            return Present(findings=(*findings, *inner, *shared), broken=True)
        after = kind.behind(block.behind(text, found)) if found else []
        items = {key: entry.value for key, entry in kind.counted(inside).items()}
        adopted = [e for e in outside if e.key in wanted]
        adopted += kind.mistakes(outside, adopted)
        kept = frozenset(adopted)
        beside = kind.beside([entry for entry in outside if entry not in kept], wanted)
        beside += kind.rivals([entry for entry in adopted if entry.key not in items])
        # Where the entry that counts is another one, the plan replaces the block.
        right = {key for key, entry in wanted.items() if items.get(key) == entry.value}
        beside += kind.rivals([entry for entry in inside if entry.key in right])
        twice = [_twice(entry) for entry in adopted if entry.key in items and not kind.textual]
        for entry in kind.counted(adopted).values():
            if entry.key not in items or (kind.textual and found and entry.line > found.line):
                items[entry.key] = entry.value  # of a script's lines the last one counts
        return Present(
            items,
            findings=(*findings, *inner, *after, *twice, *beside),
            adopted=tuple(adopted),
            ours=found is not None or bool(adopted),
        )

    def merge(
        self, kind: Kind, cluster: str, text: str | None, body: str | None, present: Present
    ) -> str | None:
        """Write the block where it was or at the end, or remove it; remove adopted entries."""
        # A script's block keeps its own line ends: a shell cannot read CR LF.
        merged = block.merge(text or "", cluster, body, present.adopted, adopt=not kind.textual)
        return None if text is None and not merged else merged

    def restored(
        self, kind: Kind, cluster: str, before: str | None, now: str, keys: Sequence[str]
    ) -> str | None:
        """Put the block back that was there, or none, and hand-made lines that it had adopted."""
        assert isinstance(kind, BlockKind)  # noqa: S101 - what a kind with this ownership is
        old, here = block.find(before or "", cluster), block.find(now, cluster)
        if isinstance(here, Finding) or isinstance(old, Finding):
            raise ValueError("its block markers do not match")
        body = old.body if old else None
        text = block.merge(now, cluster, body, adopt=not kind.textual)
        if before is None and not text:
            return None
        if kind.textual or here is None:
            return text
        ours = {entry.key for entry in kind.entries(here.body)[0]}
        there = {entry.key for entry in kind.entries(block.outside(now, here))[0]}
        # Entries of another cluster's block were never adopted: that cluster removed them.
        others = {
            line for _, lines in block.of_other_clusters(before or "", cluster) for line in lines
        }
        taken = [
            entry.whole
            for entry in kind.entries(block.outside(before or "", old))[0]
            if entry.key in ours - there and entry.line not in others
        ]
        lines = "".join((before or "")[start:end] for start, end in dict.fromkeys(taken))
        if not lines:
            return text
        text = text if not text or text.endswith("\n") else f"{text}\n"
        return f"{text}\n{lines}" if block.goes_on(text) else text + lines

    def is_written(
        self, kind: Kind, cluster: str, text: str, artifact: Artifact, present: Present
    ) -> bool:
        """Compare with what writing the block would give."""
        return self.merge(kind, cluster, text, artifact.text, present) == text

    def part(self, cluster: str, text: str) -> str | None:
        """Return the block with its markers."""
        found = block.find(text, cluster)
        if isinstance(found, Finding):
            return None
        return text[found.start : found.end] if found else ""


def _shared(entry: block.Entry, cluster: str) -> Finding:
    key, name = quoted(entry.key), quoted(cluster)
    return Finding(
        DUPLICATE_ENTRY,
        entry.line,
        f"`{key}` is on line {entry.line}, inside the block of cluster `{name}`.",
        f"Use another folder in one of the two specs. If `{name}` is this cluster's former name, use"
        " it again, or delete that block first.",
    )


def _twice(entry: block.Entry) -> Finding:
    message = f"`{quoted(entry.key)}` is on line {entry.line} and also inside the block."
    return Finding(
        DUPLICATE_ENTRY, entry.line, message, "Delete that line: the block already has the entry."
    )
