"""What a terminal, a log or a browser may be given: text from files nobody vouches for, made visible.

Everything that has no picture of its own is written as an escape: control characters (also C1),
those that turn the direction of text or have no width, separators of lines and paragraphs, and halves
of characters. JSON needs none of this: it is printed in ASCII.
"""

from __future__ import annotations

from omconf.regex import regex

# Printable for Python, but drawn as nothing: Unicode's Default_Ignorable_Code_Point, and a blank.
_BLANK = regex(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_COLOUR = regex(r"(\x1b\[[0-9;]{1,9}m)")


def visible(text: str) -> str:
    """Write what cannot be seen in a text as escapes, line breaks too."""
    if text.isprintable() and (text.isascii() or not _BLANK.search(text)):
        return text
    return "".join(
        c if c.isprintable() and not _BLANK.match(c) else c.encode("unicode_escape").decode()
        for c in text
    )


def lines(text: str, *, colour: bool = False) -> str:
    """Write what cannot be seen in a drawn text as escapes, all but line breaks (and colours)."""
    return "\n".join(_line(line, colour=colour) for line in text.split("\n"))


def _line(text: str, *, colour: bool) -> str:
    if not colour or "\x1b" not in text:
        return visible(text)
    parts = _COLOUR.split(text)
    return "".join(part if n % 2 else visible(part) for n, part in enumerate(parts))
