"""Paths of the command line: every argument and option that takes one is read in the same way."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from omconf.cli import output
from omconf.cli.app import COMMANDS
from tests.command import EXAMPLES, omconf

SPEC = EXAMPLES / "clustering-page" / "cluster.yaml"


def paths() -> Iterator[tuple[str, str, Any]]:
    """Every parameter that takes a path: its command, its option (or name), what typer is told."""
    for command, module in COMMANDS.items():
        function = getattr(importlib.import_module(f"omconf.cli.{module}"), module)
        for name, hint in get_type_hints(function, include_extras=True).items():
            kind, *rest = get_args(hint) or (hint,)
            if Path in (kind, *get_args(kind)):
                (info,) = rest
                # In an annotation, typer takes what would be the default for a name, too.
                names = map(str, (info.default, *(info.param_decls or ())))
                yield command, next((n for n in names if n.startswith("--")), name), info


PATHS = list(paths())


def test_every_path_is_read_by_our_own_rules() -> None:
    assert len({command for command, *_ in PATHS}) > 10
    ours = (output.path, output.spec)
    assert [(c, name) for c, name, info in PATHS if info.parser not in ours] == []


@pytest.mark.parametrize(
    ("command", "option"),
    [(command, name) for command, name, _ in PATHS if name.startswith("--")],
)
def test_an_option_with_an_empty_path_is_a_wrong_command_line(
    command: str, option: str, tmp_path: Path
) -> None:
    done = omconf(command, option, "", cwd=tmp_path)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: Invalid value for {option}: it must not be empty.")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("apply", "--drain"),
        ("apply", "--break-lock"),
        ("undo", "--break-lock"),
        ("undo", "--id"),
    ],
)
def test_an_option_that_is_empty_is_not_one_that_was_not_given(
    command: str, option: str, tmp_path: Path
) -> None:
    """In a script, it is a variable that is not set: the last apply is not meant by it."""
    done = omconf(command, SPEC, "--local", "om1", "--root", tmp_path, "--yes", option, "")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: Invalid value for {option}: it must not be empty.")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "line", ["init", "validate", "validate a", "build -o b", "plan", "show", "apply", "explain"]
)
def test_an_empty_argument_is_a_wrong_command_line(line: str, tmp_path: Path) -> None:
    done = omconf(*line.split(), "", cwd=tmp_path)
    assert (done.code, done.out, done.findings) == (1, "", [])
    assert "it must not be empty." in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "line",
    [
        "validate cluster.yaml --format json",
        "plan --deployed . --json",
        "import --deployed . --json",
        "explain om1:/etc/fstab --spec cluster.yaml --json",
        "show cluster.yaml --json",
    ],
)
def test_whether_a_file_can_be_read_is_no_matter_of_the_command_line(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command finds out, and says so in its document; root may read every file."""
    (tmp_path / "cluster.yaml").write_bytes(SPEC.read_bytes())
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    done = omconf(*line.split(), cwd=tmp_path)
    assert json.loads(done.out)["format_version"]


def test_a_default_that_cannot_even_be_looked_for_is_reported_later(tmp_path: Path) -> None:
    # As where the current folder may not be searched, which root may.
    assert output.spec(tmp_path / ("x" * 5000)) == output.DEFAULT_SPEC


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        ("init {}", ["OM111"]),
        ("plan {} --deployed . --out plan", ["OM100"]),
        ("import --deployed . -o {}", ["OM111"]),
    ],
)
def test_a_folder_that_cannot_be_searched_is_reported(
    line: str, rules: list[str], tmp_path: Path
) -> None:
    # A name that is too long stands for it, since root may search everywhere.
    done = omconf(*line.format(f"{'x' * 300}/cluster.yaml").split(), cwd=tmp_path)
    assert (done.code, done.rules) == (1, rules)
    assert "File name too long" in done.err
