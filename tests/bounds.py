"""Runs tests with the lowest and the newest locked dependencies, on each Python that is installed.

`python -m tests.bounds [--quick] FOLDER` makes an environment for each in FOLDER. `--quick` runs the
lowest dependencies on the oldest Python, and the newest on the newest. The tests are those that
notice a changed interface of a dependency; they need no other program.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
OWN_CODE = {"PYTHONPATH": str(ROOT)}
"""Instead of an installed omconf: the environments have only what it needs."""
PYTHONS = ("python3.11", "python3.12", "python3.13", "python3.14")
LOCKS = {"lowest": "requirements-lowest.txt", "newest": "requirements-dev.txt"}
TESTS = (
    "tests/test_cases.py",
    "tests/plan/test_golden.py",
    "tests/cli/test_commands.py",
    "tests/cli/test_show.py",
    "tests/views/test_long_values.py",
    "tests/views/test_sarif.py",
    "tests/views/test_usage.py",
    "tests/schema/test_xsd.py",
    "tests/planfile",
    "tests/spec",
    "tests/test_rule_pages.py",
)
SELECTION = (
    "--ignore=tests/spec/test_schema.py",
    "-m",
    "not slow",
    "-k",
    "not thousand and not mutation",
)
COVERAGE = ("--cov=omconf", "--cov-branch", "--cov-report=term:skip-covered")
"""With the newest dependencies; coverage of all tests would double the time of all (`make quick`)."""


def find(name: str) -> str | None:
    """Return the path of a Python by its name: in PATH, or of those that pyenv has; None without one.

    What is in PATH must run: pyenv has names there also of the versions that it does not select.
    """
    candidates = [shutil.which(name)]
    if shutil.which("pyenv"):
        version = name.removeprefix("python")
        done = subprocess.run(["pyenv", "prefix", version], capture_output=True, text=True)
        candidates += [f"{done.stdout.strip()}/bin/{name}"] if done.returncode == 0 else []
    runs = (path for path in candidates if path and _runs(path))
    return next(runs, None)


def _runs(python: str) -> bool:
    return subprocess.run([python, "-c", ""], capture_output=True).returncode == 0


def chosen(pythons: list[str], *, quick: bool) -> list[tuple[str, str]]:
    """Return the pairs of a Python and a lock to test: all, or two that differ the most."""
    if quick:
        return [(pythons[0], "lowest"), (pythons[-1], "newest")]
    return [(python, lock) for python in pythons for lock in LOCKS]


def _passes(python: str, lock: str, place: Path) -> bool:
    """Install a lock into a new environment, and run the tests with it."""
    own = str(place / "bin/python")
    quiet = ["--quiet", "--disable-pip-version-check"]
    tests = [*(COVERAGE if lock == "newest" else ()), *SELECTION, *TESTS]
    for command in (
        [python, "-m", "venv", "--clear", str(place)],
        [own, "-m", "pip", "install", *quiet, "--require-hashes", "-r", LOCKS[lock]],
        [own, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", *tests],
    ):
        if subprocess.run(command, cwd=ROOT, env=os.environ | OWN_CODE).returncode != 0:
            return False
    return True


def say(line: str) -> None:
    """Print a line at once: what programs print follows it."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run all; returns 1 if one failed or there is no Python."""
    parser = argparse.ArgumentParser(prog="python -m tests.bounds")
    parser.add_argument("--quick", action="store_true", help="run two instead of all")
    parser.add_argument("folder", type=Path, help="where the environments are made")
    given = parser.parse_args()
    found = {name: path for name in PYTHONS if (path := find(name))}
    for name in PYTHONS:
        if name not in found:
            say(f"{name}: skipped, it is not installed")
    if not found:
        say("None of the Pythons that omconf supports is installed.")
        return 1
    failed = []
    for python, lock in chosen([*found], quick=given.quick):
        name = f"{python}, {lock} dependencies"
        say(f"{name}:")
        started = time.monotonic()
        if not _passes(found[python], lock, given.folder.resolve() / f"{python}-{lock}"):
            failed.append(name)
        say(f"{name}: {time.monotonic() - started:.0f} s")
    for name in failed:
        say(f"FAILED: {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
