"""The program on a node, as omconf speaks with it, whatever carries the two to each other."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import field
from typing import TYPE_CHECKING, Self

from omconf import interrupts
from omconf.apply.wire import (
    SLACK,
    Command,
    FencedError,
    LeftError,
    LostError,
    OtherError,
    Reply,
    command,
)
from omconf.dataclass import dataclass
from omconf.formats.node_check import MAX_BYTES
from omconf.process import Answer
from omconf.secrets import last_line, masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_ANSWER = 64 * 1024
"""Bytes of a line that a node answers; ours have some hundred."""
MAX_SAID = 16 * 1024
"""Bytes that are kept of what programs print on a node: the last ones."""
ROW_SECONDS = 10
"""Seconds that a node may take longer for each further file of a command."""
UNEXPECTED = "unexpected response from the node program"


def lacks(reply: Reply) -> OtherError:
    """Return the error for a node that lacks programs, by the program's first answer."""
    names = masked(", ".join(reply.word(1)[:300].split()))
    return OtherError(f"it lacks programs omconf needs: {names}")


def number(reply: Reply, word: str, digits: int = 3) -> int:
    """Return a word of an answer as a number, by default an exit code; raises LostError."""
    if not (reply.ok and word.isascii() and word.isdecimal() and len(word) <= digits):
        raise LostError(UNEXPECTED)
    return int(word)


@dataclass(slots=True)
class Program(ABC):
    """A node program; what it answers is hostile."""

    _told: list[Command] = field(default_factory=list, kw_only=True)
    """Commands that are sent together with the next one."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """End the program: it gives its lock back."""

    @abstractmethod
    def said(self) -> str:
        """Return what programs printed since the last call: hostile text."""

    def _complaint(self) -> str:
        """Return the last line that programs printed, masked; empty if they printed none."""
        return last_line(self.said().splitlines())

    @abstractmethod
    def _send(self, lines: Sequence[bytes]) -> None:
        """Send commands, none of which is carried out after one that fails; raises LostError."""

    @abstractmethod
    def _line(self, seconds: float, longest: int, since: float = 0) -> bytes:
        """Return the next line of an answer; raises LostError, LeftError after a second signal.

        The seconds count from a moment (monotonic), by default from now.
        """

    def lock(self, who: str, force: str) -> Reply:
        """Take the node's lock, or break that of `force`; raises LostError."""
        return self.ask("lock", who, force)

    def ask(self, *fields: bytes | str, seconds: float = 60) -> Reply:
        """Send a command and wait for its answer; raises LostError, LeftError after a second signal."""
        ((reply,),) = self._exchange([Command(fields)], seconds)
        return reply

    def ask_each(self, fields: Sequence[str], rows: Iterable[Sequence[bytes | str]]) -> list[Reply]:
        """Send a command about some files, a row each, and wait for an answer to each row.

        Raises LostError, LeftError after a second signal.
        """
        rows = list(rows)
        return self.ask_all([Command.of_rows(fields, rows)])[0] if rows else []

    def ask_all(self, commands: Iterable[Command]) -> list[list[Reply]]:
        """Send commands at once, and wait for all answers to each; raises as `ask_each` does.

        What is not carried out, because one before it failed, has the answer of that one.
        """
        asked = list(commands)
        seconds = 60 + ROW_SECONDS * sum(each.answers for each in asked)
        return self._exchange(asked, seconds) if asked else []

    def tell(self, *fields: bytes | str) -> None:
        """Send a command together with the next one, which has its answer if it fails."""
        self._told.append(Command(fields))

    def _exchange(self, asked: Sequence[Command], seconds: float) -> list[list[Reply]]:
        if interrupts.hurried():
            raise LeftError
        sent, self._told = [*self._told, *asked], []
        self._send([command(*each.fields) for each in sent])
        replies: list[list[Reply]] = []
        ended: Reply | None = None
        for each in sent:
            if ended is not None:
                replies.append([ended] * each.answers)
                continue
            replies.append([self._reply(seconds) for _ in range(each.answers)])
            ended = each.ends(replies[-1])
        return replies[-len(asked) :]

    def _reply(self, seconds: float) -> Reply:
        reply = self._answer(seconds)
        if not reply.ok and reply.word(0) == "broken":
            raise FencedError
        return reply

    def output(self, words: Sequence[str], stdin: bytes, *, seconds: int) -> Answer:
        """Run a program there and give what it prints: hostile bytes; raises LostError."""
        started = time.time()
        fields = [f".{word}" for word in words]
        reply = self.ask("ask", str(seconds), stdin, *fields, seconds=seconds + SLACK)
        answered = time.time()
        code, count = reply.word(0), reply.word(1)
        # The node says how many lines there are: they are limited together.
        since, out = time.monotonic(), bytearray()
        for _ in range(number(reply, count, 7)):
            out += self._line(SLACK, MAX_BYTES - len(out) - 1, since) + b"\n"
        return Answer(number(reply, code), bytes(out), started=started, answered=answered)

    def _answer(self, seconds: float) -> Reply:
        try:
            return Reply.of(self._line(seconds, MAX_ANSWER))
        except ValueError as error:
            raise OtherError(UNEXPECTED) from error
