"""For all tests: the same Hypothesis examples in every CI run, what each test needs, its signals."""

from __future__ import annotations

import gc
import os
import signal
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests import hidden, order
from tests.needs import declared, missing, reason
from tests.real.classes import shared

# Developers' machines try new examples, CI only those that a change can break. No test is timed:
# machines are busy.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("here", deadline=None)
if not os.access(Path(__file__).parent.parent, os.W_OK):
    # Failing examples cannot be kept in a checkout of somebody else's.
    settings.register_profile("here", deadline=None, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")

# A login shell's PATH may lack them, and so does that of `su`.
os.environ["PATH"] += ":/usr/sbin:/sbin"

# nohup and shells start programs with signals ignored, and what these start inherits that; tests send
# such signals to programs that they start. A handler is not inherited, so these have the default.
# The tests themselves still outlive the terminal under nohup.
signal.signal(signal.SIGINT, signal.default_int_handler)
for _number in (signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda number, frame: None)

_SECONDS: dict[str, float] = defaultdict(float)


def pytest_configure(config: pytest.Config) -> None:
    shared()  # the workers of xdist use the same
    line = "needs(*names): what the test needs besides Python, by the names of tests/needs.py"
    config.addinivalue_line("markers", line)
    slow = (
        "slow: takes seconds, as it runs programs or thousands of cases; `make quick` leaves it out"
    )
    config.addinivalue_line("markers", slow)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that mostly wait: the others then take the processors meanwhile."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ranked = ((order.rank(item), item.nodeid.split("::")[0], item) for item in items)
    items[:] = order.spread(ranked, workers)
    for item in items:
        if order.rank(item) < 2:
            item.add_marker("slow")


def pytest_collection_finish() -> None:
    """Spare the garbage collector the thousands of tests, which it went through again and again.

    They are not frozen: Hypothesis looks for what refers to its sources of random numbers.
    """
    gc.set_threshold(50_000, 50, 100)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that lacks something, and name it."""
    names = declared(item)
    hidden.prepare(names)
    if hidden.MODE == "each":
        named = []
        for name in hidden.in_turn(names):
            assert missing(names) == [name], f"{name} is hidden"
            named.append(name)
        pytest.skip(f"nothing runs; hidden in turn: {', '.join(named) or 'nothing'}")
    if lacking := missing(names):
        pytest.skip(reason(lacking))
    if hidden.MODE:
        shown = ", ".join(names) or "nothing"
        item.add_report_section("setup", "needs", f"It declares {shown}; all else is hidden.")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Let the fixtures of a module find the programs by which they end."""
    if nextitem is None or nextitem.parent is not item.parent:
        hidden.reveal()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Where nothing may be skipped, a skip is a failure."""
    report = yield
    if (
        report.skipped
        and os.environ.get("OMCONF_NOTHING_SKIPPED")
        and not hasattr(report, "wasxfail")
    ):
        report.outcome, report.longrepr = "failed", report.longrepr[2].removeprefix("Skipped: ")
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if "tests/real/" in report.nodeid:
        _SECONDS[Path(report.nodeid.split("::")[0]).stem.removeprefix("test_")] += report.duration


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _SECONDS:
        terminalreporter.section("real programs")
        for program, seconds in sorted(_SECONDS.items()):
            terminalreporter.write_line(f"{program:20} {seconds:6.1f} s")
