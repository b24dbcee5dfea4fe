"""Relative links of the project's own pages lead somewhere: of all but the rules' pages.

`make docs` checks anchors, too. No page has HTML.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.command import ROOT

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "tests/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs/decisions").glob("*.md")),
]
_NO_TEXT = re.compile(r"^ *```.*?^ *```$|<!--.*?-->|(`+)[^`].*?\1(?!`)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text("utf-8")):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize(
    "page",
    [*PAGES, *sorted((ROOT / "docs/rules").glob("*.md"))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_what_looks_like_html_is_text(page: Path) -> None:
    """A name in angle brackets is a tag to Markdown, and no reader ever sees it."""
    text = _NO_TEXT.sub("", page.read_text("utf-8"))
    assert re.findall(r"(?<!\\)</?[A-Za-z].{0,40}", text) == []
