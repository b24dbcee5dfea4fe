"""Runs the program on a node and speaks with it: on this host, or by the user's own OpenSSH.

The program itself is the first that it is given, with its length before it: no shell promises to read
no further than to the end of a script.
"""

from __future__ import annotations

import os
import secrets
import selectors
import shlex
import subprocess
import time
from contextlib import suppress
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from omconf import interrupts, process
from omconf.apply.program import MAX_SAID, UNEXPECTED, Program, lacks, number
from omconf.apply.wire import SLACK, LeftError, LostError, command, framed
from omconf.dataclass import dataclass
from omconf.deployed import ssh
from omconf.process import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omconf.process import Room

PROGRAM = Path(__file__).with_name("node.sh")
CLOSING_SECONDS = 10
FIRST = 'read -r n; program=$(head -c "$n"); [ ${#program} = "$n" ] && eval "$program"'
"""What makes a shell the program, given `first()`; of a login shell it asks no more than quotes."""
MAX_LISTED = 1024 * 1024
"""Bytes of what a script says of the files that it sends."""
SEND_SECONDS = 60
"""Seconds that a node may take until it reads what it is sent, however short that is."""
SLOWEST = 10_000
"""Bytes per second that a node reads at least."""
DEAF = "it accepts no more commands"
ALIVE = ("ServerAliveInterval=5", "ServerAliveCountMax=3")
"""A connection that is cut is known to be after so many seconds."""


def first(before: bytes = b"") -> bytes:
    """Return the program after its length, with shell text before it."""
    text = before + _program()
    return b"%d\n%b" % (len(text), text)


@cache
def _program() -> bytes:
    # Read once: during an apply there may be no descriptor left for it.
    return PROGRAM.read_bytes().strip()


