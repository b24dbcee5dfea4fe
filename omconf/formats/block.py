"""The block: lines that omconf owns inside a file that others edit too (`/etc/exports`, fstab).

On a node the block stands between `# BEGIN omconf: CLUSTER` and `# END omconf: CLUSTER`, so one
host may serve two clusters. Everything outside is kept to the byte, except entries with the same
key as one of ours, which the block adopts.

All functions work on text. A caller decodes a file's bytes as UTF-8 with `surrogateescape` and
encodes them back the same way, so that foreign bytes survive. A line ends with a line feed; a
carriage return before it belongs to the line and is kept.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.diagnostics import Finding
from omconf.origin import FromFormat, Value
from omconf.regex import regex
from omconf.rules import BEYOND_LIMIT, BROKEN_BLOCK, BROKEN_LINE, UNUSABLE_FILE
from omconf.secrets import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

MARKERS = FromFormat("the markers around the lines that omconf owns in a file of others")

MAX_ENTRIES = 100_000
"""Entries of a file that are read: a cluster of 10,000 nodes has a tenth of them."""

_MARKER = regex(r"^# (BEGIN|END) omconf: (\S+)[ \t\r]*$", re.MULTILINE)

_CONTINUED = regex(r"\\[ \t\v\f\r]*\n(?P<empty>(?:\r?\n)*)\Z")
"""A last line that goes on after a backslash: to Samba also with blanks behind it, or after two."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a line-based file: what one line, or one of several words of a line, says.

    `line` and `last_line` count the physical lines from 1. `span` is what goes when this entry
    alone is adopted, `whole` the logical line (with its line end) that goes when all of its
    `siblings` entries are; both are character offsets, the end exclusive. `unnamed` is an entry
    whose key is not written there: an export to the world by a bracket alone.
    """

    key: str
    value: str
    line: int
    last_line: int
    span: tuple[int, int]
    whole: tuple[int, int]
    siblings: int = 1
    unnamed: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """Where a cluster's block stands: offsets with the markers, the line of the BEGIN marker.

    `body` is what stands between the markers, as it is in the file.
    """

    start: int
    end: int
    line: int
    body: str


def of_others(finding: Finding) -> Finding:
    """Report a broken line that is not omconf's as one that does not stop a plan: OM329."""
    return replace(finding, rule=BROKEN_LINE) if finding.rule is UNUSABLE_FILE else finding


def too_many(line: int) -> Finding:
    """Report that a file has more than MAX_ENTRIES entries: reading ends at this line."""
    message = f"The file has more than {MAX_ENTRIES:,} entries: omconf ignores the rest."
    return Finding(BEYOND_LIMIT, line, message)


def markers(cluster: Value[str]) -> tuple[Value[str], Value[str]]:
    """Return the lines before and after a cluster's block; they come from the cluster's name."""
    begin, end = (f"# {word} omconf: {cluster.value}" for word in ("BEGIN", "END"))
    return Value(begin, cluster.origin), Value(end, cluster.origin)


def find(text: str, cluster: str) -> Block | Finding | None:
    """Find the cluster's block; a finding of OM312 when its markers do not pair up.

    Blocks of other clusters are foreign lines, but none may stand inside ours: it would be lost.
    """
    begin: re.Match[str] | None = None
    block: Block | None = None
    for marker in _MARKER.finditer(text):
        word, name = marker.groups()
        if name != cluster:
            if begin is not None:
                what = f"A marker of cluster `{quoted(name)}`"
                return _broken(text, marker, f"{what} is inside the block of `{cluster}`.")
        elif word == "BEGIN":
            if begin is not None:
                message = f"A second BEGIN of `{cluster}` comes before the END of the first."
                return _broken(text, marker, message)
            if block is not None:
                message = f"A second block of `{cluster}`: the first begins on line {block.line}."
                return _broken(text, marker, message)
            begin = marker
        elif begin is None:
            return _broken(text, marker, f"An END of `{cluster}` without its BEGIN.")
        else:
            opened = _line_of(text, begin)
            body = text[begin.end() + 1 : marker.start()]
            block = Block(begin.start(), min(marker.end() + 1, len(text)), opened, body)
            begin = None
    if begin is not None:
        return _broken(text, begin, f"A BEGIN of `{cluster}` without its END.")
    return block


def of_other_clusters(text: str, cluster: str) -> list[tuple[str, range]]:
    """List the blocks of other clusters: the cluster's name, and the lines, from 1.

    One without its END ends before the next marker, or with the file.
    """
    found: list[tuple[str, range]] = []
    begin: re.Match[str] | None = None
    for marker in (*_MARKER.finditer(text), None):
        if begin is not None and begin[2] != cluster:
            end = _line_of(text, marker) if marker else text.count("\n") + 2
            found.append((begin[2], range(_line_of(text, begin), end)))
        begin = marker if marker and marker[1] == "BEGIN" else None
    return found


