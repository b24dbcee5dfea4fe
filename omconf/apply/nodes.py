"""Carries the steps of a roll-out out on all nodes, in their order, and takes them back when one fails.

Where all nodes stop, what fails on one is taken back on all. Otherwise only on the node itself, and on
those that had to stop together with it: those before it stay as they are, and so does what others may
use of it by now. Nor does a node go back whose old settings need what is gone by now.
"""

from __future__ import annotations

from dataclasses import field, replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Protocol, TypeVar

from omconf import interrupts
from omconf.actions import Action, Manual, Put, Step
from omconf.apply.events import Event, Outcome, State
from omconf.apply.node import CHECKED, Node
from omconf.apply.wire import LostError, lost
from omconf.apply.written import FailedError, StoppedError, WaitingError
from omconf.dataclass import dataclass
from omconf.rollout import openmeetings
from omconf.side_by_side import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from omconf.apply.targets import Targets

BARRED = "earlier steps are undone only after this manual step: {text}"
NO_WAY_BACK = "nothing was undone: what the earlier settings need has already been removed"

Said = TypeVar("Said")


class People(Protocol):
    """Who does what no program does."""

    @property
    def there(self) -> bool:
        """Whether there is somebody to ask."""

    def does(self, nodes: Sequence[str], manual: Manual) -> bool:
        """Ask somebody to do something on some nodes; False when it is not done."""

    def agrees(self, question: str) -> bool:
        """Ask whether to go on; False where nobody says so."""


class BrokenError(Exception):
    """Raised when a step does not come to its end on some nodes: what happened there, by node."""

    def __init__(self, errors: Mapping[str, Exception]) -> None:
        super().__init__()
        self.errors = errors


