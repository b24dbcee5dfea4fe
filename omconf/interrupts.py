"""Signals that end omconf, and with it what it started.

Every program runs in a session of its own, so that a signal to omconf, and Ctrl-C in a terminal,
reach omconf alone. Code that runs programs defers the signal and asks `stopped` as it waits, in any
thread; it kills them, and only then does the signal raise an exception. So no exception comes in
between the start of a program and the note of its number, or while a lock is held. Code that ends
what it is at first asks `hurried`: a second signal says not to wait for that. Light enough to be
imported at start-up.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SECONDS = 0.2
"""As long may code that defers signals wait before it asks `stopped` or lets Python handle them."""


class Interrupted(BaseException):
    """Raised in the main thread by a signal of SIGNALS; no KeyboardInterrupt, which Typer handles."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(slots=True)
class _State:
    number: int = 0
    """The signal that came in; 0 for none."""
    deferred: bool = False
    since: float = 0.0
    """When the first one came in (monotonic, in seconds); 0 for none."""
    again: bool = False
    """Whether a further one came in."""


_state = _State()


def install() -> None:
    """Handle each of SIGNALS that was not ignored at start (`nohup`); for the main thread only.

    Where who started omconf ignores SIGCHLD, the system would forget how each program ended.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in SIGNALS:
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            signal.signal(number, _interrupt)


def uninstall() -> None:
    """Let the signals end the process at once again, as there is nothing left to clean up."""
    for number in SIGNALS:
        if signal.getsignal(number) is _interrupt:
            signal.signal(number, signal.SIG_DFL)


def die(number: int) -> NoReturn:
    """End this process by the signal itself, as shells and service managers expect.

    The exit code 128 + number is for process 1 of a container, which no such signal ends.
    """
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
    sys.exit(128 + number)


def _interrupt(number: int, _: FrameType | None) -> None:
    now = time.monotonic()
    # One signal may come twice: of `timeout`, of a terminal that is closed and of its shell.
    _state.again = _state.again or 0 < _state.since <= now - SECONDS
    _state.since = _state.since or now
    if _state.number:
        return  # it ends already; a second exception would come in between its clean-up
    _state.number = number
    if not _state.deferred:
        raise Interrupted(number)


@contextmanager
def deferred() -> Iterator[None]:
    """In the main thread, let a signal raise Interrupted at the end of the block, not in it."""
    if _state.deferred or threading.current_thread() is not threading.main_thread():
        yield
        return
    _state.deferred = True
    if not _state.number:
        _state.since, _state.again = 0.0, False
    try:
        yield
    finally:
        _state.deferred = False
        if _state.number:
            raise Interrupted(_state.number)


def stopped() -> bool:
    """Tell whether a signal came in: then programs are killed, and no further one is started."""
    return _state.number != 0


def hurried() -> bool:
    """Tell whether a further signal came in, also after `resume`: then nothing is waited for."""
    return _state.again


def sleep(seconds: float) -> None:
    """Sleep, unless a signal comes in."""
    end = time.monotonic() + seconds
    while not stopped() and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, SECONDS))


def resume() -> None:
    """Allow programs and signals again after an interrupt, for those that clean up."""
    _state.number = 0
