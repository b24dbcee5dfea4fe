"""Carries the steps of a roll-out out on one node, and takes them back when one fails."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from omconf.actions import OWN_UNITS, Health, Manual, Put, Remove, Run, Service
from omconf.apply import database
from omconf.apply.events import Event
from omconf.apply.node_files import NodeFiles
from omconf.apply.wire import LeftError, key
from omconf.apply.written import FailedError, StoppedError
from omconf.cluster import places
from omconf.rollout import document, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from omconf.actions import Action, Step
    from omconf.apply.events import State


CHECKED = "its check passes"
"""What shows that a manual step with a check is done."""


@dataclass(slots=True)
class Node(NodeFiles):
    """One node during an apply: its steps, and the way back from them."""

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

    def _bare(self) -> bool:
        """Tell whether what a node check goes by is taken back: a first apply had brought it."""
        last = [w for w in self.written if places.is_check(w.path)][-1:]
        return self._back and bool(last) and last[0].after is None

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
