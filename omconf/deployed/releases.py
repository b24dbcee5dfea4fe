"""Which releases of OpenMeetings and Hazelcast a node has installed, by the names of its jars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_NAMES = 5000
"""Names in the folder of the jars; a release ships some 300."""

_JAR = regex(r"openmeetings-[a-z-]{1,40}-([0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3})\.jar")

_HAZELCAST = regex(
    r"hazelcast(?:-all|-enterprise){0,2}-[0-9]{1,3}\.[0-9]{1,3}(?:[.-][0-9A-Za-z]{1,20}){0,3}\.jar"
)
_MAX_JARS = 4
"""Jars of Hazelcast in one folder."""


def hazelcast_of(names: Iterable[str]) -> tuple[str, ...]:
    """Find Hazelcast's own jars, `hazelcast-5.5.0.jar` and the like: at most four names."""
    return tuple(sorted({name for name in names if _HAZELCAST.fullmatch(name)})[:_MAX_JARS])


def release_of(names: Iterable[str]) -> str | None:
    """Read the release from `openmeetings-db-9.1.0.jar` and the like.

    None where there is none, or where jars of several releases lie side by side: then which of them
    runs is not known.
    """
    found = {match[1] for name in names if (match := _JAR.fullmatch(name))}
    return found.pop() if len(found) == 1 else None
