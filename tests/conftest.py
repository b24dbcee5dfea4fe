"""For all tests: the same Hypothesis examples in every CI run, and each judge's time at the end."""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# New examples are looked for on developers' machines; CI says only what a change did. No test is
# timed: machines are busy.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")

# A shell lets what it starts in the background ignore it; some tests interrupt omconf as people do.
signal.signal(signal.SIGINT, signal.default_int_handler)

_SECONDS: dict[str, float] = defaultdict(float)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if "tests/real/" in report.nodeid:
        _SECONDS[Path(report.nodeid.split("::")[0]).stem.removeprefix("test_")] += report.duration


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _SECONDS:
        terminalreporter.section("judges")
        for judge, seconds in sorted(_SECONDS.items()):
            terminalreporter.write_line(f"{judge:20} {seconds:6.1f} s")
