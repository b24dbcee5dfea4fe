"""Reads a node's files from its root tree, here: links are followed inside the tree, never out."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from typing import TYPE_CHECKING, Any

from omconf.deployed.snapshot import (
    MAX_BYTES,
    NOT_A_FILE,
    TOO_LARGE,
    UNREADABLE,
    Access,
    DeployedFile,
    NodeFiles,
)
from omconf.diagnostics import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from omconf.deployed.snapshot import Request

MAX_PARTS = 200
"""As many folders deep nothing of a node's lies."""
MAX_LINKS = 40
"""As many symbolic links as Linux itself follows in one path."""


Same = dict[bytes, bytes]
"""Contents that were read already: what is the same on many nodes is kept once."""


def read(
    root: str, request: Request, *, access: bool = False, same: Same | None = None
) -> NodeFiles:
    """Read a node's files below `root`; a missing root means that nothing is deployed there.

    With `access` their modes and owners are read too, by the names that this host has for them.
    """
    try:
        mode = os.lstat(root or "/").st_mode
    except FileNotFoundError:
        return NodeFiles(asked=request.asked(None))
    except OSError as error:
        return NodeFiles.unknown(request, f"It cannot be read: {error.strerror}.")
    if not stat.S_ISDIR(mode):
        problem = Finding(NOT_A_FILE, 0, "The node's folder is not a directory.")
        return NodeFiles(asked=request.asked(None), problem=problem)
    tree = _Tree(root, access, {} if same is None else same)
    own = tree.read(request.manifest)
    asked = request.asked(own.data if own else None)
    found = {path: own if path == request.manifest else tree.read(path) for path in asked}
    return NodeFiles({path: file for path, file in found.items() if file is not None}, asked)


def _access(info: os.stat_result) -> Access:
    return Access(
        stat.S_IMODE(info.st_mode),
        _named(pwd.getpwuid, info.st_uid),
        _named(grp.getgrgid, info.st_gid),
    )


def _named(look_up: Callable[[int], Sequence[Any]], number: int) -> str:
    """Name an account, or give its number where it has no name."""
    try:
        return str(look_up(number)[0])
    except KeyError:
        return str(number)


class _Outside(Exception):  # noqa: N818 - a finding on its way, not an error of ours
    pass


class _Tree:
    """A root tree whose links are followed inside it, as the node itself would, and never out."""

    def __init__(self, root: str, access: bool, same: Same) -> None:
        self.root = root
        self.same = same
        self.access = access
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
            return DeployedFile(
                None, Finding(UNREADABLE, 0, f"It cannot be read: {error.strerror}.")
            )

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
                return DeployedFile(None, TOO_LARGE)
            with os.fdopen(handle, "rb", closefd=False) as file:
                data = file.read(MAX_BYTES + 1)
            if len(data) > MAX_BYTES:
                return DeployedFile(None, TOO_LARGE)
            data = self.same.setdefault(data, data)
            return DeployedFile(data, access=_access(info) if self.access else None)
        finally:
            os.close(handle)

    def folder(self, path: str, links: int = 0) -> str:
        """Resolve the links of a folder's path (`/opt/om`) inside the tree."""
        if path in self.folders:
            return self.folders[path]
        if path.count("/") > MAX_PARTS:
            raise _Outside("The way to it is too deep.")
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
    return no_file(kinds.get(stat.S_IFMT(mode), "something else"))


def no_file(what: str) -> Finding:
    """Say what stands where a file is expected: OM316."""
    return Finding(NOT_A_FILE, 0, f"There is {what} where a file is expected.")
