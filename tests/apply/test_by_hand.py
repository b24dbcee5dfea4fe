"""What people were asked to do is asked back, whatever ends the step, and nothing starts before."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from omconf import interrupts
from omconf.actions import Do, Manual, Run, Service, Step
from omconf.apply.events import Outcome
from omconf.apply.nodes import Nodes
from omconf.apply.wire import LostError, Reply
from omconf.apply.written import FailedError, StoppedError
from omconf.pipeline import apply
from omconf.pipeline.sources import Asked
from omconf.plan import owed
from omconf.rollout.who import MOVE
from tests.apply.fakes import FakePeople, interrupt, nodes_of
from tests.clusters import cluster_of, spec_of

UNIT = "openmeetings.service"
STOP = Step(("om1", "om2"), "stop", (Service("stop", UNIT),), (Service("start", UNIT),))
STOPPED, STARTED = f"systemctl stop {UNIT}", f"systemctl start {UNIT}"
NEW, OLD = Manual("admin", "Install 9.1.0."), Manual("admin", "Install 8.1.0.")
INSTALL = Step(("om1", "om2"), "install", (NEW,), (OLD,), bars=True)
assert isinstance(MOVE.action, Manual)
assert isinstance(MOVE.undo, Manual)
MOVED = Step(("om1",), "move", (MOVE.action,), (MOVE.undo,), (MOVE,), bars=True)


@pytest.fixture(autouse=True)
def _no_signal() -> Iterator[None]:
    yield
    interrupts.resume()


def ran(run: Nodes) -> dict[str, tuple[str, ...]]:
    lines: Any = {name: node.line for name, node in run.nodes.items()}
    return {name: tuple(line.ran()) for name, line in lines.items()}


@pytest.mark.parametrize("unread", [("om1", "om2"), ("om2",)])
def test_what_a_person_did_is_asked_back_where_a_node_cannot_be_read_again(
    unread: tuple[str, ...],
) -> None:
    """Once for all nodes, those that can be read and those that cannot."""

    def reread(name: str) -> Any:
        if name in unread:
            raise FailedError(f"{name} cannot be read again")
        return None

    people = FakePeople()
    run = Nodes(nodes_of("om1", "om2"), people, whole=True, reread=reread)
    outcome, why = run.carry_out([(1, STOP), (2, INSTALL)])
    assert outcome is Outcome.UNDONE
    assert why == "; ".join(f"{name} cannot be read again" for name in unread)
    assert people.heard == [(["om1", "om2"], NEW.text), (["om1", "om2"], OLD.text)]
    assert ran(run) == dict.fromkeys(("om1", "om2"), (STOPPED, STARTED))


def test_nobody_starts_where_a_release_that_cannot_be_read_stays() -> None:
    def reread(name: str) -> Any:
        raise FailedError(f"{name} cannot be read again")

    people = FakePeople(answer=lambda text: text == NEW.text)
    run = Nodes(nodes_of("om1", "om2"), people, whole=True, reread=reread)
    outcome, why = run.carry_out([(1, STOP), (2, INSTALL)])
    assert outcome is Outcome.PARTIAL
    assert OLD.text in why
    assert ran(run) == dict.fromkeys(("om1", "om2"), (STOPPED,))


@pytest.mark.parametrize("back", [True, False])
def test_what_a_person_may_have_done_is_asked_back_after_an_interrupt(back: bool) -> None:
    def answer(text: str) -> bool:
        if text == MOVED.actions[0].text:  # type: ignore[union-attr]
            interrupt()
            return False
        return back

    people = FakePeople(answer=answer)
    run = Nodes(nodes_of("om1", "om2"), people, whole=True)
    outcome, why = run.carry_out([(1, STOP), (2, MOVED)])
    assert [text for _, text in people.heard] == [MOVE.action.text, MOVE.undo.text]  # type: ignore[union-attr]
    assert outcome is (Outcome.UNDONE if back else Outcome.PARTIAL)
    assert why.startswith("it was interrupted")
    assert ran(run) == dict.fromkeys(("om1", "om2"), (STOPPED, *([STARTED] if back else [])))


def test_nobody_starts_where_the_node_of_an_unfinished_move_is_lost() -> None:
    run = Nodes(nodes_of("om1", "om2"), FakePeople(), whole=True)
    line: Any = run.nodes["om1"].line

    def on(fields: Any) -> Reply | None:
        if fields == ("note", owed.done(MOVED.actions[0].text)):  # type: ignore[union-attr]
            raise LostError("the connection was closed")
        return None

    line.on = on
    outcome, why = run.carry_out([(1, STOP), (2, MOVED)])
    assert outcome is Outcome.PARTIAL
    assert MOVED.undo[0].text in why  # type: ignore[union-attr]
    assert ran(run)["om2"] == (STOPPED,)


def test_nobody_is_asked_to_take_back_what_nobody_was_asked_to_do() -> None:
    """A node is lost before anybody is asked."""
    people = FakePeople()
    run = Nodes(nodes_of("om1", "om2"), people, whole=True)
    line: Any = run.nodes["om2"].line

    def on(fields: Any) -> Reply | None:
        if "true" in str(fields):
            raise LostError("the connection was closed")
        return None

    line.on = on
    check = Manual("admin", NEW.text, check=Run(("true",)))
    install = Step(("om1", "om2"), "install", (check,), (OLD,), bars=True)
    outcome, _ = run.carry_out([(1, STOP), (2, install)])
    assert outcome is Outcome.PARTIAL
    assert people.heard == []
    assert ran(run)["om1"][-1] == STARTED


def test_who_does_not_do_a_first_step_leaves_nothing_behind() -> None:
    """An apply that waits for its first step has nothing to be undone."""
    run = Nodes(nodes_of("om1"), FakePeople(answer=lambda _: False), whole=True)
    step = Step.of(("om1",), "wait", [Do(NEW, OLD)])
    assert run.carry_out([(1, step)]) == (Outcome.WAITING, NEW.text)
    assert not run.stands


def read_again(name: str, answer: Any) -> Any:
    """Read a node again, of a cluster that om3 has left."""
    cluster = cluster_of(spec_of(2, removed={"om3": {"ssh": "om3"}}))
    prepared: Any = SimpleNamespace(cluster=cluster, asked=Asked.of_nodes())
    with patch.object(Asked, "sources", lambda *_: (SimpleNamespace(read=answer), None)):
        return apply.prepared_again(prepared)(name)


def test_no_file_of_a_removed_node_is_read_again() -> None:
    """A person stopped OpenMeetings there: apply goes on."""

    def answer(requests: Any, **_: object) -> Any:
        return SimpleNamespace(nodes={next(iter(requests)): None})

    assert read_again("om3", answer) is None
    run = Nodes(nodes_of("om3"), FakePeople(), whole=True)
    run.reread = lambda name: read_again(name, answer)
    stop = Step(("om3",), "stop", (Manual("admin", "Stop OpenMeetings on this node."),))
    assert run.carry_out([(1, stop)]) == (Outcome.APPLIED, "")


@pytest.mark.parametrize(("signal", "raised"), [(False, FailedError), (True, StoppedError)])
def test_a_reading_that_a_signal_ended_is_no_failure(signal: bool, raised: Any) -> None:
    def answer(requests: Any, **_: object) -> Any:
        if signal:
            interrupt()
        return SimpleNamespace(nodes={name: SimpleNamespace(problem="cut") for name in requests})

    with pytest.raises(raised):
        read_again("om1", answer)
