"""Installs the oldest and the newest ansible-core that omconf is tested with.

`python -m tests.ansible_versions FOLDER` makes FOLDER/oldest and FOLDER/newest, an environment each,
from requirements-ansible.txt; one that was made from the same file is kept.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from tests.bounds import ROOT, find, say

LOCK = ROOT / "requirements-ansible.txt"
PYTHONS = {"oldest": ("python3.11",), "newest": ("python3.14", "python3.13", "python3.12")}
"""Which Python is taken for each: the first that is there. The lock has a version for either."""


def install(place: Path, pythons: tuple[str, ...]) -> str:
    """Make an environment; returns what is wrong, or nothing."""
    made = place / "installed.txt"
    if made.is_file() and made.read_bytes() == LOCK.read_bytes():
        return ""
    python = next(filter(None, map(find, pythons)), None)
    if python is None:
        return f"needs one of {', '.join(pythons)}"
    own, quiet = str(place / "bin/python"), ("--quiet", "--disable-pip-version-check")
    for command in (
        [python, "-m", "venv", "--clear", str(place)],
        [own, "-m", "pip", "install", *quiet, "--require-hashes", "-r", str(LOCK)],
    ):
        if (done := subprocess.run(command)).returncode != 0:
            return f"{command[1:4]} gave {done.returncode}"
    made.write_bytes(LOCK.read_bytes())
    return ""


def main() -> int:
    """Make both; returns 1 if one cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m tests.ansible_versions")
    parser.add_argument("folder", type=Path, help="where the environments are made")
    folder = parser.parse_args().folder.resolve()
    wrong = {name: install(folder / name, pythons) for name, pythons in PYTHONS.items()}
    for name, why in wrong.items():
        say(f"ansible-core, the {name} version: {why or 'ready'}")
    return 1 if any(wrong.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
