"""How an undo restores the files of a node, with the real program there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import pytest

from omconf.actions import Manual, Put, Step, put
from omconf.apply.carrier import FIRST, Piped
from omconf.apply.events import Outcome
from omconf.apply.node import Node
from omconf.apply.nodes import Nodes
from omconf.apply.written import FailedError, Written

BEFORE = {"/etc/one": b"1\n", "/etc/two": b"2\n", "/etc/three": None}
AFTER = {"/etc/one": b"one\n", "/etc/two": b"two\n", "/etc/three": b"three\n"}
PUT = Put(tuple(BEFORE))


def told(*_: object) -> None:
    pass


def applied(root: Path, line: Piped) -> Node:
    """Give a node whose files were written by an apply."""
    for path, data in AFTER.items():
        (root / path[1:]).parent.mkdir(exist_ok=True)
        (root / path[1:]).write_bytes(data)
    assert line.ask("lock", "a test", "").ok
    assert line.ask("begin", "{}", "{}").ok
    node = Node("om1", line, None, cast(Any, None), told)
    node.written += (Written(path, BEFORE[path], AFTER[path]) for path in BEFORE)
    return node


def contents(root: Path) -> dict[str, bytes | None]:
    files = {path: root / path[1:] for path in BEFORE}
    return {path: file.read_bytes() if file.exists() else None for path, file in files.items()}


@pytest.fixture
def line(tmp_path: Path, shell: dict[str, str]) -> Iterator[Piped]:
    words = ["sh", "-c", FIRST, "omconf-node", "conference", str(tmp_path)]
    with Piped.start(words, env=shell) as made:
        yield made


def test_all_files_are_restored_by_one_message(tmp_path: Path, line: Piped) -> None:
    node = applied(tmp_path, line)
    with patch.object(Piped, "_send", autospec=True, side_effect=Piped._send) as sent:
        assert node.restore(PUT.paths) == []
    assert sent.call_count == 1
    assert contents(tmp_path) == BEFORE
    assert node.restore(PUT.paths) == []
    assert sent.call_count == 1


@pytest.mark.parametrize("edited", BEFORE)
def test_one_that_was_edited_holds_no_other_back(tmp_path: Path, line: Piped, edited: str) -> None:
    """Nor is it passed over when it is the writing itself that failed, and is taken back."""
    node = applied(tmp_path, line)
    (tmp_path / edited[1:]).write_bytes(b"mine\n")
    wrong = node.undo(1, [PUT], besides=PUT)
    assert [text.partition(":")[0] for text in wrong] == [edited]
    assert contents(tmp_path) == BEFORE | {edited: b"mine\n"}


def test_one_that_has_a_conflict_holds_no_other_back(tmp_path: Path, line: Piped) -> None:
    node = applied(tmp_path, line)
    node.written[0] = Written("/etc/one", b"1\n", b"one\n", conflict="it was edited")
    assert node.undo(1, [PUT]) == ["/etc/one: it was edited"]
    assert contents(tmp_path) == BEFORE | {"/etc/one": b"one\n"}


UNREADABLE = {
    "om1 cannot be read again": FailedError("om1 cannot be read again"),
    "the system reports an error: Too many open files": OSError(24, "Too many open files"),
}


@pytest.mark.parametrize(("said", "error"), UNREADABLE.items())
def test_a_node_that_cannot_be_read_again_is_a_failure(
    tmp_path: Path, line: Piped, said: str, error: Exception
) -> None:
    """A person replaced OpenMeetings there: what the plan wrote before is taken back."""

    class Person:
        there = True

        def does(self, *_: object) -> bool:
            return True

        def agrees(self, _: str) -> bool:
            return True

    def unreadable(_: str) -> Any:
        raise error

    node = applied(tmp_path, line)
    run = Nodes({"om1": node}, Person(), whole=False, reread=unreadable)
    step = Step.of(("om1",), "a release", [put("/etc/one", "/etc/two", "/etc/three")])
    by_hand = Step(("om1",), "a release", (Manual("admin", "Install it."),))
    node.finished.add(1)
    run.finished.append((1, step))
    outcome, why = run.carry_out([(2, by_hand)])
    assert (outcome, why) == (Outcome.UNDONE, said)
    assert contents(tmp_path) == BEFORE
