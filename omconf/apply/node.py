"""Carries the steps of a roll-out out on one node, and takes them back when one fails."""

from __future__ import annotations

import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from omconf.actions import OWN_UNITS, Health, Manual, Put, Remove, Run, Service
from omconf.apply import database
from omconf.apply.events import Event
from omconf.apply.programs import Programs
from omconf.apply.wire import LeftError, key
from omconf.apply.written import FailedError, StoppedError, Written, digest
from omconf.cluster import places
from omconf.rollout import document, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from omconf.actions import Action, Step
    from omconf.apply.events import State
    from omconf.apply.targets import Target, Targets
    from omconf.apply.wire import Reply

_WHY = {
    "account": "the user {owner} or the group {group} is not there",
    "backup": "what it replaces cannot be kept below /var/lib/omconf",
    "write": "it cannot be written",
    "stale": "it is not as it was planned any more",
    "unreadable": "the owner of its folder cannot read it",
}


CHECKED = "its check passes"
"""What shows that a manual step with a check is done."""


@dataclass(slots=True)
class Node(Programs):
    """One node during an apply. With `real` False it is a copy of a root tree: files alone count."""

    real: bool = True
    told: frozenset[str] = frozenset()
    """Manual steps that count as done where they have no check and nobody can be asked (told.py)."""
    alone: bool = False
    """Whether nobody can be asked."""
    owed: frozenset[str] = frozenset()
    """Files that an earlier apply left owed."""
    gone: frozenset[str] = frozenset()
    """Files that the plan deletes, and that an unfinished apply deleted before."""
    planned: frozenset[tuple[str, bool]] = frozenset()
    """The files that the steps write, or delete."""
    written: list[Written] = field(default_factory=list)
    began: bool = False
    """Whether the journal knows of it."""
    begun: bool = False
    """Whether a step was begun."""
    undone: bool = False
    """Whether all that was begun is taken back."""
    at: tuple[Step, Action] | None = None
    """The action that was taken last."""
    stuck: bool = False
    """Whether OpenMeetings could not be stopped on the way back."""
    finished: set[int] = field(default_factory=set)
    """The numbers of the steps that came to their end, and were not taken back."""
    _staged: dict[str, tuple[Target, str, int]] = field(default_factory=dict)
    _step: int = 0

    def begin(self, number: int, step: Step) -> None:
        """Begin a step; the journal knows of it before anything is done."""
        self._step, self._back = number, False
        self._tell("step", "started", text=step.why)
        # What writes files has it on the disk with what else it keeps.
        self._note(f"begin {number}", later=isinstance(step.actions[0], Put | Remove))
        self.begun = True

    def take(self, step: Step, actions: Iterable[Action]) -> None:
        """Take actions of a step; raises FailedError, StoppedError or LostError, `at` says where."""
        for action in actions:
            self.at = (step, action)
            if not _released(action, self.gone):
                self.do(action)

    def prepare(self, steps: Iterable[Step]) -> None:
        """Take note of what is to be done on this node, before any of it is."""
        actions = [action for step in steps for action in step.actions]
        places = [action for action in actions if isinstance(action, Put | Remove)]
        self.planned = frozenset((p, isinstance(a, Remove)) for a in places for p in a.paths)
        paths = {path for path, gone in self.planned if gone}
        there = self.targets.deployed.files if paths and self.targets else paths
        self.gone = frozenset(path for path in paths if path not in there)

    def finish(self, number: int, step: Step) -> None:
        """End a step: what reads its files has run."""
        paths = [a.paths for a in step.actions if isinstance(a, Put | Remove)]
        if paths and self.real:
            self.line.ask("settle", *(key(path) for each in paths for path in each))
        self._note(f"done {number}", later=True)
        self.finished.add(number)
        self.at = None

    def undo(
        self, number: int, actions: Iterable[Action], besides: Action | None = None
    ) -> list[str]:
        """Take actions that take a step back, and go on after one that fails; returns what failed.

        `besides` takes back the very action that failed: it may find nothing
        to do. What an earlier apply owes stays owed.
        """
        self._step, self._back = number, True
        wrong: list[str] = []
        paths: list[str] = []
        for action in actions:
            try:
                if isinstance(action, Put):
                    paths += self._restored(action)
                elif not _released(action, self.gone):
                    self._take_back(action)
            except FailedError as error:
                if action != besides or not self._idle(action):
                    wrong.append(str(error))
            except StoppedError:
                wrong.append("it was interrupted while it waited")
        if not wrong:
            self.line.ask("settle", *(key(path) for path in paths if path not in self.owed))
        self._tidy(paths)
        return wrong

    def _restored(self, action: Put) -> Iterator[str]:
        """Restore files, those that were written here; yields their paths."""
        for path in action.paths:
            if self._last(path):
                yield path
                with self._named(action):
                    self.restore(path)

    def _take_back(self, action: Action) -> None:
        """Do what takes something back; raises FailedError."""
        if self.stuck and isinstance(action, Run) and action.argv[0] == "mount":
            raise FailedError(f"{action.argv[-1]}: not mounted, as OpenMeetings may run on it")
        match action:
            case Service("stop", unit) if not unit.startswith(OWN_UNITS):
                self.stuck = True
                self.do(action)
                self.stuck = False
            case _:
                self.do(action)

    def _tidy(self, paths: Iterable[str]) -> None:
        """Remove the folders that were made for files that are gone again, the innermost first."""
        made: set[str] = set()
        for path in paths:
            first = next(w for w in self.written if w.path == path)
            if first.before is None:
                made |= set(_folders(path, first.made))
        self._remove(made)

    def _remove(self, folders: Iterable[str]) -> None:
        if listed := sorted(folders, key=lambda folder: -folder.count("/")):
            self.line.ask("tidy", *listed)

    def keep(self, paths: Iterable[str]) -> None:
        """Keep what files hold before a person replaces them; raises FailedError."""
        for path in paths:
            if self._last(path) is None and self.targets is not None:
                reply = self.line.ask("keep", path, key(path))
                if not reply.ok:
                    raise FailedError(self._why(path, reply))
                file = self.targets.deployed.files.get(path)
                data = file.data if file else None
                self.written.append(Written(path, data, data, "|".join(reply.words)))

    def look(self, paths: Iterable[str]) -> None:
        """Take note of what a person put in the place of files, who took something back."""
        for path in paths:
            if last := self._last(path):
                (reply,) = self.line.ask_each(("look",), [(path, last.now)])
                if not reply.ok and reply.word(0) == "stale":
                    self.written.append(replace(last, found=reply.word(1)))

    def replaced(self, targets: Targets, home: str) -> None:
        """Take note that a person replaced what is below a folder; `targets` know what is there now."""
        assert self.targets is not None  # noqa: S101 - whoever applies has them
        before, now = self.targets.deployed, targets.deployed
        files = {p: f for p, f in before.files.items() if not p.startswith(f"{home}/")}
        files |= {p: f for p, f in now.files.items() if p.startswith(f"{home}/")}
        self.targets = replace(self.targets, deployed=replace(before, files=files))
        for written in [w for w in self.written if w.path.startswith(f"{home}/")]:
            file = files.get(written.path)
            self.written.append(replace(written, after=file.data if file else None))

    def do(self, action: Action) -> None:
        """Take one action; raises FailedError, StoppedError or LostError."""
        started = time.monotonic()
        if not self.real and not isinstance(action, Put | Remove):
            self._tell("action", "skipped", action=action)
            return
        self._tell("action", "started", action=action)
        try:
            with self._named(action):
                said = self._do(action)
        except (FailedError, StoppedError) as error:
            state: State = "failed" if isinstance(error, FailedError) else "waiting"
            took = time.monotonic() - started
            self._tell("action", state, action=action, text=str(error), seconds=took)
            raise
        took = time.monotonic() - started
        self._tell("action", "done", action=action, text=said, seconds=took)

    @contextmanager
    def _named(self, action: Action) -> Iterator[None]:
        """Say of an action that nobody waits for any more that it may still run."""
        try:
            yield
        except LeftError as error:
            if not error.running:
                raise
            what = next(text.lines([document.action(action)], undo=self._back))
            raise LeftError(f"{error}; what may still run there: {what}") from None

    def _do(self, action: Action) -> str:
        """Take an action; returns what there is to say of it."""
        match action:
            case Put(paths):
                self._write([self._target(path) for path in paths])
            case Remove(paths):
                self._write([self._target(path, removed=True) for path in paths])
            case Run(("mount" | "umount", _) as argv, timeout):
                self._mount(argv, timeout)
            case Run(argv, timeout):
                self._run(argv, timeout)
            case Service(verb, unit, timeout):
                self._service(verb, unit, timeout)
            case Health():
                return self._wait(action)
            case Manual():
                raise AssertionError("a person does that")
        return ""

    def _target(self, path: str, *, removed: bool = False) -> Target:
        assert self.targets is not None  # noqa: S101 - an undo has no `put` of its own
        try:
            target = self.targets.of(path, removed=removed)
        except ValueError as error:
            raise FailedError(f"{path}: {error}") from error
        last = self._last(path)
        return replace(target, before=last.after, anew=False) if last else target

    def _last(self, path: str) -> Written | None:
        """What was written last of a file, here."""
        return next((w for w in reversed(self.written) if w.path == path), None)

    def _bare(self) -> bool:
        """Tell whether what a node check goes by is taken back: a first apply had brought it."""
        last = [w for w in self.written if places.is_check(w.path)][-1:]
        return self._back and bool(last) and last[0].after is None

    def _write(self, targets: Iterable[Target]) -> None:
        """Stage files beside their places, all of them before the first takes its place."""
        changing = [target for target in targets if target.changes]
        self.stage(changing, later=True)
        changes = []
        for target in changing:
            _, name, made = self._staged.pop(target.path)
            written = Written(target.path, target.before, target.after, "", made, target.shared)
            changes.append((written, name, digest(target.before)))
        self._commit(changes)
        # Of a node that leaves the cluster its folder goes, too; what others put there keeps it.
        gone = (t.path for t in changing if t.after is None and t.path.startswith(f"{places.OWN}/"))
        self._remove({folder for path in gone for folder in _folders(path, path.count("/") - 2)})

    def stage(self, targets: Iterable[Target], *, later: bool = False) -> None:
        """Stage files, but for those that are so already; raises FailedError.

        With `later` they are on the disk when they take their places, and no sooner.
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
        """Remove the folders that were made for staged files; these are swept at the end."""
        self._remove(
            {f for path, (_, _, made) in self._staged.items() for f in _folders(path, made)}
        )

    def _commit(self, changes: Sequence[tuple[Written, str, str]]) -> None:
        """Put staged files in their places, each with its name there and the digest it replaces."""
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
        """Raise FailedError where a node did not do something with one of some files."""
        for path, reply in zip(paths, replies, strict=True):
            if not reply.ok and reply.word(0) != "before":
                raise FailedError(self._why(path, reply))
        if not all(reply.ok for reply in replies):
            raise FailedError(f"{paths[0]}: it cannot be written")

    def restore(self, path: str) -> None:
        """Bring a file back to what it was before it was written here; raises FailedError."""
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

    def is_done(self, manual: Manual) -> str:
        """Say what shows that a manual step is done, or why it counts as done; empty: it is not."""
        if manual.check is not None:
            return CHECKED if self.passes(manual.check) else ""
        known = database.logs_in(self) if manual.login else None
        if known is not None:
            return "the login works" if known else ""
        unknown = manual.login and self.alone and not self._closed()
        if unknown and manual.text not in self.told:
            return "the login cannot be checked, but the port answers"
        return "the apply before waited for it" if manual.text in self.told else ""

    def shows_done(self, manual: Manual, why: str) -> None:
        """Tell that nobody has to do it any more, and what shows that."""
        self._tell("action", "done", action=manual, text=why)

    def still(self, manual: Manual) -> str | None:
        """Say what is still wrong after a person did something; None when nothing is."""
        if manual.check is not None and not self.passes(manual.check):
            return ""
        if manual.who != "database" or not self._closed():
            return "It cannot log in yet." if manual.login and self._refused() else None
        assert self.targets is not None  # noqa: S101 - there is a port
        ports = database.named(self.targets)
        return f"{ports[:1].upper()}{ports[1:]} does not answer from {self.name} yet."

    def _refused(self) -> bool:
        return database.logs_in(self) is False

    def _closed(self) -> bool:
        """Tell whether the database's port is known not to answer from here."""
        probe = database.probe(self.targets) if self.targets else None
        return probe is not None and not self.passes(probe)

    def _why(self, path: str, reply: Reply) -> str:
        return f"{path}: {_WHY.get(reply.word(0), 'it cannot be written')}"

    def _tell(
        self,
        what: Literal["step", "action"],
        state: State,
        *,
        text: str = "",
        action: Action | None = None,
        seconds: float | None = None,
    ) -> None:
        self.tell(Event(what, state, self.name, self._step, text, action, seconds, self._back))


def _staging(
    path: str, access: tuple[str, str, str], data: bytes
) -> tuple[str, str, str, str, str, bytes]:
    """Give what `stage` is told of a file: its place, its name there, its access, what it holds."""
    return (path, f".omconf-{secrets.token_hex(8)}", *access, data)


def _released(action: Action, gone: Iterable[str]) -> bool:
    """Tell whether an action lets go of what a file is for that is gone: that came before it went.

    Or takes that back: the file does not come back either.
    """
    match action:
        case Run(argv):
            return argv[0] in gone
        case Service("stop" | "disable" | "start" | "enable", unit):
            return any(path.endswith(f"/{unit}") for path in gone)
    return False


def _folders(path: str, count: int) -> Iterator[str]:
    """Yield the folders that a file lies in, the innermost first."""
    for _ in range(count):
        path = path.rpartition("/")[0]
        yield path
