"""Reads the objects of a git repository by `git rev-parse` and `git cat-file`."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shlex
import subprocess
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING

from omconf import interrupts, process
from omconf.dataclass import dataclass
from omconf.deployed import git_stand_in
from omconf.deployed.git_repository import GitError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from omconf.deployed.git_repository import Repository
    from omconf.deployed.git_stand_in import StandIn

SECONDS = 120
"""How long git may take."""
_LINE = 200
"""Bytes that a question, or the line before an object, has at most."""
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_GENERAL = "Needed a single revision"


@dataclass(frozen=True, slots=True)
class Object:
    """What git says of an object before it is read: its type (`tree`, `blob`, ...) and bytes."""

    type: str
    size: int


class _CatFile:
    """A running `git cat-file`."""

    def __init__(self, stand_in: StandIn, mode: str) -> None:
        self.stand_in = stand_in
        # A signal ends omconf when git can be ended with it: not before its number is known.
        with interrupts.deferred(), ExitStack() as stack:
            try:
                self.errors = stack.enter_context(tempfile.TemporaryFile(dir=stand_in.folder))
                self.process = subprocess.Popen(
                    ("git", "cat-file", mode),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self.errors,
                    cwd=stand_in.folder,
                    env=stand_in.environment,
                    start_new_session=True,
                )
                stack.callback(self._end)
                self.timer = threading.Timer(SECONDS, self._kill)
                self.timer.daemon = True
                self.timer.start()
            except OSError as error:
                raise GitError(f"git cannot be run: {error.strerror}") from error
            except RuntimeError as error:  # the system starts no further thread
                raise GitError(f"git cannot be run: {os.strerror(errno.EAGAIN)}") from error
            stack.pop_all()  # `close` does it

    def ask(self, names: Iterable[str]) -> Iterator[tuple[str, str, IO[bytes]]]:
        """Ask for objects; gives each name with git's first line of the answer, and what follows."""
        assert self.process.stdin is not None  # noqa: S101 - for the type checker
        assert self.process.stdout is not None  # noqa: S101
        all_of_them = list(names)
        # As many as the pipe holds: neither side then waits for the other to read on.
        most = fcntl.fcntl(self.process.stdin, fcntl.F_GETPIPE_SZ) // _LINE
        for first in range(0, len(all_of_them), most):
            some = all_of_them[first : first + most]
            try:
                self.process.stdin.write("".join(f"{name}\n" for name in some).encode())
                self.process.stdin.flush()
            except OSError:
                raise self.failed() from None
            for name in some:
                line = self.process.stdout.readline(_LINE)
                if not line.endswith(b"\n"):
                    raise self.failed()
                yield name, line[:-1].decode("utf-8", "replace"), self.process.stdout

    def failed(self) -> GitError:
        """Return why git ended, or that it does not respond; ends it."""
        if not self.timer.is_alive():
            return GitError(f"git did not respond in {SECONDS} seconds")
        self._kill()
        self.process.wait()
        self.errors.seek(0)
        said = self.errors.read(process.MAX_ERROR).decode("utf-8", "replace")
        return GitError(self.stand_in.complaint(said) or "git failed")

    def close(self) -> None:
        """End git."""
        self.timer.cancel()
        with self.errors:
            self._end()

    def _end(self) -> None:
        self._kill()
        with self.process:
            pass

    def _kill(self) -> None:
        """Kill git and all that it started."""
        if self.process.returncode is None:
            process.kill_group(self.process.pid)


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of one repository."""

    stand_in: StandIn
    sizes: _CatFile
    contents: _CatFile

    def tree_of(self, revision: str) -> str:
        """Return the id of the tree of a commit, named in any way that git knows (`main~2`).

        Raises GitError when there is no such commit, or it is damaged or missing.
        """
        unknown = GitError(f"there is no commit `{revision}`", self._hint_unknown())
        if revision.startswith("-"):
            raise unknown
        answer = process.run(
            ("git", "rev-parse", "--verify", revision),
            seconds=SECONDS,
            limit=_LINE,
            cwd=self.stand_in.folder,
            env=self.stand_in.environment,
        )
        commit = answer.out.decode("ascii", "replace").removesuffix("\n")
        if answer.problem or answer.code or not _ID.fullmatch(commit):
            said = answer.problem or self.stand_in.complaint(answer.error)
            hint = "Update git." if said.startswith(git_stand_in.TOO_OLD) else unknown.hint
            raise GitError(said, hint) if said not in ("", _GENERAL) else unknown
        itself = self.look_up([commit])[commit]
        if itself.type not in ("commit", "tag"):
            raise GitError(f"`{revision}` is a {itself.type}, not a commit", unknown.hint)
        ((_, line, _),) = self.sizes.ask([f"{commit}^{{commit}}^{{tree}}"])
        tree = _ID.match(line)
        if tree and line[tree.end() :].startswith(" tree "):
            return tree[0]
        if itself.type == "commit":
            raise self._missing(f"tree of the commit {commit}")
        raise GitError(f"the tag {commit} does not point to a commit", unknown.hint)

    def look_up(self, ids: Iterable[str]) -> dict[str, Object]:
        """Return types and sizes of objects, by id; raises GitError for a missing or damaged one."""
        asked = self.sizes.ask(dict.fromkeys(ids))
        return {name: self._object(name, line) for name, line, _ in asked}

    def read(self, ids: Iterable[str], kind: str, limit: int) -> Iterator[tuple[str, bytes]]:
        """Read objects of one type, of at most `limit` bytes each.

        Raises GitError for one that is missing, damaged, larger, or of another type.
        """
        for name, line, out in self.contents.ask(dict.fromkeys(ids)):
            found = self._object(name, line)
            if found.type != kind:
                raise GitError(f"the object {name} is a {found.type}, where a {kind} is expected")
            if found.size > limit:
                raise GitError(f"the {kind} {name} has {found.size:,} bytes, more than {limit:,}")
            data = out.read(found.size + 1)
            if len(data) != found.size + 1:
                raise self.contents.failed()
            yield name, data[:-1]

    def _object(self, name: str, line: str) -> Object:
        said, _, size = line.rpartition(" ")
        itself, _, kind = said.partition(" ")
        if itself != name or not size.isdecimal():
            raise self._missing(f"object {name}")
        return Object(kind, int(size))

    def _missing(self, what: str) -> GitError:
        return GitError(f"the {what} is missing or damaged", self._hint_missing())

    def _hint_missing(self) -> str:
        repository = self.stand_in.repository
        git = f"git -C {shlex.quote(repository.top)}"
        partial = ("extensions.partialclone", ".promisor")
        if any(name.endswith(partial) for name in self.stand_in.config.values):
            return f"The clone is partial. Fetch the rest: {git} fetch --refetch --no-filter"
        lender = f"{repository.common}/objects/info/alternates"
        if os.path.exists(lender):
            return (
                f"The repository uses objects from the folders listed in {lender}: they must exist."
            )
        return f"Check the repository: {git} fsck"

    def _hint_unknown(self) -> str:
        repository = self.stand_in.repository
        if os.path.exists(f"{repository.common}/shallow"):
            git = f"git -C {shlex.quote(repository.top)}"
            return f"The clone is shallow. Fetch the rest of its history: {git} fetch --unshallow"
        return "Name a branch, a tag or a commit of this repository."


@contextmanager
def opened(repository: Repository) -> Iterator[Objects]:
    """Open a repository's objects, for as long as the context lasts.

    Raises GitError for a repository in a format that omconf does not know, or without git.
    """
    with git_stand_in.made(repository) as stand_in, ExitStack() as running:
        sizes = _CatFile(stand_in, "--batch-check")
        running.callback(sizes.close)
        contents = _CatFile(stand_in, "--batch")
        running.callback(contents.close)
        yield Objects(stand_in, sizes, contents)
