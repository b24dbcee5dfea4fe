"""Writes the files of one node during an apply, and restores them."""

from __future__ import annotations

import secrets
from dataclasses import field, replace
from typing import TYPE_CHECKING

from omconf.apply.programs import UNWRITABLE, Programs
from omconf.apply.wire import Command, key
from omconf.apply.written import FailedError, Written, digest
from omconf.cluster import places
from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from omconf.apply.targets import Target, Targets
    from omconf.apply.wire import Reply

    _Row = tuple[str, str, str, str, str, bytes]

_WHY = {
    "account": "the user {owner} or the group {group} is not there",
    "backup": "the file that it replaces cannot be kept below /var/lib/omconf",
    "write": "it cannot be written",
    "state": UNWRITABLE,
    "stale": "it was changed after the plan",
    "unreadable": "the owner of its folder cannot read it",
}


@dataclass(slots=True)
class NodeFiles(Programs):
    """The files of one node: stages them next to their targets, commits, backs up and restores them."""

    real: bool = True
    """False for a copy of a root tree, where only files count."""
    written: list[Written] = field(default_factory=list, kw_only=True)
    """The files written so far, in order."""
    _staged: dict[str, tuple[Target, str, int]] = field(default_factory=dict, kw_only=True)
    """By path: the target, its staged name, and how many folders were created for it."""

    def _target(self, path: str, *, removed: bool = False) -> Target:
        assert self.targets is not None  # noqa: S101 - an undo has no `put` of its own
        try:
            target = self.targets.of(path, removed=removed)
        except ValueError as error:
            raise FailedError(f"{path}: {error}") from error
        last = self._last(path)
        return replace(target, before=last.after, anew=False) if last else target

    def _last(self, path: str) -> Written | None:
        """Return what was last written of a file; None if nothing was."""
        return next((w for w in reversed(self.written) if w.path == path), None)

    def stage(self, targets: Iterable[Target]) -> None:
        """Write new files next to their targets, except those already staged; raises FailedError."""
        rows = self._laid(targets)
        self._take(rows, self.line.ask_each(("stage", ""), rows))

    def _laid(self, targets: Iterable[Target]) -> list[_Row]:
        """Return a row for each file that is not staged yet."""
        rows = []
        for target in targets:
            staged = self._staged.get(target.path)
            if staged is not None and replace(staged[0], before=target.before) == target:
                continue
            name = ""
            if target.after is not None:
                mode = f"{'=' if target.shared else ''}{target.mode:04o}"
                access = (mode, target.owner, target.group)
                rows.append(_staging(target.path, access, target.after))
                name = rows[-1][1]
            self._staged[target.path] = (target, name, 0)
        return rows

    def _take(self, rows: Sequence[_Row], replies: Sequence[Reply]) -> None:
        """Record how many folders were created for staged files; raises FailedError."""
        for (path, *_), reply in zip(rows, replies, strict=True):
            target, name, _ = self._staged.pop(path)
            if reply.ok:
                self._staged[path] = (target, name, reply.number)
        self._require([row[0] for row in rows], replies)

    def unstage(self) -> None:
        """Remove the folders created for staged files; the files themselves are removed at the end."""
        self._remove(
            {f for path, (_, _, made) in self._staged.items() for f in _folders(path, made)}
        )

    def _write(self, targets: Iterable[Target]) -> None:
        """Stage all files, then commit them; raises FailedError."""
        changing = [target for target in targets if target.changes]
        rows = self._laid(changing)
        changes = []
        for target in changing:
            _, name, made = self._staged[target.path]
            written = Written(target.path, target.before, target.after, "", made, target.shared)
            changes.append((written, name, digest(target.before)))
        staged, replies = self._put(rows, changes)
        self._take(rows, staged)
        for (written, *_), reply in zip(changes, replies, strict=True):
            _, _, made = self._staged.pop(written.path)
            if reply.ok:
                self.written.append(replace(written, access=reply.access, made=made))
        self._require([target.path for target in changing], replies)
        # A removed node loses its folder too, unless others have put files there.
        gone = (t.path for t in changing if t.after is None and t.path.startswith(f"{places.OWN}/"))
        self._remove({folder for path in gone for folder in _folders(path, path.count("/") - 2)})

    def _put(
        self, rows: Sequence[_Row], changes: Sequence[tuple[Written, str, str]]
    ) -> tuple[list[Reply], list[Reply]]:
        """Stage files, and commit changes: move staged files to their targets, or remove these.

        A change is the file, its staged name, and the digest of what it replaces. Returns the answer
        to each row, and to each change.
        """
        if not changes:
            return [], []
        owed, new = "1" if self.real else "", {row[1] for row in rows}
        commits = []
        for w, name, before in changes:
            made = "" if name in new else str(w.made)
            commits.append((w.path, name, key(w.path), before, digest(w.after), made, owed))
        commands = [Command.of_rows(("stage", "1"), rows)] if rows else []
        *staged, replies = self.line.ask_all([*commands, Command.of_rows(("commit",), commits)])
        return [reply for each in staged for reply in each], replies

    def _require(self, paths: Sequence[str], replies: Sequence[Reply]) -> None:
        """Raise FailedError for the first file whose reply is not ok."""
        for path, reply in zip(paths, replies, strict=True):
            if not reply.ok and reply.word(0) != "before":
                raise FailedError(self._why(path, reply))
        if not all(reply.ok for reply in replies):
            raise FailedError(f"{paths[0]}: it cannot be written")

    def restore(self, paths: Sequence[str]) -> list[str]:
        """Restore files as they were before the first write here; returns what could not be restored.

        All at once; where that fails, one by one: what holds one file back holds back all of a command.
        """
        wrong = self._restored(paths)
        if wrong and len(paths) > 1:
            wrong = [text for path in paths for text in self._restored([path])]
        return wrong

    def _restored(self, paths: Sequence[str]) -> list[str]:
        try:
            self._restore(paths)
        except FailedError as error:
            return [str(error)]
        return []

    def _restore(self, paths: Iterable[str]) -> None:
        rows: list[_Row] = []
        changes: list[tuple[Written, str, str]] = []
        for path in paths:
            first = next((w for w in self.written if w.path == path), None)
            last = self._last(path)
            if first is None or last is None:
                continue
            if digest(first.before) == last.now and first is not last:
                continue
            if first.conflict:
                raise FailedError(f"{path}: {first.conflict}")
            name = ""
            if first.before is not None:
                mode, uid, gid = first.access.split("|") if first.access else ("0644", "0", "0")
                access = (f"{'=' if first.shared else ''}{mode}", uid, gid)
                rows.append(_staging(path, access, first.before))
                name = rows[-1][1]
            changes.append((Written(path, last.after, first.before, ""), name, last.now))
        staged, replies = self._put(rows, changes)
        self._require([row[0] for row in rows], staged)
        made = {row[0]: reply.number for row, reply in zip(rows, staged, strict=True)}
        for (restored, *_), reply in zip(changes, replies, strict=True):
            if reply.ok:
                folders = made.get(restored.path, 0)
                self.written.append(replace(restored, access=reply.access, made=folders))
        self._require([restored.path for restored, *_ in changes], replies)

    def keep(self, paths: Iterable[str]) -> None:
        """Back up files before a person replaces them; raises FailedError."""
        for path in paths:
            if self._last(path) is None and self.targets is not None:
                reply = self.line.ask("keep", path, key(path))
                if not reply.ok:
                    raise FailedError(self._why(path, reply))
                file = self.targets.deployed.files.get(path)
                data = file.data if file else None
                self.written.append(Written(path, data, data, "|".join(reply.words)))

    def look(self, paths: Iterable[str]) -> None:
        """Record the digests of files that a person replaced while taking something back."""
        for path in paths:
            if last := self._last(path):
                (reply,) = self.line.ask_each(("look",), [(path, last.now)])
                if not reply.ok and reply.word(0) == "stale":
                    self.written.append(replace(last, found=reply.word(1)))

    def replaced(self, targets: Targets, home: str) -> None:
        """Record that a person replaced the files below `home`; `targets` hold the new ones."""
        assert self.targets is not None  # noqa: S101 - whoever applies has them
        before, now = self.targets.deployed, targets.deployed
        files = {p: f for p, f in before.files.items() if not p.startswith(f"{home}/")}
        files |= {p: f for p, f in now.files.items() if p.startswith(f"{home}/")}
        self.targets = replace(self.targets, deployed=replace(before, files=files))
        for written in [w for w in self.written if w.path.startswith(f"{home}/")]:
            file = files.get(written.path)
            self.written.append(replace(written, after=file.data if file else None))

    def _tidy(self, paths: Iterable[str]) -> None:
        """Remove the folders created for files that were removed again, innermost first."""
        made: set[str] = set()
        for path in paths:
            first = next(w for w in self.written if w.path == path)
            if first.before is None:
                made |= set(_folders(path, first.made))
        self._remove(made)

    def _remove(self, folders: Iterable[str]) -> None:
        if listed := sorted(folders, key=lambda folder: -folder.count("/")):
            self.line.ask("tidy", *listed)

    def _why(self, path: str, reply: Reply) -> str:
        return f"{path}: {_WHY.get(reply.word(0), 'it cannot be written')}"


def _folders(path: str, count: int) -> Iterator[str]:
    """Yield the `count` innermost folders of a path, innermost first."""
    for _ in range(count):
        path = path.rpartition("/")[0]
        yield path


def _staging(path: str, access: tuple[str, str, str], data: bytes) -> _Row:
    """Return a row of node.sh's `stage`: path, random staged name, mode, owner, group, contents."""
    return (path, f".omconf-{secrets.token_hex(8)}", *access, data)
