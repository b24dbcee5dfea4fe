"""The items of a hazelcast.xml: each name with its value and line, ways of writing made one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.formats.xml import flatten
from omconf.hazelcast.deployed_members import truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

MEMBER = "network/join/tcp-ip/member-list/member["
"""Begins the name of a listed member; the member and `]` follow."""
_BARE = re.compile(r"[A-Za-z0-9._-]+")
"""A member of a list, an IPv4 address or a name, without a port."""
_SETS = frozenset({"member"})
_INTERFACES = "network/interfaces/"


def items_of(document: _Element) -> Iterator[tuple[str, str, int]]:
    """The document's items; the ways of writing a member list are one.

    Which version a schemaLocation names does not count: members whose headers said 4.0 and 5.5 formed
    one cluster (measured with 5.6.0), since Hazelcast judges by the XSD in its own jar.
    """
    for key, value, number in flatten(document, _SETS):
        if key == "network/join/tcp-ip/members":
            for member in re.split(r"[,;\s]+", value):
                yield f"{MEMBER}{member}]", member, number
        elif key.startswith("network/join/tcp-ip/member["):
            yield key.replace("/member[", "/member-list/member[", 1), value, number
        else:
            yield key, value, number


def enabled(document: _Element, join: str) -> set[str]:
    """Find what a join's `enabled` says: true, false or a variable."""
    found = document.iterfind(f"{{*}}network/{{*}}join/{{*}}{join}")
    return {truth(element.get("enabled") or "") for element in found}


def add_ports(items: dict[str, str], lines: dict[str, int]) -> None:
    """Name the port of listed members that have none, where it is the member's own fixed one.

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


def is_off(document: _Element, join: str) -> bool:
    """Tell whether a join is certainly not enabled; a variable may enable it."""
    return enabled(document, join) <= {"false"}


def drop_unused_interfaces(items: dict[str, str]) -> None:
    """Leave out interfaces that are off: it is as if they were not there."""
    if items.get(f"{_INTERFACES}enabled") == "false":
        for name in [name for name in items if name.startswith(_INTERFACES)]:
            del items[name]
