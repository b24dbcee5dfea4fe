"""What an apply and an undo record and do when somebody stops them, or a node is lost."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import pytest

from omconf import interrupts
from omconf.actions import Do, Health, Manual, Put, Run, Service, Step
from omconf.apply.cluster_watch import ClusterWatch
from omconf.apply.events import Event, Outcome
from omconf.apply.node import Node
from omconf.apply.nodes import Nodes
from omconf.apply.wire import LostError, Reply
from omconf.apply.written import FailedError, StoppedError
from omconf.diagnostics import Diagnostic
from omconf.pipeline import apply, connected, stops, undo
from omconf.pipeline.apply import Result, ended
from omconf.pipeline.apply_input import Options
from omconf.pipeline.connected import Connected
from omconf.pipeline.journals import Taken
from omconf.process import Answer
from omconf.rules import SILENT
from omconf.views import events
from omconf.views.text import Paint
from tests.apply.fakes import FakeLine, FakePeople, interrupt, nodes_of
from tests.clusters import simple

NAMES = ("om1", "om2", "om3")
UNIT = "openmeetings.service"
RESTART = (Service("restart", UNIT), Health())


@pytest.fixture(autouse=True)
def _no_signal() -> Iterator[None]:
    yield
    interrupts.resume()


class Undone:
    """An undo of an apply to three nodes, the last step first."""

    def __init__(self, steps: list[Taken], people: FakePeople | None = None) -> None:
        self.lines = {name: FakeLine(name) for name in NAMES}
        self.people = people or FakePeople()
        self.steps = steps

    def run(self, healthy: Any = lambda *_: "", begin: Any = lambda *_: "") -> Result:
        backs = {name: SimpleNamespace(written=(), files=[]) for name in NAMES}
        asked = SimpleNamespace(tree=None)
        given: Any = SimpleNamespace(
            cluster=simple(3), asked=asked, nodes=backs, former={}, steps=self.steps
        )
        programs: Any = self.lines
        show: Any = SimpleNamespace(event=lambda _: None)
        with (
            patch.object(ClusterWatch, "survey", lambda *_: []),
            patch.object(ClusterWatch, "healthy", lambda _, name, __: healthy(name)),
            patch.object(undo, "_begin", begin),
        ):
            lines, options = Connected(NAMES, programs), Options()
            with suppress(interrupts.Interrupted), interrupts.deferred():
                result = undo._on(given, lines, "01234567", show, self.people, options)
        return result

    def ended(self) -> dict[str, tuple[str, str]]:
        """Return what each journal says of the end: the outcome, and what is over by it."""
        ends = {n: [a for a in line.asked if a[0] == "end"] for n, line in self.lines.items()}
        return {name: (json.loads(end[1])["outcome"], str(end[2])) for name, (end,) in ends.items()}

    def ran(self) -> dict[str, list[str]]:
        return {name: line.ran() for name, line in self.lines.items()}


def one_by_one() -> list[Taken]:
    return [
        Taken(number, RESTART, bars=False, nodes=(name,))
        for number, name in ((3, "om3"), (2, "om2"), (1, "om1"))
    ]


def test_nodes_that_an_interrupted_undo_did_not_come_to_are_not_undone() -> None:
    def healthy(name: str) -> str:
        interrupt()
        raise StoppedError

    undone = Undone(one_by_one())
    result = undone.run(healthy)
    assert result.outcome is Outcome.PARTIAL
    assert undone.ran() == {"om1": [], "om2": [], "om3": [f"systemctl restart {UNIT}"]}
    assert undone.ended() == dict.fromkeys(NAMES, ("partial", "own"))


def test_a_node_that_an_interrupted_undo_came_to_the_end_of_is_undone() -> None:
    def healthy(name: str) -> str:
        if name == "om2":
            interrupt()
        return ""

    undone = Undone(one_by_one())
    result = undone.run(healthy)
    assert (result.outcome, result.why) == (Outcome.PARTIAL, "it was interrupted")
    assert undone.ended() == {
        "om1": ("partial", "own"),
        "om2": ("undone", "all"),
        "om3": ("undone", "all"),
    }


def test_an_interrupt_in_the_last_step_of_an_undo_leaves_nothing_to_do() -> None:
    def healthy(name: str) -> str:
        if name == "om1":
            interrupt()
        return ""

    undone = Undone(one_by_one())
    assert undone.run(healthy).outcome is Outcome.UNDONE
    assert undone.ended() == dict.fromkeys(NAMES, ("undone", "all"))


def test_an_undo_that_is_interrupted_by_its_checks_does_not_begin() -> None:
    undone = Undone(one_by_one())
    interrupt()
    result = undone.run()
    assert (result.outcome, result.why) == (Outcome.REFUSED, "it was interrupted")
    assert undone.ran() == {"om1": [], "om2": [], "om3": []}


def test_an_undo_that_is_interrupted_before_its_first_step_does_nothing() -> None:
    def begin(*_: object) -> str:
        interrupt()
        return ""

    undone = Undone(one_by_one())
    result = undone.run(begin=begin)
    assert (result.outcome, result.why) == (Outcome.PARTIAL, "it was interrupted")
    assert undone.ran() == {"om1": [], "om2": [], "om3": []}
    assert undone.ended() == dict.fromkeys(NAMES, ("partial", "own"))


def test_nodes_behind_a_manual_step_that_is_not_done_are_not_undone() -> None:
    """Also where another node failed before."""

    def healthy(name: str) -> str:
        return "it is not healthy" if name == "om3" else ""

    move = Taken(2, (Manual("admin", "Move the data back."),), bars=True, nodes=("om2",))
    first, _, last = one_by_one()
    undone = Undone([first, move, last], FakePeople(answer=lambda _: False))
    result = undone.run(healthy)
    assert "Move the data back." in result.why
    assert undone.ended() == dict.fromkeys(NAMES, ("partial", "own"))


def restarts(*names: str) -> list[tuple[int, Step]]:
    does = [Do(RESTART[0], again=True), Do(RESTART[1], again=True)]
    return [(number, Step.of((name,), "restart", does)) for number, name in enumerate(names, 1)]


def drained(run: Nodes, told: list[Event]) -> Nodes:
    """Have nodes wait for their users before they restart."""
    lines = Connected(NAMES, {name: cast(Any, node.line) for name, node in run.nodes.items()})
    prepared: Any = SimpleNamespace(cluster=simple(3))
    show: Any = SimpleNamespace(event=told.append)
    options = Options(drain=60)
    run.units = (UNIT,)
    run.may_stop = stops.asking(prepared, lines, show, run.people.agrees, options)
    return run


def counting(run: Nodes, name: str, out: bytes, then: Any = lambda: None) -> None:
    """Have a node count the connections of its users."""
    line: Any = run.nodes[name].line
    line.answer = Answer(0, out)
    line.on = lambda fields: then() if fields[0] == "output" else None


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def run(told: list[Event], monkeypatch: pytest.MonkeyPatch) -> Nodes:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    made = drained(Nodes(nodes_of(*NAMES), FakePeople(), whole=False), told)
    for name in NAMES:
        counting(made, name, b"0\n")
    return made


def programs(run: Nodes) -> dict[str, list[str]]:
    lines: Any = {name: node.line for name, node in run.nodes.items()}
    return {name: line.ran() for name, line in lines.items()}


def test_an_interrupted_wait_for_users_does_not_stop_them(run: Nodes, told: list[Event]) -> None:
    counting(run, "om2", b"7\n", interrupt)
    with suppress(interrupts.Interrupted), interrupts.deferred():
        ended = run.carry_out(restarts(*NAMES))
    assert ended == (Outcome.PARTIAL, "it was interrupted")
    assert [(event.node, event.text) for event in told] == [
        ("om2", "7 connections to OpenMeetings")
    ]
    assert programs(run) == {"om1": [f"systemctl restart {UNIT}"], "om2": [], "om3": []}


def test_a_node_that_is_lost_while_its_users_leave_ends_the_apply_there(run: Nodes) -> None:
    def gone() -> None:
        raise LostError("the connection was closed")

    counting(run, "om2", b"7\n", gone)
    outcome, why = run.carry_out(restarts(*NAMES))
    result = ended(run, "01234567", outcome, why)
    assert (outcome, why) == (
        Outcome.PARTIAL,
        "om2 does not respond: the connection was closed",
    )
    assert result.stands
    assert [(state.node, state.service) for state in result.states] == [
        ("om1", "restarted"),
        ("om2", "unknown"),
        ("om3", "unchanged"),
    ]
    assert programs(run) == {"om1": [f"systemctl restart {UNIT}"], "om2": [], "om3": []}


def test_where_users_cannot_be_counted_that_is_reported(run: Nodes, told: list[Event]) -> None:
    counting(run, "om2", b"")
    assert run.carry_out(restarts(*NAMES)) == (Outcome.APPLIED, "")
    (event,) = told
    line = events.line(events.of_event(event), Paint(colour=False))
    assert line == f"om2: does not wait: {stops.UNCOUNTED}"


BY_HAND = Manual("admin", "Restart OpenMeetings on this node.")


def by_hand(run: Nodes) -> list[tuple[int, Step]]:
    """Restarts by a person, as with `service: none`."""
    does = (Do(BY_HAND), Do(Health()))
    steps = [(number, Step.of((name,), "restart", does)) for number, name in enumerate(NAMES, 1)]
    run.units = stops.units(step for _, step in steps)
    return steps


def test_users_leave_before_a_person_restarts_a_node(run: Nodes, told: list[Event]) -> None:
    counting(run, "om2", b"7\n", interrupt)
    people = cast(FakePeople, run.people)
    with suppress(interrupts.Interrupted), interrupts.deferred():
        ended = run.carry_out(by_hand(run))
    assert ended == (Outcome.PARTIAL, "it was interrupted")
    assert [event.text for event in told] == ["7 connections to OpenMeetings"]
    assert people.heard == [(["om1"], BY_HAND.text)]


def test_users_left_before_an_apply_that_waited_for_a_person(run: Nodes, told: list[Event]) -> None:
    """Those of now are connected to what that person restarted."""
    counting(run, "om2", b"7\n", interrupt)
    for node in run.nodes.values():
        node.told = frozenset([BY_HAND.text])
    assert run.carry_out(by_hand(run)) == (Outcome.APPLIED, "")
    assert told == []


def taken_back(again: Any) -> Result:
    """Undo what is prepared anew first, on a node that answers well."""
    given: Any = SimpleNamespace(cluster=simple(3), asked=None, nodes={}, steps=[])
    show: Any = None
    program: Any = SimpleNamespace(lock=lambda *_: Reply(ok=True))
    connection = nullcontext(Connected(("om1",), {"om1": program}))
    with (
        patch.object(connected, "connect", lambda *_: connection),
        suppress(interrupts.Interrupted),
        interrupts.deferred(),
    ):
        result = undo.take_back(given, show, FakePeople(), Options(), again)
    return result


def test_an_undo_refuses_for_what_its_last_look_found() -> None:
    cut = SILENT.at(None, "It does not respond: the connection was closed.", node="om1")
    result = taken_back(lambda: [cut])
    assert (result.outcome, result.diagnostics) == (Outcome.REFUSED, [cut])


def test_an_undo_whose_last_look_a_signal_ended_was_interrupted() -> None:
    def again() -> list[Diagnostic]:
        interrupt()
        return [SILENT.at(None, "It does not respond: interrupted.", node="om1")]

    result = taken_back(again)
    assert (result.outcome, result.why) == (Outcome.REFUSED, "it was interrupted")
    assert result.diagnostics == []


def test_a_node_whose_files_cannot_be_staged_is_named() -> None:
    def stage(node: Node, _: object) -> None:
        if node.name == "om2":
            raise FailedError("/etc/fstab: it cannot be written")

    run = Nodes(nodes_of(*NAMES), FakePeople(), whole=True)
    lines = Connected(NAMES, {name: cast(Any, node.line) for name, node in run.nodes.items()})
    for node in run.nodes.values():
        node.targets = cast(Any, object())
    with patch.object(Node, "stage", stage):
        why = apply._stage(run, lines, dict.fromkeys(NAMES, ()))
    assert why == "om2: /etc/fstab: it cannot be written"


def test_what_failed_first_is_reported_beside_a_node_that_is_lost_then() -> None:
    nodes = nodes_of("om1", "om2")
    first: Any = nodes["om1"].line
    second: Any = nodes["om2"].line

    def lost(fields: Any) -> None:
        if fields[0] == "settle":
            raise LostError("the connection was closed")

    first.on = lambda fields: Reply(ok=False, words=("exit", "1")) if fields[0] == "run" else None
    second.on = lost
    run = Nodes(nodes, FakePeople(), whole=True)
    files = Step(("om1", "om2"), "restart", (Put(()), Run(("exportfs", "-ra"))))
    for node in nodes.values():
        node.targets = cast(Any, object())
    outcome, why = run.carry_out([(1, files)])
    assert outcome is Outcome.PARTIAL
    assert why.startswith("om1: exportfs: it ended with exit code 1; om2 does not respond")
