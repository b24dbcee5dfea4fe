"""What each OpenMeetings release ships: data, and the one reader of it."""

from __future__ import annotations

import re

from omconf.releases.model import (
    CONNECTION_PROPERTIES,
    HazelcastStock,
    JpaLine,
    PersistenceStock,
    Release,
    StockElement,
)
from omconf.releases.table import HAZELCAST_NAMESPACE, RELEASES

__all__ = [
    "CONNECTION_PROPERTIES",
    "HAZELCAST_NAMESPACE",
    "RELEASES",
    "HazelcastStock",
    "JpaLine",
    "PersistenceStock",
    "Release",
    "StockElement",
    "is_earlier",
    "nearest",
]

_VERSION = r"[vV]?([0-9]{1,4})(?:\.([0-9]{1,4}))?(?:\.([0-9]{1,4}))?(?:-[A-Za-z0-9]+)?"


def is_earlier(name: str, than: str) -> bool:
    """Tell whether one release comes before another; False for what is no version."""
    one, other = (re.fullmatch(_VERSION, each) for each in (name, than))
    if not (one and other):
        return False
    return [int(part or 0) for part in one.groups()] < [int(part or 0) for part in other.groups()]


def nearest(name: str) -> str | None:
    """Return the known release that `name` most likely means, None when nothing is close.

    A short or decorated version is completed (`9.1`, `v9.1.0` and `9.1.0-SNAPSHOT` mean 9.1.0);
    an unknown version means the last release before it, or the oldest; else spelling decides.
    """
    if match := re.fullmatch(_VERSION, name.strip()):
        wanted = [int(part or 0) for part in match.groups()]
        before = [known for known in RELEASES if [*map(int, known.split("."))] <= wanted]
        return before[-1] if before else next(iter(RELEASES))
    from difflib import get_close_matches

    return next(iter(get_close_matches(name[:40], RELEASES, n=1)), None)
