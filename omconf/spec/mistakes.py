"""Common mistakes in the value of any key, and what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Iterable

ODD_SPACE = regex("[\u00a0\u2000-\u200d\u202f\u2060\u205f\u3000\ufeff]")
"""Characters that look like a space, or like nothing, and are no plain space."""
_PLAIN = "Replace it by a plain space."
_KEY_END = regex("[ :]")
_TEMPLATE = regex(r"\{\{|\{%|\$\{?[A-Za-z_]|@[A-Za-z_]+@")

TEMPLATE = "A spec is no template: write the value, or render the file before omconf reads it."
VARIABLE_ALONE = "Write the variable's name alone, without `$` and braces: `{env: OM_DB_PASSWORD}`."
BACKSLASH = "In single quotes a backslash is a plain character."
_JDBC = "Give `database.host`, `database.port` and `database.name` by themselves."


def named(character: str) -> str:
    """Return a character that cannot be seen by its code: U+00A0."""
    return f"U+{ord(character):04X}"


def mend(character: str) -> str:
    """Return the hint for an odd space: remove it if it has no width, otherwise write a plain one."""
    return "Remove it." if character in "\u200b\u200c\u200d\u2060\ufeff" else _PLAIN


def in_key(text: str) -> str:
    """Return that an odd space stands in a key, or before it; empty if none does."""
    found = ODD_SPACE.search(text)
    if not found:
        return ""
    plain = ODD_SPACE.sub("", key_of(text)) or ODD_SPACE.sub("", text).strip()
    where = "before" if not ODD_SPACE.sub(" ", text[: found.start() + 1]).strip() else "in"
    return f"{named(found[0])} stands {where} the key `{plain[:80]}`, which is no plain space."


def advice(value: object) -> str:
    """Advise on a wrong value that holds an odd space or looks like a template; "" otherwise."""
    if not isinstance(value, str):
        return ""
    if found := ODD_SPACE.search(value):
        last = found.start() == len(value) - 1
        place = "the end" if last else f"character {found.start() + 1}"
        return f"Remove {named(found[0])}, an invisible character at {place} of the value."
    return TEMPLATE if _TEMPLATE.search(value) else ""


def key_of(text: str) -> str:
    """Take the key out of one that ran into its value for want of a plain space."""
    return ODD_SPACE.sub("", _KEY_END.split(text, maxsplit=1)[0])


def key(text: str, known: Iterable[str]) -> str:
    """Return what a key lacks to be a known one; empty if nothing.

    Its value is never shown: it may be a secret.
    """
    known = set(known)
    before, blank, _ = text.partition(" ")
    if blank and before in known:
        return f"A colon is missing after `{before}`."
    name, colon, value = text.partition(":")
    if colon and value and name in known:
        if found := ODD_SPACE.match(value):
            return f"{named(found[0])} stands after the colon of `{name}`, which is no plain space."
        return f"A space is missing after the colon of `{name}`."
    return ""


def host(value: str) -> str:
    """Advise on what is no host: a port, an export or a JDBC URL; "" otherwise."""
    before, colon, after = value.partition(":")
    if before == "jdbc":
        return _JDBC
    if colon and after.startswith("/") and not after.startswith("//"):
        return f"Write `{before[:80]}`; the folder goes to `storage.export`."
    return ""
