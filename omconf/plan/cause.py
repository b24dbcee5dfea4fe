"""Who changed what: the spec, somebody's hand, or both, since the files were last applied.

The base is what was applied: the bundle of a git revision, item by item; or else the digests in the
node's own manifest, which tell of a file as a whole.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from omconf.formats import block
from omconf.ownership import OWNED
from omconf.plan.model import Cause
from omconf.plan.place import Base

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.artifacts.reading import Reading
    from omconf.bundle.applied import Entry
    from omconf.deployed.snapshot import Snapshot
    from omconf.plan.model import ItemChange
    from omconf.plan.place import Place


def applied(
    base: Snapshot | None,
    listing: str,
    node: str,
    path: str,
    earlier: Mapping[str, Entry],
) -> Base:
    """What was applied at a place: by the base, or else by the node's own manifest.

    `listing` is where a node's manifest lies: a node without one in the base is not known there.
    """
    if base is not None:
        there = base.nodes[node]
        file = there.files.get(path)
        known = listing in there.files and not (there.problem or (file and file.problem))
        data = file.data if file else None
        return Base(data, known=known, sensitive=b"@omconf:" in (data or b""))
    entry = earlier.get(path)
    if entry is None:
        return Base(known=bool(earlier))
    return Base(digest=entry.digest, known=True, sensitive=entry.sensitive)


def of_file(place: Place, cluster: str) -> Cause | None:
    """Return who changed a file as a whole: the spec, a hand, or both; None if that is not known."""
    base = place.base
    if not base.known:
        return None
    applied = base.digest or (None if base.data is None else _digest(base.data))
    if applied == (place.artifact.sha256 if place.artifact else None):
        return Cause.DRIFT
    if place.data is None:
        return Cause.SPEC if applied is None else Cause.CONFLICT
    ours = _ours(place, cluster)
    if ours is None:
        return None
    return Cause.SPEC if applied == (_digest(ours) if ours else None) else Cause.CONFLICT


def _ours(place: Place, cluster: str) -> bytes | None:
    """What is omconf's of a deployed file, as a bundle would hold it; None where that is not told."""
    owned = OWNED[place.kind.ownership]
    # A filled-in secret changes the digest.
    if owned.whole and (place.base.sensitive or (place.artifact and place.artifact.sensitive)):
        return None
    part = owned.part(cluster, place.text)
    if part and not owned.whole and not place.kind.textual:
        part = block.as_laid(part)
    return None if part is None else part.encode("utf-8", "surrogateescape")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def of_items(
    changed: list[ItemChange],
    base: Reading,
    desired: Reading,
    deployed: Mapping[str, str],
    *,
    by_keys: bool,
) -> list[ItemChange]:
    """Return the items with their causes, by comparison with the base: what was applied last.

    `deployed` are the items with nothing masked in them. A secret's own value is in no base: whether
    it changed there or here cannot be told. Of a file of which single keys are ours (`by_keys`), what
    was not in the base was somebody else's.
    """
    return [
        replace(item, cause=_of_item(item.key, base, desired, deployed, by_keys))
        for item in changed
    ]


def _of_item(
    key: str, base: Reading, desired: Reading, deployed: Mapping[str, str], by_keys: bool
) -> Cause | None:
    if by_keys and key not in base.items and key not in base.secrets:
        return Cause.SPEC
    if key in desired.secrets or key in base.secrets:
        return None
    before = _value(base, key)
    if before == _value(desired, key):
        return Cause.DRIFT
    return Cause.SPEC if before == deployed.get(key) else Cause.CONFLICT


def _value(reading: Reading, key: str) -> str | None:
    return reading.unmasked[key].reveal() if key in reading.unmasked else reading.items.get(key)
