"""The watch of an apply: what a node says of itself, and whom it sees, before the next one stops."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from omconf import interrupts
from omconf.actions import Health, Manual
from omconf.apply.cluster_watch import ClusterWatch
from omconf.apply.node import Node
from omconf.apply.wire import LostError
from omconf.process import Answer
from omconf.rollout.openmeetings import BY_HAND
from tests.apply.fakes import FakeLine
from tests.clusters import cluster_of, simple, spec_of

LISTENS, WELL = "ok\tlisteners\tthey listen", "ok\thealth\tall true"
NO_PROGRAM = "unknown\thealth\tcurl and wget are missing"
STARTING = "fail\tlisteners\tnothing listens"
UNIT = "openmeetings.service"


class Line:
    """A node that answers one thing after the other, the last for ever."""

    def __init__(self, name: str, *answers: str) -> None:
        self.name, self.answers, self.asked = name, answers, 0

    def output(self, words: Sequence[str], stdin: bytes, *, seconds: int) -> Answer:
        said = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return Answer(0, f"fact\tnode\t{self.name}\n{said}\n".encode())


def members(*numbers: int) -> str:
    return "\n".join([LISTENS, WELL, *(f"fact\tmember\t10.1.1.{n}" for n in numbers)])


def watch_of(*lines: Line, nodes: int = 3, seconds: int = 300) -> ClusterWatch:
    known: Any = {line.name: line for line in lines}
    return ClusterWatch(simple(nodes), known, (UNIT,), seconds)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, int]]:
    """Wait for a node that gives some answers, and count how often it was asked."""

    def run(*answers: str, seconds: int = 300) -> tuple[str, int]:
        line = Line("om1", *answers)
        monkeypatch.setattr(interrupts, "sleep", lambda _: None)
        why = watch_of(line, seconds=seconds).healthy("om1", Health())
        return why, line.asked

    return run


def test_a_healthy_node_passes(asked: Callable[..., tuple[str, int]]) -> None:
    assert asked(f"{LISTENS}\n{WELL}") == ("", 1)
    assert asked(f"{STARTING}\nfail\thealth\trefused", f"{LISTENS}\n{WELL}") == ("", 2)
    certificate = "warn\tcertificate\tself-signed"
    assert asked(f"{LISTENS}\n{WELL}\nunknown\tclock\t?\n{certificate}") == ("", 1)


@pytest.mark.parametrize("other", [LISTENS, STARTING])
def test_what_cannot_be_known_does_not_pass_and_is_not_waited_for(
    asked: Callable[..., tuple[str, int]], other: str
) -> None:
    text = "health is unknown: curl and wget are missing"
    assert asked(f"{other}\n{NO_PROGRAM}") == (text, 1)


def test_what_was_not_checked_does_not_pass(asked: Callable[..., tuple[str, int]]) -> None:
    assert asked(LISTENS, seconds=0) == ("health was not checked", 1)
    assert asked(WELL, seconds=0) == ("listeners was not checked", 1)
    assert asked(f"{LISTENS}\n{WELL}\nfail\thealth\tand yet", seconds=0) == ("and yet", 1)


def test_members_are_those_before_and_those_that_were_started() -> None:
    one, two = Line("om1", members(1, 2)), Line("om2", members(1, 2))
    watch = watch_of(one, two, Line("om3", STARTING), seconds=0)
    assert watch.survey(["om1", "om2"]) == []
    assert (watch.up, watch.parted) == ({"om1", "om2"}, set())
    watch.begins("om1", "restart", UNIT)
    watch.ended("om1", "restart", UNIT, back=False)
    assert watch.healthy("om1", Health()) == ""
    one.answers = (members(1),)
    assert watch.healthy("om1", Health()) == "it does not see om2"
    # While a node is stopped, nobody has to see it.
    watch.begins("om2", "stop", UNIT)
    assert watch.healthy("om1", Health()) == ""
    watch.begins("om3", "start", UNIT)
    watch.ended("om3", "start", UNIT, back=False)
    assert watch.healthy("om1", Health()) == "it does not see om3"


def test_a_renamed_node_may_have_its_former_name() -> None:
    """It has it before its rename is applied, and once that was taken back."""
    spec = spec_of(2)
    spec["nodes"]["om4"] = {**spec["nodes"].pop("om2"), "renamed_from": "om2"}
    lines: Any = {"om1": Line("om1", members(1, 2)), "om4": Line("om2", members(1, 2))}
    watch = ClusterWatch(cluster_of(spec), lines, (UNIT,), seconds=0)
    assert watch.survey(["om1"]) == []
    assert watch.up == {"om1", "om4"}
    assert watch.healthy("om4", Health()) == ""
    lines["om4"].name = "om3"
    assert watch.healthy("om4", Health()) == "that host is the node om3, not om4"


def test_a_node_apart_is_named_and_is_not_expected_before_it_was_restarted() -> None:
    lines = [Line("om1", members(1, 2)), Line("om2", members(1, 2)), Line("om3", members(3))]
    watch = watch_of(*lines, seconds=0)
    assert watch.survey(["om1", "om2", "om3"]) == [
        "om3 is running but is not a member of the cluster"
    ]
    watch = watch_of(*lines, seconds=0)
    assert watch.survey(["om1", "om2"]) == []
    assert watch.healthy("om1", Health()) == ""
    watch.ended("om3", "restart", UNIT, back=False)
    assert watch.healthy("om3", Health()) == "it does not see om1, om2"


def test_who_was_restarted_by_a_person_is_expected_too() -> None:
    watch = watch_of(Line("om1", members(1)), Line("om2", members(1, 2)), nodes=2, seconds=0)
    watch.units = (BY_HAND,)
    line: Any = FakeLine("om2")
    node = Node("om2", line, None, watch, lambda _: None)
    restart = Manual("admin", "Restart OpenMeetings on this node.")
    watch.up = {"om1", "om2"}
    node.asks(restart)
    assert watch.up == {"om1"}
    node.did(restart)
    assert watch.up == {"om1", "om2"}
    assert watch.healthy("om1", Health()) == "it does not see om2"


def test_a_node_that_knows_of_no_check_any_more_only_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody misses it then: before omconf came it was no member."""

    class Web(Line):
        def output(self, words: Sequence[str], stdin: bytes, *, seconds: int) -> Answer:
            self.asked += 1
            assert words[-1] == "5080 5443"
            return Answer(0, b"1\n" if self.asked > 2 else b"0\n")

    slept: list[float] = []
    monkeypatch.setattr(interrupts, "sleep", slept.append)
    back, one = Web("om2"), Line("om1", members(1))
    watch = watch_of(one, back, seconds=0)
    assert not watch.listens("om2")
    watch.seconds = 300
    watch.ended("om2", "start", UNIT, back=True)
    assert watch.listens("om2")
    assert watch.healthy("om1", Health()) == ""
    assert len(slept) == 1


