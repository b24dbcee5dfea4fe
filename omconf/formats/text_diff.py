"""Which lines of two texts differ, in a bounded number of steps whatever the texts are.

difflib finds the lines that moved least, in time that grows with the square of the lines, and with
their cube where many are the same. What a node holds is hostile input, so that equal lines at both
ends are cut off first, and what is left between them is compared only where that takes few steps.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_STEPS = 20_000_000
"""Comparisons of lines that difflib may make: about 10 seconds where it needs all of them."""
MAX_CHANGED = 4_000
"""Lines between the equal ends of two texts that are compared one by one."""
_CONTEXT = 3


@dataclass(frozen=True, slots=True)
class Range:
    """Lines `old_start` to `old_end` (exclusive, from 0) of a text that are others in the new one."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, in order; with `whole`, all between the equal ends is one range, unread."""

    ranges: tuple[Range, ...]
    whole: bool = False


def compare(old: Sequence[str], new: Sequence[str]) -> Comparison:
    """Find the ranges of lines in which two texts differ."""
    head = 0
    shorter = min(len(old), len(new))
    while head < shorter and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < shorter - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    between = Range(head, len(old) - tail, head, len(new) - tail)
    before, after = old[head : between.old_end], new[head : between.new_end]
    if not before and not after:
        return Comparison(())
    if not before or not after:
        return Comparison((between,))
    if max(len(before), len(after)) > MAX_CHANGED or _steps(before, after) > MAX_STEPS:
        return Comparison((between,), whole=True)
    return Comparison(tuple(_ranges(before, after, head)))


def counted(lines: int) -> str:
    """Return a number of lines in words: `1 line`, `1,200 lines`."""
    return "1 line" if lines == 1 else f"{lines:,} lines"


def _steps(old: Sequence[str], new: Sequence[str]) -> int:
    """Bound what difflib does: a pass over the old lines and their equals for each range it finds."""
    count = Counter(new)
    pairs = sum(count[line] for line in old)
    return (len(old) + pairs) * min(len(old), len(new))


def _ranges(old: Sequence[str], new: Sequence[str], head: int) -> Iterator[Range]:
    from difflib import SequenceMatcher

    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield Range(head + i1, head + i2, head + j1, head + j2)


def unified(
    old: Sequence[str], new: Sequence[str], ranges: Sequence[Range], old_name: str, new_name: str
) -> Iterator[str]:
    """Write ranges that differ as `diff -u` does, with three lines around each."""
    if ranges:
        yield f"--- {old_name}"
        yield f"+++ {new_name}"
    for hunk in _hunks(ranges):
        first, last = hunk[0], hunk[-1]
        before = min(_CONTEXT, first.old_start)
        after = min(_CONTEXT, len(old) - last.old_end)
        old_lines = _span(first.old_start - before, last.old_end + after)
        new_lines = _span(first.new_start - before, last.new_end + after)
        yield f"@@ -{old_lines} +{new_lines} @@"
        at = first.old_start - before
        for changed in hunk:
            yield from (" " + line for line in old[at : changed.old_start])
            yield from ("-" + line for line in old[changed.old_start : changed.old_end])
            yield from ("+" + line for line in new[changed.new_start : changed.new_end])
            at = changed.old_end
        yield from (" " + line for line in old[at : at + after])


def _hunks(ranges: Sequence[Range]) -> Iterator[list[Range]]:
    """Put ranges together whose lines around them touch."""
    hunk: list[Range] = []
    for changed in ranges:
        if hunk and changed.old_start - hunk[-1].old_end > 2 * _CONTEXT:
            yield hunk
            hunk = []
        hunk.append(changed)
    if hunk:
        yield hunk


def _span(start: int, end: int) -> str:
    """Write lines as a hunk's head does: the first one's number and how many there are."""
    if end - start == 1:
        return f"{start + 1}"
    return f"{start + 1 if end > start else start},{end - start}"
