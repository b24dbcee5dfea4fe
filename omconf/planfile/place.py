"""Where a plan, or a page of one, is written: in the place of an earlier one, and of nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from omconf.files import read as files
from omconf.files.write import replace
from omconf.rules import UNWRITABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from omconf.diagnostics import Diagnostic


OTHER = "Name another folder, or remove that file."


def put(
    path: str, data: bytes, *, start: bytes, what: str, mode: int | None = None
) -> Diagnostic | None:
    """Write a file whole or not at all; gives OM330 for what is in the way.

    Replaced is only a file that begins with `start`, a `what`, or an empty one. It has this very
    `mode`, or that of any new file, which the umask narrows.
    """

    def write(name: str, folder: int) -> Diagnostic | None:
        if not _replaceable(name, folder, start):
            return _refused(path, what, "Name another file, or remove it.")
        exact = mode is not None
        replace(name, data, dir_fd=folder, mode=0o666 if mode is None else mode, exact=exact)
        return None

    return _in_folder(path, write)


def in_the_way(path: str, *, start: bytes, what: str) -> Diagnostic | None:
    """Return what `put` would say of a path, without writing."""

    def look(name: str, folder: int) -> Diagnostic | None:
        return None if _replaceable(name, folder, start) else _refused(path, what, OTHER)

    return _in_folder(path, look)


def _in_folder(path: str, work: Callable[[str, int], Diagnostic | None]) -> Diagnostic | None:
    """Do something with a file's name and a descriptor of its folder; gives OM330 for errors."""
    above, name = os.path.split(os.path.realpath(path))
    try:
        folder = files.folder(above)
        try:
            return work(name, folder)
        finally:
            os.close(folder)
    except OSError as error:
        return UNWRITABLE.at(None, f"{path} cannot be written: {error.strerror}.")


def _refused(path: str, what: str, hint: str) -> Diagnostic:
    return UNWRITABLE.at(None, f"{path} already exists and is not a {what}.", hint=hint)


def _replaceable(name: str, folder: int, start: bytes) -> bool:
    try:
        found = files.start(name, len(start), dir_fd=folder, follow=False)
    except FileNotFoundError:
        return True
    except files.NotRegularError:
        return False
    return found.data in (b"", start)
