"""Errors of the host that omconf runs on: each is reported as what it is, and with `--json` in it."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from omconf.cli import run_command
from tests.clusters import SMALLEST
from tests.command import ROOT

pytestmark = pytest.mark.slow
NODES = 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A spec of many nodes, and an `ssh` that runs what it is given on this host."""
    head, _, _ = SMALLEST.partition("nodes:")
    rows = (
        f'  om{i}: {{address: 10.1.1.{i}, url: "https://om{i}.example.org/openmeetings"}}\n'
        for i in range(1, NODES + 1)
    )
    (tmp_path / "cluster.yaml").write_text(f"{head}nodes:\n{''.join(rows)}")
    (tmp_path / "bin").mkdir()
    ssh = tmp_path / "bin/ssh"
    ssh.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    return tmp_path


def run(folder: Path, words: str, before: Callable[[], object]) -> tuple[str, str]:
    path = f"{folder / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin"
    done = subprocess.run(
        [sys.executable, "-m", "omconf", *words.split()],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "OM_DB_PASSWORD": "x"},
        capture_output=True,
        text=True,
        preexec_fn=before,
    )
    return done.stdout, done.stderr


def few(what: int, count: int) -> Callable[[], object]:
    return lambda: resource.setrlimit(what, (count, count))


@pytest.mark.parametrize("words", ["plan --ssh --json", "verify --ssh --json"])
@pytest.mark.parametrize(
    ("limit", "count", "why"),
    [
        (resource.RLIMIT_FSIZE, 0, "No usable temporary directory found"),
        (resource.RLIMIT_NOFILE, 40, "Too many open files"),
    ],
    ids=["no temporary folder", "few descriptors"],
)
def test_a_node_is_unknown_where_no_program_can_be_run(
    folder: Path, words: str, limit: int, count: int, why: str
) -> None:
    out, error = run(folder, words, few(limit, count))
    assert json.loads(out)["cluster"]
    assert f"ssh cannot be run: {why}" in out + error
    assert "cannot be written" not in error


def test_whoever_ignores_ended_children(folder: Path) -> None:
    """SIGCHLD that is ignored is inherited; the system then forgets how children end."""
    out, error = run(
        folder, "plan --ssh --json", lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    )
    assert "No child processes" not in out + error
    assert not json.loads(out)["diagnostics"]


@pytest.mark.parametrize(
    "error", [OSError(errno.EMFILE, os.strerror(errno.EMFILE)), MemoryError()], ids=repr
)
def test_an_error_of_the_system_is_none_of_the_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("omconf.cli.output.write", fails)
    assert run_command(["rules"]) == 1
    said = getattr(error, "strerror", "Cannot allocate memory")
    assert capsys.readouterr().err == f"omconf: the system reports an error: {said}\n"
