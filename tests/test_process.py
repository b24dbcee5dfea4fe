"""A program runs for a limited time and says a limited amount, whatever it does."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from omconf import interrupts, process
from omconf.deployed import ssh


def run(script: str, seconds: float = 30, limit: int = 1000) -> process.Answer:
    return process.run(["sh", "-c", script], seconds=seconds, limit=limit)


def test_what_it_says_and_how_it_ends() -> None:
    before = time.time()
    answer = run("echo out; echo err >&2; exit 3")
    assert (answer.code, answer.out, answer.error, answer.problem) == (3, b"out\n", "err\n", "")
    assert before <= answer.started <= answer.answered <= time.time()
    assert run("cat; exit 4").code == 4, "nothing is on stdin"


def test_a_program_that_is_not_there() -> None:
    answer = process.run(["/no/such/program"], seconds=1, limit=1)
    assert answer.problem == "/no/such/program cannot be run: No such file or directory"


def test_errors_of_the_system_are_its_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/no/such/folder")
    answer = process.run(["cat"], seconds=1, limit=10, stdin=b"text")
    assert answer.problem == "cat cannot be run: No such file or directory"
    monkeypatch.setattr(process, "_exited", lambda _: os.waitid(os.P_PID, 1, os.WEXITED))
    answer = process.run(["cat"], seconds=1, limit=10)
    assert answer.problem == "cat cannot be run: No child processes"


def test_no_answer_in_time() -> None:
    for script in ("sleep 60", "exec >&-; sleep 60", "echo begun; sleep 60"):
        answer = run(script, seconds=0.3)
        assert answer.problem == "no response in 0.3 seconds"


def test_too_much_is_not_taken() -> None:
    assert run("yes").problem == "it sent more than 1,000 bytes"
    flood = run("yes 2>&1 >&2 | head -c 1000000 >&2; echo done")
    assert flood.out == b"done\n"
    flood = run("head -c 1000000 /dev/zero >&2; echo done")
    assert flood.out == b"done\n"
    assert len(flood.error) == process.MAX_ERROR


def test_an_endless_or_slow_stderr_does_not_extend_the_time() -> None:
    for script in ("yes >&2", "exec >&-; yes >&2", "while :; do echo . >&2; sleep 0.05; done"):
        answer = run(script, seconds=0.5)
        assert answer.problem == "no response in 0.5 seconds"
        assert len(answer.error) <= process.MAX_ERROR


def test_a_slow_drip_does_not_extend_the_time() -> None:
    answer = run("while :; do echo .; sleep 0.05; done", seconds=0.5, limit=100_000)
    assert answer.problem == "no response in 0.5 seconds"


def test_what_it_wrote_before_its_end_is_read_whole() -> None:
    for script in ("head -c 900000 /dev/zero", "head -c 900000 /dev/zero & wait"):
        answer = run(script, limit=1_000_000)
        assert (len(answer.out), answer.problem) == (900_000, "")
    both = run(
        "head -c 60000 /dev/zero; head -c 60000 /dev/zero >&2; exec >&- 2>&-; exit 3", 30, 9**6
    )
    assert (len(both.out), len(both.error), both.code) == (60_000, 60_000, 3)


def test_lack_of_room_ends_it() -> None:
    asked: list[int] = []

    def room(size: int) -> str:
        asked.append(size)
        return "no room" if size > 100_000 else ""

    command = ["sh", "-c", "exec cat /dev/zero"]
    answer = process.run(command, seconds=30, limit=10**9, room=room)
    assert answer.problem == "no room"
    assert asked == sorted(asked)
    assert len(answer.out) == asked[-1] <= 200_000


def test_what_it_left_behind_does_not_hold_omconf_up() -> None:
    """In the same group it is killed; in a session of its own (ssh's master connection) it goes on."""
    drip = "sh -c 'while sleep 0.01; do echo .; done' & echo done"
    answer = run(drip, limit=100_000)
    assert (answer.code, answer.problem) == (0, "")
    assert answer.out.count(b".") < 100
    answer = run("setsid sleep 15 & echo done", seconds=10)
    assert (answer.code, answer.out, answer.problem) == (0, b"done\n", "")


def test_a_session_of_its_own() -> None:
    """Without a terminal to ask at; Ctrl-C reaches omconf alone, which ends what it started."""
    code = "import os; print(os.getsid(0) == os.getpgrp() == os.getpid())"
    answer = process.run([sys.executable, "-c", code], seconds=30, limit=100)
    assert answer.out == b"True\n"


def test_what_it_leaves_running_is_not_waited_for() -> None:
    """As the master connection of ssh's ControlPersist, which may keep stderr open."""
    begun = time.monotonic()
    answer = run("sleep 30 >/dev/null & echo done")
    assert (answer.code, answer.out) == (0, b"done\n")
    assert time.monotonic() - begun < 25


def test_where_there_is_no_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    answer = ssh.run("om1", "true", seconds=1, limit=1)
    assert answer.problem == "ssh cannot be run: No such file or directory"


def test_what_holds_the_output_open_is_not_waited_for() -> None:
    begun = time.monotonic()
    answer = run("sleep 300 & echo done")
    assert (answer.code, answer.out, answer.problem) == (0, b"done\n", "")
    assert time.monotonic() - begun < 25


def test_all_that_it_started_ends_with_it(tmp_path: Path) -> None:
    script = f"sleep 300 & echo $! > {tmp_path}/pid; echo done"
    answer = process.run(["sh", "-c", script], seconds=30, limit=1000)
    assert answer.out == b"done\n"
    pid = (tmp_path / "pid").read_text().strip()
    end = time.monotonic() + 10
    while Path(f"/proc/{pid}/stat").exists() and time.monotonic() < end:
        if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            break
        time.sleep(0.05)
    else:
        assert not Path(f"/proc/{pid}").exists()


def test_what_cannot_be_killed_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As what `sudo` runs, or what waits for a dead disk."""
    monkeypatch.setattr(process, "kill_group", lambda _: None)
    monkeypatch.setattr(process, "_KILLED", 0.1)
    with pytest.warns(ResourceWarning, match="still running"):
        answer = run("exec sleep 4", seconds=0.1)
    assert (answer.code, answer.problem) == (-1, "no response in 0.1 seconds")


def test_no_program_is_started_after_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts._state, "number", 15)
    monkeypatch.setattr(subprocess, "Popen", None)
    with ThreadPoolExecutor() as pool:
        assert pool.submit(run, "echo").result().problem == "interrupted"


def test_words_of_ssh_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All nodes' together would be kept until the end."""
    (tmp_path / "ssh").write_text("#!/bin/sh\nhead -c 60000 /dev/zero | tr '\\0' x >&2\nexit 255\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    answer = ssh.run("om1", "true", seconds=60, limit=1)
    assert answer.problem == "x" * 297 + "..."
