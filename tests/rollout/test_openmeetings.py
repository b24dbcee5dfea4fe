"""What a person is told who starts OpenMeetings by hand."""

from __future__ import annotations

import pytest

from omconf.actions import Manual
from omconf.rollout.openmeetings import control, verb_of
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
