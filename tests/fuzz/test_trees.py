"""Trees that change while they are read: nothing outside is read, and the work is bounded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.bundle.writing import QUICK
from tests.fuzz import trees

pytestmark = pytest.mark.slow

CASES = 1_000
CHUNK = 250


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="omconf-test-", dir=QUICK) as made:
        yield Path(made)


@pytest.mark.parametrize("first", range(0, CASES, CHUNK))
def test_cases(folder: Path, first: int) -> None:
    for number, why in trees.broken(range(first, first + CHUNK), folder):
        pytest.fail(f"{why}\n\nTo run it again: python -m tests.fuzz.trees {number}")
