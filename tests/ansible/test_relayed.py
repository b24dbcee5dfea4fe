"""The node program as it is started for each command: its lock, and commands that come twice."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from omconf import process
from omconf.apply.carrier import FIRST
from omconf.apply.relayed import NOT_RESUMED, Relayed
from omconf.apply.wire import FencedError, LostError
from omconf.process import Answer


@dataclass
class Here:
    """Runs on this host what a session would have a node run; `twice` as a connection may do."""

    twice: bool = False
    kept: list[tuple[str, bytes]] = field(default_factory=list)
    ran: int = 0

    def run(self, _: str, command: str, *, seconds: float, limit: int, **more: Any) -> Answer:
        self.ran += 1
        words = ["sh", "-c", command]
        answer = process.run(words, seconds=seconds, limit=limit, stdin=more["stdin"])
        if self.twice:
            answer = process.run(words, seconds=seconds, limit=limit, stdin=more["stdin"])
        return answer

    def keep(self, _: str, command: str, beat: bytes, last: bytes) -> Answer:
        self.kept = [(command, last)]
        return Answer(0)

    def lose(self, _: str, why: str) -> None:
        self.lost = why


def program(here: Here, tree: Path) -> Relayed:
    """Start a program that works in a tree."""
    shell = shlex.join(["sh", "-c", FIRST, "omconf-node", "conference", str(tree)])

    class InTree(Relayed):
        _shell = shell

    return InTree.start(here, "om1", "conference", seconds=20)  # type: ignore[arg-type]


def test_a_command_that_comes_twice_is_refused(tmp_path: Path) -> None:
    here = Here()
    one = program(here, tmp_path)
    assert one.lock("first", "").ok
    assert one.ask("members", "om1 om2").ok
    here.twice = True
    with pytest.raises(LostError, match=NOT_RESUMED["again"]):
        one.ask("members", "om1")


def test_a_lock_lasts_between_commands_and_ends_with_the_task(tmp_path: Path) -> None:
    here = Here()
    one, other = program(here, tmp_path), program(Here(), tmp_path)
    assert one.lock("first", "").ok
    refused = other.lock("second", "")
    assert refused.word(0) == "held"
    assert 0 < int(refused.word(2)) <= 30
    ((command, last),) = here.kept
    assert process.run(["sh", "-c", command], seconds=20, limit=1000, stdin=last).code == 0
    assert other.lock("second", "").ok
    assert program(Here(), tmp_path).lock("third", other._lock).ok
    with pytest.raises(FencedError):
        other.ask("begin", "{}", "{}")


def test_commands_that_come_together_are_one(tmp_path: Path) -> None:
    """The program is started once for all of them, and carries them out up to one that fails."""
    here = Here()
    one = program(here, tmp_path)
    assert one.lock("first", "").ok
    assert one.ask("begin", "{}", "{}").ok
    ran = here.ran
    one.tell("note", "begin 1", "1")
    assert one.ask("note", "two").ok
    assert here.ran == ran + 1
    (notes,) = tmp_path.glob("var/lib/omconf/conference/journal/*.notes")
    assert notes.read_text() == "begin 1\ntwo\n"
    one.tell("no such command")
    assert one.ask("note", "three").word(0) == "command"
    assert notes.read_text() == "begin 1\ntwo\n"
