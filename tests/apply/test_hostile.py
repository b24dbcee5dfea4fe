"""A node that answers as no node program does: it ends neither the wait of omconf nor its memory."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from omconf import interrupts
from omconf.apply import carrier, program
from omconf.apply.carrier import CLOSING_SECONDS, Piped
from omconf.apply.wire import LeftError, LostError
from omconf.formats.node_check import MAX_BYTES

BEGUN = "cat >/dev/null & echo ok; "


@contextmanager
def hostile(script: str) -> Iterator[Piped]:
    """Start a node that is a shell script: what it begins with is taken for the program's start."""
    node = Piped.start(["sh", "-c", script])
    try:
        yield node
    finally:
        node.drop()
        node.process.wait()


def test_what_a_program_prints_is_limited_in_all() -> None:
    line = "x" * 1000
    with hostile(f"{BEGUN} echo 'ok|0|9999999'; exec yes {line}") as node:
        with pytest.raises(LostError, match=program.UNEXPECTED):
            node.output(["true"], b"", seconds=1)
        assert len(node._answers) < MAX_BYTES


def test_a_program_may_print_as_much_as_the_node_sends() -> None:
    count = MAX_BYTES // 8
    with hostile(f"{BEGUN} echo 'ok|0|{count}'; yes 1234567 | head -n {count}; sleep 9") as node:
        assert node.output(["true"], b"", seconds=1).out == b"1234567\n" * count


def test_what_a_program_prints_slowly_is_limited_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "SLACK", 1)
    script = f"{BEGUN} echo 'ok|0|9999999'; while :; do echo x; sleep 0.1; done"
    with hostile(script) as node, pytest.raises(LostError, match="no response in 1 seconds"):
        node.output(["true"], b"", seconds=1)


LONG = b"x" * 1024 * 1024
DEAF = "echo ok; exec sleep 60"


def test_a_node_that_reads_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is sent after a command that it has a part of."""
    monkeypatch.setattr(carrier, "SEND_SECONDS", 0.2)
    monkeypatch.setattr(carrier, "SLOWEST", 10**7)
    with hostile(DEAF) as node:
        for _ in range(2):
            with pytest.raises(LostError, match="it accepts no more commands"):
                node.ask("draft", "exports", LONG)


def refused(node: Piped) -> LostError | None:
    try:
        node.ask("draft", "exports", LONG)
    except LostError as error:
        return error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return None


def test_a_second_signal_ends_the_wait_for_a_node_that_reads_nothing() -> None:
    before = signal.signal(signal.SIGALRM, interrupts._interrupt)
    began, left = time.monotonic(), None
    try:
        with hostile(DEAF) as node:
            signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)
            with pytest.raises(interrupts.Interrupted), interrupts.deferred():
                left = refused(node)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        interrupts.resume()
        interrupts._state.since, interrupts._state.again = 0.0, False
    assert isinstance(left, LeftError)
    assert not left.running, "it has a part of the command only"
    assert time.monotonic() - began < CLOSING_SECONDS
