"""What `build --check` shows of a file that is not what the spec compiles to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.formats import text_diff
from omconf.secrets import masked_lines
from omconf.views.visible import visible

if TYPE_CHECKING:
    from omconf.bundle.comparison import Difference


def draw(difference: Difference) -> str:
    """Draw a difference as a unified diff, lines with secrets hidden; a large one in a sentence."""

    def lines(data: bytes) -> list[str]:
        return data.decode("utf-8", "replace").splitlines()

    # What the spec compiles to holds no secret; what lies there may have been filled in by hand.
    ours = lines(difference.new)
    theirs = lines(difference.old)
    pairs = zip(theirs, masked_lines(theirs), strict=True)
    known = frozenset(ours)
    before = [line if line in known else shown for line, shown in pairs]
    old = "/dev/null" if difference.kind == "missing" else f"a/{difference.path}"
    new = "/dev/null" if difference.kind == "extra" else f"b/{difference.path}"
    comparison = text_diff.compare(before, ours)
    if not comparison.ranges:
        return visible(f"{difference.path}: {difference.kind}") + "\n"
    if comparison.whole:
        (apart,) = comparison.ranges
        there = text_diff.counted(apart.old_end - apart.old_start)
        here = text_diff.counted(apart.new_end - apart.new_start)
        what = f"from line {apart.old_start + 1} on, {there} instead of {here}"
        return visible(f"{difference.path}: {difference.kind} ({what})") + "\n"
    diff = text_diff.unified(before, ours, comparison.ranges, old, new)
    return "".join([visible(line) + "\n" for line in diff])
