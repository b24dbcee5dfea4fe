"""Writes the files of one node during an apply, and restores them."""

from __future__ import annotations

import secrets
from dataclasses import field, replace
from typing import TYPE_CHECKING

from omconf.apply.programs import Programs
from omconf.apply.wire import key
from omconf.apply.written import FailedError, Written, digest
from omconf.cluster import places
from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from omconf.apply.targets import Target, Targets
    from omconf.apply.wire import Reply

_WHY = {
    "account": "the user {owner} or the group {group} is not there",
    "backup": "the file that it replaces cannot be kept below /var/lib/omconf",
    "write": "it cannot be written",
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

    def stage(self, targets: Iterable[Target], *, later: bool = False) -> None:
        """Write new files next to their targets, except those already staged; raises FailedError.

        With `later`, they are synced to disk only when they replace their targets.
        """
        laid = []
        for target in targets:
            staged = self._staged.get(target.path)
            if staged is not None and replace(staged[0], before=target.before) == target:
                continue
            self._staged[target.path] = (target, "", 0)
            if target.after is not None:
                mode = f"{'=' if target.shared else ''}{target.mode:04o}"
                access = (mode, target.owner, target.group)
                laid.append((target, _staging(target.path, access, target.after)))
        replies = self.line.ask_each(("stage", "1" if later else ""), [row for _, row in laid])
        for (target, row), reply in zip(laid, replies, strict=True):
            if reply.ok:
                self._staged[target.path] = (target, str(row[1]), reply.number)
            else:
                del self._staged[target.path]
        self._require([target.path for target, _ in laid], replies)

    def unstage(self) -> None:
        """Remove the folders created for staged files; the files themselves are removed at the end."""
        self._remove(
            {f for path, (_, _, made) in self._staged.items() for f in _folders(path, made)}
        )

    def _write(self, targets: Iterable[Target]) -> None:
        """Stage all files, then commit them; raises FailedError."""
        changing = [target for target in targets if target.changes]
        self.stage(changing, later=True)
        changes = []
        for target in changing:
            _, name, made = self._staged.pop(target.path)
            written = Written(target.path, target.before, target.after, "", made, target.shared)
            changes.append((written, name, digest(target.before)))
        self._commit(changes)
        # A removed node loses its folder too, unless others have put files there.
        gone = (t.path for t in changing if t.after is None and t.path.startswith(f"{places.OWN}/"))
        self._remove({folder for path in gone for folder in _folders(path, path.count("/") - 2)})

    def _commit(self, changes: Sequence[tuple[Written, str, str]]) -> None:
        """Commit staged files: move them to their targets; raises FailedError.

        A change is the file, its staged name, and the digest of what it replaces.
        """
        owed = "1" if self.real else ""
        rows = [
            (w.path, name, key(w.path), before, digest(w.after), str(w.made), owed)
            for w, name, before in changes
        ]
        replies = self.line.ask_each(("commit",), rows)
        for (written, _, _), reply in zip(changes, replies, strict=True):
            if reply.ok:
                self.written.append(replace(written, access=reply.access))
        self._require([written.path for written, _, _ in changes], replies)

    def _require(self, paths: Sequence[str], replies: Sequence[Reply]) -> None:
        """Raise FailedError for the first file whose reply is not ok."""
        for path, reply in zip(paths, replies, strict=True):
            if not reply.ok and reply.word(0) != "before":
                raise FailedError(self._why(path, reply))
        if not all(reply.ok for reply in replies):
            raise FailedError(f"{paths[0]}: it cannot be written")

    def restore(self, path: str) -> None:
        """Restore a file as it was before the first write here; raises FailedError."""
        first = next((w for w in self.written if w.path == path), None)
        last = self._last(path)
        if first is None or last is None:
            return
        if digest(first.before) == last.now and first is not last:
            return
        if first.conflict:
            raise FailedError(f"{path}: {first.conflict}")
        name, made = "", 0
        if first.before is not None:
            mode, uid, gid = first.access.split("|") if first.access else ("0644", "0", "0")
            access = (f"{'=' if first.shared else ''}{mode}", uid, gid)
            row = _staging(path, access, first.before)
            replies = self.line.ask_each(("stage", "1"), [row])
            self._require([path], replies)
            name, made = str(row[1]), replies[0].number
        restored = Written(path, last.after, first.before, "", made)
        self._commit([(restored, name, last.now)])

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


def _staging(
    path: str, access: tuple[str, str, str], data: bytes
) -> tuple[str, str, str, str, str, bytes]:
    """Return a row of node.sh's `stage`: path, random staged name, mode, owner, group, contents."""
    return (path, f".omconf-{secrets.token_hex(8)}", *access, data)
