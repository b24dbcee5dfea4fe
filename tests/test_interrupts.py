"""A signal ends omconf by that signal, with all that it started, wherever it comes in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from omconf import interrupts, process
from omconf.bundle.writer import write
from omconf.side_by_side import AT_ONCE, side_by_side
from tests.bundle.writing import NEW, OLD, run, tree, tree_of
from tests.clusters import SMALLEST
from tests.command import ROOT

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
# A program with a child that is no child of omconf's, both of which note their numbers.
HANG = """#!/bin/sh
cd {folder}
sleep 600 & echo $! > child.$$
echo $$ > parent.$$
[ $(ls | grep -c parent) -lt {count} ] || : > ready
wait
"""


def lay(folder: Path, program: str, count: int = 1) -> Path:
    """Put a program that hangs into `bin`; the file `ready` appears when `count` of it run."""
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "seen").mkdir(exist_ok=True)
    place = folder / "bin" / program
    place.write_text(HANG.format(folder=folder / "seen", count=count))
    place.chmod(0o755)
    return place


def secret(folder: Path) -> str:
    program = lay(folder, "hang")
    text = SMALLEST.replace("{env: OM_DB_PASSWORD}", f"{{command: [{program}]}}")
    assert text != SMALLEST
    (folder / "cluster.yaml").write_text(text)
    return "build --reveal-secrets -o bundles"


def by_ssh(folder: Path) -> str:
    """More nodes than are asked at once: those that wait are not asked after the signal."""
    lay(folder, "ssh", AT_ONCE)
    rows = (
        f'  om{i}: {{address: 10.1.1.{i}, url: "https://om{i}.example.org/openmeetings"}}\n'
        for i in range(1, AT_ONCE + 9)
    )
    head = SMALLEST.partition("nodes:")[0]
    (folder / "cluster.yaml").write_text(f"{head}nodes:\n{''.join(rows)}")
    return "plan --ssh --timeout 300"


def by_git(folder: Path) -> str:
    """Three of it run at the same time: two that give objects, and one that finds the commit."""
    lay(folder, "git", 3)
    for name in ("objects", "refs"):
        (folder / ".git" / name).mkdir(parents=True)
    (folder / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (folder / "cluster.yaml").write_text(SMALLEST)
    return "plan --git HEAD -o bundles"


COMMANDS: dict[str, Callable[[Path], str]] = {"secret": secret, "ssh": by_ssh, "git": by_git}


@contextmanager
def started(folder: Path, words: str, *before: str) -> Iterator[subprocess.Popen[str]]:
    """Omconf, when the programs that it starts are running."""
    environment = {
        **os.environ,
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    command = [*before, sys.executable, "-m", "omconf", *words.split()]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            wait((folder / "seen/ready").exists)
            yield process
        finally:
            process.kill()
            for pid in seen(folder):
                if running(pid):
                    os.kill(pid, signal.SIGKILL)


def wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


def seen(folder: Path) -> list[int]:
    return [int(text) for file in (folder / "seen").glob("*.*") if (text := file.read_text())]


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("name", COMMANDS)
def test_all_that_was_started_ends(tmp_path: Path, name: str, number: signal.Signals) -> None:
    with started(tmp_path, COMMANDS[name](tmp_path)) as process:
        process.send_signal(number)
        out, said = process.communicate(timeout=60)
        assert (process.returncode, out) == (-number, "")
        assert said == ""
        started_ones = seen(tmp_path)
        assert len(started_ones) == 2 * {"ssh": AT_ONCE, "git": 3}.get(name, 1)
        wait(lambda: not any(map(running, started_ones)))
    assert not (tmp_path / "bundles").exists()


SCRIPT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["omconf"]
STARTS = {
    "module": "import runpy; runpy.run_module('omconf', run_name='__main__')",
    "script": "from {} import {} as main; main()".format(*SCRIPT.split(":")),
}
EARLY = """
import os, signal, sys

