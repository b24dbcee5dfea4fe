"""Who starts OpenMeetings: a person, by what is told; and after which other node."""

from __future__ import annotations

import pytest

from omconf.actions import Action, Health, Manual, Service, Stage
from omconf.artifacts.effect import Effect
from omconf.rollout.model import Part, State
from omconf.rollout.openmeetings import BY_HAND, control, done_to, verb_of
from omconf.rollout.order import order
from omconf.waits import APART_SECONDS
from tests.clusters import simple


@pytest.mark.parametrize(
    ("apart", "said"),
    [
        (None, ""),
        (APART_SECONDS, ", a second or more after another node"),
        (1.5, ", 2 seconds or more after another node"),
    ],
)
def test_the_time_between_two_starts(apart: float | None, said: str) -> None:
    cluster = simple(openmeetings={"release": "9.1.0", "service": "none"})
    action = control(cluster, "start", apart=apart)
    assert action == Manual("admin", f"Start OpenMeetings on this node{said}.")
    assert verb_of(action.text) == "start"
    assert done_to(action) == ("start", BY_HAND)


@pytest.mark.parametrize(
    ("action", "done"),
    [
        (Service("restart", "om.service"), ("restart", "om.service")),
        (Service("enable", "om.service"), ("", "")),
        (Service("restart", "omconf-multicast-route.service"), ("", "")),
        (Manual("admin", "Restart OpenMeetings on this node."), ("restart", BY_HAND)),
        (Manual("admin", "Mount the shared folder."), ("", "")),
        (Health(), ("", "")),
    ],
)
def test_what_is_done_to_openmeetings(action: Action, done: tuple[str, str]) -> None:
    assert done_to(action) == done


@pytest.mark.parametrize(
    ("changed", "om3"),
    [
        (("om1", "om2", "om3"), State(owes=True)),
        (("om1", "om2"), State(owes=True, stopped=("openmeetings.service",))),
        (("om1", "om2"), State(by_hand=frozenset(["Start OpenMeetings on this node."]))),
    ],
)
def test_what_an_unfinished_apply_stopped_serves_before_another_stops(
    changed: tuple[str, ...], om3: State
) -> None:
    """om3 does not run: with om1 stopped, too, om2 were alone."""
    restart = Effect("restart", "why")
    parts = [Part(node, "/opt/om/bin/setenv.sh", Stage.OPENMEETINGS, restart) for node in changed]
    states = {"om1": State(), "om2": State(), "om3": om3}
    begins = [
        step.nodes[0]
        for step in order(simple(3), parts, states).steps
        for action in step.actions
        if isinstance(action, Service) and action.do in ("start", "restart")
    ]
    assert begins == ["om3", "om1", "om2"]
