"""What is in the way on nodes, as it is reported."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from omconf.apply.wire import Reply
from omconf.pipeline.apply_input import Options
from omconf.pipeline.connected import Connected
from omconf.rules import LOCKED, NOT_APPLIED


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


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        ("12", "Wait for it (--lock-timeout); if it hangs, use --break-lock 12."),
        ("1 --force; reboot", "Wait for it (--lock-timeout)."),
        ("9" * 5000, "Wait for it (--lock-timeout)."),
        ("0", "Wait for it (--lock-timeout)."),
    ],
)
def test_only_the_number_of_a_lock_is_there_to_copy(number: str, hint: str) -> None:
    """What a node answers is hostile; it says 0 where another lock has just begun."""
    held = Reply(ok=False, words=("held", number, "0", "apply of a@b"))
    program = cast(Any, SimpleNamespace(lock=lambda *_: held))
    (found,) = Connected(("om1",), {"om1": program}).lock("an undo", Options())
    assert (found.rule, found.hint) == (LOCKED, hint)
