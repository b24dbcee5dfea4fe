"""Compares a bundle directory (DIR) with what a build would write there; writes nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from omconf.bundle.directory import Survey, opened, survey, unusable
from omconf.bundle.listing import any_path, listing
from omconf.dataclass import dataclass
from omconf.diagnostics import Diagnostic
from omconf.files import read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from omconf.bundle.listing import Possible
    from omconf.bundle.model import BundleFile
    from omconf.files.inside import Inside

_MAX_SHOWN = 4 * 1024 * 1024
"""Bytes of a file in DIR that a difference keeps."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One file of DIR that differs from what the spec compiles to.

    `extra` is a file of omconf that the spec no longer has. `old` is the contents in DIR (the first
    4 MiB; empty if missing), `new` the expected contents (empty if extra). The modes are `0o644` or
    `0o755` by the owner's x-bit, 0 if there is no file; they may be the only difference.
    """

    path: str
    kind: Literal["missing", "different", "extra"]
    old: bytes
    new: bytes
    old_mode: int
    new_mode: int


@dataclass(frozen=True, slots=True)
class Checked:
    """How DIR compares with a build: differences by path; `unfinished` if a build was interrupted."""

    unfinished: bool
    differences: tuple[Difference, ...]


def check(
    files: Mapping[str, BundleFile],
    directory: Path,
    possible: Possible = any_path,
) -> Checked | list[Diagnostic]:
    """Compare DIR with what a build would write there; takes no lock.

    Returns the diagnostics that would stop the build: OM401, OM403, OM404.
    """
    root, given = os.path.realpath(directory), os.fspath(directory)
    try:
        with opened(root) as inside:
            return _checked(files, inside, root, given, possible)
    except OSError as error:
        return [unusable(error, root, given)]


def _checked(
    files: Mapping[str, BundleFile],
    directory: Inside | None,
    root: str,
    given: str,
    possible: Possible,
) -> Checked | list[Diagnostic]:
    owned = listing(directory, given, files, possible)
    while not isinstance(owned, Diagnostic):
        found = survey(root, given, owned.files, files)
        if isinstance(found, Survey):
            return Checked(owned.unfinished, _differences(files, directory, root, found))
        # A build running at the same time may have placed files after the listing was read.
        before, owned = owned, listing(directory, given, files, possible)
        if owned == before:
            return [found]
    return [owned]


def matches(path: str, file: BundleFile, *, exact_mode: bool = False) -> bool:
    """Tell whether the file at `path` has these bytes and the same x-bit (or exactly the same mode).

    False if it does not exist or is not a regular file. May raise OSError.
    """
    try:
        found = read.start(path, len(file.data) + 1, follow=False)
    except (FileNotFoundError, read.NotRegularError):
        return False
    mode = found.status.st_mode
    compared = 0o7777 if exact_mode else 0o100
    return (mode ^ file.mode) & compared == 0 and found.data == file.data


def _differences(
    files: Mapping[str, BundleFile], directory: Inside | None, root: str, found: Survey
) -> tuple[Difference, ...]:
    differences = []
    for path in sorted(files.keys() | found.files):
        file = files.get(path)
        if file is not None and path in found.files and matches(f"{root}/{path}", file):
            continue
        new, new_mode = (file.data, _git_mode(file.mode)) if file is not None else (b"", 0)
        try:
            old = directory.start(path, _MAX_SHOWN) if directory else None
        except (FileNotFoundError, NotADirectoryError, read.NotRegularError):
            old = None
        if old is not None:
            kind: Literal["different", "extra"] = "extra" if file is None else "different"
            mode = _git_mode(old.status.st_mode)
            differences.append(Difference(path, kind, old.data, new, mode, new_mode))
        elif file is not None:
            differences.append(Difference(path, "missing", b"", new, 0, new_mode))
    return tuple(differences)


def _git_mode(mode: int) -> int:
    return 0o755 if mode & 0o100 else 0o644
