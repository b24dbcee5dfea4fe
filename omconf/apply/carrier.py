"""Runs the program on a node and speaks with it: on this host, or by the user's own OpenSSH.

The program itself is the first that it is given, with its length before it: no shell promises to read
no further than to the end of a script.
"""

from __future__ import annotations

import os
import selectors
import shlex
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from omconf import interrupts
from omconf.apply.wire import SLACK, LeftError, LostError, Reply, command
from omconf.deployed import ssh
from omconf.formats.node_check import MAX_BYTES
from omconf.process import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PROGRAM = Path(__file__).with_name("node.sh")
MAX_ANSWER = 64 * 1024
"""Bytes of a line that a node answers; ours have some hundred."""
MAX_SAID = 16 * 1024
"""Bytes that are kept of what programs print on a node: the last ones."""
CLOSING_SECONDS = 10
FIRST = 'read -r n; program=$(head -c "$n"); [ ${#program} = "$n" ] && eval "$program"'
"""What makes a shell the program; of a login shell it asks no more than quotes."""
ROW_SECONDS = 10
"""Seconds that a node may take longer for each further file of a command."""
ALIVE = ("ServerAliveInterval=5", "ServerAliveCountMax=3")
"""A connection that is cut is known to be after so many seconds."""


@dataclass(slots=True)
class Program:
    """A node program that runs, at the other end of two pipes.

    It runs in a session of its own: Ctrl-C in a terminal reaches omconf alone, and what the program
    has begun it completes.
    """

    process: subprocess.Popen[bytes]
    _answers: bytearray = field(default_factory=bytearray)
    _said: bytearray = field(default_factory=bytearray)

    @classmethod
    def start(
        cls, words: Sequence[str], *, seconds: float = 30, env: Mapping[str, str] | None = None
    ) -> Program:
        """Start a shell by a command that becomes the program; raises LostError."""
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=env,
                start_new_session=True,
            )
        except OSError as error:
            raise LostError(f"{words[0]} cannot be run: {error.strerror}") from error
        program = cls(process)
        try:
            text = PROGRAM.read_bytes().strip()
            program._send(b"%d\n%b" % (len(text), text))
            program._begun(program._answer(seconds))
        except LostError:
            program.close()
            raise
        return program

    def _begun(self, reply: Reply) -> None:
        if not reply.ok:
            names = ", ".join(reply.word(1)[:300].split())
            raise LostError(f"it lacks programs omconf needs: {names}")

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
            raise LostError("somebody broke its lock")
        return reply

    def output(self, words: Sequence[str], stdin: bytes, *, seconds: int) -> Answer:
        """Run a program there and give what it prints: hostile bytes; raises LostError."""
        started = time.time()
        fields = [f".{word}" for word in words]
        reply = self.ask("ask", str(seconds), stdin, *fields, seconds=seconds + SLACK)
        answered = time.time()
        code, count = reply.word(0), reply.word(1)
        if not (reply.ok and code.isdecimal() and count.isdecimal() and len(count) < 8):
            raise LostError("unexpected response from the node program")
        out = b"".join(self._line(SLACK, MAX_BYTES) + b"\n" for _ in range(int(count)))
        return Answer(int(code), out, started=started, answered=answered)

    def _send(self, data: bytes) -> None:
        assert self.process.stdin is not None  # noqa: S101 - for the type checker
        line = memoryview(data)
        try:
            while line:
                line = line[os.write(self.process.stdin.fileno(), line) :]
        except OSError as error:
            raise LostError(self._why("it accepts no more commands")) from error

    def said(self) -> str:
        """Return what programs printed since the last call: hostile text."""
        self._hear(0)
        text = self._said.decode("utf-8", "replace")
        self._said.clear()
        return text

    def close(self) -> None:
        """End the program: without commands it gives its lock back and ends."""
        streams = (self.process.stdin, self.process.stdout, self.process.stderr)
        with suppress(OSError):
            assert self.process.stdin is not None  # noqa: S101 - for the type checker
            self.process.stdin.close()
        # It completes what it has begun, as it does when the connection is lost.
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(0 if interrupts.hurried() else CLOSING_SECONDS)
        for stream in streams[1:]:
            assert stream is not None  # noqa: S101 - for the type checker
            stream.close()

    def _answer(self, seconds: float) -> Reply:
        try:
            return Reply.of(self._line(seconds, MAX_ANSWER))
        except ValueError as error:
            raise LostError("unexpected response from the node program") from error

    def _line(self, seconds: float, longest: int) -> bytes:
        end = time.monotonic() + seconds
        while b"\n" not in self._answers:
            if interrupts.hurried():
                raise LeftError(running=True)
            left = end - time.monotonic()
            if left <= 0:
                raise LostError(f"no response in {seconds:g} seconds")
            if len(self._answers) > longest:
                raise LostError("unexpected response from the node program")
            if not self._hear(left):
                raise LostError(self._why("it ended"))
        end_of_line = self._answers.index(b"\n")
        line = bytes(self._answers[:end_of_line])
        del self._answers[: end_of_line + 1]
        return line

    def _hear(self, seconds: float) -> bool:
        """Take what there is of both streams; False when the answers have ended."""
        assert self.process.stdout is not None  # noqa: S101 - for the type checker
        assert self.process.stderr is not None  # noqa: S101
        with selectors.DefaultSelector() as streams:
            streams.register(self.process.stdout, selectors.EVENT_READ, self._answers)
            streams.register(self.process.stderr, selectors.EVENT_READ, self._said)
            ready = streams.select(min(seconds, 0.2))
            for key, _ in ready:
                data = os.read(key.fd, 65536)
                if not data and key.data is self._answers:
                    return False
                key.data.extend(data)
                if not data:
                    time.sleep(0.01)  # programs closed their end; the answer is still to come
        del self._said[:-MAX_SAID]
        return True

    def _why(self, otherwise: str) -> str:
        said = [line for line in self.said().splitlines() if line.strip()]
        return f"{otherwise}: {said[-1][:300]}" if said else otherwise


def local(cluster: str, root: str) -> Program:
    """Start the program on this host; `root` is the tree that it works in, empty for its own."""
    return Program.start(["sh", "-c", FIRST, "omconf-node", cluster, root], env=environment())


def by_ssh(cluster: str, destination: str, *, sudo: bool, seconds: float) -> Program:
    """Start the program on a node; with `sudo` by `sudo -n`, which asks for no password."""
    shell = shlex.join(["sh", "-c", FIRST, "omconf-node", cluster, ""])
    remote = f"exec {'sudo -n ' if sudo else ''}{shell}"
    return Program.start(ssh.words(destination, remote, *ALIVE), seconds=seconds)


def environment() -> dict[str, str]:
    """Return the environment of programs on this host: PATH and the locale, and no secret."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
