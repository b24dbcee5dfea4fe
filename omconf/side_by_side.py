"""Does the same for many nodes at once."""

from __future__ import annotations

from collections import deque
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from omconf import interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = 32
"""As many nodes are asked side by side."""


def _started(threads: Iterable[Thread]) -> Iterator[Thread]:
    """Start threads until the system starts no further one."""
    for thread in threads:
        try:
            thread.start()
        except RuntimeError:
            return
        yield thread


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Do the same for many nodes at once; the results are in the order of the items.

    Of what `work` raises, the first in that order is raised, when all have come to their end. After a
    signal, `work` has to come to its end by itself, as `run` does; then Interrupted is raised. Where
    the system starts few threads (a limit of processes, see setrlimit(2)), fewer are done at once.
    """
    left = deque(enumerate(items))
    results: dict[int, Result] = {}
    errors: dict[int, BaseException] = {}

    def one_after_another() -> None:
        while left:
            try:
                at, item = left.popleft()
            except IndexError:  # another thread took it in between
                return
            try:
                results[at] = work(item)
            except BaseException as error:  # noqa: BLE001 - raised below
                errors[at] = error

    with interrupts.deferred():
        threads = [Thread(target=one_after_another) for _ in range(min(AT_ONCE, len(left)))]
        started = list(_started(threads))
        if not started:
            one_after_another()
        for thread in started:
            # The system may give a signal to any thread, which does not wake this one, and Python
            # handles it in this one alone.
            while thread.is_alive():
                thread.join(interrupts.SECONDS)
        if errors:
            raise errors[min(errors)]
        return [results[at] for at in sorted(results)]
