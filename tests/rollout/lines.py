"""Connections to simulated hosts: what the program on a node does (apply/node.sh), done in a `World`.

`Node`, `Nodes` and `ClusterWatch` of omconf.apply are the real ones; a `Fault` strikes where they meet
the hosts: a command fails, a node is lost, omconf is killed. `Turns` has threads act one after the
other, and `Clock` passes only while somebody sleeps, so each run of a scene is the same.
"""

from __future__ import annotations

import copy
import threading
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from omconf import interrupts
from omconf.actions import Action, Health, Manual, Run, Service, Step
from omconf.apply.cluster_watch import ClusterWatch
from omconf.apply.nodes import Nodes
from omconf.apply.wire import Command, LeftError, LostError, Reply, command, key
from omconf.apply.written import digest
from omconf.cluster.places import STATE
from omconf.deployed.snapshot import DeployedFile
from omconf.formats import printf
from omconf.formats.node_check import Check, Status
from omconf.process import Answer
from omconf.verify.model import Members, NodeReport
from omconf.waits import APART_SECONDS
from tests.rollout.hosts import Fails, Host, Wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from omconf.apply.events import Event
    from tests.rollout.hosts import Desired
    from tests.rollout.simulator import World

Kind = Literal[
    "fails", "late", "half", "sick", "lost", "dead", "interrupt", "hurried", "no", "killed", ""
]
VERBS = ("start", "stop", "restart", "reload", "enable", "disable")


class Killed(BaseException):
    """omconf itself ends, at once."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens in one action on one node.

    `late`: the action had its effect before. `stays`: what makes a node unhealthy does not go when
    its files are back. `again`: so many actions later, on the way back, another one fails.
    """

    kind: Kind
    at: int = 0
    late: bool = False
    stays: bool = False
    again: int | None = None


