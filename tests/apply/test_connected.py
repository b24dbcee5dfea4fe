"""What is in the way on nodes, as it is reported."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from omconf.apply.carrier import FIRST, Piped
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


def test_a_host_that_is_two_nodes_is_named(tmp_path: Path) -> None:
    """The second one finds the lock of this run itself: nobody has to wait for it, or break it."""
    words = ["sh", "-c", FIRST, "omconf-node", "conference", str(tmp_path)]
    with Piped.start(words) as one, Piped.start(words) as two:
        lines = Connected(("om1", "om2"), {"om1": one, "om2": two})
        (found,) = lines.lock("apply 4d5e6f70 by c@d since then", Options(wait=60))
    assert (found.rule.id, found.node) == ("OM601", "om2")
    assert found.message.startswith("Its host is another node of the cluster, too")


def test_one_name_breaks_the_lock_of_a_holder_everywhere(tmp_path: Path) -> None:
    """The nodes' locks have different numbers. Where something else holds one, that keeps it."""
    with ExitStack() as stack:

        def on(name: str) -> Piped:
            words = ["sh", "-c", FIRST, "omconf-node", "conference", str(tmp_path / name)]
            return stack.enter_context(Piped.start(words))

        who = "apply 0a1b2c3d by a@b since 2026-11-29T08:51:24Z"
        on("om1").ask("lock", "an earlier one", "")
        for name, force in (("om1", "1"), ("om2", "")):
            assert on(name).ask("lock", who, force).ok
        lines = Connected(("om1", "om2"), {"om1": on("om1"), "om2": on("om2")})
        (held,) = lines.lock("apply 4d5e6f70 by c@d since then", Options())
        assert held.hint == "Wait for it (--lock-timeout); if it hangs, use --break-lock 0a1b2c3d."
        assert lines.lock("apply 4d5e6f70 by c@d since then", Options(force="0a1b2c3d")) == []
        (held,) = Connected(("om1",), {"om1": on("om1")}).lock("x", Options(force="0a1b2c3d"))
        assert "4d5e6f70" in held.message
