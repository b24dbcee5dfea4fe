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

from omconf.bundle.comparison import matches
from omconf.bundle.directory import KEPT, MANIFEST, STAGED, STAGING, Survey, holds, parents
from omconf.files import read
from omconf.files.inside import Inside
from omconf.files.write import sync_file_system

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from omconf.bundle.model import BundleFile

# Each fsync waits for the disk; syncfs waits once, but also for what others wrote to the same file
# system, and costs the import of ctypes. On a quiet ext4 both take 10 ms at about 16 files; 7,000
# files take 4 s by fsync and 0.3 s by syncfs.
_MAX_SYNCED_ALONE = 16
"""Files up to which each is synchronized on its own."""

_MAX_KEPT = 64 * 1024 * 1024
"""Bytes of an old file that can be copied."""
_FOLDER_MODE = 0o755
_STAYS = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.EBUSY)


class UndoFailedError(OSError):
    """The system refused a rename and then its undoing: DIR is as after a kill, unfinished."""


class Replacement:
    """One build of a locked DIR: what differs (paths by kind), and the steps that write it.

    `directory` is DIR, open; `owned` are the files that are omconf's, and with `unfinished` an
    earlier build has left its staging. `private` as in `writer.write`. The steps are `compare`,
    `stage`, `commit`, `sweep`, which may raise OSError; `with` closes what they open.

    DIR is compared by path, which only reads. Everything that changes it goes by descriptors: no
    folder that somebody swaps for a link meanwhile leads out of DIR.
    """

    def __init__(
        self,
        files: Mapping[str, BundleFile],
        directory: Inside,
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
        self._dir = directory
        self._staging: Inside | None = None
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

    def __enter__(self) -> Replacement:
        return self

    def __exit__(self, *_: object) -> None:
        if self._staging is not None:
            with self._staging:
                os.close(self._staging.fd)

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
            elif not matches(self._place(path), self._files[path], exact_mode=self._private):
                self.different.append(path)
        if self._private:
            folders = sorted(self._there & self._needed)
            self._closed = [folder for folder in folders if self._mode(folder) != _FOLDER_MODE]

    def stage(self, poll: Callable[[], None]) -> None:
        """Write the new contents beside their places and make them durable; `poll` may raise."""
        alone = len(self.missing) + len(self.different) <= _MAX_SYNCED_ALONE
        if self._unfinished:
            self.sweep(keep_listing=True)
        with _naming(self._dir.root):
            if not self._unfinished:
                self._dir.make_folder(STAGING, 0o700 if self._private else 0o777)
            staging = self._open_staging()
            for folder in (STAGED, KEPT):
                staging.make_folder(folder)
        made: set[str] = set()
        for path in (*self.missing, *self.different):
            poll()
            move = self._move_of(path)
            if move != path:
                self._make_staged(path.rpartition("/")[0], move, made)
            with _naming(self._place(path)):
                self._create(self._staged(path, move), self._files[path], durable=alone)
        for path in self.different:
            poll()
            self._keep(path, durable=alone)
        listed = {"files": sorted(self._owned.union(self._files)), "format_version": "1.0"}
        prepared = f"{MANIFEST}.new"
        with _naming(self._dir.root):
            staging.create(prepared, json.dumps(listed).encode(), durable=alone)
            if not alone:
                sync_file_system(self._dir.fd)
        poll()
        # From here on the new files are omconf's too, should this build be cut short.
        staging.move(prepared, MANIFEST, staging)

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
            os.fsync(self._dir.fd)
        except BaseException:
            self._take_back()
            raise

    def sweep(self, *, keep_listing: bool = False) -> None:
        """Remove the staging, its listing last; with `keep_listing` leave only that."""
        try:
            staging = self._open_staging()
        except FileNotFoundError:
            return
        for name, is_folder in sorted(staging.entries(""), key=lambda entry: entry[0] == MANIFEST):
            if is_folder:
                staging.remove_tree(name)
            elif name != MANIFEST or not keep_listing:
                staging.remove_file(name)
        if not keep_listing:
            self._dir.remove_folder(STAGING)

    def finish(self) -> None:
        """Finish a build that was interrupted after all files were written: remove its leftovers."""
        self._remove_emptied()
        os.fsync(self._dir.fd)
        self.sweep()

    def _open_staging(self) -> Inside:
        if self._staging is None:
            place = self._place(STAGING)
            with _naming(place):
                fd = read.folder(STAGING, dir_fd=self._dir.fd, follow=False)
            self._staging = Inside(fd, place)
        return self._staging

    def _place(self, path: str) -> str:
        return f"{self._dir.root}/{path}"

    def _mode(self, path: str) -> int:
        return stat.S_IMODE(self._dir.status(path).st_mode)

    def _create(self, staged: str, file: BundleFile, *, durable: bool) -> None:
        by_umask = 0o777 if file.mode & 0o100 else 0o666
        mode = file.mode if self._private else by_umask
        staging = self._open_staging()
        staging.create(staged, file.data, mode=mode, exact=self._private, durable=durable)

    def _move_of(self, path: str) -> str:
        """Return what to rename for a file: the topmost folder that DIR lacks, or the file itself.

        Each move has a number for its name in the staging: a tree of folders there, for files whose
        folders exist, would cost more than the files.
        """
        move, folder = path, path.rpartition("/")[0]
        while folder and folder not in self._there:
            move, folder = folder, folder.rpartition("/")[0]
        if move not in self._moves:
            self._moves[move] = f"{STAGED}/{len(self._moves)}"
        return move

    def _staged(self, path: str, move: str) -> str:
        return self._moves[move] + path[len(move) :]

    def _make_staged(self, folder: str, move: str, made: set[str]) -> None:
        if folder in made:
            return
        if folder != move:
            self._make_staged(folder.rpartition("/")[0], move, made)
        staging, staged = self._open_staging(), self._staged(folder, move)
        with _naming(self._place(folder)):
            if self._private:
                staging.make_folder(staged, _FOLDER_MODE, exact=True)
            else:
                staging.make_folder(staged)
        made.add(folder)

    def _keeping(self) -> str:
        return f"{KEPT}/{len(self._kept) + len(self._taken)}"

    def _keep(self, path: str, *, durable: bool) -> None:
        """Keep an old file at hand, for the case that the commit has to be undone."""
        staging, kept = self._open_staging(), self._keeping()
        self._kept[path] = kept
        try:
            self._dir.add_name(path, kept, staging)
        except OSError:
            # A file system without hard links, or somebody else's file: then a copy.
            old = self._dir.contents(path, _MAX_KEPT)
            mode = stat.S_IMODE(old.status.st_mode)
            staging.create(kept, old.data, mode=mode, exact=True, durable=durable)

    def _open_up(self, folder: str) -> None:
        before = self._mode(folder)
        self._dir.set_mode(folder, _FOLDER_MODE)
        self._undo.append(partial(self._dir.set_mode, folder, before))

    def _clear_the_way(self) -> None:
        """Remove files where folders are to stand, and folders where files are."""
        for path in self.leaving:
            if path in self._needed or path.rpartition("/")[0] in self._blocking:
                self._take_away(path)
        for folder in sorted(self._blocking, reverse=True):
            self._remove_folder(folder)

    def _put(self, path: str) -> None:
        staging, staged = self._open_staging(), self._moves[path]
        with _naming(self._place(path)):
            staging.move(staged, path, self._dir)
        kept = self._kept.get(path)
        back = partial(self._dir.move, path, staged, staging)
        self._undo.append(partial(staging.move, kept, path, self._dir) if kept else back)

    def _take_away(self, path: str) -> None:
        staging, kept = self._open_staging(), self._keeping()
        self._dir.move(path, kept, staging)
        self._taken.add(path)
        self._undo.append(partial(staging.move, kept, path, self._dir))

    def _remove_folder(self, folder: str) -> None:
        mode = self._mode(folder)
        self._dir.remove_folder(folder)
        self._undo.append(partial(self._dir.set_mode, folder, mode))
        self._undo.append(partial(self._dir.make_folder, folder))

    def _remove_emptied(self) -> None:
        """Remove folders that omconf needs no more; one that holds anything stays."""
        former = sorted(self._owned.difference(self._files))
        for folder in sorted(self._there - self._needed, reverse=True):
            if not holds(folder, former):
                continue
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
