"""Reads a bundle directory: which of its files are omconf's, and where it differs from a build.

Only what a manifest of omconf lists is omconf's. `manifest.json` at the top lists the files of the
last finished build. While a build is unfinished, the staging folder beside it holds a listing too:
what the build found to be omconf's plus what it puts in place. Nothing in here writes.
"""

from __future__ import annotations

import json
import os
import re
import stat
from bisect import bisect_left
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from omconf.diagnostics import Diagnostic
from omconf.files import read
from omconf.files.inside import Inside
from omconf.rules import BROKEN_MANIFEST, FOREIGN_FILE, UNUSABLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from omconf.bundle.model import BundleFile


MANIFEST = "manifest.json"
STAGING = ".omconf-staging"
"""The folder in DIR that holds an unfinished build."""

STAGED = "new"
"""Its folder of new files and folders, numbered."""

KEPT = "old"
"""Its folder of the old files that a running build would put back if it failed."""

_LARGEST_MANIFEST = 64 * 1024 * 1024
_LARGEST_SHOWN = 4 * 1024 * 1024
_MOST_NAMED = 20
_MOST_COUNTED = 10_000

# What no listed path may have: an empty part, `.` or `..`, a control character, half a character;
# nor may it be git's or the staging folder's.
_PATH_FAULT = re.compile(
    r"(?:\A|/)\.{0,2}(?:/|\Z)|[\x00-\x1f\x7f-\x9f\ud800-\udfff]"
    rf"|\A\.git|\A{re.escape(STAGING)}(?:/|\Z)"
)
_VERSION = re.compile(r"([0-9]{1,6})\.[0-9]{1,6}")


Possible = Callable[[str], bool]
"""Tells whether a build can have written a path, relative to DIR."""


