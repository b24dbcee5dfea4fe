"""Runs the program on a node and speaks with it; `--local` runs it on this host."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from omconf.apply.wire import LostError, Reply, command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

PROGRAM = Path(__file__).with_name("node.sh")
LONGEST_ANSWER = 64 * 1024
"""Bytes of a line that a node answers; ours have some hundred."""
MOST_SAID = 16 * 1024
"""Bytes that are kept of what programs print on a node: the last ones."""
CLOSING_SECONDS = 10


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
        """Start a command that becomes the program; raises LostError."""
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
            program._answer(seconds)
        except LostError:
            program.close()
            raise
        return program

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(self, *fields: bytes | str, seconds: float = 60) -> Reply:
        """Give a command and wait for its answer; raises LostError."""
        assert self.process.stdin is not None  # noqa: S101 - for the type checker
        line = memoryview(command(*fields))
        try:
            while line:
                line = line[os.write(self.process.stdin.fileno(), line) :]
        except OSError as error:
            raise LostError(self._why("it takes no commands any more")) from error
        return self._answer(seconds)

    def said(self) -> str:
        """Give what programs printed since this was asked last: hostile text."""
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
            self.process.wait(CLOSING_SECONDS)
        for stream in streams[1:]:
            assert stream is not None  # noqa: S101 - for the type checker
            stream.close()

    def _answer(self, seconds: float) -> Reply:
        end = time.monotonic() + seconds
        while b"\n" not in self._answers:
            left = end - time.monotonic()
            if left <= 0:
                raise LostError(f"no answer in {seconds:g} seconds")
            if len(self._answers) > LONGEST_ANSWER:
                raise LostError("it answers what no node program says")
            if not self._hear(left):
                raise LostError(self._why("it ended"))
        line, _, rest = bytes(self._answers).partition(b"\n")
        self._answers[:] = rest
        try:
            return Reply.of(line)
        except ValueError as error:
            raise LostError("it answers what no node program says") from error

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
        del self._said[:-MOST_SAID]
        return True

    def _why(self, otherwise: str) -> str:
        said = [line for line in self.said().splitlines() if line.strip()]
        return f"{otherwise}: {said[-1][:300]}" if said else otherwise


def local(cluster: str, root: str) -> Program:
    """Start the program on this host; `root` is the tree that it works in, empty for its own."""
    words = ["sh", "-c", PROGRAM.read_text(), "omconf-node", cluster, root]
    return Program.start(words, env=environment())


def environment() -> dict[str, str]:
    """Give what programs on a node find in their environment: no secret of omconf's own."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
