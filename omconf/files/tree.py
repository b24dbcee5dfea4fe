"""Walks a node's root tree by descriptors: links are followed inside it, never out.

A path is resolved as the node itself would, whose root the tree is: component by component, each
opened below a descriptor that is held (openat, O_NOFOLLOW), an absolute link from the root again,
`..` to the folder that is held above, at the root to the root itself. Nothing is checked by a path
and then opened by it: whoever swaps a folder for a link meanwhile has the link resolved inside the
tree too.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import field
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from omconf.dataclass import dataclass
from omconf.files import read

if TYPE_CHECKING:
    from omconf.files.read import Contents

MAX_PARTS = 200
"""Components of a path, those of links on the way to it included: no file of a node lies deeper."""
MAX_LINKS = 40
"""Symbolic links on the way to a file: as many as Linux follows in one path."""
MAX_HELD = 200
"""Folders that stay open between two files; the way to one file opens MAX_PARTS more at most."""
_TRIES = 8
"""How often a component is opened that changes between folder and link while it is read."""

# O_PATH: as for any path, the right to search a folder is enough.
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class UnresolvedError(Exception):
    """A path that is not resolved; the text says why."""


@dataclass(slots=True)
class _Folder:
    """An open folder: `real` is its path in the tree without links, empty at the root."""

    fd: int
    real: str
    above: _Folder | None = None


class _Way(NamedTuple):
    """Where a folder's path leads, and what it took: components and links."""

    folder: _Folder
    parts: int = 0
    links: int = 0


class Found(NamedTuple):
    """A file's contents, and the path in the tree at which it really lies."""

    contents: Contents
    real: str


@dataclass(slots=True)
class Tree:
    """A root tree that is open for reading; `with` closes all its descriptors."""

    root: _Folder
    _ways: dict[str, _Way] = field(default_factory=dict)
    """By a folder's path as it was asked for."""
    _held: dict[str, _Folder] = field(default_factory=dict)
    """By a folder's real path."""

    @classmethod
    def at(cls, path: str, *, dir_fd: int | None = None) -> Tree:
        """Open the tree at a path whose last component is no link; may raise OSError."""
        tree = cls(_Folder(os.open(path, _FOLDER, dir_fd=dir_fd), ""))
        tree._forget()
        return tree

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, *_: object) -> None:
        self._forget()
        os.close(self.root.fd)

    def read(self, path: str, limit: int) -> Found:
        """Read a file by its absolute path; it has to be a regular one, and no link.

        Raises UnresolvedError, NotADirectoryError (`filename` is the component on the way that is no
        directory, in the tree), and what `files.read.contents` raises.
        """
        try:
            folder, name = self._place(path)
            contents = read.contents(name, limit, dir_fd=folder.fd, follow=False)
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._forget()  # the next file may do with less
            raise
        return Found(contents, f"{folder.real}/{name}")

    def names(self, path: str) -> list[str]:
        """List a directory by its absolute path; raises as `read` does."""
        if len(self._held) > MAX_HELD:
            self._forget()
        fd = read.folder(".", dir_fd=self._way(path).folder.fd)
        try:
            return os.listdir(fd)
        finally:
            os.close(fd)

    def link(self, path: str) -> str:
        """Return the target of a symbolic link, as it is written there; raises as `read` does."""
        folder, name = self._place(path)
        return os.readlink(name, dir_fd=folder.fd)

    def real(self, path: str) -> str:
        """Return the path in the tree at which a folder really lies; raises as `read` does."""
        return self._way(path).folder.real

    def stream(self, path: str) -> BinaryIO:
        """Open a file, as `read` does, for a reader that takes the parts that it wants."""
        folder, name = self._place(path)
        return read.stream(name, dir_fd=folder.fd, follow=False)

    def _place(self, path: str) -> tuple[_Folder, str]:
        """Find the folder that a file lies in, and its name there."""
        if len(self._held) > MAX_HELD:
            self._forget()
        above, _, name = path.rpartition("/")
        return self._way(above).folder, name

    def _way(self, path: str) -> _Way:
        """Resolve a folder's path (`/opt/om`)."""
        known = self._ways.get(path)
        if known is not None:
            return known
        if path.count("/") > MAX_PARTS:
            raise UnresolvedError("The path is nested too deeply.")
        above, _, name = path.rpartition("/")
        way = self._ways[path] = self._step(self._way(above), name)
        return way

    def _step(self, way: _Way, name: str) -> _Way:
        """Go on by one component, and by those of the links that it leads to.

        Raises NotADirectoryError, as for a file, for a link that leads nowhere.
        """
        folder, parts, links = way
        todo, asked = [name], f"{folder.real}/{name}"
        while todo:
            parts += 1
            if parts + len(todo) > MAX_PARTS + 1:
                raise UnresolvedError("The path is nested too deeply.")
            name = todo.pop()
            if name in ("", "."):
                continue
            if name == "..":
                folder = folder.above or folder
                continue
            try:
                below = self._below(folder, name)
            except FileNotFoundError:
                if links == way.links:
                    raise
                raise _no_folder(asked) from None
            if isinstance(below, _Folder):
                folder = below
                continue
            links += 1
            if links > MAX_LINKS:
                raise UnresolvedError("The path contains a loop of symbolic links.")
            if below.startswith("/"):
                folder = self.root
            todo += reversed(below.split("/"))
        return _Way(folder, parts, links)

    def _below(self, folder: _Folder, name: str) -> _Folder | str:
        """Open a folder in a folder, or return the target if it is a link."""
        real = f"{folder.real}/{name}"
        known = self._held.get(real)
        if known is not None:
            return known
        for _ in range(_TRIES):
            try:
                fd = os.open(name, _FOLDER, dir_fd=folder.fd)
            except NotADirectoryError:
                pass
            else:
                opened = self._held[real] = _Folder(fd, real, folder)
                return opened
            try:
                return os.readlink(name, dir_fd=folder.fd)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
            mode = os.stat(name, dir_fd=folder.fd, follow_symlinks=False).st_mode
            if not stat.S_ISDIR(mode) and not stat.S_ISLNK(mode):
                raise _no_folder(real)
        raise OSError(errno.EAGAIN, "a folder in the path keeps changing", real)

    def _forget(self) -> None:
        """Close all folders but the root."""
        for folder in self._held.values():
            os.close(folder.fd)
        self._held.clear()
        self._ways.clear()
        self._ways[""] = _Way(self.root)


def _no_folder(path: str) -> NotADirectoryError:
    return NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
