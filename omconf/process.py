"""Runs one program without a shell, for a limited time, and takes a limited answer."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_ERROR = 64 * 1024
_GRACE = 0.2
"""Seconds in which a text may follow the end of a program."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program gave: its exit code, its output, what it said on stderr.

    `problem` says why it could not be run or heard out; then the rest means nothing. The moments of
    its start and of its first output are seconds since 1970.
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
    whole: bool = False,
) -> Answer:
    """Run a program; it is killed after `seconds` or at `limit` bytes of output.

    With `whole`, all that it started ends with it; otherwise that may go on, and is not waited for.
    """
    started = time.time()
    with _file_of(stdin) as given:
        try:
            process = subprocess.Popen(
                command,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env=env,
                start_new_session=whole,
            )
        except OSError as error:
            return Answer(problem=f"{command[0]} cannot be run: {error.strerror}")
    with process:
        try:
            heard = _heard(process, seconds, limit)
        finally:
            process.kill()
            if whole:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    said = heard.error.decode("utf-8", "replace")
    return Answer(code, bytes(heard.out), said, heard.problem, started, heard.answered)


@contextmanager
def _file_of(stdin: bytes) -> Iterator[int]:
    """What a program reads, as a file: one that does not read it cannot hold us up."""
    if not stdin:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(stdin)
        file.seek(0)
        yield file.fileno()


@dataclass(slots=True)
class _Heard:
    out: bytearray = field(default_factory=bytearray)
    error: bytearray = field(default_factory=bytearray)
    answered: float = 0.0
    problem: str = ""


def _take(
    streams: selectors.BaseSelector, ready: Sequence[tuple[selectors.SelectorKey, int]]
) -> None:
    """Read what there is; a stream that has ended is looked at no more."""
    for key, _ in ready:
        data = os.read(key.fd, 65536)
        if not data:
            streams.unregister(key.fileobj)
        key.data.extend(data)


def _heard(process: subprocess.Popen[bytes], seconds: float, limit: int) -> _Heard:
    """Read both streams until the program ends, or says why no more was taken."""
    assert process.stdout is not None  # noqa: S101 - for the type checker
    assert process.stderr is not None  # noqa: S101
    heard = _Heard()
    end = time.monotonic() + seconds
    late = f"no answer in {seconds:g} seconds"
    with selectors.DefaultSelector() as streams:
        streams.register(process.stdout, selectors.EVENT_READ, heard.out)
        streams.register(process.stderr, selectors.EVENT_READ, heard.error)
        while process.stdout in {key.fileobj for key in streams.get_map().values()}:
            left = end - time.monotonic()
            ready = streams.select(min(left, _GRACE)) if left > 0 else []
            if not ready and process.poll() is not None:
                streams.unregister(process.stdout)  # what it left running keeps it open
            if not ready and left <= 0:
                heard.problem = late
                return heard
            _take(streams, ready)
            if heard.out and not heard.answered:
                heard.answered = time.time()
            del heard.error[MAX_ERROR:]
            if len(heard.out) > limit:
                heard.problem = f"it said more than {limit:,} bytes"
                return heard
        try:
            process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            heard.problem = late
        grace = time.monotonic() + _GRACE
        while streams.get_map() and streams.select(max(0.0, grace - time.monotonic())):
            data = os.read(process.stderr.fileno(), 65536)
            if not data or len(heard.error) > MAX_ERROR:
                break
            heard.error.extend(data)
    return heard
