"""What `omconf import` says of its command line, of places in the spec, and of what is next."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.adopt import others
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


def _places(said: str, file: str) -> list[tuple[int, str]]:
    """The lines that findings name, each with what they quote of it."""
    found = re.findall(rf"^{re.escape(file)}:(\d+):.*\n +(\d+) \| (.*)$", said, re.MULTILINE)
    return [(int(line), text) for line, number, text in found if line == number]


@pytest.mark.parametrize("written", [True, False])
def test_findings_name_lines_of_the_spec_as_it_is_handed_over(
    trees: Path, tmp_path: Path, written: bool
) -> None:
    (trees / "om3").rename(trees / "third")  # one more line in the head
    spec = tmp_path / "cluster.yaml"
    options = ["-o", spec] if written else []
    done = omconf("import", "--deployed", trees, *options)
    lines = (spec.read_text() if written else done.out).split("\n")
    places = _places(done.err, str(spec) if written else "<stdout>")
    assert places
    assert [text for _, text in places] == [lines[line - 1] for line, _ in places]
    assert written or "cluster.yaml:" not in done.err


def test_each_value_of_an_account_names_its_own_line(tmp_path: Path) -> None:
    others.mysql_over_tls_and_a_windows_share(tmp_path)
    out = omconf("import", "--deployed", tmp_path).out
    for line, key in ((1, "user"), (2, "password"), (3, "domain")):
        assert re.search(rf"  {key}: .* # conf-a: /root/.smb-om:{line}\n", out), out
