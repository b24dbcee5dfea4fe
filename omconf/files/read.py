"""Reads regular files: bounded, never blocking, by descriptors from the first check on.

A file that omconf reads may be anything: a pipe that nobody writes to, a device that never ends, a
file of /proc that gives its size as 0, one that grows meanwhile. Python repeats system calls that a
signal interrupts (PEP 475).
"""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO

from omconf.dataclass import dataclass

_CHUNK = 1 << 16
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_FOLDER = os.O_DIRECTORY | os.O_CLOEXEC
# O_NONBLOCK: a pipe without a writer. O_NOCTTY: a terminal does not become omconf's.
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class NotRegularError(OSError):
    """Something else than a regular file; `what` names it: `a named pipe`."""

    def __init__(self, what: str, path: str) -> None:
        super().__init__(errno.EINVAL, f"it is {what}, not a regular file", path)
        self.what = what


class TooLargeError(OSError):
    """A file that has more bytes than its reader takes."""

    def __init__(self, limit: int, path: str) -> None:
        size = f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit >> 10} KiB"
        super().__init__(errno.EFBIG, f"it has more than {size}", path)


@dataclass(frozen=True, slots=True)
class Contents:
    """The bytes of a file, and its status when it was opened."""

    data: bytes
    status: os.stat_result


def kind(mode: int) -> str:
    """Return what an `st_mode` is, if not a regular file: `a named pipe`."""
    return _KINDS.get(stat.S_IFMT(mode), "something else")


def contents(path: str, limit: int, *, dir_fd: int | None = None, follow: bool = True) -> Contents:
    """Read a regular file of at most `limit` bytes.

    Without `follow`, a symbolic link in the last component of the path is not followed. Raises
    NotRegularError, TooLargeError, or OSError for what the system refuses.
    """
    found = start(path, limit + 1, dir_fd=dir_fd, follow=follow)
    if len(found.data) > limit:
        raise TooLargeError(limit, path)
    return found


def start(
    path: str, count: int, *, dir_fd: int | None = None, follow: bool = True, pipe: bool = False
) -> Contents:
    """Read the first `count` bytes of a file, or all of a shorter one.

    With `pipe` it may be a pipe or a device too, whose reading may block.
    """
    fd, status = _opened(path, dir_fd, follow, pipe)
    try:
        size = status.st_size if stat.S_ISREG(status.st_mode) else 0
        return Contents(_bounded(fd, size, count), status)
    finally:
        os.close(fd)


def standard_input(count: int) -> bytes:
    """Read the first `count` bytes of standard input, from where it stands; it may block."""
    os.set_blocking(0, True)
    return _bounded(0, 0, count)


def stream(path: str, *, dir_fd: int | None = None, follow: bool = True) -> BinaryIO:
    """Open a regular file for a reader that takes the parts that it wants, such as of an archive."""
    fd, _ = _opened(path, dir_fd, follow, pipe=False)
    return open(fd, "rb")


def _opened(path: str, dir_fd: int | None, follow: bool, pipe: bool) -> tuple[int, os.stat_result]:
    """Open a regular file, or with `pipe` anything but a directory, without waiting for anybody."""
    try:
        fd = os.open(path, _FILE if follow else _FILE | os.O_NOFOLLOW, dir_fd=dir_fd)
    except OSError as error:
        if error.errno == errno.ELOOP and not follow:
            raise NotRegularError(_KINDS[stat.S_IFLNK], path) from None
        if error.errno in (errno.ENXIO, errno.ENODEV):  # a socket, or a device without a driver
            mode = os.stat(path, dir_fd=dir_fd, follow_symlinks=follow).st_mode
            raise NotRegularError(kind(mode), path) from None
        raise
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            if not pipe or stat.S_ISDIR(status.st_mode):
                raise NotRegularError(kind(status.st_mode), path)
            os.set_blocking(fd, True)
    except BaseException:
        os.close(fd)
        raise
    return fd, status


def folder(path: str, *, dir_fd: int | None = None, follow: bool = True) -> int:
    """Open a directory to list it or to work in it; the caller closes the descriptor."""
    flags = os.O_RDONLY | _FOLDER | (0 if follow else os.O_NOFOLLOW)
    return os.open(path, flags, dir_fd=dir_fd)


def _bounded(fd: int, size: int, count: int) -> bytes:
    """Read `count` bytes of a file of this size (0: unknown), or to its end."""
    data = os.read(fd, min(size + 1 if size else _CHUNK, count))
    if 0 < size == len(data) or not data:
        return data  # it has the size that it gave, and not a byte more
    parts, left = [data], count - len(data)
    while left > 0 and (data := os.read(fd, min(left, _CHUNK))):
        parts.append(data)
        left -= len(data)
    return b"".join(parts)