@dataclass(slots=True)
class Nodes:
    """The nodes of one apply. What is `lost` does not answer any more, and why."""

    nodes: Mapping[str, Node]
    people: People
    whole: bool
    """Whether all nodes stop for it."""
    keep: bool = False
    """Nothing is taken back when a step fails."""
    may_stop: Callable[[Sequence[str]], Callable[[str], None]] = lambda _: lambda _: None
    """Asks before nodes stop or restart; raises StoppedError where they may not.

    Returns what waits until the users of one of them have left; that raises LostError.
    """
    units: Collection[str] = ()
    """The units that start OpenMeetings."""
    reread: Callable[[str], tuple[Targets, str] | None] = lambda _: None
    """Reads a node again: its files, and its home; None for a removed node."""
    lost: dict[str, str] = field(default_factory=dict)
    left_to_people: list[str] = field(default_factory=list)
    """What people have still to do, after all else was taken back."""
    finished: list[tuple[int, Step]] = field(default_factory=list)
    asked: set[Manual] = field(default_factory=set)
    """What people did; what was done already when its turn came is not theirs to take back."""

    def carry_out(self, steps: Iterable[tuple[int, Step]]) -> tuple[Outcome, str]:
        """Carry the steps out; says how it ended, and why."""
        steps = list(steps)
        for name, node in self.nodes.items():
            node.prepare(step for _, step in steps if name in step.nodes)
        for number, step in steps:
            names = [name for name in step.nodes if name in self.nodes]
            try:
                if interrupts.stopped():
                    raise StoppedError("it was interrupted")
                if any(self._stops(action, names) for action in step.actions):
                    self._clear(names)
                self._step(number, step, names)
            except StoppedError as error:
                self.finished.append((number, step))
                return self._interrupted(str(error) or "it was interrupted")
            except WaitingError as error:
                return Outcome.WAITING, str(error)
            except BrokenError as broken:
                self.finished.append((number, step))
                return self._broken(number, step, broken.errors)
            self.finished.append((number, step))
        return Outcome.APPLIED, ""

    @property
    def stands(self) -> bool:
        """Whether something was done that was not taken back."""
        return any(node.finished or node.at for node in self.nodes.values()) or bool(self.lost)

    def _stops(self, action: Action, names: Sequence[str]) -> bool:
        verb, unit = openmeetings.done_to(action)
        if isinstance(action, Manual) and all(action.text in self.nodes[n].told for n in names):
            return False  # an apply that ended with `waiting` let them leave
        return verb in ("stop", "restart") and unit in self.units

    def _clear(self, names: Sequence[str]) -> None:
        """Have users leave nodes that stop next; raises StoppedError, BrokenError."""
        drained = self.may_stop(names)
        self._each(names, lambda node: drained(node.name))
        if interrupts.stopped():
            raise StoppedError("it was interrupted")

    def _step(self, number: int, step: Step, names: Sequence[str]) -> None:
        self._each(names, lambda node: node.begin(number, step))
        chunks = list(_chunks(step.actions))
        for at, actions in enumerate(chunks, 1):
            try:
                if isinstance(actions[0], Manual):
                    self._manual(names, actions[0], step)
                else:
                    self._each(names, partial(Node.take, step=step, actions=actions))
            except BrokenError as broken:
                manual = actions[0] if isinstance(actions[0], Manual) else None
                if at == len(chunks) and (manual is None or manual in self.asked):
                    well = [name for name in names if name not in broken.errors]
                    try:
                        self._each(well, lambda node: node.finish(number, step))
                    except BrokenError as also:
                        raise BrokenError({**broken.errors, **also.errors}) from broken
                raise
        self._each(names, lambda node: node.finish(number, step))

    def _each(self, names: Sequence[str], work: Callable[[Node], object]) -> None:
        """Have nodes do the same side by side; raises BrokenError."""

        def one(name: str) -> Exception | None:
            try:
                work(self.nodes[name])
            except (FailedError, StoppedError, LostError) as error:
                return error
            except OSError as error:  # of omconf's own host: what was done is taken back
                return FailedError(f"the system reports an error: {error.strerror or error}")
            return None

        results = [one(names[0])] if len(names) == 1 else side_by_side(one, names)
        errors = {n: error for n, error in zip(names, results, strict=True) if error is not None}
        self.lost |= {n: str(error) for n, error in errors.items() if isinstance(error, LostError)}
        if errors:
            raise BrokenError(errors)

    def _manual(self, names: Sequence[str], manual: Manual, step: Step) -> None:
        """Have people do something once for all nodes where it is not done; raises WaitingError."""
        for name in [name for name in names if not self.nodes[name].real]:
            self.nodes[name].do(manual)
        there = [name for name in names if self.nodes[name].real]
        done = self._ask(there, lambda node: node.is_done(manual))
        for name in [name for name in there if done[name]]:
            self.nodes[name].shows_done(manual, done[name])
        asked = [name for name in there if not done[name]]
        if asked:
            self._have_done(asked, manual, step)
        self._each(there, lambda node: node.settled(manual.text))

    def _have_done(self, asked: Sequence[str], manual: Manual, step: Step) -> None:
        """Have people do something on some nodes, until it is done; raises WaitingError."""
        pending = list(asked)
        replaced = [p for action in step.undo if isinstance(action, Put) for p in action.paths]
        self._each(pending, lambda node: node.keep(replaced))
        self._each(pending, lambda node: node.asks(manual))
        self.asked.add(manual)
        # From now on it may be done, whatever comes in between.
        before = {name: self.nodes[name].at for name in asked}
        for name in asked:
            self.nodes[name].at = (step, manual)
        text = manual.text
        while pending:
            if not self._done(pending, replace(manual, text=text)):
                if interrupts.stopped():
                    raise StoppedError
                for name in pending:
                    self.nodes[name].at = before[name]
                raise WaitingError(manual.text)
            still = self._ask(pending, lambda node: node.still(manual))
            pending = [name for name in pending if still[name] is not None]
            text = " ".join(dict.fromkeys((manual.text, *filter(None, still.values()))))
        self._each(asked, lambda node: node.did(manual))
        for name in asked:
            self.nodes[name].shows_done(manual, CHECKED if manual.check else "")
        self._each(asked, self._read_again)

    def _read_again(self, node: Node) -> None:
        if (read := self.reread(node.name)) is not None:
            node.replaced(*read)

    def _ask(self, names: Sequence[str], question: Callable[[Node], Said]) -> dict[str, Said]:
        """Ask nodes the same side by side."""
        found: dict[str, Said] = {}

        def ask(node: Node) -> None:
            found[node.name] = question(node)

        self._each(names, ask)
        return found

    def _done(self, names: Sequence[str], manual: Manual, *, back: bool = False) -> bool:
        tell = self.nodes[names[0]].tell
        # Nobody waits for what is left to people while the rest is taken back.
        state: State = "skipped" if back and not self.people.there else "waiting"
        for name in names:
            tell(Event("action", state, name, text=manual.text, action=manual, undo=back))
        return self.people.does(names, manual)

    def _interrupted(self, why: str) -> tuple[Outcome, str]:
        if not any(node.begun for node in self.nodes.values()):
            return Outcome.REFUSED, why
        if not self.whole or self.keep:
            return Outcome.PARTIAL, why
        return self._ended(why, self._take_back(self.nodes))

    def _broken(
        self, number: int, step: Step, errors: Mapping[str, Exception]
    ) -> tuple[Outcome, str]:
        why = "; ".join(dict.fromkeys(self._why(name, error) for name, error in errors.items()))
        if self.keep:
            return Outcome.PARTIAL, why
        if self.whole:
            return self._ended(why, self._take_back(self.nodes))
        if all(isinstance(error, StoppedError) for error in errors.values()):
            return Outcome.PARTIAL, why or "it was interrupted"
        # Whoever did not come to the end of the step, without a failure of its own, goes back as well.
        failed = [n for n in step.nodes if n in self.nodes and number not in self.nodes[n].finished]
        names = self._with_others(failed)
        if self._ended_for(names):
            return Outcome.PARTIAL, f"{why}; {NO_WAY_BACK}"
        return self._ended(why, self._take_back(names))

    def _ended_for(self, names: Collection[str]) -> bool:
        """Tell whether others took away by now what the old settings of these nodes need."""
        return any(
            number in self.nodes[name].finished and (step.used or name not in names)
            for number, step in self.finished
            if step.ends
            for name in step.nodes
            if name in self.nodes
        )

    def _with_others(self, failed: Collection[str]) -> set[str]:
        """Add the nodes that go back with those that failed."""
        groups = [step.together for _, step in self.finished if {*failed} & {*step.together}]
        return {*failed, *(name for group in groups for name in group if name in self.nodes)}

    def named(self, name: str, texts: Iterable[str]) -> list[str]:
        """Return the texts, each with the node's name before it if the apply has several nodes."""
        return [self._why(name, FailedError(text)) for text in texts]

    def _why(self, name: str, error: Exception) -> str:
        if isinstance(error, LostError):
            return lost(name, error)
        if isinstance(error, StoppedError):
            return "it was interrupted"
        text = str(error)
        return (
            text
            if len(self.nodes) == 1 or text.startswith((f"{name} ", f"{name}: "))
            else f"{name}: {text}"
        )

    def _ended(self, why: str, wrong: Sequence[str]) -> tuple[Outcome, str]:
        outcome = Outcome.PARTIAL if wrong or self.stands else Outcome.UNDONE
        return outcome, "; ".join(dict.fromkeys((why, *wrong, *self.left_to_people)))

    def _take_back(self, names: Collection[str]) -> list[str]:
        """Take back what nodes did, the last step first; returns what could not be taken back."""
        if not interrupts.hurried():  # then nothing is, and the signal ends omconf
            interrupts.resume()
        alone = set(names) != set(self.nodes)
        wrong: list[str] = []
        for number, step in reversed(self.finished):
            groups: dict[tuple[tuple[Action, ...], Action | None], list[str]] = {}
            for name in (n for n in step.nodes if n in names and n not in self.lost):
                node = self.nodes[name]
                if node.at is not None and node.at[0] is step:
                    failed = node.at[1]
                    does = next((do.undo for do in step.does if do.action == failed), None)
                    does = None if isinstance(failed, Manual) else does
                    groups.setdefault((step.undo_from(failed), does), []).append(name)
                elif number in node.finished and not (alone and step.used):
                    groups.setdefault((step.undo, None), []).append(name)
            idle = {do.undo for do in step.does if isinstance(do.action, Manual)}
            idle -= {do.undo for do in step.does if do.action in self.asked}
            for (undo, besides), of in groups.items():
                actions = [action for action in undo if action not in idle]
                back = self.undo(number, of, actions, besides, step.by_hand)
                for name, texts in back.items():
                    wrong += self.named(name, texts)
            if step.bars and (text := self._left(number, step)):
                wrong.append(BARRED.format(text=text))
                break
        for node in (self.nodes[name] for name in names):
            node.undone = not node.finished and node.at is None
        return wrong

    def _left(self, number: int, step: Step) -> str:
        """Return the manual steps of the undo that are still to be done; empty if none.

        On lost nodes nobody can do them.
        """
        did = [name for name in step.nodes if name in self.nodes]
        asked = any(action in self.asked for action in step.actions)
        done = {
            name
            for name in did
            if number in (node := self.nodes[name]).finished
            or (asked and node.at is not None and node.at[0] is step)
        }
        texts = [action.text for action in step.undo if isinstance(action, Manual)]
        left = [text for text in texts if text in self.left_to_people]
        return " ".join(left or (texts if done and done == set(did) <= set(self.lost) else ()))

    def undo(
        self,
        number: int,
        names: Sequence[str],
        actions: Iterable[Action],
        besides: Action | None = None,
        by_hand: Collection[tuple[str, str]] = (),
    ) -> dict[str, list[str]]:
        """Take a step back on some nodes, as far as that goes; returns what could not be, by node.

        `by_hand` is what people did in it, each with what takes it back.
        """
        actions = list(actions)
        wrong: dict[str, list[str]] = {name: [] for name in names}

        def take_back(these: Sequence[Action]) -> Callable[[Node], None]:
            def on(node: Node) -> None:
                wrong[node.name] += node.undo(number, these, besides)

            return on

        for chunk in _chunks(actions):
            there = [name for name in names if name not in self.lost]
            try:
                if isinstance(chunk[0], Manual):
                    did = [text for text, back in by_hand if back == chunk[0].text]
                    self._back_by_hand(there, chunk[0], actions, did)
                else:
                    self._each(there, take_back(chunk))
            except BrokenError as broken:
                for name, error in broken.errors.items():
                    wrong[name].append(self._why(name, error))
        for name in names:
            if not wrong[name]:
                self.nodes[name].finished.discard(number)
                self.nodes[name].at = None
        return wrong

    def _back_by_hand(
        self, names: Sequence[str], manual: Manual, actions: Iterable[Action], did: Iterable[str]
    ) -> None:
        """Have people take back what they `did`; `actions` are all of that step's way back."""
        real = [name for name in names if self.nodes[name].real]
        if not real:
            return
        # What could not be stopped may use it.
        stuck = any(node.stuck for node in self.nodes.values())
        left = stuck or interrupts.hurried()
        if not left:
            self._each(real, lambda node: node.asks(manual))
        if left or not self._done(real, manual, back=True):
            self.left_to_people.append(manual.text)
            return
        self._each(real, lambda node: node.did(manual))
        for text in did:
            self._each(real, partial(Node.settled, text=text, back=True))
        paths = [path for action in actions if isinstance(action, Put) for path in action.paths]
        if paths:
            self._each(real, lambda node: node.look(paths))


def _chunks(actions: Iterable[Action]) -> Iterator[list[Action]]:
    """Yield what programs do together, and what people do one by one."""
    for by_hand, group in groupby(actions, lambda action: isinstance(action, Manual)):
        if by_hand:
            yield from ([action] for action in group)
        else:
            yield list(group)