class _Fault(Enum):
    """What may be wrong with a manifest."""

    NO_FILE = "it is no regular file"
    TOO_LARGE = "it is larger than 64 MiB"
    NO_JSON = "it is not one whole JSON object"
    NO_VERSION = 'it has no "format_version" like "1.0"'
    NEWER = "its format is of a newer omconf; this one reads format 1"
    NO_PATHS = 'its "files" is not a list of relative paths inside the directory'


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of DIR that are omconf's (relative paths), and whether a build is unfinished there.

    A listed file need not exist: somebody may have removed it, or an unfinished build not made it.
    """

    files: frozenset[str]
    unfinished: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """What stands in DIR: omconf's files, every folder, and folders where a file is to stand."""

    files: set[str]
    folders: set[str]
    blocking: list[str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One file of DIR that is not what the spec compiles to.

    `extra` is a file of omconf's that the spec no longer has. `old` is what stands in DIR (its
    first 4 MiB; empty when missing), `new` what should (empty when extra). The modes are `0o644` or
    `0o755` by the owner's x-bit, 0 where there is no file; they may be all that differs.
    """

    path: str
    kind: Literal["missing", "different", "extra"]
    old: bytes
    new: bytes
    old_mode: int
    new_mode: int


@dataclass(frozen=True, slots=True)
class Checked:
    """How DIR compares with a build: differences by path; `unfinished`: a build was cut short."""

    unfinished: bool
    differences: tuple[Difference, ...]


def any_path(_: str) -> bool:
    """Take every path for one that a build can have written."""
    return True


def read_listing(directory: Path) -> Listing | Diagnostic:
    """Tell which files of DIR are omconf's; DIR that does not exist has none.

    Gives OM404 for a manifest that is broken or of a newer format, OM401 for something else than a
    file in its place (links are not followed), OM403 when it cannot be read.
    """
    root, given = os.path.realpath(directory), os.fspath(directory)
    try:
        with _opened(root) as inside:
            return listing(inside, given, {})
    except OSError as error:
        return unusable(error, root, given)


@contextmanager
def _opened(root: str) -> Iterator[Inside | None]:
    """Open DIR; None when it does not exist."""
    fd = -1
    with suppress(FileNotFoundError):
        fd = read.folder(root)
    if fd < 0:
        yield None
        return
    try:
        with Inside(fd, root) as inside:
            yield inside
    finally:
        os.close(fd)


def listing(
    directory: Inside | None,
    given: str,
    files: Collection[str],
    possible: Possible = any_path,
) -> Listing | Diagnostic:
    """Do `read_listing` for DIR that is open, called `given`; may raise OSError.

    What is listed is omconf's when it is one of the `files` to be written, or else `possible`, whoever
    wrote it into the manifest.
    """

    def owned(listed: frozenset[str]) -> frozenset[str]:
        return frozenset(path for path in listed if path in files or possible(path))

    if directory is None:
        return Listing(frozenset(), unfinished=False)
    built = _manifest_files(directory, MANIFEST)
    if isinstance(built, _Fault):
        return _refused(built, f"{given}/{MANIFEST}", given)
    try:
        unfinished = stat.S_ISDIR(directory.status(STAGING).st_mode)
    except FileNotFoundError:
        return Listing(owned(built), unfinished=False)
    if not unfinished:
        return _foreign([STAGING], given)
    staged = _manifest_files(directory, f"{STAGING}/{MANIFEST}")
    if staged is _Fault.NEWER:
        return _refused(staged, f"{given}/{STAGING}/{MANIFEST}", given)
    if isinstance(staged, _Fault):
        # This listing gets its name only when it is whole, and before any file gets its place: with
        # a broken one no file of that build stands in DIR.
        staged = frozenset()
    return Listing(owned(built | staged), unfinished=True)


def survey(
    root: str,
    given: str,
    owned: frozenset[str],
    wanted: Collection[str],
    poll: Callable[[], None] = lambda: None,
) -> Survey | Diagnostic:
    """Walk DIR once: `owned` are the paths that are omconf's, `wanted` those that a build has.

    Gives OM401 when there is anything else. `poll` is called now and then and may raise. Links are
    never followed; a link, device, fifo or socket is never omconf's. May raise OSError.
    """
    found = Survey(set(), set(), [])
    foreign: list[str] = []
    leaving = sorted(owned.difference(wanted))
    todo = [("", False)]
    while todo and len(foreign) < _MOST_COUNTED:
        poll()
        folder, blocking = todo.pop()
        try:
            entries = os.scandir(f"{root}/{folder}")
        except FileNotFoundError:
            continue  # `check` of a DIR that is not there, or during a build
        with entries:
            for entry in entries:
                path = folder + entry.name
                if not folder and (entry.name.startswith(".git") or entry.name == STAGING):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    in_the_way = blocking or path in wanted
                    if in_the_way and not holds(path, leaving):
                        foreign.append(path + "/")
                    found.folders.add(path)
                    todo.append((path + "/", in_the_way))
                    if in_the_way:
                        found.blocking.append(path)
                elif path in owned and entry.is_file(follow_symlinks=False):
                    found.files.add(path)
                else:
                    foreign.append(path)
    return _foreign(foreign, given) if foreign else found


def check(
    files: Mapping[str, BundleFile],
    directory: Path,
    possible: Possible = any_path,
) -> Checked | list[Diagnostic]:
    """Compare DIR with what a build would write there; writes nothing and takes no lock.

    What would stop the build is found here too: OM401, OM403, OM404.
    """
    root, given = os.path.realpath(directory), os.fspath(directory)
    try:
        with _opened(root) as inside:
            return _checked(files, inside, root, given, possible)
    except OSError as error:
        return [unusable(error, root, given)]


def _checked(
    files: Mapping[str, BundleFile],
    directory: Inside | None,
    root: str,
    given: str,
    possible: Possible,
) -> Checked | list[Diagnostic]:
    owned = listing(directory, given, files, possible)
    while not isinstance(owned, Diagnostic):
        found = survey(root, given, owned.files, files)
        if isinstance(found, Survey):
            return Checked(owned.unfinished, _differences(files, directory, root, found))
        # A build that runs meanwhile may have placed files that the listing did not have yet.
        before, owned = owned, listing(directory, given, files, possible)
        if owned == before:
            return [found]
    return [owned]


def matches(path: str, file: BundleFile, *, exact_mode: bool = False) -> bool:
    """Tell whether the file at `path` has these bytes and the same x-bit (or the very same mode).

    False also for one that is gone, or is no regular file. May raise OSError.
    """
    try:
        found = read.start(path, len(file.data) + 1, follow=False)
    except (FileNotFoundError, read.NotRegularError):
        return False
    mode = found.status.st_mode
    compared = 0o7777 if exact_mode else 0o100
    return (mode ^ file.mode) & compared == 0 and found.data == file.data


def parents(paths: Iterable[str]) -> set[str]:
    """Give every folder that these paths stand in, at any depth, without DIR itself."""
    folders: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def holds(folder: str, ordered: Sequence[str]) -> bool:
    """Tell whether one of these paths, which are in order, lies in a folder, at any depth."""
    at = bisect_left(ordered, folder + "/")
    return at < len(ordered) and ordered[at].startswith(folder + "/")


def is_inside(path: str) -> bool:
    """Tell whether a path is relative, stays inside DIR and may be omconf's there."""
    return not _PATH_FAULT.search(path)


