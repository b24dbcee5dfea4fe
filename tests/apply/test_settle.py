"""When a node is told that what reads its files has run."""

from __future__ import annotations

from typing import Any, cast

import pytest

from omconf.actions import Action, Manual, Put, Run, Step
from omconf.apply.node import Node
from omconf.apply.wire import Reply, key

PATH = "/etc/omconf/conference/check.conf"
FILES = Put((PATH,))


class Line:
    """Takes note of what a node is asked, and told together with what is asked next."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes | str, ...]] = []
        self.told: list[tuple[bytes | str, ...]] = []

    def ask(self, *fields: bytes | str, seconds: float = 60) -> Reply:
        self.asked.append(fields)
        return Reply(True)

    def tell(self, *fields: bytes | str) -> None:
        self.told.append(fields)


@pytest.mark.parametrize(
    ("actions", "at_once"),
    [
        ((FILES,), False),
        ((FILES, Run(("exportfs", "-ra"))), True),
        # A person restarts OpenMeetings: it is not to be asked again after a kill.
        ((FILES, Manual("admin", "Restart OpenMeetings.")), True),
    ],
)
def test_what_has_read_files_is_known_at_once(actions: tuple[Action, ...], at_once: bool) -> None:
    line = Line()
    tell: Any = lambda *_: None  # noqa: E731
    node = Node("om1", cast(Any, line), None, cast(Any, None), tell)
    node.finish(1, Step(("om1",), "", actions))
    settled = [("settle", key(PATH))]
    assert (line.asked, line.told) == ((settled, []) if at_once else ([], settled))
