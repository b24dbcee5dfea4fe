"""What counts as healthy: nothing that is not known."""

from __future__ import annotations

import pytest

from omconf.formats.node_check import Check, Status
from omconf.verify.model import NodeReport, Verification

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
