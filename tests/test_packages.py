"""What a release is checked for, and that the lock of the lowest dependencies is what is declared."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.bounds import LOCKS, chosen, find
from tests.command import ROOT
from tests.packages import PackageError, compare, unreleased


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ("# Changes\n\n## 0.2.0 (2026-03-01)\n\n- New.\n\n## 0.1.0 (2026-01-01)\n", ""),
        ("# Changes\n\n## 0.2.0 (not released yet)\n", "no date for 0.2.0"),
        ("# Changes\n\n## 0.2.0\n", "no date for 0.2.0"),
        ("# Changes\n\n## 0.1.0 (2026-01-01)\n", "no section `## 0.2.0"),
        ("# Changes\n\n## 0.2.01 (2026-01-01)\n", "no section `## 0.2.0"),
        ("# Changes\n\n## 0.3.0\n\n## 0.2.0 (2026-01-01)\n", "another section above"),
    ],
)
def test_a_version_is_released_with_its_dated_section(changes: str, wrong: str) -> None:
    found = unreleased(changes, "0.2.0")
    assert wrong in found if wrong else not found


def test_two_builds_that_differ_are_refused(tmp_path: Path) -> None:
    packages = [tmp_path / folder / "omconf.whl" for folder in ("first", "second", "third")]
    for package, content in zip(packages, (b"same", b"same", b"else"), strict=True):
        package.parent.mkdir()
        package.write_bytes(content)
    compare(packages[:1], packages[1:2])
    with pytest.raises(PackageError, match="not reproducible"):
        compare(packages[:1], packages[2:])


def test_the_lowest_lock_has_the_declared_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = map(Requirement, project["project"]["dependencies"])
    lock = (ROOT / LOCKS["lowest"]).read_text()
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", lock, re.MULTILINE))
    for requirement in declared:
        (bound,) = requirement.specifier
        assert bound.operator == ">="
        found = Version(locked[requirement.name.replace(".", "-")])
        assert found == Version(bound.version), f"run `make lock`: {requirement}"


def test_what_uses_ansibles_code_has_its_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0 AND GPL-3.0-or-later"
    shipped = {path for pattern in project["license-files"] for path in ROOT.glob(pattern)}
    assert shipped == {ROOT / "LICENSE", ROOT / "LICENSES/GPL-3.0-or-later.txt"}
    texts = {path: path.read_text() for path in (ROOT / "omconf").rglob("*.py")}
    uses = {
        p for p, t in texts.items() if re.search(r"^ *(from|import) ansible\b", t, re.MULTILINE)
    }
    assert len(uses) == 2
    assert uses == {path for path, text in texts.items() if "GNU General Public License" in text}


def test_the_two_that_differ_the_most_are_tested_in_ci() -> None:
    pythons = ["python3.11", "python3.12", "python3.13"]
    assert chosen(pythons, quick=True) == [("python3.11", "lowest"), ("python3.13", "newest")]
    assert len(chosen(pythons, quick=False)) == 6


def test_a_python_that_does_not_run_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    python = tmp_path / "python3.12"
    assert find("python3.12") is None
    for code in (127, 0):
        python.write_text(f"#!/bin/sh\nexit {code}\n")
        python.chmod(0o700)
        assert find("python3.12") == (None if code else str(python))


def test_a_python_of_pyenv_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    python = tmp_path / "3.12.1/bin/python3.12"
    python.parent.mkdir(parents=True)
    for program, text in (
        (tmp_path / "python3.12", "exit 127"),
        (tmp_path / "pyenv", f'[ "$*" = "prefix 3.12" ] && echo {tmp_path}/3.12.1'),
        (python, "exit 0"),
    ):
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o700)
    assert find("python3.12") == str(python)
    assert find("python3.13") is None


def test_the_makefile_defines_what_it_uses() -> None:
    """An unknown one is empty, and make takes the dash of `$(LOCK) --group` for its own."""
    makefile = (ROOT / "Makefile").read_text()
    used = set(re.findall(r"\$\(([A-Z]+)\)", makefile))
    given = {"MAKE", "MAKEFILE_LIST", "CURDIR", "CASES", "QUICK", "N", "SSH"}
    assert used - given <= set(re.findall(r"^([A-Z]+) [:?]?=", makefile, re.MULTILINE))
