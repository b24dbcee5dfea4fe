"""The program on a node, started anew for each command by the user's Ansible.

Between two commands nothing of it runs. Its lock is held for LEASE_SECONDS at a time, which Ansible's
task extends for as long as omconf is there; once omconf is gone, the task gives it back.
"""

from __future__ import annotations

import shlex
from dataclasses import field
from typing import TYPE_CHECKING

from omconf import interrupts
from omconf.apply.carrier import FIRST, first
from omconf.apply.program import MAX_SAID, UNEXPECTED, Program, lacks
from omconf.apply.wire import (
    LEASE_SECONDS,
    UNWRITABLE,
    FencedError,
    LeftError,
    LostError,
    Reply,
    command,
)
from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omconf.ansible.session import Session

MAX_OUTPUT = 2 * 1024 * 1024
"""Bytes that a node may print at a command; the program sends half of it at most."""
NOT_RESUMED = {
    "again": "Ansible repeated a command",
    "busy": "a command still runs there whose connection was cut",
    "state": UNWRITABLE,
}
"""Why the program does not go on with its lock, by its own word."""
START_SECONDS = 10
"""Seconds that Ansible may take to start a command."""


@dataclass(slots=True)
class Relayed(Program):
    """A node program that a session starts for each command."""

    session: Session
    node: str
    cluster: str
    _waiting: list[str] = field(default_factory=list)
    _answers: bytearray = field(default_factory=bytearray)
    _said: str = ""
    _lock: str = ""
    """The number of the lock that is held."""
    _serial: int = 0
    """How many commands were sent since."""

    @classmethod
    def start(cls, session: Session, node: str, cluster: str, *, seconds: float) -> Relayed:
        """Reach the node; raises LostError."""
        made = cls(session, node, cluster)
        made._run([], seconds)
        return made

    def close(self) -> None:
        """Leave it to the end of the session."""

    def said(self) -> str:
        """Return what programs printed since the last call: hostile text."""
        text, self._said = self._said, ""
        return text

    def lock(self, who: str, force: str) -> Reply:
        """Take the node's lock, or break that of `force`; raises LostError."""
        reply = self.ask("lock", who, force, str(LEASE_SECONDS))
        number = reply.word(0)
        if reply.ok:
            if not (number.isdecimal() and len(number) < 10):
                raise LostError(UNEXPECTED)
            self._lock, self._serial = str(int(number)), 0
            beat = self._resumed("")
            kept = self.session.keep(self.node, self._shell, _text([beat]), _text([beat, "free"]))
            if kept.problem:
                raise LostError(kept.problem)
        return reply

    @property
    def _shell(self) -> str:
        return shlex.join(["sh", "-c", FIRST, "omconf-node", self.cluster, ""])

    def _resumed(self, serial: str) -> str:
        return command("resume", self._lock, str(LEASE_SECONDS), serial).decode("ascii")

    def _send(self, lines: Sequence[bytes]) -> None:
        self._waiting = [line.decode("ascii") for line in lines]

    def _line(self, seconds: float, longest: int, since: float = 0) -> bytes:
        if self._waiting:
            lines, self._waiting = self._waiting, []
            self._run(lines, seconds)
        return self._next(longest)

    def _run(self, lines: Sequence[str], seconds: float) -> None:
        """Have the program obey some lines, and keep its answers."""
        resumed: list[str] = []
        if self._lock:
            self._serial += 1
            resumed = [self._resumed(str(self._serial))]
        answer = self.session.run(
            self.node,
            self._shell,
            seconds=seconds + START_SECONDS,
            limit=MAX_OUTPUT,
            stdin=_text([*resumed, *lines]),
            until=interrupts.hurried,
        )
        if answer.problem:
            if interrupts.hurried():
                raise LeftError(running=True)
            raise self._lose(answer.problem.removesuffix("."))
        self._said = (self._said + answer.error)[-MAX_SAID:]
        self._answers[:] = answer.out
        # The program says first that it has begun, and then that it has its lock.
        for _ in ("begun", *resumed):
            reply = self._answer(0)
            if reply.word(0) == "broken":
                raise self._lose(FencedError())
            if reply.word(0) == "missing":
                raise self._lose(str(lacks(reply)))
            if not reply.ok:
                raise self._lose(NOT_RESUMED.get(reply.word(0), UNEXPECTED))

    def _lose(self, why: str | LostError) -> LostError:
        """Send the node nothing more: a command that was cut off may still run there."""
        self.session.lose(self.node, str(why))
        return why if isinstance(why, LostError) else LostError(why)

    def _next(self, longest: int) -> bytes:
        end = self._answers.find(b"\n")
        if not 0 <= end <= longest:
            raise self._lose(self._complaint() or UNEXPECTED)
        line = bytes(self._answers[:end])
        del self._answers[: end + 1]
        return line


def _text(lines: Sequence[str]) -> bytes:
    """Return the program with the commands that it obeys, up to one that fails."""
    calls = " && ".join(f"obey {shlex.quote(line)}" for line in lines)
    return first(f'set -- "$1" "$2" {shlex.quote(calls)}\n'.encode("ascii"))
