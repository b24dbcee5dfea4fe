"""Runs omconf in this process, as the command line would."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import typer.main

from omconf.cli import run_command

ROOT = Path(__file__).parent.parent
OWN_CODE = {"PYTHONPATH": str(ROOT)}
"""Has a shell's `omconf` run the code beside these tests, wherever the installed one is from."""
EXAMPLES = ROOT / "examples"
typer.main.get_command = functools.cache(typer.main.get_command)
"""A process runs one command; the tests run thousands, and need not build all commands for each."""
_FINDING = re.compile(r"^(?:(\S.*?): )?(?:error|warning)\[(OM\d+)\]: ", re.MULTILINE)


def findings(err: str) -> list[tuple[str, str]]:
    """The findings that a command's stderr has: the rule and, where it names one, the place of each."""
    return [(rule, place) for place, rule in _FINDING.findall(err)]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def findings(self) -> list[tuple[str, str]]:
        return findings(self.err)

    @property
    def rules(self) -> list[str]:
        """The ids of its findings, in order."""
        return [rule for rule, _ in self.findings]


def omconf(
    *arguments: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> Result:
    out, err = io.StringIO(), io.StringIO()
    with _inside(cwd), mock.patch.dict(os.environ, env or {}):
        with redirect_stdout(out), redirect_stderr(err):
            code = run_command([str(a) for a in arguments])
    return Result(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def tree(folder: Path) -> dict[str, str]:
    """All files below a folder, by relative path."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