def test_of_two_clusters_that_of_a_node_that_stays_counts() -> None:
    lines = [Line("om1", members(1)), Line("om2", members(2, 3)), Line("om3", members(2, 3))]
    watch = watch_of(*lines, seconds=0)
    assert watch.survey(["om1"]) == []
    assert watch.parted == {"om2", "om3"}


def test_an_unhealthy_node_that_stays_is_named() -> None:
    watch = watch_of(Line("om1", members(1)), Line("om2", STARTING))
    assert watch.survey(["om1", "om2"]) == ["om2: nothing listens"]


def test_no_two_nodes_start_in_the_same_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    watch = watch_of()
    watch.begins("om1", "start", UNIT)
    watch.begins("om1", "start", "omconf-firewall.service")
    watch.begins("om2", "restart", UNIT)
    assert slept[0] == 0
    assert sum(slept) > 0.1


def test_a_node_that_is_lost_is_not_waited_for() -> None:
    """Its connection does not come back: whoever waits would wait to the deadline for nothing."""

    class Lost(Line):
        def output(self, words: Sequence[str], stdin: bytes, *, seconds: int) -> Answer:
            self.asked += 1
            raise LostError("it ended")

    line = Lost("om1")
    with pytest.raises(LostError, match="it ended"):
        watch_of(line, seconds=1).healthy("om1", Health())
    assert line.asked <= 2
    assert watch_of(line).survey(["om1"]) == ["om1: it ended"]


def test_a_node_that_left_the_spec_is_not_asked() -> None:
    left = Line("om9", members(1, 2))
    watch = watch_of(Line("om1", members(2)), Line("om2", members(1)), left, nodes=2)
    assert watch.survey(["om1", "om2"]) == []
    assert (watch.up, left.asked) == ({"om1", "om2"}, 0)
