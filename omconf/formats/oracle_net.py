"""Oracle's connect descriptors: `(DESCRIPTION=(ADDRESS=...)(CONNECT_DATA=...))`, in one way.

Source: Oracle's Net Services Reference, "Syntax Rules for Configuration Files", "Protocol Address
Configuration" and "Local Naming Parameters"; its Administrator's Guide, "Easy Connect Plus". Names are
in any case; white space between parts does not count; the order of parts counts among the addresses
alone; FAILOVER defaults to on, and LOAD_BALANCE to off, save among several descriptions.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PORT = 1521
MAX_DEPTH = 20
"""Parentheses in one another; a descriptor with addresses in lists has six."""
NAME = regex(r"[A-Za-z0-9_$#.-]+")
"""A service's name, or a SID."""
_TOKEN = regex(r"""\s*([()=]|"[^"]*"|[^()=\s"](?:[^()="]*[^()=\s"])?)\s*""")
_HOST = r"(?:\[[^\]]*\]|[^][/:@()?,\s]+)(?::[0-9]{1,5})?"
_EASY = regex(
    rf"(?:(tcps?):)?(?://)?({_HOST}(?:,{_HOST})*)/([^/:@()?]+)"
    r"(?::(\w+))?(?:/(\w+))?(?:\?([^@()]*))?",
    re.IGNORECASE,
)
_SID = regex(r"(\[[^\]]*\]|[^][/:@()?,\s]+):([0-9]{1,5}):([^/:@()?]+)")
_ON, _OFF = ("on", "yes", "true"), ("off", "no", "false")
_UNSAID = {"FAILOVER": "on", "LOAD_BALANCE": "off", "SOURCE_ROUTE": "off"}

_Part = tuple[str, "str | list[_Part]"]


@dataclass(frozen=True, slots=True)
class Target:
    """What a descriptor leads to, and its other settings by their places in it."""

    places: tuple[tuple[str, int, str], ...]
    """Host, port and protocol in upper case, in the order in which they stand."""
    data: str
    """SID or SERVICE_NAME."""
    name: str
    settings: dict[str, str] = field(default_factory=dict)


def descriptor(places: Iterable[tuple[str, int]], data: str, name: str) -> str:
    """Write a descriptor of servers that are tried in their order; `data` is SID or SERVICE_NAME."""
    return _descriptor(((host, port, "TCP") for host, port in places), data, name)


def _descriptor(places: Iterable[tuple[str, int, str]], data: str, name: str) -> str:
    addresses = "".join(
        f"(ADDRESS=(PROTOCOL={protocol})(HOST={host})(PORT={port}))"
        for host, port, protocol in places
    )
    return f"(DESCRIPTION=(ADDRESS_LIST={addresses})(CONNECT_DATA=({data}={name})))"


def canonical(text: str) -> tuple[str, dict[str, str]]:
    """Write a descriptor, or an Easy Connect text, in one way, its other settings beside it.

    One with several services, or with ways through other servers, is only written in one way as a
    whole; another text stays as it is.
    """
    if target := read(text):
        (host, port, protocol), *others = target.places
        if others or protocol != "TCP":
            written = _descriptor(target.places, target.data, target.name)
        elif target.data == "SID":
            written = f"{host}:{port}:{target.name}"
        else:
            written = f"//{host}:{port}/{target.name}"
        return written, target.settings
    parts = _parts(text)
    return text if parts is None else "".join(_written(part) for part in parts), {}


def read(text: str) -> Target | None:
    """Read a descriptor of one service or SID, or an Easy Connect text; None for anything else."""
    if sid := _SID.fullmatch(text):
        return Target(((sid[1], int(sid[2]), "TCP"),), "SID", sid[3])
    if easy := _EASY.fullmatch(text):
        return _easy(easy)
    parts = _parts(text)
    if parts is None or len(parts) != 1:
        return None
    name, inner = parts[0]
    if name == "DESCRIPTION" and not isinstance(inner, str):
        return _description(inner)
    if name != "DESCRIPTION_LIST" or isinstance(inner, str):
        return None
    found = [_description(i) for n, i in inner if n == "DESCRIPTION" and not isinstance(i, str)]
    targets = [target for target in found if target is not None]
    if not targets or len(targets) < len(found):
        return None
    if len({(t.data, t.name.lower()) for t in targets}) > 1:
        return None
    said = dict(_settings([part for part in inner if part[0] != "DESCRIPTION"], ""))
    if len(targets) == 1:
        return Target(targets[0].places, targets[0].data, targets[0].name, targets[0].settings)
    settings = {} if said.get("LOAD_BALANCE") == "off" else {"LOAD_BALANCE": "on"}
    settings |= {key: value for key, value in said.items() if _UNSAID.get(key) != value}
    for number, target in enumerate(targets, 1):
        settings |= {f"DESCRIPTION {number}/{k}": v for k, v in target.settings.items()}
    places = tuple(place for target in targets for place in target.places)
    return Target(places, targets[0].data, targets[0].name, settings)


