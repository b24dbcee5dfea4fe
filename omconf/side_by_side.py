"""Does the same for many nodes at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

from omconf import interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = 32
"""As many nodes are asked side by side."""


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Do the same for many nodes at once; the results are in the order of the items.

    After a signal, `work` has to come to its end by itself, as `run` does; then Interrupted is raised.
    """
    items = list(items)
    with interrupts.deferred(), ThreadPoolExecutor(max(1, min(AT_ONCE, len(items)))) as pool:
        futures = [pool.submit(work, item) for item in items]
        for future in futures:
            # The system may give a signal to any thread, which does not wake this one, and Python
            # handles it in this one alone.
            while not wait([future], interrupts.SECONDS).done:
                pass
        return [future.result() for future in futures]
