"""What `build --check` shows of a file that is not what the spec compiles to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.formats import text_diff
from omconf.secrets import masked_lines
from omconf.views.visible import visible

if TYPE_CHECKING:
    from omconf.bundle.comparison import Difference


_UNENDED = "\n\\ No newline at end of file"
"""What diff writes below a line that does not end; it makes that line another one."""


def draw(difference: Difference) -> str:
    """Draw a difference as git does, for `patch -p1` and people; a large one in a sentence.

    Lines with secrets are hidden. A character that cannot be seen, such as the CR of a line that
    ends in CR LF, is an escape.
    """
    # What the spec compiles to holds no secret; what lies there may have been filled in by hand.
    ours = _lines(difference.new)
    theirs = _lines(difference.old)
    pairs = zip(theirs, masked_lines(theirs), strict=True)
    known = frozenset(ours)
    before = _ended([line if line in known else shown for line, shown in pairs], difference.old)
    ours = _ended(ours, difference.new)
    old = "/dev/null" if difference.kind == "missing" else f"a/{difference.path}"
    new = "/dev/null" if difference.kind == "extra" else f"b/{difference.path}"
    comparison = text_diff.compare(before, ours)
    head = _head(difference)
    if comparison.whole:
        (apart,) = comparison.ranges
        there = text_diff.counted(apart.old_end - apart.old_start)
        here = text_diff.counted(apart.new_end - apart.new_start)
        what = f"from line {apart.old_start + 1} on, {there} instead of {here}"
        diff = [f"{difference.path}: {difference.kind} ({what})"]
    elif comparison.ranges:
        diff = [*head, *text_diff.unified(before, ours, comparison.ranges, old, new)]
    else:
        diff = head if len(head) > 1 else [f"{difference.path}: {difference.kind}"]
    return "".join([_shown(line) for line in diff])


def _lines(data: bytes) -> list[str]:
    """Return the lines of a file, as diff has them: only LF ends one."""
    lines = data.decode("utf-8", "backslashreplace").split("\n")
    return lines if lines[-1] else lines[:-1]


def _ended(lines: list[str], data: bytes) -> list[str]:
    """Mark the last line of a file if it does not end."""
    if not lines or data.endswith(b"\n"):
        return lines
    return [*lines[:-1], lines[-1] + _UNENDED]


def _head(difference: Difference) -> list[str]:
    """Return the first lines of git for a file, with the modes if they differ.

    All files have them, as patch takes what one lacks from the file before. A missing one is 0644.
    """
    head = f"diff --git a/{difference.path} b/{difference.path}"
    if difference.kind == "different" and difference.old_mode != difference.new_mode:
        return [
            head,
            f"old mode 100{difference.old_mode:o}",
            f"new mode 100{difference.new_mode:o}",
        ]
    if difference.kind == "missing":
        return [head, f"new file mode 100{difference.new_mode:o}"]
    return [head]


def _shown(line: str) -> str:
    text, unended, _ = line.partition(_UNENDED)
    return visible(text) + unended + "\n"