class Clock:
    """A time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        """Begin at a time that is long after all starts."""
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Turns:
    """Has several threads take one action each in turn, so that each run is as the one before."""

    def __init__(self) -> None:
        self.waiting: deque[int] = deque()
        self.turn = threading.Condition()

    def next(self) -> None:
        """Let the others take their turn, where there are any."""
        me = threading.get_ident()
        with self.turn:
            if me in self.waiting:
                self.waiting.rotate(-1)
                self._wait(me)

    def _wait(self, me: int) -> None:
        self.turn.notify_all()
        while self.waiting[0] != me:
            self.turn.wait()

    def side_by_side(self, work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Do what omconf.side_by_side does, in turns."""
        items = list(items)
        found: dict[int, Any] = {}
        wrong: list[BaseException] = []

        def one(at: int) -> None:
            me = threading.get_ident()
            with self.turn:
                while len(self.waiting) != at:
                    self.turn.wait()
                self.waiting.append(me)
                self.turn.notify_all()
                while len(found) + len(wrong) + len(self.waiting) < len(items):
                    self.turn.wait()
                self._wait(me)
            raised: BaseException | None = None
            try:
                result = work(items[at])
            except BaseException as error:  # noqa: BLE001 - it is raised by whoever waits
                raised = error
            with self.turn:
                self.waiting.remove(me)
                if raised is not None:
                    wrong.append(raised)
                else:
                    found[at] = result
                self.turn.notify_all()

        threads = [threading.Thread(target=one, args=(at,)) for at in range(len(items))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if wrong:
            raise wrong[0]
        return [found[at] for at in range(len(items))]


@dataclass
class Kept:
    """What the program on a node keeps below /var/lib/omconf: what is owed, what was begun."""

    pending: dict[str, bytes | None] = field(default_factory=dict)
    open: dict[int, bytes] = field(default_factory=dict)
    notes: dict[int, list[str]] = field(default_factory=dict)

    @property
    def left(self) -> bool:
        """Whether anything is owed by now."""
        return bool(self.pending or self.open)

    def around(self, cluster: str) -> dict[str, DeployedFile]:
        """Give it as the files that a plan reads."""
        state, found = STATE.format(cluster=cluster), {}
        for number, (path, before) in enumerate(self.pending.items()):
            found[f"{state}/pending/{number}.path"] = printf.written(path) + b"\n"
            if before is not None:
                found[f"{state}/pending/{number}.before"] = before
        for number, listing in self.open.items():
            found[f"{state}/journal/{number:06}.open"] = listing
            found[f"{state}/journal/{number:06}.notes"] = "\n".join(self.notes[number]).encode()
        return {path: DeployedFile(data) for path, data in found.items()}


@dataclass
class Scene:
    """One apply in a world, with a fault in it."""

    world: World
    before: Desired
    fault: Fault = Fault("")
    target: tuple[int, str, Action] | None = None
    """The step, the node and the action in which the fault strikes."""
    clock: Clock = field(default_factory=Clock)
    turns: Turns = field(default_factory=Turns)
    armed: dict[str, Kind] = field(default_factory=dict)
    tried: bool = False
    struck: bool = False
    left: bool = False
    lost: set[str] = field(default_factory=set)
    sick: set[str] = field(default_factory=set)
    back: dict[str, bool] = field(default_factory=dict)
    undone: int = 0
    """How many actions were taken on the way back."""
    again: bool = False
    """Whether the second fault struck."""
    wrong: list[str] = field(default_factory=list)
    """What could not be taken back."""
    taken_back: set[str] = field(default_factory=set)
    at_fault: dict[str, Any] = field(default_factory=dict)
    servers: dict[int, Any] = field(default_factory=dict)
    step: int = 0

    def tell(self, event: Event) -> None:
        """Take note of what omconf does next; here others take their turn."""
        if event.what != "action" or event.action is None:
            return
        if event.state == "done" and self.armed.pop(event.node, "") and not event.undo:
            self.struck = self.world.faulty = False  # nothing to do
        if event.state != "started":
            return
        self.turns.next()
        self.back[event.node] = event.undo
        if event.undo:
            self.undone += 1
            due = self.fault.again is not None and self.undone > self.fault.again
            if due and not self.again and not self.lost:
                self.again = self.world.torn = True
                self.world.strays.add(event.node)
                self.armed[event.node] = "fails"
        elif self.target == (event.step, event.node, event.action) and not self.tried:
            self.tried = True
            self.strike(event.node)

    def strike(self, name: str) -> None:
        """Let the fault happen in the action that begins."""
        self.struck = True
        self.world.faulty = True
        self.world.trace.append(f"FAULT {self.fault} on {name}: {self.target}")
        match self.fault.kind:
            case "interrupt":
                interrupts._state.number = 2
                if self.fault.stays:
                    self.armed[name] = "sick"
            case kind:
                self.armed[name] = kind

    def act(self, name: str, action: Action) -> None:
        """Take an action in the world, with the fault that is due; raises Fails, LostError."""
        question = "mountinfo" in str(action)
        kind = "" if question else self.armed.pop(name, "")
        host = self.world.hosts[name]
        if self.left:
            raise LeftError
        if name in self.lost:
            raise LostError("the connection was closed")
        if kind in ("fails", "half"):
            self.world.pending = None
            if kind == "half" and isinstance(action, Service) and action.unit in host.units:
                host.process = None if action.do in ("start", "stop", "restart") else host.process
            raise Fails("the fault")
        if kind not in ("", "sick") and not self.fault.late:
            self._end(name, kind)
        self._act(name, action)
        if kind not in ("", "sick"):
            self._end(name, kind)

    def _end(self, name: str, kind: Kind) -> None:
        self.world.pending = None
        if kind == "killed":
            raise Killed
        if kind == "late":
            raise Fails("the fault")
        if kind == "hurried":
            interrupts._state.number, interrupts._state.again = 2, True
            self.left = True
            raise LeftError(running=True)
        self.lost.add(name)
        self.world.gone.add(name)
        if kind == "dead":
            self.world.hosts[name].process = None
        raise LostError("the connection was closed")

    def _act(self, name: str, action: Action) -> None:
        host, back = self.world.hosts[name], self.back.get(name, False)
        started = isinstance(action, Service) and action.do in ("start", "restart")
        if isinstance(action, Service) and action.unit in host.units:
            past = self.clock.now - self.world.began >= APART_SECONDS
            apart = APART_SECONDS if past else None
            action = replace(action, apart=apart)
            if action.do in ("start", "restart"):
                self.world.began = self.clock.now
        said = str(action) if "prober" not in str(action) else "whether the database answers"
        self.world.trace.append(f"{'undo ' if back else ''}{self.step} {name}: {said}")
        try:
            self.world.act(host, action, self.before if back else None)
            self.world.check()
        except Fails:
            raise
        except Wrong as wrong:
            raise Wrong("\n".join([str(wrong), *self.world.trace])) from None
        if back and started and not self.fault.stays:
            self.sick.discard(name)


@dataclass
class SimulatedLine:
    """The program on one node."""

    name: str
    scene: Scene
    kept: Kept
    number: int = 0
    staged: dict[str, bytes] = field(default_factory=dict)
    told: list[tuple[bytes | str, ...]] = field(default_factory=list)

    @property
    def host(self) -> Host:
        return self.scene.world.hosts[self.name]

    def tell(self, *fields: bytes | str) -> None:
        """Do it with what is asked next."""
        self.told.append(fields)

    def _reached(self) -> None:
        """Do what was told before; raises LostError."""
        if self.scene.left:
            raise LeftError
        if self.name in self.scene.lost:
            raise LostError("the connection was closed")
        told, self.told = self.told, []
        for fields in told:
            assert self.ask(*fields).ok

    def ask(self, *fields: bytes | str, seconds: float = 60) -> Reply:  # noqa: C901 - one case a command
        """Do what node.sh does."""
        command(*fields)
        self._reached()
        what, *rest = fields
        match what:
            case "run":
                return self._run([str(word)[1:] for word in rest[1:]], int(rest[0]))
            case "keep":
                return Reply(ok=True, words=("644", "0", "0"))
            case "begin":
                self.kept.open[self.number] = bytes(rest[1])  # type: ignore[arg-type]
                self.kept.notes[self.number] = []
            case "note":
                self.kept.notes[self.number].append(str(rest[0]))
            case "end":
                self._ended(str(rest[1]))
            case "forget":
                self._ended("own")
            case "stopped":
                self.kept.pending.setdefault(str(rest[0]), None)
            case "settle":
                for path in [path for path in self.kept.pending if key(path) in rest]:
                    del self.kept.pending[path]
            case "tidy":
                pass
            case _:
                raise AssertionError(what)
        return Reply(ok=True)

    def ask_each(self, fields: Sequence[str], rows: Iterable[Sequence[bytes | str]]) -> list[Reply]:
        """Do what node.sh does with some files."""
        rows = list(rows)
        for row in rows:
            command(*row)
        self._reached()
        match fields[0]:
            case "stage":
                self.staged |= {str(row[1]): bytes(row[5]) for row in rows}  # type: ignore[arg-type]
                return [Reply(ok=True, words=("0",)) for _ in rows]
            case "commit":
                return [self._commit(*map(str, row)) for row in rows]
            case "look":
                now = [digest(self.host.files.get(str(path))) for path, _ in rows]
                same = [found == row[1] for found, row in zip(now, rows, strict=True)]
                return [
                    Reply(ok, () if ok else ("stale", found))
                    for ok, found in zip(same, now, strict=True)
                ]
        raise AssertionError(fields)

    def ask_all(self, commands: Iterable[Command]) -> list[list[Reply]]:
        """Stage files and commit them."""
        commands = [*commands]
        found: list[list[Reply]] = []
        for each in commands:
            fields = each.fields
            head = 2 if fields[0] == "stage" else 1
            width = 6 if fields[0] == "stage" else 7
            rows = [fields[at : at + width] for at in range(head, len(fields) - 1, width)]
            found.append(self.ask_each([str(word) for word in fields[:head]], rows))
            assert each.ends(found[-1]) is None or each is commands[-1]
        return found

    def _ended(self, over: str) -> None:
        if over == "all":
            self.kept.open.clear()
        elif over == "own":
            self.kept.open.pop(self.number, None)

    def _commit(
        self, path: str, name: str, named: str, before: str, after: str, _: str, owed: str
    ) -> Reply:
        assert named == key(path)
        now = self.host.files.get(path)
        if digest(now) != before:
            raise Wrong(f"{path} of {self.name} is not what it was taken for")
        kind = self.scene.armed.pop(self.name, "")
        if kind in ("fails", "late", "half"):
            self.scene.world.pending = None
            return Reply(ok=False, words=("write",))
        ends = kind not in ("", "sick")
        if ends and not self.scene.fault.late:
            self.scene._end(self.name, kind)
        if owed:
            self.kept.pending.setdefault(path, now)
        data = self.staged.pop(name) if name else None
        if digest(data) != after:
            raise Wrong(f"{path} of {self.name} was staged in another way")
        self._wrote(path, data)
        if ends:
            self.scene._end(self.name, kind)
        return Reply(ok=True, words=("644", "0", "0"))

    def _wrote(self, path: str, data: bytes | None) -> None:
        world, back = self.scene.world, self.scene.back.get(self.name, False)
        said = f"{'undo ' if back else ''}{self.scene.step} {self.name}: {path}"
        world.trace.append(f"{said} {'is gone' if data is None else 'is written'}")
        try:
            world.wrote(self.host, path, data, back=back)
            world.check()
        except Wrong as wrong:
            raise Wrong("\n".join([str(wrong), *world.trace])) from None

    def _run(self, words: list[str], timeout: int) -> Reply:
        match words:
            case ("systemctl", "reset-failed", _):
                return Reply(ok=True)
            case ("systemctl", "is-active", "--quiet", _):
                return Reply(self.host.process is not None, ("exit", "3"))
            case ("systemctl", verb, unit) if verb in VERBS:
                action: Action = Service(verb, unit, timeout)  # type: ignore[arg-type]
            case _:
                action = Run(tuple(words), timeout)
        try:
            self.scene.act(self.name, action)
        except Fails as failed:
            world = self.scene.world
            if str(failed) != "the fault":
                if not world.faulty and not isinstance(action, Run):
                    raise Wrong("\n".join([str(failed), *world.trace])) from None
                world.trace.append(f"  failed: {failed}")
            return Reply(ok=False, words=("exit", "1"))
        return Reply(ok=True)

    def output(self, words: Sequence[str], stdin: bytes, *, seconds: int) -> Answer:
        """A node has nothing to log in to the database with."""
        return Answer(3)

    def said(self) -> str:
        """Programs print nothing."""
        return ""


class SimulatedWatch(ClusterWatch):
    """The real watch, with what nodes say of themselves."""

    scene: Scene

    def look(self, name: str) -> NodeReport:
        """Say what omconf-node-check says on a host."""
        world, host = self.scene.world, self.scene.world.hosts[name]
        if name in self.scene.lost or self.scene.left:
            raise LostError("the connection was closed")
        well = Status.OK if host.process else Status.FAIL
        ill = Status.FAIL if name in self.scene.sick or not host.process else Status.OK
        checks = (Check(well, "listeners", "runs"), Check(ill, "health", "is not healthy"))
        names = [n.name.value for n in self.cluster.nodes if n.name.value != name]
        sees = [
            n
            for n in names
            if host.process and (o := world.hosts[n]).process and world.sees(host, o)
        ]
        misses = tuple(n for n in names if n not in sees)
        return NodeReport(name, checks, Members(tuple(sees), misses, ()))

    def healthy(self, node: str, health: Health) -> str:
        """Wait as the watch does."""
        kind = self.scene.armed.pop(node, "")
        if kind in ("fails", "late", "half", "sick"):
            self.scene.sick.add(node)
        elif kind:
            self.scene._end(node, kind)
        if self.scene.left:
            raise LeftError
        if node in self.scene.lost:
            raise LostError("the connection was closed")
        why = ClusterWatch.healthy(self, node, health)
        if not why:
            self.scene._act(node, health)
        return why


@dataclass
class SimulatedPeople:
    """People who do what they are asked."""

    scene: Scene
    there: bool = True

    def agrees(self, question: str) -> bool:
        return True

    def does(self, nodes: Sequence[str], manual: Manual) -> bool:
        """Do it on each node, unless the fault is that nobody does."""
        scene = self.scene
        kind: Kind = ""
        for name in nodes:
            if not scene.struck and scene.target == (scene.step, name, manual):
                scene.strike(name)
                kind = scene.armed.pop(name, "") or scene.fault.kind
        back = any(scene.back.get(name) for name in nodes)
        if back:
            scene.undone += 1
        if kind in ("no", "interrupt"):
            return False
        used = any(h.process for h in scene.world.hosts.values())
        if scene.again and used and manual.text.startswith(("Move", "Restore")):
            return False  # what could not be stopped uses it
        for name in nodes if not kind or scene.fault.late else ():
            try:
                scene._act(name, manual)
            except Fails as failed:
                raise Wrong("\n".join([str(failed), *scene.world.trace])) from None
        if kind == "killed":
            scene._end(nodes[0], kind)
        if kind == "hurried":
            interrupts._state.number, interrupts._state.again = 2, True
            scene.left = True
        return True


class SimulatedNodes(Nodes):
    """The real coordinator; it is noted when a step begins, or is taken back."""

    scene: Scene

    def _step(self, number: int, step: Step, names: Sequence[str]) -> None:
        world, scene = self.scene.world, self.scene
        scene.step = number
        scene.servers[number] = (copy.deepcopy(world.access), copy.deepcopy(world.outside))
        for name in names:
            scene.back[name] = False
        super()._step(number, step, names)

    def _take_back(self, names: Collection[str]) -> list[str]:
        world, scene = self.scene.world, self.scene
        world.apart = set(world.apart_at_first)
        world.heals = False
        world.strays = {*names} & {name for pair in world.apart_at_first for name in pair}
        world.pending = None
        scene.taken_back = set(names)
        scene.at_fault = {name: copy.deepcopy(h.state()) for name, h in world.hosts.items()}
        scene.wrong = super()._take_back(names)
        return scene.wrong

    def undo(
        self,
        number: int,
        names: Sequence[str],
        actions: Iterable[Action],
        besides: Action | None = None,
        by_hand: Collection[tuple[str, str]] = (),
    ) -> dict[str, list[str]]:
        """Take a step back, as the world knows it."""
        self.scene.step = number
        self.scene.world.servers = [self.scene.servers[number]]
        for name in names:
            self.scene.back[name] = True
        return super().undo(number, names, actions, besides, by_hand)
