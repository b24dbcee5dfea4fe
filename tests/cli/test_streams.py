"""Closed and full standard streams: as with any Unix tool, for every command."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from omconf.cli.app import COMMANDS as NAMES
from omconf.cli.init import MODELINE, STARTER
from tests.apply.trees import SECRET, Tree
from tests.clusters import SMALLEST
from tests.command import omconf, tree
from tests.forked import forks

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Command:
    words: str
    code: int = 0
    prints: bool = True
    """Whether it has something for stdout."""
    full: tuple[str, ...] = ()
    """Streams to the full device, as well."""


FULL = (">/dev/full", "2>/dev/full")
COMMANDS = [
    Command("init new.yaml"),
    Command("validate"),
    Command("validate broken.yaml", 1, prints=False, full=FULL),
    Command("build -o new"),
    Command("plan --deployed trees --detailed-exitcode", 2),
    Command("plan --deployed trees --json --out saved"),
    Command("plan --deployed trees --html page --quiet"),
    Command("plan --git HEAD -o bundles", 1, prints=False),
    Command("plan --ansible --inventory no-such --keep project", 1, prints=False),
    Command("show plan.saved"),
    Command("show plan.saved --html page"),
    Command("apply --local om1 --root trees/om1 --dry-run", 1),
    Command("apply plan.saved --json", 1),
    Command("apply broken.yaml --ssh --yes", 1),
    Command("undo --local om1 --root trees/om1"),
    Command("log --local om1 --root trees/om1"),
    Command("import --deployed trees --release 9.1.0", 1, prints=False),
    Command("graph"),
    Command("verify --local om1", 1),
    Command("doctor", 1),
    Command("explain OM221"),
    Command("schema"),
    Command("rules", full=FULL),
    Command("rules --json"),
    Command("releases"),
    Command("completion bash"),
    Command("help plan"),
    Command("--help"),
    Command("no-such-command", 1, prints=False),
]
STREAMS = {"<&-": 0, ">&-": 1, "2>&-": 2}
CLOSED = [
    " ".join(combination)
    for count in range(4)
    for combination in itertools.combinations(STREAMS, count)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec, one that is broken, a bundle, deployed files and a saved plan."""
    made = tmp_path_factory.mktemp("streams")
    (made / "cluster.yaml").write_text(SMALLEST)
    (made / "broken.yaml").write_text("omconf: 1\n")
    (made / "trees/om1").mkdir(parents=True)
    assert omconf("build", "-o", "bundles", cwd=made).code == 0
    assert omconf("plan", "--deployed", "trees", "--out", "plan.saved", cwd=made).code == 0
    return made


def run(folder: Path, words: str, redirections: str) -> subprocess.CompletedProcess[str]:
    script = f"exec {forks().omconf} {words} {redirections}"
    return subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, text=True)


def test_every_command_is_here() -> None:
    assert set(NAMES) <= {command.words.split()[0] for command in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.words)
def test_closed_streams(folder: Path, tmp_path: Path, command: Command) -> None:
    """What a command does and writes is the same; its exit code is 1 when its output is lost."""
    expected: dict[str, str] = {}
    for closed in [*CLOSED, *command.full]:
        place = tmp_path / "work"
        shutil.copytree(folder, place)
        done = run(place, command.words, closed)
        lost = command.prints and (">&-" in closed.split() or ">/dev/full" in closed.split())
        assert done.returncode == (1 if lost else command.code), (closed, done)
        assert "unforeseen" not in done.stderr, closed
        assert "Traceback" not in done.stderr, closed
        if lost and "2>" not in closed:
            reason = "No space left on device" if "full" in closed else "Bad file descriptor"
            last = done.stderr.splitlines()[-1]
            assert last == f"omconf: the output cannot be written: {reason}", closed
        if not lost:
            assert bool(done.stdout) == command.prints, closed
        written = tree(place)
        assert written == (expected or written), closed
        expected = written
        shutil.rmtree(place)


def test_nothing_is_printed_into_a_file(tmp_path: Path) -> None:
    """A file that is opened while stdout or stderr is closed does not take its number."""
    for closed in CLOSED:
        run(tmp_path, "init new.yaml", closed)
        assert (tmp_path / "new.yaml").read_text() == MODELINE + STARTER
        (tmp_path / "new.yaml").unlink()


def unread(words: list[str], place: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command when the reader of its stdout has gone away, as `head -n 1` does."""
    reader, writer = os.pipe()
    os.close(reader)
    env = {**os.environ, **more}
    try:
        return subprocess.run(
            words, cwd=place, stdout=writer, stderr=subprocess.PIPE, text=True, env=env
        )
    finally:
        os.close(writer)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.words)
def test_a_reader_that_went_away(folder: Path, tmp_path: Path, command: Command) -> None:
    """A command ends with its own exit code: it did the same."""
    shutil.copytree(folder, tmp_path / "work")
    done = unread([f"{forks().omconf}", *command.words.split()], tmp_path / "work")
    assert done.returncode == command.code, done
    assert "cannot be written" not in done.stderr
    assert "unforeseen" not in done.stderr


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_an_apply_that_nobody_reads(tmp_path: Path, more: tuple[str, ...]) -> None:
    tree = Tree.of(tmp_path)
    for verb, there in (("apply", True), ("undo", False)):
        words = [f"{forks().omconf}", verb, *("--local", "om1", "--root", "root", "--yes", *more)]
        done = unread(words, tmp_path, **SECRET)
        assert done.returncode == 0, done
        assert (tree.root / "etc/exports").exists() == there


def test_a_program_of_its_own_that_nobody_reads(folder: Path) -> None:
    assert unread([sys.executable, "-m", "omconf", "rules"], folder).returncode == 0
