"""The pictures of docs/ show what the commands print today, and load nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import pictures
from tests.command import ROOT
from tests.needs import needs


@pytest.mark.slow
@needs("bash")
@pytest.mark.parametrize("picture", pictures.PICTURES, ids=lambda picture: picture.name)
def test_it_is_fresh(picture: pictures.Picture, tmp_path: Path) -> None:
    drawn = (pictures.FOLDER / f"{picture.name}.svg").read_text("utf-8")
    assert drawn == pictures.draw(picture, tmp_path), "run `make pictures`"
    assert re.findall(r"\b(?:href|src)=|@import|@font-face|url\((?!#)", drawn) == [], (
        "it loads nothing"
    )


def test_each_picture_is_drawn_and_shown() -> None:
    drawn = {path.stem for path in pictures.FOLDER.glob("*.svg")}
    assert drawn == {picture.name for picture in pictures.PICTURES}
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = re.findall(r"pictures/(\w+)\.svg", "".join(page.read_text() for page in pages))
    assert {*shown} == drawn
