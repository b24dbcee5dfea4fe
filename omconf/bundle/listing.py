"""Lists the files of a bundle directory (DIR) that belong to omconf.

Only files that a manifest of omconf lists belong to it. `manifest.json` at the top lists the files
of the last finished build. While a build is unfinished, the staging folder next to it has a listing
too: the files that the build found to be omconf's, and those that it writes.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any

from omconf.bundle.directory import (
    MANIFEST,
    NO_FILE,
    STAGING,
    foreign_files,
    opened,
    shown,
    unusable,
)
from omconf.dataclass import dataclass
from omconf.files import read
from omconf.rules import BROKEN_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from omconf.diagnostics import Diagnostic
    from omconf.files.inside import Inside

_MAX_MANIFEST = 64 * 1024 * 1024
"""The largest `manifest.json`, in bytes."""
# What a listed path must not have: an empty part, `.` or `..`, a control character, a lone surrogate;
# and it must not be git's or the staging folder's.
_PATH_FAULT = re.compile(
    r"(?:\A|/)\.{0,2}(?:/|\Z)|[\x00-\x1f\x7f-\x9f\ud800-\udfff]"
    rf"|\A\.git|\A{re.escape(STAGING)}(?:/|\Z)"
)
_VERSION = re.compile(r"([0-9]{1,6})\.[0-9]{1,6}")
Possible = Callable[[str], bool]
"""Tells whether a build can have written a path, relative to DIR."""


class _Fault(Enum):
    """A fault of a manifest, as text of a message."""

    NO_FILE = "it is not a regular file"
    TOO_LARGE = "it is larger than 64 MiB"
    NO_JSON = "it is not one whole JSON object"
    NO_VERSION = 'it has no "format_version" like "1.0"'
    NEWER = "its format is of a newer omconf; this one reads format 1"
    NO_PATHS = 'its "files" is not a list of relative paths inside the directory'


@dataclass(frozen=True, slots=True)
class Listing:
    """omconf's files in DIR (relative paths), and whether a build is unfinished there.

    A listed file need not exist: it may have been removed, or not yet written by an unfinished build.
    """

    files: frozenset[str]
    unfinished: bool


def any_path(_: str) -> bool:
    """Accept every path as one that a build can have written."""
    return True


def read_listing(directory: Path) -> Listing | Diagnostic:
    """List omconf's files in DIR; a DIR that does not exist has none.

    Returns OM404 for a manifest that is broken or of a newer format, OM401 if it is not a
    regular file (links are not followed), OM403 if it cannot be read.
    """
    root, given = os.path.realpath(directory), os.fspath(directory)
    try:
        with opened(root) as inside:
            return listing(inside, given, {})
    except OSError as error:
        return unusable(error, root, given)


def listing(
    directory: Inside | None,
    given: str,
    files: Collection[str],
    possible: Possible = any_path,
) -> Listing | Diagnostic:
    """Do `read_listing` for an open DIR, named `given` in messages; may raise OSError.

    A listed path is omconf's only if it is one of the `files` to be written or is `possible`: anybody
    may have written it into the manifest.
    """

    def owned(listed: frozenset[str]) -> frozenset[str]:
        return frozenset(path for path in listed if path in files or possible(path))

    if directory is None:
        return Listing(frozenset(), unfinished=False)
    built = _manifest_files(directory, MANIFEST)
    if isinstance(built, _Fault):
        return _refused(built, f"{given}/{MANIFEST}", given)
    try:
        unfinished = stat.S_ISDIR(directory.status(STAGING).st_mode)
    except FileNotFoundError:
        return Listing(owned(built), unfinished=False)
    if not unfinished:
        return foreign_files([STAGING], given)
    staged = _manifest_files(directory, f"{STAGING}/{MANIFEST}")
    if staged is _Fault.NEWER:
        return _refused(staged, f"{given}/{STAGING}/{MANIFEST}", given)
    if isinstance(staged, _Fault):
        # The listing is renamed into place complete, and before any file of the build is: if it is
        # broken, no file of that build is in DIR.
        staged = frozenset()
    return Listing(owned(built | staged), unfinished=True)


def is_inside(path: str) -> bool:
    """Tell whether a path is relative, stays inside DIR and may be omconf's there."""
    return not _PATH_FAULT.search(path)


def _manifest_files(directory: Inside, path: str) -> frozenset[str] | _Fault:
    """Return the files that a top manifest lists, including itself; none if it does not exist."""
    try:
        data = directory.contents(path, _MAX_MANIFEST).data
    except FileNotFoundError:
        return frozenset()
    except read.NotRegularError:
        return _Fault.NO_FILE
    except read.TooLargeError:
        return _Fault.TOO_LARGE
    files = _listed(data)
    return files if isinstance(files, _Fault) else files | {MANIFEST}


def _listed(data: bytes) -> frozenset[str] | _Fault:
    """Read a top manifest strictly."""
    try:
        document = json.loads(data.decode(), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        return _Fault.NO_JSON
    if not isinstance(document, dict):
        return _Fault.NO_JSON
    version = document.get("format_version")
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if not match or int(match[1]) < 1:
        return _Fault.NO_VERSION
    if int(match[1]) > 1:
        return _Fault.NEWER
    files = document.get("files")
    if not isinstance(files, list) or not all(isinstance(f, str) and is_inside(f) for f in files):
        return _Fault.NO_PATHS
    return frozenset(files)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ValueError("a key appears twice in one object")
    return mapping


def _refused(fault: _Fault, path: str, given: str) -> Diagnostic:
    if fault is _Fault.NO_FILE:
        return foreign_files([f"{MANIFEST} {NO_FILE}"], given)
    hint = "Restore it from git, or build into an empty directory."
    if fault is _Fault.NEWER:
        hint = "Use the omconf that built it, or a newer one."
    return BROKEN_MANIFEST.at(None, f"{shown(path)}: {fault.value}", hint=hint)
