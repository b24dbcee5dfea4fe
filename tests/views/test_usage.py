"""A wrong command line is reported as everything else is: what is wrong, and a way out."""

from __future__ import annotations

import pytest

from tests.command import omconf


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("apply --foo", "Unknown option: --foo."),
        ("appl", "Unknown command: appl."),
        ("apply a b --ssh", "Unexpected argument: b."),
        ("plan --deployed", "--deployed needs a value."),
        ("apply --ssh=x", "--ssh takes no value."),
        ("explain", "Missing argument: RULE|FILE[:LINE]."),
        ("build", "Missing option: --output."),
        ("graph --format png", "Invalid value for --format: it must be mermaid, dot or svg."),
        ("completion ksh", "Invalid value for SHELL: it must be bash, zsh or fish."),
        ("verify --ssh --timeout 0", "Invalid value for --timeout: "),
        ("apply --ssh --health-timeout x", "Invalid value for --health-timeout: "),
        ("undo", "Choose the nodes: --ssh or --ansible, or --local NODE for this host."),
        ("log --local om1 --sudo", "--sudo and --timeout require --ssh or --ansible."),
        ("apply --local om1 --node om1", "--sudo, --timeout and --node require --ssh"),
        ("doctor --ssh --ansible", "--ssh and --ansible cannot be used together."),
        ("apply --ssh --drain 30", "`30` has no unit: write 30s for seconds or 30m for minutes."),
        ("apply --ssh --drain soon", "`soon` is not a duration: write a number with s, m or h"),
    ],
)
def test_what_is_wrong_and_a_way_out(line: str, says: str) -> None:
    done = omconf(*line.split())
    assert (done.code, done.out) == (1, "")
    first, hint = done.err.splitlines()
    assert first.startswith(f"error: {says}"), done.err
    assert hint.startswith("  hint: ")
    assert "--help`." in hint
    for theirs in ("Usage:", "Input should", "Value error", "No such", "Error:"):
        assert theirs not in done.err


def test_what_was_meant_is_named() -> None:
    assert "Did you mean `apply`?" in omconf("appl").err
    assert "Did you mean --force or --root?" in omconf("apply", "--foo").err
    assert "Did you mean svg?" in omconf("graph", "--format", "sgv").err


def test_without_arguments_the_help_is_shown_line_by_line() -> None:
    done = omconf()
    assert (done.code, done.out, done.err) == (1, "", omconf("--help").out)


def test_help_is_as_wide_as_the_terminal_and_cuts_no_sentence() -> None:
    for width in (60, 80, 140):
        shown = omconf("--help", env={"COLUMNS": str(width)}).out
        assert width - 15 < max(map(len, shown.splitlines())) <= width
        assert "..." not in shown.replace("[ARGS]...", "")
        assert "exit 1 unless every node is healthy." in " ".join(shown.split())


def test_help_of_a_command_is_its_own() -> None:
    assert omconf("help", "undo").out == omconf("undo", "--help").out
    assert omconf("help").out == omconf("--help").out
    assert omconf("help", "ver").err.startswith("error: Unknown command: ver.")
    assert omconf("-V").out == omconf("--version").out
