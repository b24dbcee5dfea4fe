"""Oracle's connect descriptors: `(DESCRIPTION=(ADDRESS=...)(CONNECT_DATA=...))`, in one way.

Source: Oracle's Net Services Reference, "Syntax Rules for Configuration Files" and "Protocol Address
Configuration". Names are in any case; white space between parts does not count; the order of parts
counts among those of one name alone (the addresses); FAILOVER is on where nothing is said, and
LOAD_BALANCE is off.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PORT = 1521
MAX_DEPTH = 20
"""Parentheses in one another; a descriptor with addresses in lists has six."""
NAME = re.compile(r"[A-Za-z0-9_$#.-]+")
"""A service's name, or a SID."""
_TOKEN = re.compile(r"\s*([()=]|[^()=\s](?:[^()=]*[^()=\s])?)\s*")
_SIMPLE = re.compile(r"(?://)?([^/:@()]+)(?::([0-9]{1,5}))?/([^/:@()?]+)")
_UNSAID = {"FAILOVER": ("on", "yes", "true"), "LOAD_BALANCE": ("off", "no", "false")}

_Part = tuple[str, "str | list[_Part]"]


def descriptor(places: Iterable[tuple[str, int]], data: str, name: str) -> str:
    """Write a descriptor of servers that are tried in their order; `data` is SID or SERVICE_NAME."""
    addresses = "".join(
        f"(ADDRESS=(PROTOCOL=TCP)(HOST={host})(PORT={port}))" for host, port in places
    )
    return f"(DESCRIPTION=(ADDRESS_LIST={addresses})(CONNECT_DATA=({data}={name})))"


def canonical(text: str) -> str:
    """Write a descriptor, or `//HOST:PORT/SERVICE`, in one way; another text stays as it is."""
    if simple := _SIMPLE.fullmatch(text):
        return f"//{simple[1]}:{int(simple[2] or PORT)}/{simple[3]}"
    parts = _parts(text)
    return text if parts is None else "".join(_written(part) for part in parts)


def _parts(text: str) -> list[_Part] | None:
    """Read nested `(NAME=VALUE)` parts; None where the text is something else."""
    tokens, at = [], 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            return None
        tokens.append(found[1])
        at = found.end()
    top: list[_Part] = []
    stack: list[list[_Part]] = [top]
    names: list[str] = []
    index = 0
    while index < len(tokens):
        if tokens[index] == ")":
            if not names:
                return None
            inner = stack.pop()
            stack[-1].append((names.pop(), inner))
            index += 1
            continue
        start = tokens[index : index + 3]
        if len(start) < 3 or start[0] != "(" or start[1] in "()=" or start[2] != "=":
            return None
        name, index = start[1].upper(), index + 3
        if tokens[index : index + 1] == ["("] and len(names) < MAX_DEPTH:
            names.append(name)
            stack.append([])
        elif tokens[index + 1 : index + 2] == [")"] and tokens[index] not in ("(", ")", "="):
            stack[-1].append((name, tokens[index]))
            index += 2
        else:
            return None
    return None if names or not top else top


def _written(part: _Part) -> str:
    name, value = part
    if isinstance(value, str):
        return f"({name}={value.upper() if name == 'PROTOCOL' else value})"
    said = [p for p in value if not (p[0] in _UNSAID and str(p[1]).lower() in _UNSAID[p[0]])]
    said.sort(key=lambda inner: inner[0])
    return f"({name}={''.join(_written(inner) for inner in said)})"