@dataclass(slots=True)
class Piped(Program):
    """A node program that runs, at the other end of two pipes.

    It runs in a session of its own: Ctrl-C in a terminal reaches omconf alone, and what the program
    has begun it completes.
    """

    process: subprocess.Popen[bytes]
    _answers: bytearray = field(default_factory=bytearray)
    _said: bytearray = field(default_factory=bytearray)
    _reads: bool = True
    """Whether it changes nothing, so that the first signal ends the wait for it."""

    @classmethod
    def start(
        cls, words: Sequence[str], *, seconds: float = 30, env: Mapping[str, str] | None = None
    ) -> Piped:
        """Start a shell by a command that becomes the program; raises LostError."""
        try:
            given = first()
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
        assert process.stdin is not None  # noqa: S101 - for the type checker
        os.set_blocking(process.stdin.fileno(), False)
        program = cls(process)
        try:
            program._write(given)
            if not (reply := program._answer(seconds)).ok:
                raise lacks(reply)
            program._reads = False
        except LostError:
            program.drop()
            raise
        return program

    def _send(self, lines: Sequence[bytes]) -> None:
        self._write(framed(lines))

    def _write(self, data: bytes) -> None:
        assert self.process.stdin is not None  # noqa: S101 - for the type checker
        if self.process.stdin.closed:
            raise self._lost(DEAF)
        left, end = memoryview(data), time.monotonic() + SEND_SECONDS + len(data) / SLOWEST
        try:
            while left:
                try:
                    left = left[os.write(self.process.stdin.fileno(), left) :]
                except BlockingIOError:
                    self._await_reader(end)
        except OSError as error:
            raise self._lost(DEAF) from error
        finally:
            if left:  # what would follow, the node would take for the rest of this command
                self.process.stdin.close()

    def _await_reader(self, end: float) -> None:
        """Wait for a moment until the node reads on; raises as `_line` does."""
        assert self.process.stdin is not None  # noqa: S101 - for the type checker
        if self._reads and interrupts.stopped():
            raise LostError("interrupted")
        if interrupts.hurried():
            raise LeftError
        if time.monotonic() >= end:
            raise self._lost(DEAF)
        with selectors.PollSelector() as streams:
            streams.register(self.process.stdin, selectors.EVENT_WRITE)
            streams.select(interrupts.SECONDS)

    def said(self) -> str:
        """Return what programs printed since the last call: hostile text."""
        self._hear(0)
        text = self._said.decode("utf-8", "replace")
        self._said.clear()
        return text

    def drop(self) -> None:
        """End the connection at once: it has no lock yet, and changes nothing."""
        process.kill_group(self.process.pid)
        self.close()

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

    def _line(self, seconds: float, longest: int, since: float = 0) -> bytes:
        return self._up_to(b"\n", seconds, _at_most(longest), since)

    def _up_to(self, mark: bytes, seconds: float, refused: Room, since: float = 0) -> bytes:
        """Return what comes before a mark, which is taken off; raises as `_line` does.

        The seconds count from a moment (monotonic), by default from now.
        """
        end, seen = (since or time.monotonic()) + seconds, 0
        while (found := self._answers.find(mark, max(0, seen - len(mark)))) < 0:
            seen = len(self._answers)
            if self._reads and interrupts.stopped():
                raise LostError("interrupted")
            if interrupts.hurried():
                raise LeftError(running=True)
            left = end - time.monotonic()
            if left <= 0:
                raise LostError(f"no response in {seconds:g} seconds")
            if why := refused(seen):
                raise LostError(why)
            if not self._hear(left):
                raise self._lost("it ended")
        if why := refused(found):
            raise LostError(why)
        data = bytes(self._answers[:found])
        del self._answers[: found + len(mark)]
        return data

    def files(
        self, script: bytes, *, seconds: float, limit: int, room: Room, since: float = 0
    ) -> Answer:
        """Run a script that sends files, and return what it sends: hostile bytes; raises LostError.

        `room` says why it may not be as long as it is, as `process.run` asks it. The seconds count
        from a moment (monotonic), by default from now.
        """
        end = secrets.token_hex(16)
        mark = f"\n{end}\n".encode()

        def refused(size: int) -> str:
            return process.too_long(limit) if size > limit else room(size)

        self._reads = True
        self._send([command("files", script, end)])
        out = self._up_to(mark, seconds, refused, since)
        error = self._up_to(mark, SLACK, _at_most(MAX_LISTED))
        reply = self._reply(SLACK)
        self._reads = False
        return Answer(number(reply, reply.word(0)), out, error.decode("utf-8", "replace"))

    def _hear(self, seconds: float) -> bool:
        """Take what there is of both streams; False when the answers have ended."""
        assert self.process.stdout is not None  # noqa: S101 - for the type checker
        assert self.process.stderr is not None  # noqa: S101
        with selectors.PollSelector() as streams:
            streams.register(self.process.stdout, selectors.EVENT_READ, self._answers)
            streams.register(self.process.stderr, selectors.EVENT_READ, self._said)
            ready = streams.select(min(seconds, 0.2))
            ended = []
            for key, _ in ready:
                data = os.read(key.fd, 65536)
                key.data.extend(data)
                if not data:
                    ended.append(key.data)
        del self._said[:-MAX_SAID]
        if any(stream is self._answers for stream in ended):
            return False
        if ended:
            time.sleep(0.01)  # programs closed their end; the answer is still to come
        return True

    def _lost(self, why: str) -> LostError:
        said = self._complaint()
        return LostError(f"{why}: {said}" if said else why, said=said)


def _at_most(longest: int) -> Room:
    """Refuse an answer of the program's that is longer than all of its own."""
    return lambda size: UNEXPECTED if size > longest else ""


def local(cluster: str, root: str) -> Piped:
    """Start the program on this host; `root` is the tree that it works in, empty for its own."""
    return Piped.start(["sh", "-c", FIRST, "omconf-node", cluster, root], env=environment())


def by_ssh(cluster: str, destination: str, *, sudo: bool, seconds: float) -> Piped:
    """Start the program on a node; with `sudo` by `sudo -n`, which asks for no password."""
    shell = shlex.join(["sh", "-c", FIRST, "omconf-node", cluster, ""])
    remote = f"exec {'sudo -n ' if sudo else ''}{shell}"
    return Piped.start(ssh.words(destination, remote, *ALIVE), seconds=seconds)


def environment() -> dict[str, str]:
    """Return the environment of programs on this host: PATH and the locale, and no secret."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
