"""Nodes that do what they are told, and people, for tests of what happens between them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from omconf import interrupts
from omconf.actions import Manual
from omconf.apply.node import Node
from omconf.apply.wire import Command, LostError, Reply
from omconf.process import Answer


def interrupt() -> None:
    """Have a signal come in, as Ctrl-C does."""
    interrupts._state.number = 2


@dataclass
class FakeLine:
    """A node program that keeps what it is asked, and answers well unless `on` answers."""

    name: str
    asked: list[tuple[bytes | str, ...]] = field(default_factory=list)
    on: Callable[[tuple[bytes | str, ...]], Reply | None] = lambda _: None
    answer: Answer = field(default_factory=lambda: Answer(1))

    def ask(self, *fields: bytes | str, seconds: float = 60) -> Reply:
        self.asked.append(fields)
        return self.on(fields) or Reply(ok=True)

    def tell(self, *fields: bytes | str) -> None:
        self.asked.append(fields)

    def ask_each(self, fields: Sequence[str], rows: Iterable[Sequence[bytes | str]]) -> list[Reply]:
        return [self.ask(*fields, *row) for row in rows]

    def ask_all(self, commands: Iterable[Command]) -> list[list[Reply]]:
        return [[self.ask(*each.fields)] * each.answers for each in commands]

    def output(self, words: Sequence[str], stdin: bytes, *, seconds: int) -> Answer:
        self.ask("output", *words)
        return self.answer

    def said(self) -> str:
        return ""

    def ran(self) -> list[str]:
        """Return the programs that it ran."""
        runs = [fields[2:] for fields in self.asked if fields[0] == "run"]
        words = [" ".join(str(word)[1:] for word in run) for run in runs]
        return [text for text in words if "reset-failed" not in text]


class FakeWatch:
    """Whom everybody sees."""

    def begins(self, *_: object) -> None: ...

    def ended(self, *_: object, back: bool) -> None: ...

    def healthy(self, *_: object) -> str:
        return ""


@dataclass
class FakePeople:
    """People who do what they are asked, unless `does` says otherwise."""

    heard: list[tuple[list[str], str]] = field(default_factory=list)
    answer: Callable[[str], bool] = lambda _: True
    there: bool = True

    def does(self, nodes: Sequence[str], manual: Manual) -> bool:
        self.heard.append(([*nodes], manual.text))
        return self.answer(manual.text)

    def agrees(self, question: str) -> bool:
        return True


def nodes_of(*names: str, lost: Collection[str] = ()) -> dict[str, Node]:
    """Make nodes, some of which do not answer."""

    def gone(_: object) -> Reply:
        raise LostError("the connection was closed")

    lines: dict[str, Any] = {name: FakeLine(name) for name in names}
    for name in lost:
        lines[name].on = gone
    watch: Any = FakeWatch()
    return {name: Node(name, lines[name], None, watch, lambda _: None) for name in names}
