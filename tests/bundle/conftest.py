from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.bundle.writing import QUICK


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """These tests make and remove thousands of files, which takes some disks a minute."""
    with TemporaryDirectory(prefix="omconf-test-", dir=QUICK) as folder:
        yield Path(folder)
