"""Deployed files from a directory: DIR/<node>/ is that node's root tree (`--deployed DIR`)."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from omconf.deployed.snapshot import (
    MAX_BYTES,
    NOT_A_FILE,
    UNREADABLE,
    DeployedFile,
    NodeFiles,
    Snapshot,
)
from omconf.diagnostics import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_LINKS = 40
"""As many symbolic links as Linux itself follows in one path."""


def read(directory: str, wanted: Mapping[str, Iterable[str]]) -> Snapshot:
    """Read the wanted paths of each node; a missing node folder means nothing is deployed there.

    Raises OSError when the directory itself is not there or cannot be read.
    """
    with os.scandir(directory):
        pass
    return Snapshot(
        "directory", {node: _node(os.path.join(directory, node), p) for node, p in wanted.items()}
    )


def _node(root: str, paths: Iterable[str]) -> NodeFiles:
    try:
        mode = os.lstat(root).st_mode
    except FileNotFoundError:
        return NodeFiles()
    except OSError as error:
        return NodeFiles(problem=_unreadable(error))
    if not stat.S_ISDIR(mode):
        return NodeFiles(problem=Finding(NOT_A_FILE, 0, "The node's folder is not a directory."))
    tree = _Tree(root)
    files = {path: file for path in paths if (file := tree.read(path)) is not None}
    return NodeFiles(files)


def _unreadable(error: OSError) -> Finding:
    return Finding(UNREADABLE, 0, f"It cannot be read: {error.strerror}.")


class _Outside(Exception):  # noqa: N818 - a finding on its way, not an error of ours
    pass


class _Tree:
    """A root tree whose links are followed inside it, as the node itself would, and never out."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.folders: dict[str, str] = {"": ""}

    def read(self, path: str) -> DeployedFile | None:
        folder, _, name = path.rpartition("/")
        try:
            place = f"{self.root}{self.folder(folder)}/{name}"
            return self.file(place)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except _Outside as error:
            return DeployedFile(None, Finding(NOT_A_FILE, 0, str(error)))
        except OSError as error:
            return DeployedFile(None, _unreadable(error))

    def file(self, place: str) -> DeployedFile:
        try:
            # Non-blocking, so that a named pipe cannot hold the plan up.
            handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO, errno.ENODEV):
                return DeployedFile(None, _no_file(os.lstat(place).st_mode))
            raise
        try:
            info = os.fstat(handle)
            if not stat.S_ISREG(info.st_mode):
                return DeployedFile(None, _no_file(info.st_mode))
            if info.st_size > MAX_BYTES:
                return DeployedFile(None, _too_large())
            with os.fdopen(handle, "rb", closefd=False) as file:
                data = file.read(MAX_BYTES + 1)
            return DeployedFile(None, _too_large()) if len(data) > MAX_BYTES else DeployedFile(data)
        finally:
            os.close(handle)

    def folder(self, path: str, links: int = 0) -> str:
        """Resolve the links of a folder's path (`/opt/om`) inside the tree."""
        if path in self.folders:
            return self.folders[path]
        above, _, name = path.rpartition("/")
        base = self.folder(above, links)
        place = f"{base}/{name}"
        if stat.S_ISLNK(os.lstat(self.root + place).st_mode):
            if links >= MAX_LINKS:
                raise _Outside("A loop of links stands in the way to it.")
            place = self.folder(self.target(base, os.readlink(self.root + place)), links + 1)
        self.folders[path] = place
        return place

    @staticmethod
    def target(base: str, link: str) -> str:
        parts = [] if link.startswith("/") else base.split("/")[1:]
        for part in link.split("/"):
            if part == "..":
                if not parts:
                    raise _Outside("A link on the way to it leaves the node's tree.")
                parts.pop()
            elif part not in ("", "."):
                parts.append(part)
        return "".join(f"/{part}" for part in parts)


def _no_file(mode: int) -> Finding:
    kinds = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFDIR: "a directory",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    what = kinds.get(stat.S_IFMT(mode), "something else")
    return Finding(NOT_A_FILE, 0, f"There is {what} where a file is expected.")


def _too_large() -> Finding:
    return Finding(
        UNREADABLE,
        0,
        f"The file has more than {MAX_BYTES // 1024 // 1024} MiB: no configuration is that large.",
    )
