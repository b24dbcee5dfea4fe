"""Runs one program without a shell, for a limited time, and takes a limited answer."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import field
from typing import TYPE_CHECKING

from omconf import interrupts
from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Room = Callable[[int], str]
    """Says why an answer of so many bytes cannot be held; nothing when it can."""

MAX_ERROR = 64 * 1024
"""Bytes of stderr that are kept."""
_GRACE = interrupts.SECONDS
"""Seconds for which output is waited for after the end of a program."""
_KILLED = 2.0
"""Seconds that a killed program is waited for."""
_MIN_PAUSE, _MAX_PAUSE = 0.0005, 0.05
"""Seconds between two looks at a program that has closed its output and goes on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program gave: its exit code, its output, and the first MAX_ERROR bytes of its stderr.

    `problem` says why it could not be run or its output not be read; then the rest means nothing.
    The moments of its start and of its first output are seconds since 1970.
    """

    code: int = -1
    out: bytes = b""
    error: str = ""
    problem: str = ""
    started: float = 0.0
    answered: float = 0.0


def run(
    command: Sequence[str],
    *,
    seconds: float,
    limit: int,
    stdin: bytes = b"",
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    room: Room | None = None,
) -> Answer:
    """Run a program; it is killed after `seconds`, at `limit` bytes of output, or for lack of `room`.

    It runs in a session of its own, without a terminal. What it started in its process group ends
    with it; what it moved to another session (the master of ssh's ControlPersist) goes on.
    """
    try:
        with interrupts.deferred(), _file_of(stdin) as given:
            if interrupts.stopped():
                return Answer(problem="interrupted")
            started = time.time()
            process = subprocess.Popen(
                command,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=cwd,
                env=env,
                start_new_session=True,
            )
            try:
                heard = _heard(process, seconds, limit, room)
            finally:
                code = _ended(process)
    except OSError as error:  # also where there is no descriptor left, or no temporary folder
        return Answer(problem=f"{command[0]} cannot be run: {error.strerror}")
    error_text = heard.error.decode("utf-8", "replace")
    return Answer(code, bytes(heard.out), error_text, heard.problem, started, heard.answered)


def _ended(process: subprocess.Popen[bytes]) -> int:
    """Kill what is left of a program and return its exit code; -1 for one that cannot be killed."""
    kill_group(process.pid)
    for stream in (process.stdout, process.stderr):
        assert stream is not None  # noqa: S101 - for the type checker
        stream.close()
    try:
        return process.wait(_KILLED)
    except subprocess.TimeoutExpired:  # it runs as another user (sudo), or waits for a dead disk
        return -1


@contextmanager
def _file_of(stdin: bytes) -> Iterator[int]:
    """Yield a program's input as a file: a program that does not read it cannot block omconf."""
    if not stdin:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(stdin)
        file.seek(0)
        yield file.fileno()


@dataclass(slots=True)
class _Heard:
    limit: int
    room: Room | None
    out: bytearray = field(default_factory=bytearray)
    error: bytearray = field(default_factory=bytearray)
    answered: float = 0.0
    problem: str = ""

    def take(
        self, streams: selectors.BaseSelector, ready: Sequence[tuple[selectors.SelectorKey, int]]
    ) -> None:
        """Read what there is; a stream that has ended is not watched any more."""
        for key, _ in ready:
            data = os.read(key.fd, 65536)
            if not data:
                streams.unregister(key.fileobj)
            key.data.extend(data)
        del self.error[MAX_ERROR:]
        if self.out and not self.answered:
            self.answered = time.time()
        if len(self.out) > self.limit:
            self.problem = too_long(self.limit)
        elif self.room is not None:
            self.problem = self.room(len(self.out))


def too_long(limit: int) -> str:
    """Say that an answer has more than `limit` bytes, as part of a sentence."""
    return f"it sent more than {limit:,} bytes"


def kill_group(group: int) -> None:
    """Kill all of a process group that is left; its leader must not have been waited for yet."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _exited(pid: int) -> bool:
    """Tell whether a child has ended; its number stays taken, so its group can still be killed."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def _heard(
    process: subprocess.Popen[bytes], seconds: float, limit: int, room: Room | None
) -> _Heard:
    """Read both streams until the program ends, or until `problem` says why no more is read."""
    heard = _Heard(limit, room)
    end = time.monotonic() + seconds
    pause, gone = _MIN_PAUSE, False
    # poll, unlike epoll, takes no descriptor: there may be none left.
    with selectors.PollSelector() as streams:
        for stream, data in ((process.stdout, heard.out), (process.stderr, heard.error)):
            assert stream is not None  # noqa: S101 - for the type checker
            streams.register(stream, selectors.EVENT_READ, data)
        while not heard.problem and (streams.get_map() or not gone):
            left = end - time.monotonic()
            if left <= 0 or interrupts.stopped():
                heard.problem = "interrupted" if left > 0 else f"no response in {seconds:g} seconds"
                break
            if not streams.get_map():
                pause = min(2 * pause, _MAX_PAUSE)
            ready = streams.select(min(left, _GRACE if streams.get_map() else pause))
            if gone and not ready:
                break  # what it left running keeps a stream open
            heard.take(streams, ready)
            if not gone and _exited(process.pid):
                gone = True
                kill_group(process.pid)
    return heard
