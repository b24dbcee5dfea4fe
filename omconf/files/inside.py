"""Works in one folder by relative paths, never through a link: every component is opened by itself.

The folder is a descriptor. The folders on the way to the last path stay open, for the next path goes
most of the same way; so there are never more descriptors than a path has components, and whoever
swaps a folder for a link meanwhile gets an error, ENOTDIR, and nothing of what the link leads to.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from omconf.files import read, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.files.read import Contents


class Inside:
    """The files of the open folder `fd`, which errors call `root`; `with` closes what it opened.

    All paths are relative, without empty parts, `.` and `..`. Every method may raise OSError.
    """

    def __init__(self, fd: int, root: str) -> None:
        self.fd = fd
        self.root = root
        self._way: list[tuple[str, int]] = []
        """The open folders on the way to the last path, as `om1/files/`."""

    def __enter__(self) -> Inside:
        return self

    def __exit__(self, *_: object) -> None:
        while self._way:
            os.close(self._way.pop()[1])

    def contents(self, path: str, limit: int) -> Contents:
        """Read a regular file of at most `limit` bytes."""
        with self._at(path) as (fd, name):
            return read.contents(name, limit, dir_fd=fd, follow=False)

    def start(self, path: str, count: int) -> Contents:
        """Read the first `count` bytes of a regular file."""
        with self._at(path) as (fd, name):
            return read.start(name, count, dir_fd=fd, follow=False)

    def status(self, path: str) -> os.stat_result:
        """Look at what is there, be it a link."""
        with self._at(path) as (fd, name):
            return os.stat(name, dir_fd=fd, follow_symlinks=False)

    def entries(self, path: str) -> list[tuple[str, bool]]:
        """List a folder (the empty path: this one): names, and whether each is a folder."""
        with self._at(f"{path}/.".removeprefix("/")) as (fd, _), os.scandir(fd) as found:
            return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]

    def create(
        self, path: str, data: bytes, *, mode: int = 0o666, exact: bool = False, durable: bool
    ) -> None:
        """Create a file, as `write.create` does."""
        with self._at(path) as (fd, name):
            write.create(name, data, dir_fd=fd, mode=mode, exact=exact, durable=durable)

    def make_folder(self, path: str, mode: int = 0o777, *, exact: bool = False) -> None:
        """Make a folder, as `write.make_folder` does."""
        with self._at(path) as (fd, name):
            write.make_folder(name, mode, dir_fd=fd, exact=exact)

    def set_mode(self, path: str, mode: int) -> None:
        """Change the mode of a folder."""
        with self._at(f"{path}/.") as (fd, _):
            os.fchmod(fd, mode)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        with self._at(path) as (fd, name):
            os.rmdir(name, dir_fd=fd)

    def remove_file(self, path: str) -> None:
        """Remove anything but a folder."""
        with self._at(path) as (fd, name):
            os.unlink(name, dir_fd=fd)

    def move(self, path: str, to: str, there: Inside) -> None:
        """Move a file or a folder; `there` is another folder, or this one to rename it."""
        with self._both(path, to, there) as (fd, name, other, new):
            os.rename(name, new, src_dir_fd=fd, dst_dir_fd=other)

    def add_name(self, path: str, to: str, there: Inside) -> None:
        """Give a file a second name; `there` is as for `move`."""
        with self._both(path, to, there) as (fd, name, other, new):
            os.link(name, new, src_dir_fd=fd, dst_dir_fd=other, follow_symlinks=False)

    def remove_tree(self, path: str) -> None:
        """Remove a folder with all that is in it."""
        todo, folders = [path], []
        while todo:
            folder = todo.pop()
            folders.append(folder)
            for name, is_folder in self.entries(folder):
                if is_folder:
                    todo.append(f"{folder}/{name}")
                else:
                    self.remove_file(f"{folder}/{name}")
        for folder in reversed(folders):
            self.remove_folder(folder)

    @contextmanager
    def _both(self, path: str, to: str, there: Inside) -> Iterator[tuple[int, str, int, str]]:
        if there is self and path.rpartition("/")[0] != to.rpartition("/")[0]:
            raise ValueError("one way is held open, and not two")
        with self._at(path) as (fd, name), there._at(to) as (other, new):
            yield fd, name, other, new

    @contextmanager
    def _at(self, path: str) -> Iterator[tuple[int, str]]:
        """Open the folder that a path lies in; errors name the path as the user knows it."""
        above, _, name = path.rpartition("/")
        try:
            yield self._folder(above), name
        except OSError as error:
            error.filename = f"{self.root}/{path}".removesuffix("/.")
            error.filename2 = None
            raise

    def _folder(self, path: str) -> int:
        """Go to a folder: back to where the ways part, and on from there."""
        path += "/"
        way = self._way
        while way and not path.startswith(way[-1][0]):
            os.close(way.pop()[1])
        here, fd = way[-1] if way else ("", self.fd)
        if path in (here, "/"):
            return fd
        for part in path[len(here) : -1].split("/"):
            fd = read.folder(part, dir_fd=fd, follow=False)
            here = f"{here}{part}/"
            way.append((here, fd))
        return fd
