"""Carries the steps of a roll-out out on one node, and takes them back when one fails."""

from __future__ import annotations

import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from omconf.actions import OWN_UNITS, Health, Manual, Put, Remove, Run, Service
from omconf.apply import database
from omconf.apply import unit as units
from omconf.apply.events import Event, Tell
from omconf.apply.wire import SLACK, LeftError
from omconf.cluster import places
from omconf.plan import owed
from omconf.plan.digest import ABSENT, sha256
from omconf.plan.owed import UNIT, done
from omconf.rollout import document, openmeetings, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from omconf.actions import Action, Step
    from omconf.apply.events import State
    from omconf.apply.targets import Target, Targets
    from omconf.apply.wire import Line, Reply

_TIMED_OUT = ("124", "143")
_KILLED = "137"
"""Of a program that was killed, by `timeout` or by anybody."""
_MOUNTED = 'cut -d" " -f5 /proc/self/mountinfo | grep -Fqx -- "$1"'
_SEE = ': See "systemctl status'
_BY_HAND = "by-hand.service"
"""Stands for whatever starts OpenMeetings where a person does."""
_WHY = {
    "account": "the user {owner} or the group {group} is not there",
    "backup": "what it replaces cannot be kept below /var/lib/omconf",
    "write": "it cannot be written",
    "stale": "it is not as it was planned any more",
    "unreadable": "the owner of its folder cannot read it",
}


def _nothing(_: str) -> str:
    return ""


class StoppedError(Exception):
    """Raised when a signal ends a wait: nothing is known to have failed."""


class FailedError(Exception):
    """Raised when a step fails; the text says why, for people."""


class WaitingError(Exception):
    """Raised when a person's turn is next, and there is none."""


class Watch(Protocol):
    """Who knows of the other nodes what one of them has to wait for."""

    def begins(self, node: str, verb: str, unit: str) -> None:
        """Wait until a unit may start or stop on a node; raises StoppedError."""

    def ended(self, node: str, verb: str, unit: str, *, back: bool) -> None:
        """Take note that it did, or with `back` is as it was before."""

    def healthy(self, node: str, health: Health) -> str:
        """Wait until a node is healthy; otherwise say why it is not. Raises StoppedError."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was changed: what it held before and after, `MODE|UID|GID` of before, new folders.

    A `shared` file keeps what it has of these. A `conflict` says why it is not brought back. Of one
    that was written `anew` mode and owner alone were changed. `found` digests what a person put there.
    """

    path: str
    before: bytes | None
    after: bytes | None
    access: str = ""
    made: int = 0
    shared: bool = False
    conflict: str = ""
    anew: bool = False
    found: str = ""

    @property
    def now(self) -> str:
        """The digest of what it holds."""
        return self.found or digest(self.after)


def digest(data: bytes | None) -> str:
    """Digest a file as the node does."""
    return ABSENT if data is None else sha256(data)


