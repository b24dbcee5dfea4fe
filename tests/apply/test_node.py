"""The program on a node, command by command, in each shell that a node may have."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from omconf.apply.carrier import FIRST, PROGRAM, Program
from tests.needs import needs, program


def start(root: Path, env: dict[str, str]) -> Program:
    words = ["sh", "-c", FIRST, "omconf-node", "conference", str(root)]
    made = Program.start(words, env=env)
    assert made.ask("lock", "a test", "").ok
    return made


@pytest.fixture
def node(tmp_path: Path, shell: dict[str, str]) -> Iterator[Program]:
    with start(tmp_path, shell) as made:
        yield made


def test_shellcheck() -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([shellcheck, "-s", "sh", PROGRAM], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_drafts_are_roots_alone_and_are_thrown_away(tmp_path: Path, node: Program) -> None:
    folder = tmp_path / "var/lib/omconf/conference/draft"
    assert node.ask("draft", "units/a b.service", b"caf\xe9\n\n\0").ok
    file = folder / "units/a b.service"
    assert file.read_bytes() == b"caf\xe9\n\n\0"
    assert [p.stat().st_mode & 0o077 for p in (folder, file.parent, file)] == [0, 0, 0]
    assert node.ask("draft", "").ok
    assert not folder.exists()


def test_a_draft_that_was_left_is_swept(tmp_path: Path, shell: dict[str, str]) -> None:
    with start(tmp_path, shell) as one:
        assert one.ask("draft", "exports", "").ok
        one.process.kill()
        one.process.wait()
    with start(tmp_path, shell) as other:
        assert other.ask("begin", "{}", "{}").ok
        assert not (tmp_path / "var/lib/omconf/conference/draft").exists()


IGNORES = (".sh", ".-c", ".trap '' TERM; while :; do sleep 1; done")
OLD = """#!/bin/sh
case $1 in -k) exit 1 ;; esac
exec busybox timeout "$@"
"""
"""BusyBox's timeout as it was before 1.35."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=needs("busybox")) for name in ("coreutils", "busybox", "old")]
)
def test_a_program_that_ignores_being_ended_is_killed(tmp_path: Path, name: str) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    if name == "busybox":
        (tools / "timeout").symlink_to(program("busybox"))
    elif name == "old":
        (tools / "timeout").write_text(OLD)
        (tools / "timeout").chmod(0o755)
    path = f"{tools}:/usr/bin:/bin:{Path(program('busybox')).parent}"
    with start(tmp_path, {"PATH": path}) as node:
        assert node.ask("run", "1", *IGNORES).words == ("exit", "137")
        assert node.ask("run", "9", ".true").ok
