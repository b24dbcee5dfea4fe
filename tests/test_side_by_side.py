"""The same is done for many nodes at once, each once, with as many threads as there can be."""

from __future__ import annotations

import threading
import time

import pytest

from omconf.side_by_side import AT_ONCE, side_by_side


@pytest.mark.parametrize("count", [0, 1, 2, 3 * AT_ONCE])
@pytest.mark.parametrize("can_start", [0, 1, 2, AT_ONCE])
def test_each_once_and_in_order(
    monkeypatch: pytest.MonkeyPatch, can_start: int, count: int
) -> None:
    start, done = threading.Thread.start, []
    started: list[threading.Thread] = []

    def limited(thread: threading.Thread) -> None:
        if len(started) == can_start:
            raise RuntimeError("can't start new thread")  # its words, see setrlimit(2)
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)

    def work(number: int) -> int:
        time.sleep(0.001 * (count - number) / (count + 1))
        done.append(number)
        return -number

    assert side_by_side(work, range(count)) == [-number for number in range(count)]
    assert sorted(done) == list(range(count))


def test_the_first_error_is_raised_when_all_ended() -> None:
    done = []

    def work(number: int) -> None:
        time.sleep(0.05 / (number + 1))
        done.append(number)
        if number in (2, 4):
            raise ValueError(number)

    with pytest.raises(ValueError, match="2"):
        side_by_side(work, range(6))
    assert sorted(done) == list(range(6))


def test_they_are_done_at_once() -> None:
    meet = threading.Barrier(AT_ONCE, timeout=20)
    side_by_side(lambda _: meet.wait(), range(2 * AT_ONCE))