@dataclass(slots=True)
class Node:
    """One node during an apply. With `real` False it is a copy of a root tree: files alone count."""

    name: str
    line: Line
    targets: Targets | None
    watch: Watch
    tell: Tell
    real: bool = True
    told: frozenset[str] = frozenset()
    """Manual steps that count as done where they have no check and nobody can be asked (told.py)."""
    alone: bool = False
    """Whether nobody can be asked."""
    owed: frozenset[str] = frozenset()
    """Files that an earlier apply left owed."""
    gone: frozenset[str] = frozenset()
    """Files that the plan deletes, and that an unfinished apply deleted before."""
    hide: Callable[[str], str] = _nothing
    """Hides secrets in what programs print."""
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
    _stopped: set[str] = field(default_factory=set)
    _started: tuple[str, float] | None = None
    """The unit that was started last, and when (monotonic, in seconds)."""
    _step: int = 0
    _back: bool = False

    def begin(self, number: int, step: Step) -> None:
        """Begin a step; the journal knows of it before anything is done."""
        self._step, self._back = number, False
        self._tell("step", "started", text=step.why)
        self._note(f"begin {number}")
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
        paths = {p for action in actions if isinstance(action, Remove) for p in action.paths}
        there = self.targets.deployed.files if paths and self.targets else paths
        self.gone = frozenset(path for path in paths if path not in there)

    def finish(self, number: int, step: Step) -> None:
        """End a step: what reads its files has run."""
        paths = [a.paths for a in step.actions if isinstance(a, Put | Remove)]
        if paths and self.real:
            self.line.ask("settle", *(path for each in paths for path in each))
        self._note(f"done {number}")
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
            self.line.ask("settle", *(path for path in paths if path not in self.owed))
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

    def _idle(self, action: Action) -> bool:
        """Tell whether an action on the way back failed because there was nothing to do."""
        match action:
            case Service():
                return False  # systemd does not mind
            case Run(("mount" | "umount" as what, folder)):
                mounted = self.passes(Run(("sh", "-c", _MOUNTED, "sh", folder)))
                return mounted is (what == "mount")
        return True

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
                reply = self.line.ask("keep", path)
                if not reply.ok:
                    raise FailedError(self._why(path, reply))
                file = self.targets.deployed.files.get(path)
                data = file.data if file else None
                self.written.append(Written(path, data, data, "|".join(reply.words)))

    def look(self, paths: Iterable[str]) -> None:
        """Take note of what a person put in the place of files, who took something back."""
        for path in paths:
            if last := self._last(path):
                reply = self.line.ask("look", path, last.now)
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
                self._do(action)
        except (FailedError, StoppedError) as error:
            state: State = "failed" if isinstance(error, FailedError) else "waiting"
            took = time.monotonic() - started
            self._tell("action", state, action=action, text=str(error), seconds=took)
            raise
        self._tell("action", "done", action=action, seconds=time.monotonic() - started)

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

    def _do(self, action: Action) -> None:
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
                if why := self.watch.healthy(self.name, action):
                    raise FailedError(f"{self.name} is not healthy: {why}{self._not_running()}")
                self._runs()
            case Manual():
                raise AssertionError("a person does that")

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

    def _write(self, targets: Iterable[Target]) -> None:
        """Stage files beside their places, all of them before the first takes its place."""
        changing = [target for target in targets if target.changes]
        self.stage(changing)
        for target in changing:
            _, name, made = self._staged.pop(target.path)
            self._commit(target.path, target.before, target.after, name, made, shared=target.shared)
        # Of a node that leaves the cluster its folder goes, too; what others put there keeps it.
        gone = (t.path for t in changing if t.after is None and t.path.startswith(f"{places.OWN}/"))
        self._remove({folder for path in gone for folder in _folders(path, path.count("/") - 2)})

    def stage(self, targets: Iterable[Target]) -> None:
        """Stage files, but for those that are so already; raises FailedError."""
        for target in targets:
            staged = self._staged.get(target.path)
            if staged is None or replace(staged[0], before=target.before) != target:
                self._staged[target.path] = (target, *self._new(target))

    def unstage(self) -> None:
        """Remove the folders that were made for staged files; these are swept at the end."""
        self._remove(
            {f for path, (_, _, made) in self._staged.items() for f in _folders(path, made)}
        )

    def _new(self, target: Target) -> tuple[str, int]:
        if target.after is None:
            return "", 0
        mode = f"{'=' if target.shared else ''}{target.mode:04o}"
        access = (mode, target.owner, target.group)
        return self._laid(target.path, target.after, access)

    def _laid(self, path: str, data: bytes, access: tuple[str, str, str]) -> tuple[str, int]:
        name = f".omconf-{secrets.token_hex(8)}"
        reply = self.line.ask("stage", path, name, *access, data)
        if not reply.ok:
            raise FailedError(self._why(path, reply))
        return name, int(reply.word(0) or 0)

    def _commit(
        self,
        path: str,
        before: bytes | None,
        after: bytes | None,
        name: str,
        made: int,
        *,
        shared: bool = False,
        found: str = "",
    ) -> None:
        owed = "1" if self.real else ""
        given = (found or digest(before), digest(after), str(made), owed)
        reply = self.line.ask("commit", path, name, *given)
        if not reply.ok:
            raise FailedError(self._why(path, reply))
        access = "|".join(reply.words)
        self.written.append(Written(path, before, after, access, made, shared))

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
            name, made = self._laid(path, first.before, access)
        self._commit(path, last.after, first.before, name, made, found=last.found)

    def _run(self, argv: Sequence[str], timeout: int) -> None:
        words = [f".{word}" for word in argv]
        started = time.monotonic()
        reply = self.line.ask("run", str(timeout), *words, seconds=timeout + SLACK)
        if reply.ok:
            return
        said = [line.strip() for line in self.line.said().splitlines() if line.strip()]
        said = [hidden for line in said[-1:] if (hidden := self.hide(line)[:300])]
        late = reply.word(1) == _KILLED and time.monotonic() - started > timeout
        if late or reply.word(1) in _TIMED_OUT:
            why = f"it did not end within {timeout} seconds"
        else:
            why = f"it ended with exit code {reply.word(1)}"
        raise FailedError(f"{argv[0]}: {why}{f': {said[-1]}' if said else ''}")

    def _runs(self) -> None:
        """Take note that OpenMeetings runs, by whichever unit: none has to be started any more."""
        units = {*self._stopped}
        if self.targets:
            around = self.targets.deployed.around
            units |= {*owed.read(around, self.targets.bundle.cluster, {}).units}
        if units:
            self.line.ask("settle", *(f"{UNIT}{unit}" for unit in sorted(units)))

    def _mount(self, argv: tuple[str, ...], timeout: int) -> None:
        """Mount or unmount a folder; what an unfinished apply did of that before is done anew."""
        if self.passes(Run(("sh", "-c", _MOUNTED, "sh", argv[1]))):
            self._run(("umount", argv[1]), timeout)
        if argv[0] == "mount":
            self._run(argv, timeout)

    def _service(self, verb: str, unit: str, timeout: int) -> None:
        self.watch.begins(self.name, verb, unit)
        if verb in ("stop", "restart") and not unit.startswith(OWN_UNITS):
            self._owes(unit)
        if verb in ("start", "restart"):
            self.line.ask("run", "30", ".systemctl", ".reset-failed", f".{unit}")
            self.line.said()
        began = time.monotonic()
        try:
            self._run(("systemctl", verb, unit), timeout)
        except FailedError as error:
            if not (why := units.ends(self.line, unit, time.monotonic() - began, self.hide)):
                raise
            # What it says instead is where its user can look.
            raise FailedError(f"{str(error).partition(_SEE)[0]}{why}") from error
        if verb in ("start", "restart"):
            self._started = (unit, began)
            self.line.ask("settle", f"{UNIT}{unit}")
        self.watch.ended(self.name, verb, unit, back=self._back)

    def _not_running(self) -> str:
        """Say what the journal says of the unit that was started, unless it runs."""
        if self._started is None:
            return ""
        unit, began = self._started
        if self.passes(Run(("systemctl", "is-active", "--quiet", unit))):
            return ""
        return units.ends(self.line, unit, time.monotonic() - began, self.hide)

    def asks(self, manual: Manual) -> None:
        """Take note that a person stops OpenMeetings next; raises FailedError."""
        if openmeetings.verb_of(manual.text) in ("stop", "restart"):
            self._owes(_BY_HAND)

    def did(self, manual: Manual) -> None:
        """Take note that a person started OpenMeetings."""
        if openmeetings.verb_of(manual.text) in ("start", "restart"):
            self.line.ask("settle", f"{UNIT}{_BY_HAND}")

    def is_settled(self, manual: Manual, *, back: bool = False) -> None:
        """Take note that what a person was to do is done, or taken back; raises FailedError."""
        self._note(done(manual.text, back=back))

    def _owes(self, unit: str) -> None:
        """Have a later plan start what is stopped; raises FailedError."""
        self._stopped.add(unit)
        if not self.line.ask("stopped", f"{UNIT}{unit}").ok:
            raise FailedError("what omconf keeps below /var/lib/omconf cannot be written")

    def is_done(self, manual: Manual) -> bool:
        """Tell whether what a person does is done; without a check, whether it counts as done."""
        if manual.check is not None:
            return self.passes(manual.check)
        known = database.logs_in(self) if manual.login else None
        if known is not None:
            return known
        unknown = manual.login and self.alone and not self._closed()
        return manual.text in self.told or bool(unknown)

    def still(self, manual: Manual) -> str | None:
        """Say what is still wrong after a person did something; None when nothing is."""
        if manual.check is not None and not self.passes(manual.check):
            return ""
        if manual.who != "database" or not self._closed():
            return "It cannot log in yet." if manual.login and self._refused() else None
        assert self.targets is not None  # noqa: S101 - there is a port
        host, port = database.place(self.targets)
        return f"Port {port} of {host} does not answer from {self.name} yet."

    def _refused(self) -> bool:
        return database.logs_in(self) is False

    def _closed(self) -> bool:
        """Tell whether the database's port is known not to answer from here."""
        probe = database.probe(self.targets) if self.targets else None
        return probe is not None and not self.passes(probe)

    def passes(self, check: Run) -> bool:
        """Tell whether a check of a manual step passes."""
        try:
            self._run(check.argv, check.timeout)
        except FailedError:
            return False
        return True

    def _note(self, text: str) -> None:
        if not self.line.ask("note", text).ok:
            raise FailedError("what omconf keeps below /var/lib/omconf cannot be written")

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
