"""Every command block of README.md and docs/ is run here, or says why not and is parsed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import sessions
from tests.command import OWN_CODE, ROOT
from tests.needs import needs

RUN = [page for page in sessions.PAGES if any(block.runs for block in sessions.blocks(page))]
LANGUAGES = ("console", "sh", "yaml", "json", "text", "")
RULES = sorted((ROOT / "docs/rules").glob("OM*.md"))


@pytest.mark.slow
@needs("git", "bash")
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_it_prints_what_the_page_says(page: Path, tmp_path: Path) -> None:
    wrong = [*sessions.replay(page, tmp_path)]
    assert not wrong, "\n".join(wrong)


@needs("bash")
def test_the_code_beside_the_tests_is_run(tmp_path: Path) -> None:
    session = sessions.Session(tmp_path)
    assert OWN_CODE["PYTHONPATH"] == str(ROOT)
    command = "python -c 'import omconf; print(omconf.__file__)'"
    assert session.run(command) == (0, f"{ROOT}/omconf/__init__.py\n")


@pytest.mark.parametrize("page", sessions.PAGES, ids=lambda page: page.stem)
def test_every_block_is_run_or_says_why_not(page: Path) -> None:
    for block in sessions.blocks(page):
        place = f"{page.name}:{block.line}"
        assert block.language in LANGUAGES, f"{place}: commands are `console` or `sh`"
        if block.language != "sh":
            begins = block.text.startswith("$ ")
            assert begins == (block.language == "console"), f"{place}: commands begin with `$ `"
        for kind, rest in block.marks:
            if kind == "run by":
                assert f'"docs/{page.name}"' in (ROOT / rest).read_text(), place
            if kind == "not run":
                assert len(rest) > 10, f"{place}: the reason"
            if kind == "in":
                assert (ROOT / rest).is_dir(), place


@pytest.mark.parametrize("page", [*sessions.PAGES, *RULES], ids=lambda page: page.stem)
def test_every_command_can_be_parsed(page: Path) -> None:
    for block in sessions.blocks(page):
        for command, _ in block.commands:
            for arguments in sessions.invocations(command):
                wrong = sessions.misuse(arguments)
                assert not wrong, f"{page.name}:{block.line}: {command}: {wrong}"


@pytest.mark.parametrize("page", [*sessions.PAGES, *RULES], ids=lambda page: page.stem)
def test_the_options_that_sentences_name_exist(page: Path) -> None:
    for name, options in sessions.quoted(page):
        if name.startswith("-") or name.isupper():
            continue
        assert name in sessions.commands(), f"{page.name}: omconf {name}"
        parameters = sessions.commands()[name].params
        known = {"-h", "--help", *(option for p in parameters for option in p.opts)}
        assert not {*options} - known, f"{page.name}: omconf {name}"


class TestTheRunnerItself:
    @needs("bash")
    def test_other_output_is_found(self, tmp_path: Path) -> None:
        page = tmp_path / "page.md"
        page.write_text("```console\n$ echo a; echo b >&2\na\nc\n$ cd /\n$ pwd\n/\n```\n")
        (tmp_path / "scratch").mkdir()
        (wrong,) = sessions.replay(page, tmp_path / "scratch")
        assert wrong == "page.md:1: $ echo a; echo b >&2\na\nb\n"

    @needs("bash")
    def test_a_failing_script_is_found(self, tmp_path: Path) -> None:
        page = tmp_path / "page.md"
        page.write_text("<!-- file: f -->\n```text\nx\n```\n```sh\ngrep y f\necho on\n```\n")
        (tmp_path / "scratch").mkdir()
        assert [*sessions.replay(page, tmp_path / "scratch")] == [
            "page.md:5: $ grep y f\necho on\n\n"
        ]

    @pytest.mark.parametrize(
        ("printed", "wanted", "same"),
        [
            ("a\nb\n", "a\nb\n", True),
            ("a\nb\nc\n", "a\n...\nc\n", True),
            ("a\nc\n", "a\nb\n...\nc\n", False),
            ("a\nb\n", "a\n", False),
            ("It took 1.5 seconds.\n", "It took 20.0 seconds.\n", True),
            ("5cf879d5  2026-11-27T22:29:44Z\n", "087053b3  2026-11-28T22:29:44Z\n", True),
        ],
    )
    def test_alike(self, printed: str, wanted: str, same: bool) -> None:
        assert sessions.alike(printed, wanted) is same

    @pytest.mark.parametrize(
        ("command", "found"),
        [
            ("omconf plan --ssh 2>x | tail -n 1", [["plan", "--ssh"]]),
            ("cd a && omconf build -o b; omconf log", [["build", "-o", "b"], ["log"]]),
            ("timeout 12 omconf apply --yes > out", [["apply", "--yes"]]),
            ("source <(omconf completion bash)", [["completion", "bash"]]),
            ("omconf init   # writes it", [["init"]]),
            ("git add omconf.yaml\nomconf validate \\\n  a.yaml", [["validate", "a.yaml"]]),
            ('echo "omconf plan"', []),
        ],
    )
    def test_invocations(self, command: str, found: list[list[str]]) -> None:
        assert [*sessions.invocations(command)] == found

    @pytest.mark.parametrize(
        ("line", "wrong"),
        [
            ("plan --deployed trees", False),
            ("--version", False),
            ("plan --deploy trees", True),
            ("plam", True),
            ("graph --format png", True),
            ("build -o", True),
        ],
    )
    def test_misuse(self, line: str, wrong: bool) -> None:
        assert bool(sessions.misuse(line.split())) is wrong
