"""`openjpa.ConnectionProperties`: pairs in one string, split at commas, with quotes of a strange kind.

Source: measured with OpenJPA 4.1.1 and 49 passwords. A value is taken as it stands, trimmed, unless it
starts with a quote or holds a comma; see `quote` for what then works. Without quotes it ends at the
comma, and what follows is a setting of its own, which the pool ignores if it does not know it (3.1.2 to
4.1.1). A closing quote must be followed by the comma at once, so pairs are never written with a space
before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from omconf.formats import dbcp2
from omconf.regex import regex
from omconf.secrets import HIDDEN, hides

if TYPE_CHECKING:
    from collections.abc import Iterator

_STOCK = ("DriverClassName", "Url", "Username", "Password", "TestOnBorrow")
_STOCK_SPELLING = {dbcp2.bean_name(name): name for name in _STOCK}
ANY_CASE = frozenset(name.lower() for name in _STOCK)
"""The settings of the stock files, in lower case."""
_NAME = regex(r"[A-Za-z][A-Za-z0-9_.]{0,40}")
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


class Pair(NamedTuple):
    """A setting in the stock file's spelling, as OpenJPA reads it.

    The value of a `hidden` one may be a secret; its name is HIDDEN if that may be a part of one.
    """

    name: str
    value: str
    hidden: bool


def guarded(text: str) -> Iterator[Pair]:
    """Read the pairs, and guard those that may be a secret or a part of one.

    What follows a password and is no setting may be meant as the rest of it. Where there is no password
    at all, its name may be mistyped or a quote may be missing: then it may be what stands under any
    other name, and what has run together with a setting. All that has no name comes last, as one.
    """
    pairs = split(text)
    whole = any(hides(name) for name, _ in pairs)
    behind = False
    unnamed: list[str] = []
    for name, value in pairs:
        known = name.lower() in ANY_CASE or spelling(name) in dbcp2.SETTINGS
        if behind and not known:
            unnamed.append(name if value == name else f"{name}={value}")
            continue
        hidden = not whole and (not known or ("=" in value and not value.startswith("jdbc:")))
        behind = behind or hidden or hides(name)
        if whole or known or (value != name and _NAME.fullmatch(name)):
            yield Pair(spelling(name), value, hidden)
        else:
            unnamed.append(value)
    if unnamed:
        yield Pair(HIDDEN, ",".join(unnamed), True)


def spelling(name: str) -> str:
    """Write a setting as the stock file does: dbcp2 takes `url` for `Url`, and ignores `URL`."""
    known = dbcp2.bean_name(name)
    return _STOCK_SPELLING.get(known) or (known if known in dbcp2.SETTINGS else name)


def _until(mark: str, parts: Iterator[str]) -> str:
    """Collect further parts up to the closing quote, which need not be the last character."""
    collected = []
    for part in parts:
        before, found, after = part.partition(mark)
        collected.append("," + before + after)
        if found:
            break
    return "".join(collected)
