"""The hook that validates commit messages (.pre-commit-config.yaml)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.command import ROOT


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        ("Add a rule\n", ""),
        ("# of git\nAdd a rule\n\nIt finds what nobody saw.\n", ""),
        ("A" * 72, ""),
        ("A" * 73, "The subject has 73 characters"),
        ("", "The message has no subject."),
        ("Add a rule.\n", "The subject ends in a period."),
        ("add a rule\n", "The subject begins with a small letter"),
        ("Add a rule\nand another\n", "The second line is not blank"),
    ],
)
def test_messages(tmp_path: Path, message: str, wrong: str) -> None:
    file = tmp_path / "message"
    file.write_text(message)
    done = subprocess.run([ROOT / ".ci/commit-message", file], capture_output=True, text=True)
    assert done.stderr.startswith(wrong)
    assert (done.returncode, bool(done.stderr)) == (bool(wrong), bool(wrong))
