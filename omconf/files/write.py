"""Writes files: whole or not at all, never through a link.

The folder that a file is written to is a descriptor of the caller's: nobody swaps it meanwhile.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def sync_file_system(fd: int) -> None:
    """Make everything on the file system of an open file durable.

    Unlike sync, syncfs reports errors and does not wait for other file systems, such as a network
    mount that hangs.
    """
    import ctypes

    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except (AttributeError, OSError):
        os.sync()
        return
    if syncfs(fd) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def make_folder(name: str, mode: int, *, dir_fd: int | None = None, exact: bool = False) -> None:
    """Make a folder; the umask narrows its mode, but with `exact` it has the very mode at once."""
    if not exact:
        os.mkdir(name, mode, dir_fd=dir_fd)
        return
    before = os.umask(0o777 & ~mode)
    try:
        os.mkdir(name, mode, dir_fd=dir_fd)
    finally:
        os.umask(before)


def remove_folder(path: str) -> None:
    """Remove an empty folder."""
    os.rmdir(path)


def remove_file(path: str) -> None:
    """Remove a file or a link, not what the link leads to."""
    os.unlink(path)


def create(
    name: str,
    data: bytes,
    *,
    dir_fd: int | None = None,
    mode: int = 0o666,
    exact: bool = False,
    durable: bool = True,
    owner: tuple[int, int] | None = None,
) -> None:
    """Create a file that does not exist yet; one that cannot be written whole is removed again.

    Its mode is that of an ordinary new file, which the umask narrows; with `exact` it is the very
    mode, before the first byte is written. It belongs to `owner`, a user and a group by number, from
    then on. With `durable` it is on the disk on return. Raises FileExistsError, or OSError for what
    else the system refuses.
    """
    fd = os.open(name, _NEW, mode & 0o600 if exact else mode, dir_fd=dir_fd)
    try:
        try:
            if owner is not None:
                _give(fd, *owner)
            if exact:
                os.fchmod(fd, mode)
            left = memoryview(data)
            while left:
                left = left[os.write(fd, left) :]
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
    except BaseException:
        with suppress(OSError):
            os.unlink(name, dir_fd=dir_fd)
        raise


def _give(fd: int, user: int, group: int) -> None:
    """Give an open file to a user and a group, unless it is theirs."""
    made = os.fstat(fd)
    if (made.st_uid, made.st_gid) == (user, group):
        return
    try:
        os.fchown(fd, user, group)
    except PermissionError as error:
        error.strerror = "its owner or group cannot be kept"
        raise


def replace(
    name: str,
    data: bytes,
    *,
    dir_fd: int,
    mode: int,
    exact: bool = True,
    owner: tuple[int, int] | None = None,
) -> None:
    """Put a new file of this very mode in the place of an old one, or of none, in one step.

    Without `exact` the umask narrows the mode; `owner` is that of `create`. At any moment, also
    after a power cut, either the complete old file or the complete new one exists. A link at the
    path is itself replaced.
    """
    staged = f".omconf-{os.urandom(8).hex()}"
    create(staged, data, dir_fd=dir_fd, mode=mode, exact=exact, owner=owner)
    try:
        os.rename(staged, name, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
    except BaseException:
        with suppress(OSError):
            os.unlink(staged, dir_fd=dir_fd)
        raise
    try:
        os.fsync(dir_fd)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that has no fsync of directories
            raise
