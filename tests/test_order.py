"""How tests are shared among workers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.order import spread

modules = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 20)),
    max_size=12,
)


@given(modules, st.integers(1, 5))
def test_every_test_runs_once_beside_those_of_its_module(
    counts: list[tuple[int, int]], workers: int
) -> None:
    tests = [
        (rank, f"m{number}", (f"m{number}", test))
        for number, (rank, count) in enumerate(counts)
        for test in range(count)
    ]
    ordered = spread(tests, workers)
    assert sorted(ordered) == sorted(test for *_, test in tests)
    for number, (rank, count) in enumerate(counts):
        places = [place for place, (module, _) in enumerate(ordered) if module == f"m{number}"]
        if rank < 2:
            assert places == [*range(places[0], places[0] + count)]


def test_each_worker_begins_with_what_waits() -> None:
    tests = [
        *((2, "plain", f"plain {number}") for number in range(12)),
        *((0, "long", f"long {number}") for number in range(4)),
        *((0, "short", f"short {number}") for number in range(2)),
        *((1, "program", f"program {number}") for number in range(2)),
    ]
    ordered = spread(tests, 2)
    assert [test.rpartition(" ")[0] for test in ordered] == [
        *["long"] * 4,
        *["plain"] * 6,
        *["short"] * 2,
        *["program"] * 2,
        *["plain"] * 6,
    ]
