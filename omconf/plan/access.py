"""Modes and owners of deployed files, where the source is the node itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.artifacts.effect import Effect
from omconf.diagnostics import Finding
from omconf.plan.model import Action, ItemChange
from omconf.rules import OPEN

if TYPE_CHECKING:
    from omconf.artifacts.contents import Artifact
    from omconf.deployed.snapshot import Access

KEYS = ("mode", "owner")
OPEN_SECRET = Finding(
    OPEN,
    0,
    "The file holds a secret, and every user of the node can read it.",
    "Run `chmod o-rwx`; treat the secret as exposed and change it.",
)
_FOR_OTHERS = 0o004
_WRITTEN_BY_OTHERS = 0o002


def changed(
    artifact: Artifact, access: Access | None, *, by_hand: bool = False
) -> list[ItemChange]:
    """What differs of a whole file's mode and owner: items of their own.

    A file that was made by hand keeps those that do no harm, as it keeps the way it is written.
    """
    if access is None or (by_hand and serves(artifact, access)):
        return []
    before = (f"{access.mode:04o}", f"{access.owner}:{access.group}")
    after = (f"{artifact.mode:04o}", f"{artifact.owner}:{artifact.group}")
    rows = zip(KEYS, before, after, strict=True)
    return [ItemChange(key, Action.UPDATE, old, new) for key, old, new in rows if old != new]


def serves(artifact: Artifact, access: Access) -> bool:
    """Tell whether a file's reader can read it, others cannot write it, and no secret of it is told."""
    mine = access.owner in ("root", artifact.owner)
    shared = access.group in ("root", artifact.group)
    if access.mode & _WRITTEN_BY_OTHERS or access.mode & 0o7000 or artifact.mode & 0o111:
        return access.mode == artifact.mode and mine and shared
    if artifact.sensitive and (
        access.mode & 0o007 or not mine or (access.mode & 0o070 and not shared)
    ):
        return False
    if artifact.owner == "root":
        return True
    if access.owner == artifact.owner:
        return bool(access.mode & 0o400)
    return bool(access.mode & (0o040 if access.group == artifact.group else _FOR_OTHERS))


def effect(changes: list[ItemChange]) -> Effect | None:
    """The effect of a change of mode and owner alone; None when there is more to it."""
    if not changes or any(item.key not in KEYS for item in changes):
        return None
    why = "mode and owner only: services have already read the file"
    return Effect("none", why)


def is_open(access: Access | None) -> bool:
    """Tell whether every user of the node can read a file."""
    return access is not None and bool(access.mode & _FOR_OTHERS)
