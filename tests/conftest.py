"""For all tests: how long each real program's judgement took is printed at the end."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

_SECONDS: dict[str, float] = defaultdict(float)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if "tests/real/" in report.nodeid:
        _SECONDS[Path(report.nodeid.split("::")[0]).stem.removeprefix("test_")] += report.duration


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _SECONDS:
        terminalreporter.section("judges")
        for judge, seconds in sorted(_SECONDS.items()):
            terminalreporter.write_line(f"{judge:20} {seconds:6.1f} s")
