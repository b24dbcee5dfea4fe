"""The gate of an apply, and what counts as healthy: nothing that is not known."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from omconf import process
from omconf.actions import Health
from omconf.formats.node_check import Check, Status
from omconf.pipeline import health
from omconf.process import Answer
from omconf.verify.model import NodeReport, Verification
from tests.clusters import simple

LISTENS, WELL = "ok\tlisteners\tthey listen", "ok\thealth\tall true"
NO_PROGRAM = "unknown\thealth\tcurl and wget are missing"
STARTING = "fail\tlisteners\tnothing listens"


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, int]]:
    """Run the gate on a node that prints one of these answers after the other, the last for ever."""

    def run(*answers: str, timeout: int = 300) -> tuple[str, int]:
        asked: list[str] = []

        def answer(*_: object, **__: object) -> Answer:
            asked.append(answers[min(len(asked), len(answers) - 1)])
            return Answer(0, f"fact\tnode\tom1\n{asked[-1]}\n".encode())

        monkeypatch.setattr(process, "run", answer)
        monkeypatch.setattr(time, "sleep", lambda _: None)
        why = health.local(simple(2))("om1", Health(timeout=timeout, interval=1))
        return why, len(asked)

    return run


def test_a_healthy_node_passes(gate: Callable[..., tuple[str, int]]) -> None:
    assert gate(f"{LISTENS}\n{WELL}") == ("", 1)
    assert gate(f"{STARTING}\nfail\thealth\trefused", f"{LISTENS}\n{WELL}") == ("", 2)
    assert gate(f"{LISTENS}\n{WELL}\nunknown\tclock\t?\nwarn\tcertificate\tself-signed") == ("", 1)


@pytest.mark.parametrize("other", [LISTENS, STARTING])
def test_what_cannot_be_known_does_not_pass_and_is_not_waited_for(
    gate: Callable[..., tuple[str, int]], other: str
) -> None:
    text = "health cannot be known: curl and wget are missing"
    assert gate(f"{other}\n{NO_PROGRAM}") == (text, 1)


def test_what_was_not_checked_does_not_pass(gate: Callable[..., tuple[str, int]]) -> None:
    assert gate(LISTENS, timeout=0) == ("health was not checked", 1)
    assert gate(WELL, timeout=0) == ("listeners was not checked", 1)
    assert gate(f"{LISTENS}\n{WELL}\nfail\thealth\tand yet", timeout=0) == ("and yet", 1)


OK = Check(Status.OK, "health", "")
UNKNOWN = Check(Status.UNKNOWN, "health", "")


@pytest.mark.parametrize(
    ("checks", "healthy"),
    [
        ((OK,), True),
        ((OK, Check(Status.UNKNOWN, "clock", ""), Check(Status.WARN, "certificate", "")), True),
        ((UNKNOWN,), False),
        ((), False),
        ((OK, UNKNOWN), False),
        ((OK, Check(Status.FAIL, "files", "")), False),
    ],
)
def test_only_what_is_known_is_healthy(checks: tuple[Check, ...], healthy: bool) -> None:
    nodes = (NodeReport("om1", (OK,)), NodeReport("om2", checks))
    assert Verification("conference", "ssh", nodes).healthy is healthy
