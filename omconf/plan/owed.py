"""What an apply that did not come to its end left on a node: files whose readers have not run since.

The node keeps, for each, what it held when they last ran (apply/node.sh): that is what runs now, and
what a change is measured against. All of it is hostile input.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import field
from typing import TYPE_CHECKING

from omconf.bundle import applied
from omconf.cluster.places import STATE
from omconf.dataclass import dataclass
from omconf.diagnostics import Finding
from omconf.formats import printf, systemd
from omconf.rules import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omconf.bundle.applied import Entry
    from omconf.deployed.snapshot import DeployedFile

NOTE = "written by an unfinished apply; the service that reads it may not have been reloaded since"
_BY_HAND = "by_hand"
_BEGUN = re.compile(r"/journal/[0-9]{6,9}\.(?:open|notes)$")
HINT = "Run omconf as root; with --ssh or --ansible, log in as root or use --sudo."
UNIT = "unit:"
"""Begins what stands for a service that an apply stopped, where else a path stands."""


def paths(cluster: str) -> tuple[str, ...]:
    """Where a source finds it, as patterns."""
    state = STATE.format(cluster=cluster)
    places = (
        "pending",
        "pending/*.path",
        "pending/*.before",
        "journal/*.open",
        "journal/*.notes",
        "members",
    )
    return tuple(f"{state}/{place}" for place in places)


def hidden(around: Mapping[str, DeployedFile], folder: str) -> Finding | None:
    """Report a folder of omconf's that is there but cannot be read (OM302); None otherwise."""
    file = around.get(folder)
    if file is None or file.problem is None or file.problem.rule is not UNREADABLE:
        return None
    message = f"What omconf keeps in {folder} cannot be read: only root can read it."
    return Finding(UNREADABLE, 0, message, HINT)


def begun(listing: bytes, by_hand: Iterable[str]) -> bytes:
    """Return what a node keeps when an apply begins: its manifest, with the manual steps added."""
    return json.dumps({**json.loads(listing), _BY_HAND: list(dict.fromkeys(by_hand))}).encode()


def done(text: str, *, back: bool = False) -> str:
    """Return the note for an apply's journal that a manual step was done, or with `back` undone."""
    data = text.encode("utf-8", "surrogatepass")  # a hostile node may have half a character
    did = f"did {hashlib.sha256(data).hexdigest()}"
    return f"undid {did}" if back else did


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
    done: frozenset[str] = frozenset()
    """What people did for such an apply, and did not undo: the texts."""
    hidden: Finding | None = None
    """Why all that is not known."""


def read(
    around: Mapping[str, DeployedFile], cluster: str, settings: Mapping[str, str] | None
) -> Owed:
    """Read what a source found of it; what makes no sense counts for nothing."""
    state = STATE.format(cluster=cluster)
    before: dict[str, bytes | None] = {}
    units: list[str] = []
    begun: dict[str, Entry] = {}
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
    unrecorded = any(path.endswith(".open") for path in around)
    unknown = hidden(around, f"{state}/pending")
    left, did = _by_hand(around)
    return Owed(before, tuple(sorted(units)), begun, unrecorded, left, did, unknown)


def _by_hand(around: Mapping[str, DeployedFile]) -> tuple[frozenset[str], frozenset[str]]:
    """What people were to do for unfinished applies, and did not, or took back; and what they did."""
    texts: dict[str, str] = {}
    owed: dict[str, bool] = {}
    # A later undo that did not bring all back has notes, too.
    begins = {place.rpartition(".")[0] for place in around if _BEGUN.search(place)}
    for place in sorted(begins, key=lambda place: (len(place), place)):
        begun, notes = (around.get(f"{place}.{end}") for end in ("open", "notes"))
        for text in _texts((begun and begun.data) or b""):
            texts[done(text)], owed[done(text)] = text, True
        for line in ((notes and notes.data) or b"").decode("utf-8", "replace").split("\n"):
            did = line.removeprefix("undid ")
            if did in owed:
                owed[did] = did != line
    left = frozenset(texts[did] for did, still in owed.items() if still)
    return left, frozenset(texts.values()) - left


def _texts(begun: bytes) -> list[str]:
    with suppress(ValueError, RecursionError, AttributeError):
        texts = json.loads(begun).get(_BY_HAND)
        return [text for text in texts if isinstance(text, str)] if isinstance(texts, list) else []
    return []
