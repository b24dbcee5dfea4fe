"""docs/security.md names a test for each guard: it exists."""

from __future__ import annotations

import re

import pytest

from tests.command import ROOT

PAGE = (ROOT / "docs/security.md").read_text("utf-8")
TESTS = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE.partition("\n## Nodes\n")[2])


@pytest.mark.parametrize(("file", "test"), TESTS, ids=["::".join(filter(None, t)) for t in TESTS])
def test_it_exists(file: str, test: str) -> None:
    text = (ROOT / file).read_text("utf-8")
    assert re.search(rf"^def {test or 'test_'}", text, re.MULTILINE)


def test_every_line_has_one() -> None:
    tables = PAGE.partition("\n## Nodes\n")[2]
    rows = [row for row in tables.splitlines() if row.startswith("| ") and "---" not in row]
    without = [row for row in rows if "`tests/" not in row and not row.startswith("| threat ")]
    assert rows
    assert without == []
