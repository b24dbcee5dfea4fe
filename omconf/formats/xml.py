"""XML as omconf writes it (one line, one origin) and as the plan compares it (items by key)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.origin import Value
from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

_ESCAPES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "\t": "&#9;",
        "\n": "&#10;",
        "\r": "&#13;",
    }
)
_NOT_XML = regex("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_BLANKS = " \t\n\r"
"""What Java's `String.trim` takes off and XML can hold; `str.strip` takes more, such as U+00A0."""
_RUN = regex(f"[{_BLANKS}]+")
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"


def escape(text: str) -> str:
    """Write text for an element or an attribute in double quotes.

    Raises ValueError, without the text, for a character that XML 1.0 cannot hold.
    """
    # Mostly all is printable, and the pattern need not be compiled.
    if not text.isprintable() and _NOT_XML.search(text):
        raise ValueError("it contains a character that XML does not allow")
    return text.translate(_ESCAPES)


def escaped(value: Value[str]) -> Value[str]:
    """Escape a value, keeping its origin."""
    return Value(escape(value.value), value.origin)


def trimmed(text: str) -> str:
    """Trim a text as Hazelcast does."""
    return text.strip(_BLANKS)


def collapsed(text: str) -> str:
    """Trim a text, and make one space of each run of blanks in it."""
    text = trimmed(text)
    # Nearly all are one line of single spaces.
    return text if text.isprintable() and "  " not in text else _RUN.sub(" ", text)


def local(element: _Element) -> str:
    """Return an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def children(element: _Element) -> Iterator[_Element]:
    """Walk the child elements, without comments and processing instructions."""
    return (child for child in element if isinstance(child.tag, str))  # type: ignore[redundant-expr]


def flatten(
    element: _Element, sets: frozenset[str] = frozenset(), prefix: str = ""
) -> Iterator[tuple[str, str, int]]:
    """Walk what stands below an element as (key, value, line), in the document's order.

    A `property` in `properties` and an `attribute` in `member-attributes` are called by their name
    alone; any other named element `map[NAME]`; an element of `sets` by its text: `class[TEXT]`; of
    others that repeat, the second is called `interface[2]`.
    """
    seen: dict[str, int] = {}
    parent = local(element)
    for child in children(element):
        tag = child.tag.rpartition("}")[2]
        text = child.text
        text = collapsed(text) if text else ""
        plain = {str(a): str(v) for a, v in child.items()}  # mostly none
        name = plain.pop("name", None)
        if name is not None and (parent, tag) in _NAMED:
            key = name
            if tag == "property":
                text = plain.pop("value", text)
        elif name is not None:
            key = f"{tag}[{name}]"
        elif tag in sets:
            key = f"{tag}[{text}]"
        else:
            seen[tag] = seen.get(tag, 0) + 1
            key = tag if seen[tag] == 1 else f"{tag}[{seen[tag]}]"
        key = prefix + key
        line = int(child.sourceline or 0)  # type: ignore[truthy-bool,call-overload]
        attributes = [(a, v) for a, v in plain.items() if not a.startswith(_XSI)] if plain else ()
        inner = len(child) > 0 and next(children(child), None) is not None
        if not inner and (text or not attributes):
            yield key, text, line
        for attribute, value in attributes:
            yield f"{key}/{attribute}", trimmed(value), line
        if inner:
            yield from flatten(child, sets, f"{key}/")


_NAMED = {("properties", "property"), ("member-attributes", "attribute")}
