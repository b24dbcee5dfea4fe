"""What the journal of a unit says of why it does not run: the node's own words, hostile text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from omconf.apply.wire import Line

LINES = 10
SECONDS = 10
MAX_BYTES = 16 * 1024
"""Bytes of a unit's journal that are read: the last ones."""
MAX_LINE, MAX_TEXT = 200, 800
"""Characters of a line, and of all of them together."""


def ends(line: Line, unit: str, seconds: float, hide: Callable[[str], str]) -> str:
    """Quote the last lines of a unit's journal of so many seconds, secrets hidden.

    The text goes on with a message, and is empty where there are none. Raises LostError.
    """
    told = ["sh", "-c", 'journalctl --sync; exec journalctl "$@"', "sh"]
    told += ["-q", "-u", unit, "-n", str(LINES), "--no-pager", "-o", "cat"]
    # From now on back: the clock of the node may be another one.
    told += ["--since", f"-{math.ceil(seconds) + 1}s"]
    out = line.output(told, b"", seconds=SECONDS).out
    if len(out) > MAX_BYTES:
        out = out[-MAX_BYTES:].partition(b"\n")[2]
    # Before the text is cut anywhere: of a secret that was cut nothing would be known.
    text = hide(out.decode("utf-8", "replace"))
    lines = [one.strip()[:MAX_LINE] for one in text.splitlines() if one.strip()]
    while len(said := " | ".join(lines)) > MAX_TEXT:
        del lines[0]
    return f"; the journal of {unit} there ends: {said}" if said else ""
