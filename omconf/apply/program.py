"""The program on a node, as omconf speaks with it, whatever carries the two to each other."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

from omconf import interrupts
from omconf.apply.wire import SLACK, LeftError, LostError, Reply, command
from omconf.formats.node_check import MAX_BYTES
from omconf.process import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_ANSWER = 64 * 1024
"""Bytes of a line that a node answers; ours have some hundred."""
MAX_SAID = 16 * 1024
"""Bytes that are kept of what programs print on a node: the last ones."""
ROW_SECONDS = 10
"""Seconds that a node may take longer for each further file of a command."""
BROKEN = "somebody broke its lock"
UNEXPECTED = "unexpected response from the node program"


def lacks(reply: Reply) -> LostError:
    """Return the error for a node that lacks programs, by the program's first answer."""
    names = ", ".join(reply.word(1)[:300].split())
    return LostError(f"it lacks programs omconf needs: {names}")


class Program(ABC):
    """A node program; what it answers is hostile."""

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
        """Return the last line that programs printed; empty if they printed none."""
        said = [line for line in self.said().splitlines() if line.strip()]
        return said[-1][:300] if said else ""

    @abstractmethod
    def _send(self, line: bytes) -> None:
        """Send a command; raises LostError."""

    @abstractmethod
    def _line(self, seconds: float, longest: int) -> bytes:
        """Return the next line of an answer; raises LostError, LeftError after a second signal."""

    def lock(self, who: str, force: str) -> Reply:
        """Take the node's lock, or break that of `force`; raises LostError."""
        return self.ask("lock", who, force)

    def ask(self, *fields: bytes | str, seconds: float = 60) -> Reply:
        """Send a command and wait for its answer; raises LostError, LeftError after a second signal."""
        if interrupts.hurried():
            raise LeftError
        self._send(command(*fields))
        return self._reply(seconds)

    def ask_each(self, fields: Sequence[str], rows: Iterable[Sequence[bytes | str]]) -> list[Reply]:
        """Send a command about some files, a row each, and wait for an answer to each row.

        Raises LostError, LeftError after a second signal.
        """
        rows = list(rows)
        if not rows:
            return []
        if interrupts.hurried():
            raise LeftError
        # A shell takes no notice of an empty field at the end.
        self._send(command(*fields, *(field for row in rows for field in row), "."))
        replies = [self._reply(60 + ROW_SECONDS * len(rows))]
        return replies + [self._reply(SLACK) for _ in rows[1:]]

    def _reply(self, seconds: float) -> Reply:
        reply = self._answer(seconds)
        if not reply.ok and reply.word(0) == "broken":
            raise LostError(BROKEN)
        return reply

    def output(self, words: Sequence[str], stdin: bytes, *, seconds: int) -> Answer:
        """Run a program there and give what it prints: hostile bytes; raises LostError."""
        started = time.time()
        fields = [f".{word}" for word in words]
        reply = self.ask("ask", str(seconds), stdin, *fields, seconds=seconds + SLACK)
        answered = time.time()
        code, count = reply.word(0), reply.word(1)
        if not (reply.ok and code.isdecimal() and count.isdecimal() and len(count) < 8):
            raise LostError(UNEXPECTED)
        out = b"".join(self._line(SLACK, MAX_BYTES) + b"\n" for _ in range(int(count)))
        return Answer(int(code), out, started=started, answered=answered)

    def _answer(self, seconds: float) -> Reply:
        try:
            return Reply.of(self._line(seconds, MAX_ANSWER))
        except ValueError as error:
            raise LostError(UNEXPECTED) from error
