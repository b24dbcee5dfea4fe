"""The items of a hazelcast.xml: names with values and lines, in one normal form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from omconf.formats.xml import children, flatten, local
from omconf.hazelcast.deployed_members import truth
from omconf.regex import regex
from omconf.releases import hazelcast_elements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lxml.etree import _Element

MEMBER = "network/join/tcp-ip/member-list/member["
"""The start of a listed member's key; the member and `]` follow."""
STRATEGIES = "discovery-strategies"
_BARE = regex(r"[A-Za-z0-9._-]+")
"""A listed member without a port: an IPv4 address or a name."""
_TCP_IP = "network/join/tcp-ip/"
_LISTED = regex(r"(?:members|interface|(?:member-list/)?member)(?:\[.*\])?", re.DOTALL)
"""A list of members, or one of them; Hazelcast splits each (TcpIpConfig.addMember, TcpIpJoiner)."""
_SETS = frozenset({"member"})
_INTERFACES = "network/interfaces/"


def items_of(document: _Element) -> Iterator[tuple[str, str, int]]:
    """Return the document's items; all forms of a member list are normalized.

    The version in a schemaLocation does not count: members with 4.0 and 5.5 in their headers formed
    one cluster (measured with 5.6.0), since Hazelcast validates with the XSD in its own jar.
    """
    for key, value, number in flatten(document, _SETS):
        if key.startswith(_TCP_IP) and _LISTED.fullmatch(key, len(_TCP_IP)):
            for member in [m for m in re.split(r"[,;\s]+", value) if m] or [value]:
                yield f"{MEMBER}{member}]", member, number
        else:
            yield key, value, number


def joins(document: _Element) -> Mapping[str, Sequence[_Element]]:
    """Return the elements of each join by its name; under STRATEGIES the strategies themselves."""
    found: dict[str, list[_Element]] = {}
    for join in document.iterfind("{*}network/{*}join"):
        for element in children(join):
            name = local(element)
            inner = element.iterfind("{*}discovery-strategy") if name == STRATEGIES else (element,)
            found.setdefault(name, []).extend(inner)
    return found


def enabled(elements: Iterable[_Element]) -> set[str]:
    """Return `enabled` of the elements of a join: true, false or a variable."""
    return {truth(element.get("enabled") or "") for element in elements}


def add_ports(items: dict[str, str], lines: dict[str, int]) -> None:
    """Add the port to listed members that have none, if it is the member's own fixed one.

    Source: getPossibleAddresses of TcpIpJoiner, 4.0.2 to 5.6.0: with auto-increment it tries several.
    """
    port = items.get("network/port", "5701")
    if items.get("network/port/auto-increment") != "false" or not port.isdecimal():
        return
    for key, member in list(items.items()):
        if key.startswith(MEMBER) and _BARE.fullmatch(member):
            del items[key]
            whole = f"{member}:{port}"
            items.setdefault(f"{MEMBER}{whole}]", whole)
            lines.setdefault(f"{MEMBER}{whole}]", lines.pop(key, 0))


def is_off(elements: Iterable[_Element]) -> bool:
    """Tell whether a join is certainly disabled; a variable may enable it."""
    return enabled(elements) <= {"false"}


def pairs(document: _Element) -> Iterator[tuple[str, list[_Element]]]:
    """Yield properties, of whatever element, and member attributes: items tell names and texts alone.

    With the path that their attributes have.
    """
    for path in ("properties/property", "member-attributes/attribute"):
        yield path, document.findall(".//{*}" + path.replace("/", "/{*}"))


def unknown_attributes(path: str, elements: Iterable[_Element]) -> Iterator[tuple[str, int]]:
    """Yield the attributes of the elements of a path that no Hazelcast knows, with their lines."""
    known = hazelcast_elements.attributes(path)
    for element in elements:
        line: Any = element.sourceline
        names = (str(name) for name in element.attrib)
        yield from (
            (name, int(line or 0)) for name in names if name[0] != "{" and name not in known
        )


def drop_unused_interfaces(items: dict[str, str]) -> None:
    """Leave out disabled interfaces, which have no effect."""
    if items.get(f"{_INTERFACES}enabled") == "false":
        for name in [name for name in items if name.startswith(_INTERFACES)]:
            del items[name]
