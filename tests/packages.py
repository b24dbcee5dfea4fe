"""Builds the wheel and the sdist, and tries both as users install them.

`python -m tests.packages FOLDER` builds the work tree twice, compares the bytes and tries the wheel, in
FOLDER, which it empties. `--release` tries the sdist too and builds the last commit into dist/, if the
work tree has nothing else and CHANGELOG.md has a date for the version. Nothing is uploaded.
"""

from __future__ import annotations

import argparse
import filecmp
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from omconf import __version__

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
QUIET = ("--quiet", "--disable-pip-version-check", "--no-compile")
"""Most of what is installed is never imported, and need not be compiled."""


class PackageError(Exception):
    """A package is not as it has to be; the text says what is wrong."""


def run(*command: str | Path, cwd: Path = ROOT, umask: int = 0o022, **environment: str) -> str:
    """Run a program and return its output; its messages are shown if it fails.

    `SOURCE_DATE_EPOCH` is not passed on: without it, hatchling has a date of its own for all files.
    """
    inherited = {key: value for key, value in os.environ.items() if key != "SOURCE_DATE_EPOCH"}
    done = subprocess.run(
        command, cwd=cwd, umask=umask, env=inherited | environment, capture_output=True, text=True
    )
    if done.returncode != 0:
        line = " ".join(map(str, command))
        raise PackageError(f"{line}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def unreleased(changes: str, version: str) -> str:
    """Return what keeps a version from being released, going by CHANGELOG.md; empty if nothing."""
    found = re.search(rf"^## {re.escape(version)}(?: (.*))?$", changes, re.MULTILINE)
    if not found:
        return f"CHANGELOG.md has no section `## {version} (YYYY-MM-DD)`."
    if not re.fullmatch(r"\([0-9]{4}-[0-9]{2}-[0-9]{2}\)", found[1] or ""):
        return f"CHANGELOG.md has no date for {version}: write `## {version} (YYYY-MM-DD)`."
    if found.start() != changes.find("## "):
        return f"CHANGELOG.md has another section above that of {version}."
    return ""


def build(source: Path, folder: Path, umask: int = 0o022, **environment: str) -> list[Path]:
    """Build a source tree into a folder; returns the sdist and the wheel."""
    hatchling = (sys.executable, "-m", "hatchling", "build", "-d", folder)
    run(*hatchling, cwd=source, umask=umask, **environment)
    return [*folder.glob("*.tar.gz"), *folder.glob("*.whl")]


def rebuilt(sdist: Path, folder: Path) -> list[Path]:
    """Build both again as unlike as can be: elsewhere, from the sdist, under another umask."""
    unpacked = folder / "source"
    unpacked.mkdir(parents=True)
    run("tar", "-xf", sdist, "-C", unpacked)
    (source,) = unpacked.iterdir()
    for path in source.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700)
            os.utime(path, (1_000_000_000, 1_000_000_000))
    others = {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    return build(source, folder / "built", umask=0o077, **others)


def compare(first: Iterable[Path], second: Iterable[Path]) -> None:
    """Refuse two builds that differ in a byte."""
    for one, other in zip(first, second, strict=True):
        if one.name != other.name or not filecmp.cmp(one, other, shallow=False):
            raise PackageError(f"{one} and {other} differ: the build is not reproducible.")


def try_out(package: Path, folder: Path) -> None:
    """Install a package into a new environment, and use it outside of the source tree."""
    run(sys.executable, "-m", "venv", "--clear", folder)
    pip = (folder / "bin/python", "-m", "pip", "install", *QUIET)
    run(*pip, "--require-hashes", "-r", ROOT / "requirements-dev.txt")
    run(*pip, "--no-deps", "--no-build-isolation", package)
    omconf = folder / "bin/omconf"
    if run(omconf, "--version", cwd=folder) != f"omconf {__version__}\n":
        raise PackageError(f"{package} has another version than {__version__}.")
    if run(omconf, "explain", "om221", cwd=folder) != (ROOT / "docs/rules/OM221.md").read_text():
        raise PackageError(f"{package} has another page of OM221.")
    for spec in sorted(ROOT.glob("examples/*/cluster.yaml")):
        run(omconf, "validate", spec, cwd=folder)
        bundles = folder / "bundles" / spec.parent.name
        run(omconf, "build", spec, "-o", bundles, cwd=folder)
        run("diff", "-r", bundles, spec.parent / "bundles")


def release(folder: Path) -> Path:
    """Check that the last commit can be released, and return a copy of it."""
    if found := run("git", "status", "--porcelain"):
        raise PackageError(f"The work tree is not clean: commit or remove these first.\n{found}")
    if wrong := unreleased((ROOT / "CHANGELOG.md").read_text(), __version__):
        raise PackageError(wrong)
    archive, commit = folder / "commit.tar", folder / "commit"
    commit.mkdir()
    run("git", "archive", "--output", archive, "HEAD")
    run("tar", "-xf", archive, "-C", commit)
    return commit


def main() -> int:
    """Build, compare and try out; returns 1 if something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.packages")
    parser.add_argument("--release", action="store_true", help="build the last commit into dist/")
    parser.add_argument("folder", type=Path, help="the folder to work in, which is emptied")
    given = parser.parse_args()
    folder = given.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        source = release(folder) if given.release else ROOT
        packages = build(source, folder / "built")
        sdist, wheel = packages
        compare(packages, rebuilt(sdist, folder / "again"))
        for package in (wheel, sdist) if given.release else (wheel,):
            try_out(package, folder / f"try-{package.suffix[1:]}")
    except PackageError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if given.release:
        shutil.rmtree(DIST, ignore_errors=True)
        shutil.copytree(folder / "built", DIST)
    for package in packages:
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        sys.stdout.write(f"{digest}  {package.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
