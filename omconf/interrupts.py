"""Signals that end omconf, and the programs that it started, which end with it.

Every program runs in a session of its own, so that a signal to omconf, and Ctrl-C in a terminal,
reach omconf alone. It then kills the process groups that it started and unwinds by an exception.
Light enough to be imported at start-up.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Raised in the main thread by a signal of SIGNALS; no KeyboardInterrupt, which Typer handles."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(slots=True)
class _State:
    groups: dict[int, None] = field(default_factory=dict)
    """The process groups that run now; of a dict, single operations are atomic."""
    stopped: bool = False
    deferred: bool = False
    pending: int = 0


_state = _State()


def install() -> None:
    """Handle each of SIGNALS that was not ignored at start (`nohup`); for the main thread only."""
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
    _state.stopped = True
    for group in list(_state.groups):
        end(group)
    if _state.deferred:
        _state.pending = number
    else:
        raise Interrupted(number)


def end(group: int) -> None:
    """Kill all of a process group that is left; its leader must not have been waited for yet."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


@contextmanager
def deferred() -> Iterator[None]:
    """In the main thread, let a signal raise Interrupted at the end of the block.

    What starts a program and calls `watch` must not be left in between.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _state.deferred = True
    try:
        yield
    finally:
        _state.deferred = False
        number, _state.pending = _state.pending, 0
        if number:
            raise Interrupted(number)


def watch(group: int) -> None:
    """Note a process group that a signal has to end."""
    _state.groups[group] = None
    if _state.stopped:  # the signal came in while a thread was starting it
        end(group)


def forget(group: int) -> None:
    """Take back `watch`, before the group's leader is waited for and its number is free again."""
    _state.groups.pop(group, None)


def stopped() -> bool:
    """Tell whether a signal came in: then no further program is started."""
    return _state.stopped


def resume() -> None:
    """Allow programs again after an interrupt, for those that clean up."""
    _state.stopped = False