class Finder:
    def find_spec(self, name, *_):
        if name == "omconf.cli":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
sys.argv = ["omconf", "--version"]
"""


@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("start", STARTS)
def test_ctrl_c_while_omconf_is_imported(start: str, ignored: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EARLY + STARTS[start]],
        cwd=ROOT,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_IGN if ignored else signal.SIG_DFL
        ),
        capture_output=True,
        text=True,
    )
    assert done.returncode == (0 if ignored else -signal.SIGINT)
    assert done.stderr == ""


@pytest.mark.parametrize("words", ["apply --ssh --yes", "apply --ssh", "undo --ssh --yes"])
def test_json_lines_have_an_end_also_before_the_first_step(tmp_path: Path, words: str) -> None:
    by_ssh(tmp_path)
    with started(tmp_path, f"{words} --timeout 300 --json") as process:
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (-signal.SIGINT, "")
    (end,) = map(json.loads, out.splitlines())
    assert (end["event"], end["outcome"]) == ("end", "refused")


def test_ctrl_c_in_a_terminal(tmp_path: Path) -> None:
    """It goes to all of the terminal's group; a shell then sees a program that SIGINT ended."""
    with started(tmp_path, by_ssh(tmp_path)) as process:
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == -signal.SIGINT
        wait(lambda: not any(map(running, seen(tmp_path))))


@pytest.mark.parametrize("name", COMMANDS)
def test_more_signals_at_once(tmp_path: Path, name: str) -> None:
    """The later ones do not come in between what the first one does."""
    with started(tmp_path, COMMANDS[name](tmp_path)) as process:
        for number in SIGNALS:
            process.send_signal(number)
        assert -process.wait(timeout=60) in SIGNALS
        wait(lambda: not any(map(running, seen(tmp_path))))


@pytest.mark.parametrize("number", SIGNALS)
def test_what_is_ignored_at_start_stays_ignored(tmp_path: Path, number: signal.Signals) -> None:
    """By `nohup`, or by a shell that starts it in the background."""
    words = secret(tmp_path)
    name = number.name.removeprefix("SIG")
    ignore = ("sh", "-c", f"trap '' {name}; exec \"$@\"", "sh")
    with started(tmp_path, words, *ignore) as process:
        process.send_signal(number)
        time.sleep(0.3)
        assert all(map(running, seen(tmp_path)))
        assert process.poll() is None
        other = next(s for s in SIGNALS if s != number)
        process.send_signal(other)
        assert process.wait(timeout=60) == -other
        wait(lambda: not any(map(running, seen(tmp_path))))


def test_a_second_round_of_verify_ends_by_a_second_signal(tmp_path: Path) -> None:
    words = by_ssh(tmp_path).replace("plan", "verify")
    with started(tmp_path, words) as process:
        first = seen(tmp_path)
        (tmp_path / "seen/ready").unlink()
        process.send_signal(signal.SIGTERM)
        wait(lambda: (tmp_path / "seen/ready").exists() and len(seen(tmp_path)) >= 2 * len(first))
        assert not any(map(running, first))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == -signal.SIGTERM
        wait(lambda: not any(map(running, seen(tmp_path))))


WRITE = """
import os, sys
from pathlib import Path
from omconf import interrupts, process
from omconf.bundle.writer import write
from tests.bundle.writing import NEW, at_change
interrupts.install()
try:
    with at_change(int(sys.argv[2]), lambda *_: os.kill(os.getpid(), int(sys.argv[3]))):
        write(NEW, Path(sys.argv[1]))
except interrupts.Interrupted as interrupted:
    print("unwound", flush=True)
    interrupts.die(interrupted.number)
"""


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("step", [4, 35])
def test_a_write_ends_before_the_signal_does(
    tmp_path: Path, number: signal.Signals, step: int
) -> None:
    write(OLD, tmp_path)
    with run(WRITE, tmp_path, step, int(number), stdout=subprocess.PIPE) as process:
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (-number, b"unwound\n")
    assert tree(tmp_path) == tree_of(OLD if step == 4 else NEW)


