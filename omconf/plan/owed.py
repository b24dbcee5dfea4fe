"""What an apply that did not come to its end left on a node: files whose readers have not run since.

The node keeps, for each, what it held when they last ran (apply/node.sh): that is what runs now, and
what a change is measured against. All of it is hostile input.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omconf.bundle import applied
from omconf.formats import printf, systemd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omconf.bundle.applied import Entry
    from omconf.deployed.snapshot import DeployedFile

STATE = "/var/lib/omconf/{cluster}"
"""What omconf keeps on a node beside its manifest, for root alone."""
NOTE = "an apply that did not come to its end wrote it; what reads it has not run since"
_BY_HAND = "by_hand"
UNIT = "unit:"
"""Begins what stands for a service that an apply stopped, where else a path stands."""


def paths(cluster: str) -> tuple[str, ...]:
    """Where a source finds it, as patterns."""
    state = STATE.format(cluster=cluster)
    places = ("pending/*.path", "pending/*.before", "journal/*.open", "journal/*.notes")
    return tuple(f"{state}/{place}" for place in places)


def begun(listing: bytes, by_hand: Iterable[str]) -> bytes:
    """Say what an apply begins: the manifest of the node, and what it is to have people do."""
    return json.dumps({**json.loads(listing), _BY_HAND: list(dict.fromkeys(by_hand))}).encode()


def done(text: str) -> str:
    """Say in the notes of an apply that people did something."""
    return f"did {hashlib.sha256(text.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Owed:
    """What is owed: what files held, by path (None: there was none), services, what was begun."""

    before: Mapping[str, bytes | None] = field(default_factory=dict)
    units: tuple[str, ...] = ()
    begun: Mapping[str, Entry] = field(default_factory=dict)
    """Files that an unfinished apply may have written: as those of a manifest."""
    unrecorded: bool = False
    """Whether there is such an apply."""
    by_hand: frozenset[str] = frozenset()
    """What such an apply would have had people do, and did not: the texts."""


def read(around: Mapping[str, DeployedFile], cluster: str, settings: Mapping[str, str]) -> Owed:
    """Read what a source found of it; what makes no sense counts for nothing."""
    state = STATE.format(cluster=cluster)
    before: dict[str, bytes | None] = {}
    units: list[str] = []
    begun: dict[str, Entry] = {}
    by_hand: set[str] = set()
    for place, file in around.items():
        if file.data is None or not place.startswith(f"{state}/"):
            continue
        if place.endswith(".path"):
            name = printf.meaning(file.data.rstrip(b"\n")).decode("utf-8", "surrogateescape")
            held = around.get(f"{place.removesuffix('.path')}.before")
            if name.startswith("/"):
                before[name] = held.data if held else None
            elif systemd.SERVICE.fullmatch(unit := name.removeprefix(UNIT)):
                units.append(unit)
        elif place.endswith(".open"):
            with suppress(ValueError):
                begun |= applied.read(file.data, cluster, settings).entries
                notes = around.get(f"{place.removesuffix('.open')}.notes")
                by_hand |= _undone(file.data, (notes and notes.data) or b"")
    unrecorded = any(path.endswith(".open") for path in around)
    return Owed(before, tuple(sorted(units)), begun, unrecorded, frozenset(by_hand))


def _undone(begun: bytes, notes: bytes) -> set[str]:
    """What people were to do for an apply, and did not, by what it began and its notes."""
    texts = json.loads(begun).get(_BY_HAND)
    listed = [text for text in texts if isinstance(text, str)] if isinstance(texts, list) else []
    said = set(notes.decode("utf-8", "replace").split("\n"))
    return {text for text in listed if done(text) not in said}
