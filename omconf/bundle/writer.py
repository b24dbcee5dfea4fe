"""Writes a bundle directory: the whole new bundle comes to stand in it, or the old one stays."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from omconf.bundle.directory import MANIFEST, STAGING, parents, shown, survey, unusable
from omconf.bundle.listing import any_path, is_inside, listing
from omconf.bundle.staging import Replacement, UndoFailedError
from omconf.dataclass import dataclass
from omconf.diagnostics import Diagnostic
from omconf.files import read
from omconf.files.inside import Inside
from omconf.files.write import create, make_folder, remove_folder, replace
from omconf.rules import BUSY, NOT_PRIVATE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import FrameType

    from omconf.bundle.listing import Possible
    from omconf.bundle.model import BundleFile


GIT_IGNORE = ".gitignore"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Written:
    """How many files a build created, updated, removed and left as they were."""

    created: int
    updated: int
    removed: int
    unchanged: int


def write(
    files: Mapping[str, BundleFile],
    directory: Path,
    *,
    private: bool = False,
    possible: Possible = any_path,
) -> Written | list[Diagnostic]:
    """Make DIR hold exactly these files (by relative path), with their list in `manifest.json`.

    Files that are as wanted already are not touched. Modes follow the umask, but for the x-bit;
    with `private`, DIR is open to its owner alone and everything inside gets its very mode (folders
    0755). Nothing but omconf's own files is ever replaced or removed: those that DIR's manifest lists
    and a build can have written (`possible`).

    Gives errors as data, and then DIR is as it was, or gone if it was not there: OM401 for foreign
    files, OM402 when another build is at it, OM403 for what the system refuses, OM404 for a
    manifest that cannot be read, OM405 for a DIR that is not private. SIGINT, SIGTERM and SIGHUP
    take effect when DIR holds the old files or the new ones.

    Raises ValueError when `files` and the manifest among them do not fit together, which is no
    fault of a user's.
    """
    _require_whole(files)
    root, given = os.path.realpath(directory), os.fspath(directory)
    signals = _Signals()
    result: Written | list[Diagnostic] | None = None
    signals.hold()
    try:
        result = _build(files, root, given, private, signals.poll, possible)
    except _StoppedError:
        pass
    finally:
        signals.release()
    if signals.caught is not None:
        signal.raise_signal(signals.caught)
    if result is None:  # the caller's own handler of the signal has returned
        raise KeyboardInterrupt
    return result


class _StoppedError(Exception):
    """A signal wants the build to end, and no file has been placed yet."""


class _Signals:
    """Notes signals that end the process, until the build is at a point where it may end.

    A signal mask would not do: with a second thread (a progress display) the signal comes in there,
    and Python runs its handler in this one all the same. Polling also keeps a second Ctrl-C out of
    the clean-up after the first.
    """

    def __init__(self) -> None:
        self.caught: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def hold(self) -> None:
        for number in _SIGNALS:
            handler = signal.getsignal(number)
            if handler in (None, signal.SIG_IGN):
                continue
            self._before[number] = handler
            try:
                signal.signal(number, self._note)
            except ValueError:  # not the main thread: handlers do not run in this one
                del self._before[number]

    def release(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def poll(self) -> None:
        if self.caught is not None:
            raise _StoppedError

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.caught = signal.Signals(number)


def _require_whole(files: Mapping[str, BundleFile]) -> None:
    outside = next((path for path in files if not is_inside(path)), None)
    if outside is not None:
        raise ValueError(f"{shown(outside)} is not a path of a bundle")
    listed = json.loads(files[MANIFEST].data)["files"] if MANIFEST in files else []
    if files.keys() != {*listed, MANIFEST}:
        raise ValueError(f"{MANIFEST} does not list the very files of the bundle")
    if not files.keys().isdisjoint(parents(files)):
        raise ValueError("a path of the bundle is both a file and a folder")


def _build(
    files: Mapping[str, BundleFile],
    root: str,
    given: str,
    private: bool,
    poll: Callable[[], None],
    possible: Possible,
) -> Written | list[Diagnostic]:
    """Do `write` under the lock; a DIR that was made for a build that failed is removed again."""
    made: list[str] = []
    hidden = False
    result: Written | list[Diagnostic] | None = None
    fd = -1
    try:
        fd = _lock(root, private, made)
        if fd < 0:
            hint = "Wait until it finishes; nothing was written."
            return [BUSY.at(None, f"{shown(given)}: another build is in progress", hint=hint)]
        if private and (open_to := _openness(fd)):
            reason, hint = open_to
            return [NOT_PRIVATE.at(None, f"{shown(given)}: {reason}", hint=hint)]
        if private:
            hidden = _hide_from_git(fd)
        with Inside(fd, root) as inside:
            result = _replace(files, inside, given, private, poll, possible)
    except OSError as error:
        unfinished = os.path.lexists(f"{root}/{STAGING}")
        hint = "Build again to complete it." if unfinished else "The directory is unchanged."
        return [unusable(error, root, given, hint)]
    finally:
        try:
            # Still under the lock: nobody can have begun to build in there.
            if not isinstance(result, Written):
                if hidden and not any(os.path.lexists(f"{root}/{n}") for n in (MANIFEST, STAGING)):
                    with suppress(OSError):
                        os.unlink(GIT_IGNORE, dir_fd=fd)
                _unmake(made)
        finally:
            if fd >= 0:
                os.close(fd)
    return result


def _lock(root: str, private: bool, made: list[str]) -> int:
    """Open and lock DIR; make it first, and what is missing above it (noted in `made`).

    The lock is on the directory itself, so nothing of it stays behind. Gives -1 when another build
    holds it.
    """
    for _ in range(100):
        _make(root, private, made)
        fd = -1
        try:
            fd = read.folder(root, follow=False)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A build that failed meanwhile may have removed the DIR that it had made.
            if os.path.samestat(os.fstat(fd), os.stat(root)):
                locked, fd = fd, -1
                return locked
        except FileNotFoundError:
            continue
        except NotADirectoryError:
            os.stat(root)  # of a link to itself, which is all that a real path may end in
            raise
        except BlockingIOError:
            made.clear()  # DIR is the other build's now
            return -1
        finally:
            if fd >= 0:
                os.close(fd)
    raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), root)


def _make(root: str, private: bool, made: list[str]) -> None:
    missing = []
    folder = root
    while not os.path.lexists(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for folder in reversed(missing):
        closed = private and folder == root
        try:
            make_folder(folder, 0o700 if closed else 0o777, exact=closed)
        except FileExistsError:
            continue
        made.append(folder)


def _unmake(made: list[str]) -> None:
    with suppress(OSError):
        for folder in reversed(made):
            remove_folder(folder)


def _hide_from_git(fd: int) -> bool:
    """Have git ignore all of DIR, before a secret is in it; tell whether that took a new file.

    Any repository on the host may name a folder above DIR as its work tree. A `.gitignore` with
    something in it is the user's own, or of an earlier build.
    """
    try:
        there = read.start(GIT_IGNORE, 1, dir_fd=fd, follow=False).data
    except FileNotFoundError:
        create(GIT_IGNORE, b"*\n", dir_fd=fd, mode=0o600, exact=True)
        return True
    if not there:
        replace(GIT_IGNORE, b"*\n", dir_fd=fd, mode=0o600)
    return False


def _openness(fd: int) -> tuple[str, str] | None:
    """Return why DIR is not private, and a hint; None if it is."""
    status = os.fstat(fd)
    hint = "Use a directory that does not exist yet"
    if status.st_uid != os.geteuid():
        return "it belongs to another user and would hold real secrets", f"{hint}."
    if status.st_mode & 0o077:
        reason = f"its mode is {stat.S_IMODE(status.st_mode):04o}, but it would hold real secrets"
        return reason, f"{hint}, or restrict this one: chmod 700"
    return None


def _replace(
    files: Mapping[str, BundleFile],
    directory: Inside,
    given: str,
    private: bool,
    poll: Callable[[], None],
    possible: Possible,
) -> Written | list[Diagnostic]:
    owned = listing(directory, given, files, possible)
    if isinstance(owned, Diagnostic):
        return [owned]
    found = survey(directory.root, given, owned.files, files, poll)
    if isinstance(found, Diagnostic):
        return [found]
    job = Replacement(
        files, directory, owned.files, found, unfinished=owned.unfinished, private=private
    )
    with job:
        _run(job, owned.unfinished, poll)
    created, updated = len(job.missing), len(job.different)
    return Written(created, updated, len(job.leaving), len(files) - created - updated)


def _run(job: Replacement, unfinished: bool, poll: Callable[[], None]) -> None:
    """Go through the steps of a build; `unfinished`: an earlier one was cut short."""
    job.compare(poll)
    if job.changes:
        try:
            job.stage(poll)
            job.commit()
        except UndoFailedError:
            raise  # the staging stays: it says that old and new files stand side by side
        except BaseException:
            with suppress(OSError):
                # The listing of an earlier build that was cut short is needed by the next one.
                job.sweep(keep_listing=unfinished)
            raise
        job.sweep()
    elif unfinished:
        job.finish()
