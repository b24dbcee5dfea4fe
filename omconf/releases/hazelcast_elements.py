"""Which elements and attributes a line of Hazelcast knows: it refuses to start with any other."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omconf.releases.model import Release

FILE = Path(__file__).with_name("hazelcast_elements.txt")
OLDEST, NEWEST = "4.0", "5.6"
DEPTH = 4
"""Levels of elements that the file has."""
_MAP_EVICTION = 'Write `<eviction size="10000" max-size-policy="PER_NODE" eviction-policy="LRU"/>`.'
_NEAR_CACHE_EVICTION = (
    'Write `<eviction size="10000" max-size-policy="ENTRY_COUNT" eviction-policy="LRU"/>`.'
)
_PROTECTION = "Since Hazelcast 4 it is `<split-brain-protection>`."
_PROTECTION_REF = "Since Hazelcast 4 it is `<split-brain-protection-ref>`."
REPLACED = {
    "group": "Since Hazelcast 4 it is `<cluster-name>NAME</cluster-name>`, without a password.",
    "management-center/enabled": "Since Hazelcast 4 the Management Center connects by itself.",
    "management-center/url": "Since Hazelcast 4 the Management Center connects by itself.",
    "network/join/tcp-ip/hostname": "Write `<member>`.",
    "network/join/tcp-ip/address": "Write `<member>`.",
    "sql/executor-pool-size": "Remove it: Hazelcast 5 sizes the pool by itself.",
    "map/max-size": _MAP_EVICTION,
    "map/eviction-policy": _MAP_EVICTION,
    "map/eviction-percentage": "Remove it: Hazelcast 4 evicts by `<eviction>` alone.",
    "map/min-eviction-check-millis": "Remove it: Hazelcast 4 evicts by `<eviction>` alone.",
    "map/near-cache/max-size": _NEAR_CACHE_EVICTION,
    "map/near-cache/eviction-policy": _NEAR_CACHE_EVICTION,
    "map/optimize-queries": "Write `<cache-deserialized-values>`.",
    "map/quorum-ref": _PROTECTION_REF,
    "cache/quorum-ref": _PROTECTION_REF,
    "queue/quorum-ref": _PROTECTION_REF,
    "quorum": _PROTECTION,
    "event-journal": "Since Hazelcast 4 it is in the `<map>` or `<cache>` that it is of.",
    "merkle-tree": "Since Hazelcast 4 it is in the `<map>` that it is of.",
    "id-generator": "Write `<flake-id-generator>`.",
    "reliable-id-generator": "Write `<flake-id-generator>`.",
    "jobtracker": "Remove it: Hazelcast 4 has no MapReduce any more.",
    "mapreduce": "Remove it: Hazelcast 4 has no MapReduce any more.",
    "semaphore": "Semaphores are in `<cp-subsystem>` since Hazelcast 4.",
    "lock": "Locks are in `<cp-subsystem>` since Hazelcast 4.",
    "count-down-latch": "It is in `<cp-subsystem>` since Hazelcast 4.",
    "countdownlatch": "It is in `<cp-subsystem>` since Hazelcast 4.",
    "atomic-long": "It is in `<cp-subsystem>` since Hazelcast 4.",
    "atomic-reference": "It is in `<cp-subsystem>` since Hazelcast 4.",
    "services": "Remove it: Hazelcast 4 took it away.",
}
"""What stands in the place of elements that earlier lines had."""
_OPEN = frozenset({"properties", "member-attributes"})
"""What stands in these is called by any name."""
_PART = regex(r"(?:[^/\[]|\[[^\]]*+\]?)++")


def lines_of(release: Release) -> tuple[str, ...]:
    """Return the version lines that a release may ship: that of its jar, or all that it may be."""
    if release.hazelcast_jar:
        return (".".join(release.hazelcast_jar.split(".")[:2]),)
    return tuple(sorted({release.hazelcast_xsd, NEWEST}))


def lines_of_jar(line: str) -> tuple[str, ...]:
    """Return the version line of a jar, the newest known for a newer one; empty for an older one."""
    if _number(line) < _number(OLDEST):
        return ()
    return (min(line, NEWEST, key=_number),)


@lru_cache(maxsize=4096)  # the files of all nodes have nearly the same keys
def unknown(key: str, lines: tuple[str, ...]) -> str | None:
    """Return the first part of an item's key that none of the lines knows; None if they know all."""
    known, path = _known(), ""
    for depth, part in enumerate(_PART.findall(key)):
        name = part.partition("[")[0]
        inner = f"{path}/{name}" if path else name
        span = known.get(inner) or known.get(f"{path}/@{name}" if path else f"@{name}")
        if span is None and (depth >= DEPTH or f"{path}/*" in known):
            return None
        if span is None or not any(span[0] <= _number(line) <= span[1] for line in lines):
            return inner
        if name in _OPEN:
            return None
        path = inner
    return None


@lru_cache(maxsize=64)  # asked of each file
def attributes(path: str) -> frozenset[str]:
    """Return the attributes that any line knows of an element, by its path (`network/join/aws`)."""
    start = f"{path}/@"
    return frozenset(key.removeprefix(start) for key in _known() if key.startswith(start))


def unknown_parts(places: Iterable[tuple[str, int]], lines: tuple[str, ...]) -> Mapping[str, int]:
    """Find what none of the lines knows: each element or attribute once, with the line where it stands.

    `places` are keys of items and their lines.
    """
    found: dict[str, int] = {}
    for key, place in places:
        if part := unknown(key, lines):
            found.setdefault(part, place)
    return found


def _number(line: str) -> tuple[int, ...]:
    return tuple(map(int, line.split(".")))


@cache
def _known() -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Read the file: by path the first and the last line that know it."""
    found: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {}
    above: list[str] = []
    for row in FILE.read_text("utf-8").splitlines():
        if row.startswith("#"):
            continue
        name, _, span = row.strip().partition(" ")
        first, _, last = span.partition("-")
        del above[len(row) - len(row.lstrip("\t")) :]
        above.append(name)
        found["/".join(above)] = _number(first or OLDEST), _number(last or NEWEST)
    return found