def _line_of(text: str, marker: re.Match[str]) -> int:
    return text.count("\n", 0, marker.start()) + 1


def _broken(text: str, marker: re.Match[str], message: str) -> Finding:
    hint = "Keep exactly one BEGIN line and one END line of the cluster, or remove both."
    return Finding(BROKEN_BLOCK, _line_of(text, marker), message, hint)


def outside(text: str, block: Block | None) -> str:
    """Blank the block, so that line numbers and offsets of the rest stay as they are."""
    if block is None:
        return text
    return text[: block.start] + _blank(text[block.start : block.end]) + text[block.end :]


def inside(text: str, block: Block | None) -> str:
    """Blank all but the block; the opposite of `outside`."""
    if block is None:
        return _blank(text)
    before, after = text[: block.start], text[block.end :]
    return _blank(before) + text[block.start : block.end] + _blank(after)


def behind(text: str, block: Block) -> str:
    """Blank all up to the block's end."""
    return _blank(text[: block.end]) + text[block.end :]


def _blank(text: str) -> str:
    # Carriage returns go as well: on a line of its own, one makes exportfs stop reading.
    return re.sub(r"[^\n]", " ", text)


def merge(
    text: str,
    cluster: str,
    body: str | None,
    taken: Iterable[Entry] = (),
    *,
    adopt: bool = True,
) -> str:
    """Return the new file: with the block where it was, or at the end, or without it for None.

    `body` is what stands between the markers, or all of an artifact's text with them; its lines get
    the file's line ends (with `adopt`: a shell cannot read CR LF). `taken` are entries of
    `outside(text, ...)` that go because the block holds them now. Raises ValueError for broken
    markers, in the text or in the body.

    An empty line stands before the block where the line before would go on in it; it goes with the
    block.
    """
    block = find(text, cluster)
    if isinstance(block, Finding):
        raise ValueError(block.message)
    start, end = (block.start, block.end) if block else (len(text), len(text))
    cuts = _cuts(taken)
    before, after = _without(text, 0, start, cuts), _without(text, end, len(text), cuts)
    if body is None:
        return (_without_empty_line(before) if block and not after else before) + after
    ours = _block_of(cluster, body)
    crlf = adopt and _has_crlf(before + after, text)
    if before and not before.endswith("\n"):
        before += "\r\n" if crlf and not before.endswith("\r") else "\n"
    # The line is added beside one that is there: removing the block removes one.
    if (last := _CONTINUED.search(before)) and not (block and last["empty"]):
        before += "\r\n" if crlf else "\n"
    return before + (ours.replace("\n", "\r\n") if crlf else ours) + after


def as_laid(part: str) -> str:
    """Return a block as a bundle holds it: in a file it has the line ends of that."""
    return f"{part.rstrip()}\n".replace("\r\n", "\n")


def goes_on(text: str) -> bool:
    """Tell whether what is appended to a text becomes part of its last line, after a backslash."""
    found = _CONTINUED.search(text)
    return found is not None and not found["empty"]


def _without_empty_line(text: str) -> str:
    found = _CONTINUED.search(text)
    if found is None or not found["empty"]:
        return text
    return text.removesuffix("\n").removesuffix("\r")


def _block_of(cluster: str, body: str) -> str:
    own = find(body, cluster)
    if isinstance(own, Block) and own.end - own.start == len(body):
        body = own.body
    if _MARKER.search(body):
        raise ValueError("a marker inside the body of a block")
    body = body.replace("\r\n", "\n")
    if body and not body.endswith("\n"):
        body += "\n"
    return f"# BEGIN omconf: {cluster}\n{body}# END omconf: {cluster}\n"


def _has_crlf(rest: str, text: str) -> bool:
    """Tell whether lines end with CRLF, by the first one that is not the block's, if there is one."""
    for lines in (rest, text):
        first, newline, _ = lines.partition("\n")
        if newline or first.endswith("\r"):
            return first.endswith("\r")
    return False


def _cuts(taken: Iterable[Entry]) -> list[tuple[int, int]]:
    by_line: dict[tuple[int, int], set[Entry]] = {}
    for entry in taken:
        by_line.setdefault(entry.whole, set()).add(entry)
    cuts: list[tuple[int, int]] = []
    for whole, entries in by_line.items():
        all_of_them = len(entries) == max(entry.siblings for entry in entries)
        cuts += [whole] if all_of_them else [entry.span for entry in entries]
    return sorted(cuts)


def _without(text: str, start: int, end: int, cuts: list[tuple[int, int]]) -> str:
    kept: list[str] = []
    at = start
    for first, last in cuts:
        if first < end and last > at:
            kept.append(text[at : max(at, first)])
            at = min(last, end)
    return "".join((*kept, text[at:end]))