def unusable(error: OSError, root: str, given: str, hint: str = "") -> Diagnostic:
    """Turn a system error into OM403, naming the file as the user knows it."""
    path = error.filename if isinstance(error.filename, str) else root
    if path.startswith(root):
        inside = path.removeprefix(root).strip("/")
        path = f"{given}/{inside}" if inside else given
    reason = error.strerror or str(error)
    return UNUSABLE.at(None, f"{shown(path)}: {reason}", hint=hint)


def shown(path: str) -> str:
    """Give a path as it may be printed: one that could play tricks on a terminal is escaped."""
    return path if path.isprintable() else ascii(path)


def _manifest_files(directory: Inside, path: str) -> frozenset[str] | _Fault:
    """Give the files that a top manifest lists, itself among them; none when it is not there."""
    try:
        data = directory.contents(path, _LARGEST_MANIFEST).data
    except FileNotFoundError:
        return frozenset()
    except read.NotRegularError:
        return _Fault.NO_FILE
    except read.TooLargeError:
        return _Fault.TOO_LARGE
    files = _listed(data)
    return files if isinstance(files, _Fault) else files | {MANIFEST}


def _listed(data: bytes) -> frozenset[str] | _Fault:
    """Read a top manifest strictly."""
    try:
        document = json.loads(data.decode(), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        return _Fault.NO_JSON
    if not isinstance(document, dict):
        return _Fault.NO_JSON
    version = document.get("format_version")
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if not match or int(match[1]) < 1:
        return _Fault.NO_VERSION
    if int(match[1]) > 1:
        return _Fault.NEWER
    files = document.get("files")
    if not isinstance(files, list) or not all(isinstance(f, str) and is_inside(f) for f in files):
        return _Fault.NO_PATHS
    return frozenset(files)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return mapping


def _refused(fault: _Fault, path: str, given: str) -> Diagnostic:
    if fault is _Fault.NO_FILE:
        return _foreign([MANIFEST], given)
    hint = "Bring it back from git, or build into an empty directory."
    if fault is _Fault.NEWER:
        hint = "Use the omconf that built it or a later one."
    return BROKEN_MANIFEST.at(None, f"{shown(path)}: {fault.value}", hint=hint)


def _foreign(paths: list[str], given: str) -> Diagnostic:
    """Name files that are not omconf's, up to 20 of them."""
    names = ", ".join(shown(path) for path in sorted(paths)[:_MOST_NAMED])
    if len(paths) > _MOST_NAMED:
        least = "at least " if len(paths) >= _MOST_COUNTED else ""
        names += f" and {least}{len(paths) - _MOST_NAMED} more"
    hint = "Move them away or build into another directory; nothing was written."
    if os.path.isdir(given) and not os.path.lexists(f"{given}/{MANIFEST}"):
        hint = f"There is no {MANIFEST} that lists what is omconf's. " + hint
    return FOREIGN_FILE.at(None, f"{shown(given)} holds what is not omconf's: {names}", hint=hint)


def _differences(
    files: Mapping[str, BundleFile], directory: Inside | None, root: str, found: Survey
) -> tuple[Difference, ...]:
    differences = []
    for path in sorted(files.keys() | found.files):
        file = files.get(path)
        if file is not None and path in found.files and matches(f"{root}/{path}", file):
            continue
        new, new_mode = (file.data, _git_mode(file.mode)) if file is not None else (b"", 0)
        try:
            old = directory.start(path, _LARGEST_SHOWN) if directory else None
        except (FileNotFoundError, NotADirectoryError, read.NotRegularError):
            old = None
        if old is not None:
            kind: Literal["different", "extra"] = "extra" if file is None else "different"
            mode = _git_mode(old.status.st_mode)
            differences.append(Difference(path, kind, old.data, new, mode, new_mode))
        elif file is not None:
            differences.append(Difference(path, "missing", b"", new, 0, new_mode))
    return tuple(differences)


def _git_mode(mode: int) -> int:
    return 0o755 if mode & 0o100 else 0o644