def test_no_exception_while_programs_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that was just started, whose number is not noted yet, would run on."""
    before = signal.signal(signal.SIGTERM, interrupts._interrupt)
    popen, pids = subprocess.Popen, []

    def start(*words: Any, **options: Any) -> Any:
        process = popen(*words, **options)
        pids.append(process.pid)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        return process

    monkeypatch.setattr(subprocess, "Popen", start)
    try:
        with pytest.raises(interrupts.Interrupted) as raised:
            process.run(["sleep", "600"], seconds=600, limit=1)
        assert raised.value.number == signal.SIGTERM
        wait(lambda: not running(pids[0]))
        interrupts.resume()
        with pytest.raises(interrupts.Interrupted):
            side_by_side(lambda n: process.run(["sleep", n], seconds=600, limit=1), ["600"] * 99)
        wait(lambda: not any(map(running, pids)))
    finally:
        signal.signal(signal.SIGTERM, before)
        interrupts.resume()


def test_a_signal_that_another_thread_gets_is_handled_at_once() -> None:
    """The system may give it to any thread; that of the handler waits for the others meanwhile."""
    before = signal.signal(signal.SIGTERM, interrupts._interrupt)
    problems: list[str] = []

    def work(number: int) -> None:
        if number == 0:
            time.sleep(1)  # until that thread waits
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        problems.append(process.run(["sleep", "600"], seconds=30, limit=1).problem)

    try:
        with pytest.raises(interrupts.Interrupted):
            side_by_side(work, range(3))
        assert problems == ["interrupted"] * 3
    finally:
        signal.signal(signal.SIGTERM, before)
        interrupts.resume()


def test_a_signal_does_not_come_in_between_the_clean_up_after_another() -> None:
    before = [signal.signal(number, interrupts._interrupt) for number in SIGNALS]
    try:
        with pytest.raises(interrupts.Interrupted) as raised:
            signal.raise_signal(signal.SIGTERM)
        assert raised.value.number == signal.SIGTERM
        for number in SIGNALS:
            signal.raise_signal(number)
        interrupts.resume()
        with pytest.raises(interrupts.Interrupted):
            signal.raise_signal(signal.SIGHUP)
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
        interrupts.resume()


def test_a_further_signal_hurries_what_defers_them() -> None:
    before = signal.signal(signal.SIGTERM, interrupts._interrupt)
    seen = []

    @interrupts.deferred()
    def twice() -> None:
        for _ in range(2):  # `timeout` sends it twice, in the same instant
            signal.raise_signal(signal.SIGTERM)
        seen.append((interrupts.stopped(), interrupts.hurried()))
        interrupts.resume()  # what was done is taken back
        time.sleep(interrupts.SECONDS)
        seen.append((interrupts.stopped(), interrupts.hurried()))
        signal.raise_signal(signal.SIGTERM)
        seen.append((interrupts.stopped(), interrupts.hurried()))

    try:
        with pytest.raises(interrupts.Interrupted):
            twice()
        assert seen == [(True, False), (False, False), (True, True)]
        interrupts.resume()
        with interrupts.deferred():
            assert not interrupts.hurried()
    finally:
        signal.signal(signal.SIGTERM, before)
        interrupts.resume()


def test_a_signal_ends_a_sleep() -> None:
    before = signal.signal(signal.SIGALRM, interrupts._interrupt)
    started = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(interrupts.Interrupted):
            interrupts.deferred()(interrupts.sleep)(30)
        assert time.monotonic() - started < 5
    finally:
        signal.signal(signal.SIGALRM, before)
        interrupts.resume()


def test_in_a_container_as_process_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """No signal of its own ends it there, so the exit code tells."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(signal, "raise_signal", lambda _: None)
    with pytest.raises(SystemExit) as ended:
        interrupts.die(signal.SIGTERM)
    assert ended.value.code == 143
