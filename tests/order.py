"""The order of tests that run side by side: what mostly waits begins at once, and on every worker.

xdist gives each of its workers one stretch of the tests, and lets those that are done do what is
left of the others', from its end (`--dist worksteal`). Tests of real programs mostly wait, those on
three nodes longest; the tests of a module share what they wait for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import pytest

NODES = "three"
"""The fixture of three nodes."""
Test = TypeVar("Test")


def rank(item: pytest.Item) -> int:
    """Give 0 for a test on three nodes, 1 for another one of real programs, 2 for the rest."""
    if NODES in getattr(item, "fixturenames", ()):
        return 0
    return 1 if item.nodeid.startswith("tests/real/") else 2


def spread(tests: Iterable[tuple[int, str, Test]], workers: int) -> list[Test]:
    """Order tests, given with rank and module: workers begin with their share of ranks 0 and 1.

    Modules of these ranks stay together. Those on three nodes go to two workers: more of such nodes at
    a time would only wait for the processors.
    """
    modules: list[dict[str, list[Test]]] = [{}, {}, {}]
    for rank, module, test in tests:
        modules[rank].setdefault(module, []).append(test)
    shares: list[list[Test]] = [[] for _ in range(workers)]
    for ranked, those in ((modules[0], shares[:2]), (modules[1], shares)):
        for together in sorted(ranked.values(), key=len, reverse=True):
            min(those, key=len).extend(together)
    rest = [test for together in modules[2].values() for test in together]
    every = sum(map(len, shares)) + len(rest)
    for number, share in enumerate(shares):
        # As xdist cuts them: what is left, by the workers that are left.
        more = every // (workers - number) - len(share)
        share.extend(rest[: max(more, 0)])
        del rest[: max(more, 0)]
        every -= len(share)
    return [test for share in shares for test in share]
