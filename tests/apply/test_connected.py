"""What is in the way on nodes, as it is reported."""

from __future__ import annotations

from typing import Any, cast

from omconf.pipeline.connected import Connected
from omconf.rules import NOT_APPLIED


class Show:
    """Shows nothing."""

    def event(self, event: object) -> None:
        """Nobody looks."""


def test_a_manual_step_ends_its_sentence_itself() -> None:
    texts = {"om1": ["/etc/fstab: it is a mount point", "Copy the data."], "om2": []}
    found = Connected(()).problems(lambda node: texts[node], texts, cast(Any, Show()), NOT_APPLIED)
    assert [(d.node, d.message) for d in found] == [
        ("om1", "/etc/fstab: it is a mount point."),
        ("om1", "Copy the data."),
    ]
