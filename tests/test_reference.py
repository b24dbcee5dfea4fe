"""The pages of the reference that are made from the program are up to date."""

from __future__ import annotations

import pytest
from typer.main import get_command

from omconf.cli.app import application
from tests import cli_page, json_page


@pytest.mark.parametrize("made", [cli_page, json_page], ids=["cli", "json"])
def test_it_is_fresh(made: object) -> None:
    page = made.PAGE.read_text("utf-8")  # type: ignore[attr-defined]
    assert page == made.page(), "run `make schemas`"  # type: ignore[attr-defined]


def test_every_option_of_every_command_is_there() -> None:
    page = cli_page.page()
    for name, command in get_command(application()).commands.items():  # type: ignore[attr-defined]
        part = page.partition(f"\n## omconf {name}\n")[2].partition("\n## ")[0]
        for option in command.params:
            for spelling in option.opts:
                assert not spelling.startswith("-") or spelling in part, f"{name}: {spelling}"
