"""A bundle directory (DIR): the names that omconf uses in it, a survey of it, and its errors."""

from __future__ import annotations

import os
from bisect import bisect_left
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.files import read
from omconf.files.inside import Inside
from omconf.rules import FOREIGN_FILE, UNUSABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from omconf.diagnostics import Diagnostic


MANIFEST = "manifest.json"
STAGING = ".omconf-staging"
"""The folder in DIR that holds an unfinished build."""
NO_FILE = "(not a regular file)"
"""What stands behind the name of a link or the like in the place of one of omconf's files."""

STAGED = "new"
"""Its folder of new files and folders, numbered."""

KEPT = "old"
"""Its folder of the old files that a running build would put back if it failed."""

_MAX_NAMED = 20
"""Files that a message names at most."""
_MAX_COUNTED = 10_000
"""Unknown files after which a survey stops."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What is in DIR: omconf's files, all folders, and folders at the paths of files."""

    files: set[str]
    folders: set[str]
    blocking: list[str]


@contextmanager
def opened(root: str) -> Iterator[Inside | None]:
    """Open DIR; yields None if it does not exist. May raise OSError."""
    fd = -1
    with suppress(FileNotFoundError):
        fd = read.folder(root)
    if fd < 0:
        yield None
        return
    try:
        with Inside(fd, root) as inside:
            yield inside
    finally:
        os.close(fd)


def survey(
    root: str,
    given: str,
    owned: frozenset[str],
    wanted: Collection[str],
    poll: Callable[[], None] = lambda: None,
) -> Survey | Diagnostic:
    """Walk DIR once: `owned` are omconf's paths, `wanted` those of a build.

    Returns OM401 if there is anything else. `poll` is called once a folder and may raise. Links are
    never followed; a link, device, fifo or socket never belongs to omconf. May raise OSError.
    """
    found = Survey(set(), set(), [])
    foreign: list[str] = []
    leaving = sorted(owned.difference(wanted))
    todo = [("", False)]
    while todo and len(foreign) < _MAX_COUNTED:
        poll()
        folder, blocking = todo.pop()
        try:
            entries = os.scandir(f"{root}/{folder}")
        except FileNotFoundError:
            continue  # `check` of a DIR that is not there, or during a build
        with entries:
            for entry in entries:
                path = folder + entry.name
                if not folder and (entry.name.startswith(".git") or entry.name == STAGING):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    in_the_way = blocking or path in wanted
                    if in_the_way and not holds(path, leaving):
                        foreign.append(path + "/")
                    found.folders.add(path)
                    todo.append((path + "/", in_the_way))
                    if in_the_way:
                        found.blocking.append(path)
                elif path in owned and entry.is_file(follow_symlinks=False):
                    found.files.add(path)
                else:
                    foreign.append(f"{path} {NO_FILE}" if path in owned else path)
    return foreign_files(foreign, given, wanted) if foreign else found


def parents(paths: Iterable[str]) -> set[str]:
    """Return every folder above these paths, at any depth, except DIR itself."""
    folders: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def holds(folder: str, ordered: Sequence[str]) -> bool:
    """Tell whether one of these sorted paths is inside a folder, at any depth."""
    at = bisect_left(ordered, folder + "/")
    return at < len(ordered) and ordered[at].startswith(folder + "/")


def unusable(error: OSError, root: str, given: str, hint: str = "") -> Diagnostic:
    """Turn a system error into OM403, with the path as the user gave it."""
    path = error.filename if isinstance(error.filename, str) else root
    if path.startswith(root):
        inside = path.removeprefix(root).strip("/")
        path = f"{given}/{inside}" if inside else given
    reason = error.strerror or str(error)
    return UNUSABLE.at(None, f"{shown(path)}: {reason}", hint=hint)


def shown(path: str) -> str:
    """Return a path for a message; one with unprintable characters is escaped."""
    return path if path.isprintable() else ascii(path)


def foreign_files(paths: list[str], given: str, wanted: Collection[str] = ()) -> Diagnostic:
    """Report files that omconf did not write (OM401), and name up to 20 of them.

    Some of the paths may be `wanted` by the build: a merge may drop them from the manifest alone.
    """
    names = ", ".join(shown(path) for path in sorted(paths)[:_MAX_NAMED])
    if len(paths) > _MAX_NAMED:
        least = "at least " if len(paths) >= _MAX_COUNTED else ""
        names += f" and {least}{len(paths) - _MAX_NAMED} more"
    hint = "Move them away or build into another directory; nothing was written."
    if os.path.isdir(given) and not os.path.lexists(f"{given}/{MANIFEST}"):
        hint = f"There is no {MANIFEST} that lists omconf's files. " + hint
    if any(path in wanted for path in paths):
        hint += (
            f"\nIf a git merge changed {MANIFEST} and all files are omconf's, remove the directory"
            " and build again."
        )
    return FOREIGN_FILE.at(
        None, f"{shown(given)} contains files that omconf did not write: {names}", hint=hint
    )
