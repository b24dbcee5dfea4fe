"""Carries the steps of a roll-out out on one node, and takes them back when one fails."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from omconf import interrupts
from omconf.actions import HEALTH_SECONDS, Health, Manual, Put, Remove, Run, Service
from omconf.apply import database
from omconf.apply.events import Event, Tell
from omconf.plan.digest import ABSENT, sha256
from omconf.plan.owed import UNIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from omconf.actions import Action, Step
    from omconf.apply.events import State
    from omconf.apply.targets import Target, Targets
    from omconf.apply.wire import Line, Reply

SLACK = 30
"""Seconds that a node may take to answer, beyond what its program may take."""
_TIMED_OUT = ("124", "143")
_KILLED = "137"
"""Of a program that was killed, by `timeout` or by anybody."""
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


class People(Protocol):
    """Who does what no program does, and says whether OpenMeetings is healthy."""

    @property
    def there(self) -> bool:
        """Whether there is somebody to ask."""

    def does(self, node: str, manual: Manual) -> bool:
        """Ask somebody to do it; False when it is not done."""

    def healthy(self, node: str, health: Health) -> str:
        """Wait until the node is healthy; otherwise say why it is not."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was changed: what it held before and after, `MODE|UID|GID` of before, new folders.

    A `shared` file keeps what it has of these. A `conflict` says why it is not brought back.
    """

    path: str
    before: bytes | None
    after: bytes | None
    access: str = ""
    made: int = 0
    shared: bool = False
    conflict: str = ""


def digest(data: bytes | None) -> str:
    """Digest a file as the node does."""
    return ABSENT if data is None else sha256(data)


@dataclass(slots=True)
class Node:
    """One node during an apply. With `real` False it is a copy of a root tree: files alone count."""

    name: str
    line: Line
    targets: Targets | None
    people: People
    tell: Tell
    real: bool = True
    told: frozenset[str] = frozenset()
    """What people were told to do by an apply that waited for it: without a check it counts as done."""
    owed: frozenset[str] = frozenset()
    """Files that an earlier apply left owed."""
    health: int = HEALTH_SECONDS
    """Seconds that the node may take to become healthy."""
    hide: Callable[[str], str] = _nothing
    """Hides secrets in what programs print."""
    written: list[Written] = field(default_factory=list)
    began: bool = False
    """Whether the journal knows of it."""
    _step: int = 0
    _back: bool = False

    def carry_out(self, steps: Sequence[Step], numbers: Sequence[int]) -> None:
        """Carry steps out; raises FailedError, WaitingError or LostError, `failed` says where."""
        for number, step in zip(numbers, steps, strict=True):
            self._step = number
            self._tell("step", "started", text=step.why)
            self._note(f"begin {number}")
            for action in step.actions:
                self.at = (step, action)
                self.do(action)
            self._settle(step)
            self._note(f"done {number}")
            self.finished.append((number, step))
            if interrupts.stopped():
                return

    left_to_people: list[str] = field(default_factory=list)
    """What a person has still to do, after the node itself was taken back."""
    at: tuple[Step, Action] | None = None
    finished: list[tuple[int, Step]] = field(default_factory=list)

    def take_back(self) -> list[str]:
        """Take back what was done, the last step first; returns what could not be taken back."""
        self._back = True
        interrupts.resume()
        wrong: list[str] = []
        if self.at is not None and self.at[0] not in [step for _, step in self.finished]:
            step, failed = self.at
            back = next((do.undo for do in step.does if do.action == failed), None)
            wrong += self.undo(step.undo_from(failed), besides=back)
        for number, step in reversed(self.finished):
            self._step = number
            wrong += self.undo(step.undo)
        return wrong

    def begin_undo(self, step: int) -> None:
        """Say which step is taken back next."""
        self._step, self._back = step, True

    def undo(self, actions: Iterable[Action], besides: Action | None = None) -> list[str]:
        """Carry out actions that take something back, and go on after one that fails.

        `besides` takes back the very action that failed: it may find nothing to do. What an earlier
        apply owes stays owed.
        """
        wrong: list[str] = []
        paths: list[str] = []
        for action in actions:
            try:
                if isinstance(action, Put):
                    for path in action.paths:
                        if self._last(path):
                            paths.append(path)
                            self.restore(path)
                else:
                    self.do(action)
            except FailedError as error:
                if besides is None or action != besides:
                    wrong.append(str(error))
            except WaitingError as error:
                self.left_to_people.append(str(error))
        if not wrong:
            self.line.ask("settle", *(path for path in paths if path not in self.owed))
        self._tidy(paths)
        return wrong

    def _tidy(self, paths: Iterable[str]) -> None:
        """Remove the folders that were made for files that are gone again, the innermost first."""
        made: set[str] = set()
        for path in paths:
            first = next(w for w in self.written if w.path == path)
            if first.before is None:
                made |= set(_folders(path, first.made))
        if made:
            self.line.ask("tidy", *sorted(made, key=lambda folder: -folder.count("/")))

    def do(self, action: Action) -> None:
        """Carry out one action; raises FailedError or WaitingError."""
        started = time.monotonic()
        if not self.real and not isinstance(action, Put | Remove):
            self._tell("action", "skipped", action=action)
            return
        self._tell("action", "started", action=action)
        try:
            self._do(action)
        except (FailedError, WaitingError, StoppedError) as error:
            state: State = "failed" if isinstance(error, FailedError) else "waiting"
            took = time.monotonic() - started
            self._tell("action", state, action=action, text=str(error), seconds=took)
            raise
        self._tell("action", "done", action=action, seconds=time.monotonic() - started)

    def _do(self, action: Action) -> None:
        match action:
            case Put(paths):
                self._write([self._target(path) for path in paths])
            case Remove(paths):
                self._write([self._target(path, removed=True) for path in paths])
            case Run(argv, timeout):
                self._run(argv, timeout)
            case Service(verb, unit, timeout):
                self._service(verb, unit, timeout)
            case Health():
                why = self.people.healthy(self.name, replace(action, timeout=self.health))
                if why and interrupts.stopped():
                    raise StoppedError
                if why:
                    raise FailedError(f"{self.name} is not healthy: {why}")
            case Manual():
                self._manual(action)

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
        staged = [(target, *self._stage(target)) for target in changing]
        for target, name, made in staged:
            self._commit(target.path, target.before, target.after, name, made, shared=target.shared)

    def _stage(self, target: Target) -> tuple[str, int]:
        if target.after is None:
            return "", 0
        mode = f"{'=' if target.shared else ''}{target.mode:04o}"
        access = (mode, target.owner, target.group)
        return self._staged(target.path, target.after, access)

    def _staged(self, path: str, data: bytes, access: tuple[str, str, str]) -> tuple[str, int]:
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
    ) -> None:
        owed = "1" if self.real else ""
        given = (digest(before), digest(after), str(made), owed)
        reply = self.line.ask("commit", path, name, *given)
        if not reply.ok:
            raise FailedError(self._why(path, reply))
        access = "|".join(reply.words)
        self.written.append(Written(path, before, after, access, made, shared))

    def restore(self, path: str) -> None:
        """Bring a file back to what it was before it was written here; raises FailedError."""
        first = next((w for w in self.written if w.path == path), None)
        last = self._last(path)
        if first is None or last is None or (first.before == last.after and first is not last):
            return
        if first.conflict:
            raise FailedError(f"{path}: {first.conflict}")
        name, made = "", 0
        if first.before is not None:
            mode, uid, gid = first.access.split("|") if first.access else ("0644", "0", "0")
            access = (f"{'=' if first.shared else ''}{mode}", uid, gid)
            name, made = self._staged(path, first.before, access)
        self._commit(path, last.after, first.before, name, made)

    def _run(self, argv: Sequence[str], timeout: int) -> None:
        words = [f".{word}" for word in argv]
        started = time.monotonic()
        reply = self.line.ask("run", str(timeout), *words, seconds=timeout + SLACK)
        if reply.ok:
            return
        said = [line.strip() for line in self.line.said().splitlines() if line.strip()]
        said = [hidden for line in said[-1:] if (hidden := self.hide(line[:300]))]
        late = reply.word(1) == _KILLED and time.monotonic() - started > timeout
        if late or reply.word(1) in _TIMED_OUT:
            why = f"it did not end within {timeout} seconds"
        else:
            why = f"it ended with exit code {reply.word(1)}"
        raise FailedError(f"{argv[0]}: {why}{f': {said[-1]}' if said else ''}")

    def _service(self, verb: str, unit: str, timeout: int) -> None:
        if verb in ("stop", "restart") and not self.line.ask("stopped", f"{UNIT}{unit}").ok:
            raise FailedError("what omconf keeps below /var/lib/omconf cannot be written")
        if verb in ("start", "restart"):
            self.line.ask("run", "30", ".systemctl", ".reset-failed", f".{unit}")
            self.line.said()
        self._run(("systemctl", verb, unit), timeout)
        if verb in ("start", "restart"):
            self.line.ask("settle", f"{UNIT}{unit}")

    def _manual(self, manual: Manual) -> None:
        if manual.text in self.told if manual.check is None else self.passes(manual.check):
            return
        after = database.probe(self.targets) if manual.who == "database" and self.targets else None
        asked = manual
        while True:
            if not self.people.does(self.name, asked):
                raise WaitingError(manual.text)
            if manual.check is not None and not self.passes(manual.check):
                continue
            if after is None or self._back or self.passes(after):
                return
            host, port = database.place(self.targets) if self.targets else ("", "")
            closed = f"Port {port} of {host} does not answer from here yet."
            asked = replace(manual, text=f"{manual.text} {closed}")

    def passes(self, check: Run) -> bool:
        """Tell whether a check of a manual step passes."""
        try:
            self._run(check.argv, check.timeout)
        except FailedError:
            return False
        return True

    def _settle(self, step: Step) -> None:
        paths = [
            p for action in step.actions if isinstance(action, Put | Remove) for p in action.paths
        ]
        if paths and self.real:
            self.line.ask("settle", *paths)

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


def _folders(path: str, count: int) -> Iterator[str]:
    """Yield the folders that a file lies in, the innermost first."""
    for _ in range(count):
        path = path.rpartition("/")[0]
        yield path
