"""Digests of deployed files that give no secret away.

A digest of a short secret would give it away: guess, digest, compare. So no secret goes into one. A
deployed file is digested as it is only where no secret can stand in it, else by what its kind reads in
it, with what may be secret left out (decision 9).
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING

from omconf.ownership import OWNED
from omconf.secrets import hides, masked, remembered, speaks

if TYPE_CHECKING:
    from omconf.artifacts.contents import Artifact
    from omconf.artifacts.model import Kind
    from omconf.artifacts.reading import Reading
    from omconf.plan.mask import Mask

ABSENT = "absent"
UNREADABLE = "unreadable"


def of_file(
    kind: Kind | None,
    artifact: Artifact | None,
    data: bytes | None,
    mask: Mask | None = None,
    reading: Reading | None = None,
) -> str:
    """Digest a deployed file, None where there is none.

    `kind` reads it (None: the node's manifest, made of what stands in bundles), unless `reading` is
    what it read. `artifact` is what is wanted there, `mask` hides the secrets that were read.
    """
    if data is None:
        return ABSENT
    ours = artifact is not None and not artifact.sensitive and artifact.data == data
    if kind is None or ours:
        return sha256(data)
    return _read(kind, data, mask) if reading is None else _of_reading(kind, data, reading, mask)


@lru_cache(maxsize=16)
def _read(kind: Kind, data: bytes, mask: Mask | None) -> str:
    return _of_reading(kind, data, kind.read(_text(data)), mask)


def _of_reading(kind: Kind, data: bytes, reading: Reading, mask: Mask | None) -> str:
    may_be_told = not OWNED[kind.ownership].shared_keys and not reading.secrets
    if may_be_told and not _suspect(_text(data), mask):
        return sha256(data)
    return UNREADABLE if reading.broken else sha256(_meaning(reading, mask))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _meaning(reading: Reading, mask: Mask | None) -> bytes:
    """Write down what was read; of an item that may hold a secret only that it is there."""
    items = {
        _shown(key, mask): None if hides(key) or _suspect(value, mask) else value
        for key, value in reading.items.items()
    }
    secrets = sorted(_shown(key, mask) for key in reading.secrets)
    return json.dumps([items, secrets], sort_keys=True).encode()


def _suspect(text: str, mask: Mask | None) -> bool:
    """Tell whether a text may hold a secret: by a name in it, or because the secret is known."""
    return _speaks(text) or (mask is not None and mask.holds(text))


@remembered
def _speaks(text: str) -> bool:
    return speaks(text) or masked(text) != text


def _shown(key: str, mask: Mask | None) -> str:
    return key if mask is None else mask.value(key)


def sha256(data: bytes) -> str:
    """Return the digest of some bytes, in hex."""
    return hashlib.sha256(data).hexdigest()
