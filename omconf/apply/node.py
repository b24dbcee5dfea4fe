"""Runs the steps of a roll-out on one node, and reverts them if one fails."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from omconf.actions import OWN_UNITS, Health, Manual, Put, Remove, Run, Service
from omconf.apply import database
from omconf.apply.events import Event
from omconf.apply.node_files import NodeFiles
from omconf.apply.wire import LeftError, key
from omconf.apply.written import FailedError, StoppedError
from omconf.cluster import places
from omconf.dataclass import dataclass
from omconf.rollout import document, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from omconf.actions import Action, Step
    from omconf.apply.events import State


CHECKED = "its check passes"
"""The evidence that a manual step with a check is done."""


@dataclass(slots=True)
class Node(NodeFiles):
    """One node during an apply: its steps, and how to revert them."""

    told: frozenset[str] = frozenset()
    """Manual steps without a check that count as done if nobody can be asked (told.py)."""
    alone: bool = False
    """Whether nobody can be asked."""
    owed: frozenset[str] = frozenset()
    """Files whose readers an earlier apply left to restart."""
    gone: frozenset[str] = frozenset()
    """Files that the plan deletes, and that an unfinished apply deleted before."""
    planned: frozenset[tuple[str, bool]] = frozenset()
    """The files that the steps write, or delete."""
    began: bool = False
    """Whether the journal knows of it."""
    begun: bool = False
    """Whether a step was begun."""
    undone: bool = False
    """Whether everything that was begun has been reverted."""
    at: tuple[Step, Action] | None = None
    """The last action."""
    stuck: bool = False
    """Whether OpenMeetings could not be stopped during the rollback."""
    finished: set[int] = field(default_factory=set)
    """The numbers of the steps that were completed and not reverted."""
    _step: int = 0

    def begin(self, number: int, step: Step) -> None:
        """Begin a step; it is recorded in the journal before anything is done."""
        self._step, self._back = number, False
        self._tell("step", "started", text=step.why)
        if isinstance(step.actions[0], Put | Remove):
            # It is on the disk together with the backups.
            self.line.tell("note", f"begin {number}", "1")
        else:
            self._note(f"begin {number}")
        self.begun = True

    def take(self, step: Step, actions: Iterable[Action]) -> None:
        """Run actions of a step; raises FailedError, StoppedError or LostError at position `at`."""
        for action in actions:
            self.at = (step, action)
            if not _released(action, self.gone):
                self.do(action)

    def prepare(self, steps: Iterable[Step]) -> None:
        """Record what is to be done on this node, before anything is done."""
        actions = [action for step in steps for action in step.actions]
        places = [action for action in actions if isinstance(action, Put | Remove)]
        self.planned = frozenset((p, isinstance(a, Remove)) for a in places for p in a.paths)
        paths = {path for path, gone in self.planned if gone}
        there = self.targets.deployed.files if paths and self.targets else paths
        self.gone = frozenset(path for path in paths if path not in there)

    def finish(self, number: int, step: Step) -> None:
        """End a step: the readers of its files have run."""
        laid = [a.paths for a in step.actions if isinstance(a, Put | Remove)]
        if laid and self.real:
            settle = ("settle", *(key(path) for paths in laid for path in paths))
            # What has read them is not to run again because omconf was killed before it said so.
            files_alone = all(isinstance(action, Put | Remove) for action in step.actions)
            (self.line.tell if files_alone else self.line.ask)(*settle)
        self.finished.add(number)
        self.at = None

    def undo(
        self, number: int, actions: Iterable[Action], besides: Action | None = None
    ) -> list[str]:
        """Run actions that revert a step, also after one of them fails; returns the failures.

        `besides` reverts the very action that failed: it may find nothing
        to do. Pending work of an earlier apply stays pending.
        """
        self._step, self._back = number, True
        wrong: list[str] = []
        paths: list[str] = []
        for action in actions:
            try:
                if isinstance(action, Put):
                    files = [path for path in action.paths if self._last(path)]
                    paths += files
                    with self._named(action):
                        wrong += self.restore(files)
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

    def _take_back(self, action: Action) -> None:
        """Run an action that reverts something; raises FailedError."""
        if self.stuck and isinstance(action, Run) and action.argv[0] == "mount":
            raise FailedError(f"{action.argv[-1]}: not mounted: OpenMeetings may be running on it")
        match action:
            case Service("stop", unit) if not unit.startswith(OWN_UNITS):
                self.stuck = True
                self.do(action)
                self.stuck = False
            case _:
                self.do(action)

    def do(self, action: Action) -> None:
        """Run one action; raises FailedError, StoppedError or LostError."""
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
        """Add to an error that its action, which is no longer awaited, may still run."""
        try:
            yield
        except LeftError as error:
            if not error.running:
                raise
            what = next(text.lines([document.action(action)], undo=self._back))
            raise LeftError(f"{error}; what may still run there: {what}") from None

    def _do(self, action: Action) -> str:
        """Run an action; returns a remark on it, or an empty text."""
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

    def _bare(self) -> bool:
        """Tell whether the settings of a node check were removed: a first apply had added them."""
        last = [w for w in self.written if places.is_check(w.path)][-1:]
        return self._back and bool(last) and last[0].after is None

    def is_done(self, manual: Manual) -> str:
        """Return why a manual step is done or counts as done; empty if it is not."""
        if manual.check is not None:
            return CHECKED if self.passes(manual.check) else ""
        known = self._logs_in() if manual.login else None
        if known is not None:
            return "the login works" if known else ""
        unknown = manual.login and self.alone and not self._closed()
        if unknown and manual.text not in self.told:
            return "the login cannot be checked, but the port answers"
        return "the apply before waited for it" if manual.text in self.told else ""

    def shows_done(self, manual: Manual, why: str) -> None:
        """Report that a manual step is no longer needed, and why."""
        self._tell("action", "done", action=manual, text=why)

    def still(self, manual: Manual) -> str | None:
        """Return what is still wrong after a manual step; None if nothing is."""
        if manual.check is not None and not self.passes(manual.check):
            return ""
        if manual.who != "database" or not self._closed():
            return "It cannot log in yet." if manual.login and self._logs_in() is False else None
        assert self.targets is not None  # noqa: S101 - there is a port
        ports = database.named(self.targets)
        return f"{ports[:1].upper()}{ports[1:]} does not answer from {self.name} yet."

    def _logs_in(self) -> bool | None:
        return database.logs_in(self.line, self.targets)

    def _closed(self) -> bool:
        """Tell whether the database's port certainly does not answer from here."""
        probe = database.probe(self.targets) if self.targets else None
        return probe is not None and not self.passes(probe)

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
