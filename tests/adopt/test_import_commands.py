"""What `omconf import` says of its command line, of places in the spec, and of what is next."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adopt.trees import by_hand
from tests.command import omconf


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    by_hand(tmp_path / "trees")
    return tmp_path / "trees"


@pytest.mark.parametrize("words", ["", "--deployed x --local y", "--ssh --local y"])
def test_without_one_source_the_ways_are_listed(words: str) -> None:
    done = omconf("import", *words.split())
    assert done.code == 1
    assert "error[OM304]: An import " in done.err
    assert "\n    omconf import --local om1" in done.err
    assert "\\n" not in done.err


def test_a_question_ends_a_message() -> None:
    done = omconf("import", "--deployed", "x", "--release", "7.2")
    assert "Did you mean 7.2.0?\n" in done.err


@pytest.mark.parametrize("words", ["import --local", "plan --local", "verify --timeout"])
def test_an_option_without_its_value_names_its_commands_help(words: str) -> None:
    done = omconf(*words.split())
    assert f"hint: See `omconf {words.split(maxsplit=1)[0]} --help`." in done.err


def test_the_help_of_a_word_that_is_no_command_is_omconfs() -> None:
    assert "See `omconf --help`." in omconf("nope", "--local").err
