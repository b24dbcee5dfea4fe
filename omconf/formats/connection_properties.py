"""`openjpa.ConnectionProperties`: pairs in one string, split at commas, with quotes of a strange kind.

Source: measured with OpenJPA 4.1.1 and 49 passwords. A value is taken as it stands, trimmed, unless it
starts with a quote or holds a comma; see `quote` for what then works. A closing quote must be followed
by the comma at once, so pairs are never written with a space before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRIMMED = "".join(map(chr, range(0x21)))
"""What Java's String.trim removes at both ends."""


def quote(value: str) -> str:
    """Write a value so that OpenJPA reads it back unchanged.

    Raises ValueError, with the reason and never the value, where no form of it would be.
    """
    if value != value.strip(_TRIMMED):
        raise ValueError("leading or trailing white space is lost")
    first, comma, rest = value.partition(",")
    if not comma:
        return f'"{value}"' if value.startswith(("'", '"')) else value
    if first != first.rstrip(_TRIMMED):
        raise ValueError("white space just before the first comma is lost")
    *middle, last = rest.split(",")
    for mark in "\"'":
        if not first.endswith(mark) and not any(mark in part for part in middle):
            if mark in last:
                head = value[: len(value) - len(last)]
                return f"{mark}{head}{mark}{last}"
            return f"{mark}{value}{mark}"
    raise ValueError("it holds commas and both kinds of quotes where neither can enclose it")


def split(text: str) -> list[tuple[str, str]]:
    """Read the pairs as OpenJPA does; a word without `=` is its own value."""
    pairs = []
    parts = iter(text.split(","))  # each part is taken once, here or by _until
    for part in parts:
        if not part.strip(_TRIMMED):
            continue
        name, equals, value = part.partition("=")
        value = value if equals else name
        mark = value[:1]
        if mark and mark in "\"'":
            if len(value) > 1 and value.endswith(mark):
                value = value[1:-1]
            else:
                value = value[1:] + _until(mark, parts)
        pairs.append((name.strip(_TRIMMED), value.strip(_TRIMMED)))
    return pairs


def _until(mark: str, parts: Iterator[str]) -> str:
    """Collect further parts up to the closing quote, which need not be the last character."""
    collected = []
    for part in parts:
        before, found, after = part.partition(mark)
        collected.append("," + before + after)
        if found:
            break
    return "".join(collected)