def _easy(easy: re.Match[str]) -> Target:
    """Read `[PROTOCOL:]//HOST[:PORT][,...]/SERVICE[:SERVER][/INSTANCE][?NAME=VALUE&...]`."""
    places: list[tuple[str, int, str]] = []
    port = PORT
    for host in reversed(easy[2].split(",")):
        name, _, said = host.rpartition(":") if re.search(r":[0-9]+$", host) else (host, "", "")
        port = int(said) if said else port  # hosts without one share that of the next
        places.append((name, port, (easy[1] or "tcp").upper()))
    settings = {}
    if easy[4]:
        settings["CONNECT_DATA/SERVER"] = easy[4].upper()
    if easy[5]:
        settings["CONNECT_DATA/INSTANCE_NAME"] = easy[5]
    for word in (easy[6] or "").split("&"):
        name, _, value = word.partition("=")
        said = _value(name.upper(), value)
        if name and _UNSAID.get(name.upper()) != said:
            settings[name.upper()] = said
    return Target(tuple(reversed(places)), "SERVICE_NAME", easy[3], settings)


def _description(parts: list[_Part]) -> Target | None:
    """Read the parts of a DESCRIPTION; None where they name no service, or a way through servers."""
    several = sum(name == "ADDRESS_LIST" for name, _ in parts) > 1
    lists = 0
    places: list[tuple[str, int, str]] = []
    said: list[tuple[str, str]] = []
    target: tuple[str, str] | None = None
    rest: list[_Part] = []
    for name, value in parts:
        if name == "ADDRESS_LIST" and not isinstance(value, str):
            lists += 1
            others = [part for part in value if not _address(part, places, said)]
            said += _settings(others, f"ADDRESS_LIST {lists}/" if several else "")
        elif name == "CONNECT_DATA" and not isinstance(value, str) and target is None:
            named = [p for p in value if p[0] in ("SID", "SERVICE_NAME")]
            if len(named) != 1 or not isinstance(named[0][1], str):
                return None
            target = named[0][0], named[0][1]
            said += _settings([p for p in value if p is not named[0]], "CONNECT_DATA/")
        elif not _address((name, value), places, said):
            rest.append((name, value))
    said += _settings(rest, "")
    settings = _joined(said)
    if target is None or not places or any(k.endswith("SOURCE_ROUTE") for k in settings):
        return None
    return Target(tuple(places), *target, settings)


def _joined(said: list[tuple[str, str]]) -> dict[str, str]:
    """Gather settings by their places, without those that change nothing."""
    texts: dict[str, list[str]] = {}
    for key, text in said:
        if _UNSAID.get(key.rpartition("/")[2]) != text:
            texts.setdefault(key, []).append(text)
    return {key: ",".join(texts[key]) for key in sorted(texts)}


def _address(part: _Part, places: list[tuple[str, int, str]], said: list[tuple[str, str]]) -> bool:
    """Note an address that has a host; tell whether it is one."""
    name, value = part
    if name != "ADDRESS" or isinstance(value, str):
        return False
    words = {n: v for n, v in value if isinstance(v, str)}
    port = words.pop("PORT", str(PORT))
    if "HOST" not in words or not re.fullmatch("[0-9]{1,5}", port):
        return False
    host, protocol = words.pop("HOST"), words.pop("PROTOCOL", "TCP").upper()
    places.append((host, int(port), protocol))
    others = [p for p in value if p[0] not in ("HOST", "PORT", "PROTOCOL")]
    said += _settings(others, f"ADDRESS {len(places)}/")
    return True


def _settings(parts: list[_Part], where: str) -> Iterator[tuple[str, str]]:
    """Go through what is set, each by its place; values that mean yes or no in one way."""
    for name, value in parts:
        if isinstance(value, str):
            yield where + name, _value(name, value)
        else:
            yield from _settings(value, f"{where}{name}/")


def _value(name: str, value: str) -> str:
    word = value.lower()
    if name in _UNSAID:
        return "on" if word in _ON else "off" if word in _OFF else value
    return value.upper() if name in ("SERVER", "PROTOCOL") else value


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
        return f"({name}={_value(name, value)})"
    said = [p for p in value if not (isinstance(p[1], str) and _UNSAID.get(p[0]) == _value(*p))]  # type: ignore[arg-type]
    said.sort(key=lambda inner: inner[0])
    return f"({name}={''.join(_written(inner) for inner in said)})"
