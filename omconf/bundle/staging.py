"""Puts new contents in the place of old ones: staged, made durable, renamed, undone on an error.

What a kill or a power cut may leave in DIR:

1. No staging folder: the old bundle or the new one.
2. Staging without its `manifest.json`: the old bundle, no file has been placed yet.
3. Staging with it: each file is old or new, whole. The staged manifest lists the old files and the
   new ones, so the next build knows which of them are omconf's, and finishes.
4. The same after the top manifest was placed: the new bundle, only the staging is left to remove.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from omconf.bundle.directory import KEPT, MANIFEST, STAGED, STAGING, Survey, matches, parents
from omconf.bundle.model import BundleFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# Each fsync waits for the disk; syncfs waits once, but also for what others wrote to the same file
# system, and costs the import of ctypes. On a quiet ext4 both take 10 ms at about 16 files; 7,000
# files take 4 s by fsync and 0.3 s by syncfs.
_MOST_SYNCED_ALONE = 16

_FOLDER_MODE = 0o755
_STAYS = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.EBUSY)


class UndoFailedError(OSError):
    """The system refused a rename and then its undoing: DIR is as after a kill, unfinished."""


class Replacement:
    """One build of a locked DIR: what differs (paths by kind), and the steps that put it in place.

    `root` is DIR's resolved path and `fd` is DIR, open; `owned` are the files that are omconf's,
    and with `unfinished` an earlier build has left its staging. `private` as in `writer.write`.
    The steps are `compare`, `stage`, `commit`, `sweep`; all may raise OSError.
    """

    def __init__(
        self,
        files: Mapping[str, BundleFile],
        root: str,
        fd: int,
        owned: frozenset[str],
        found: Survey,
        *,
        unfinished: bool,
        private: bool,
    ) -> None:
        self.missing: list[str] = []
        self.different: list[str] = []
        self.leaving = sorted(found.files.difference(files))
        self._files = files
        self._root = root
        self._staging = f"{root}/{STAGING}"
        self._fd = fd
        self._owned = owned
        self._unfinished = unfinished
        self._private = private
        self._needed = parents(files)
        self._blocking = set(found.blocking)
        self._there = found.folders - self._blocking
        self._found = found.files
        self._closed: list[str] = []
        self._moves: dict[str, str] = {}
        self._kept: dict[str, str] = {}
        self._taken: set[str] = set()
        self._undo: list[Callable[[], None]] = []

    @property
    def changes(self) -> bool:
        """True when anything in DIR is to change."""
        return bool(self.missing or self.different or self.leaving or self._closed)

    def compare(self, poll: Callable[[], None]) -> None:
        """Find what is missing or different and, when private, folders that have another mode."""
        for path in sorted(self._files):
            poll()
            if path not in self._found:
                self.missing.append(path)
            elif not matches(f"{self._root}/{path}", self._files[path], exact_mode=self._private):
                self.different.append(path)
        if self._private:
            folders = sorted(self._there & self._needed)
            self._closed = [
                folder for folder in folders if _mode(self._place(folder)) != _FOLDER_MODE
            ]

    def stage(self, poll: Callable[[], None]) -> None:
        """Write the new contents beside their places and make them durable; `poll` may raise."""
        alone = len(self.missing) + len(self.different) <= _MOST_SYNCED_ALONE
        if self._unfinished:
            self.sweep(keep_listing=True)
        with _naming(self._root):
            if not self._unfinished:
                os.mkdir(self._staging, 0o700 if self._private else 0o777)
            for folder in (STAGED, KEPT):
                os.mkdir(f"{self._staging}/{folder}")
        made: set[str] = set()
        for path in (*self.missing, *self.different):
            poll()
            move = self._move_of(path)
            if move != path:
                self._make_staged(path.rpartition("/")[0], move, made)
            with _naming(self._place(path)):
                file = self._files[path]
                _create(self._staged(path, move), file, self._private, durable=alone)
        for path in self.different:
            poll()
            self._keep(path, durable=alone)
        listed = {"files": sorted(self._owned.union(self._files)), "format_version": "1.0"}
        prepared = f"{self._staging}/{MANIFEST}.new"
        with _naming(self._root):
            _create(prepared, BundleFile(json.dumps(listed).encode()), durable=alone)
            if not alone:
                _sync_file_system(self._fd)
        poll()
        # From here on the new files are omconf's too, should this build be cut short.
        os.rename(prepared, f"{self._staging}/{MANIFEST}")

    def commit(self) -> None:
        """Rename everything to its place, the manifests last; on an error undo all of it."""
        try:
            for folder in self._closed:
                self._open_up(folder)
            self._clear_the_way()
            for path in sorted(self._moves, key=lambda path: (path.endswith("/" + MANIFEST), path)):
                if path != MANIFEST:
                    self._put(path)
            for path in self.leaving:
                if path not in self._taken:
                    self._take_away(path)
            self._remove_emptied()
            if MANIFEST in self._moves:
                self._put(MANIFEST)
            # The renames have to be durable before the staging, which tells of them, goes.
            os.fsync(self._fd)
        except BaseException:
            self._take_back()
            raise

    def sweep(self, *, keep_listing: bool = False) -> None:
        """Remove the staging, its listing last; with `keep_listing` leave only that."""
        try:
            with os.scandir(self._staging) as entries:
                inside = sorted(entries, key=lambda entry: entry.name == MANIFEST)
        except FileNotFoundError:
            return
        for entry in inside:
            if entry.is_dir(follow_symlinks=False):
                _remove_tree(entry.path)
            elif entry.name != MANIFEST or not keep_listing:
                os.unlink(entry.path)
        if not keep_listing:
            os.rmdir(self._staging)

    def finish(self) -> None:
        """Finish a build that was cut short when every file was in place: remove what it left."""
        self._remove_emptied()
        os.fsync(self._fd)
        self.sweep()

    def _place(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _move_of(self, path: str) -> str:
        """Give what to rename for a file: the topmost folder that DIR lacks, or the file itself.

        Each move has a number for its name in the staging: a tree of folders there, for files whose
        folders exist, would cost more than the files.
        """
        move, folder = path, path.rpartition("/")[0]
        while folder and folder not in self._there:
            move, folder = folder, folder.rpartition("/")[0]
        if move not in self._moves:
            self._moves[move] = f"{self._staging}/{STAGED}/{len(self._moves)}"
        return move

    def _staged(self, path: str, move: str) -> str:
        return self._moves[move] + path[len(move) :]

    def _make_staged(self, folder: str, move: str, made: set[str]) -> None:
        if folder in made:
            return
        if folder != move:
            self._make_staged(folder.rpartition("/")[0], move, made)
        staged = self._staged(folder, move)
        with _naming(self._place(folder)):
            os.mkdir(staged)
            if self._private:
                os.chmod(staged, _FOLDER_MODE)
        made.add(folder)

    def _keeping(self) -> str:
        return f"{self._staging}/{KEPT}/{len(self._kept) + len(self._taken)}"

    def _keep(self, path: str, *, durable: bool) -> None:
        """Keep an old file at hand, for the case that the commit has to be undone."""
        kept = self._keeping()
        self._kept[path] = kept
        try:
            os.link(self._place(path), kept, follow_symlinks=False)
        except OSError:
            # A file system without hard links, or somebody else's file: then a copy.
            fd = os.open(self._place(path), os.O_RDONLY | os.O_NOFOLLOW)
            with open(fd, "rb") as old:
                file = BundleFile(old.read(), stat.S_IMODE(os.fstat(fd).st_mode))
            _create(kept, file, exact_mode=True, durable=durable)

    def _open_up(self, folder: str) -> None:
        place = self._place(folder)
        before = _mode(place)
        os.chmod(place, _FOLDER_MODE)
        self._undo.append(partial(os.chmod, place, before))

    def _clear_the_way(self) -> None:
        """Remove files where folders are to stand, and folders where files are."""
        for path in self.leaving:
            if path in self._needed or path.rpartition("/")[0] in self._blocking:
                self._take_away(path)
        for folder in sorted(self._blocking, reverse=True):
            self._remove_folder(folder)

    def _put(self, path: str) -> None:
        staged, place = self._moves[path], self._place(path)
        with _naming(place):
            os.rename(staged, place)
        kept = self._kept.get(path)
        self._undo.append(
            partial(os.rename, kept, place) if kept else partial(os.rename, place, staged)
        )

    def _take_away(self, path: str) -> None:
        place, kept = self._place(path), self._keeping()
        os.rename(place, kept)
        self._taken.add(path)
        self._undo.append(partial(os.rename, kept, place))

    def _remove_folder(self, folder: str) -> None:
        place = self._place(folder)
        mode = _mode(place)
        os.rmdir(place)
        self._undo.append(partial(os.chmod, place, mode))
        self._undo.append(partial(os.mkdir, place))

    def _remove_emptied(self) -> None:
        """Remove folders that omconf needs no more; one that holds anything stays."""
        former = parents(self._owned.difference(self._files)) - self._needed
        for folder in sorted(former & self._there, reverse=True):
            try:
                self._remove_folder(folder)
            except OSError as error:
                if error.errno not in _STAYS:
                    raise

    def _take_back(self) -> None:
        failed: OSError | None = None
        for step in reversed(self._undo):
            try:
                step()
            except OSError as error:
                failed = failed or error
        if failed is not None:
            raise UndoFailedError(failed.errno, failed.strerror, failed.filename) from failed


@contextmanager
def _naming(place: str) -> Iterator[None]:
    """Let an error name the place in DIR, not the one in the staging."""
    try:
        yield
    except OSError as error:
        error.filename = place
        raise


def _create(path: str, file: BundleFile, exact_mode: bool = False, *, durable: bool) -> None:
    by_umask = 0o777 if file.mode & 0o100 else 0o666
    mode = 0o600 if exact_mode else by_umask
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        left = memoryview(file.data)
        while left:
            left = left[os.write(fd, left) :]
        if exact_mode:
            os.fchmod(fd, file.mode)
        if durable:
            os.fsync(fd)
    finally:
        os.close(fd)


def _sync_file_system(fd: int) -> None:
    """Make everything on DIR's file system durable.

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


def _remove_tree(root: str) -> None:
    """Remove a folder with all that is in it, following no link."""
    folders = [root]
    for folder in folders:
        with os.scandir(folder) as entries:
            inside = list(entries)
        for entry in inside:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)  # which the outer loop then comes to
            else:
                os.unlink(entry.path)
    for folder in reversed(folders):
        os.rmdir(folder)


def _mode(path: str) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)
