"""The tests of carried.py, by the newest Ansible, some by the oldest, and what Ansible alone can do."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from shutil import rmtree

import pytest

from tests.needs import needs
from tests.real import carried, nosy
from tests.real.applied import SECRET, Applied, Running
from tests.real.carried import *  # noqa: F403 - they are run here
from tests.real.machines import NEEDS, Machines

pytestmark = needs(*NEEDS, "sudo", "ansible", "oldest ansible")


@pytest.fixture(scope="module")
def cluster(three: Machines) -> Applied:
    three.by_ansible("newest")
    return Applied(three, slack=6)  # each command starts ssh anew


def test_first_apply(cluster: Applied) -> None:  # type: ignore[no-redef]
    """What Ansible logs, keeps, gives to callbacks and passes to programs holds no secret."""
    three = cluster.three
    folder, before = three.folder / "nosy", three.environment
    three.environment = before | nosy.settings(folder)
    try:
        with nosy.seen(folder) as seen:
            carried.test_first_apply(cluster)
    finally:
        three.environment = before
    assert any("ansible-playbook" in words for words in seen)
    assert any("ssh" in words for words in seen)
    written = nosy.kept(folder, Path(before["ANSIBLE_HOME"]))
    assert b"om3" in written[f"{folder}/told"]
    assert b"EXEC" in written[f"{folder}/log"]
    for where, held in (seen | written).items():
        assert SECRET.encode() not in held, where
    rmtree(folder)


def kill_all(running: Running) -> None:
    """Kill omconf and all that it started: nobody gives its locks back."""
    for process in [running.process.pid, *below(running.process.pid)]:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    running.kill()


def below(process: int) -> Iterator[int]:
    """The processes that a process has started, and those that these have."""
    with suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                yield from (child, *below(child))


def test_a_lock_that_nobody_gives_back_runs_out(applied: Applied) -> None:
    """The next apply waits for that."""
    before, text = applied.files(), applied.rolling()
    running = applied.start()
    running.until("om1", "restart")
    kill_all(running)
    applied.whole_and_own(before, text)
    done = applied.apply()
    assert done.how == ("applied", 0), (done.why, done.err)
    applied.settle()


def test_another_apply_by_ssh_meanwhile(applied: Applied) -> None:
    """It sees that the other lives, and who it is; a lock that is left is broken by its id."""
    three = applied.three
    applied.rolling()
    running = applied.start()
    running.until("om1", "restart")
    second = Running(three, "apply", "--ssh", "--yes").end()
    assert second.how == ("refused", 1)
    assert re.search("apply [0-9a-f]{8} by ", second.why)
    assert running.process.poll() is None
    kill_all(running)
    holder = re.search(r"--break-lock ([0-9a-f]{8})\b", second.hints)
    assert holder
    third = Running(three, "apply", "--ssh", "--yes", "--break-lock", holder[1]).end()
    assert third.how == ("applied", 0), (third.why, third.err)
    applied.settle()


def test_the_oldest_ansible(applied: Applied) -> None:
    applied.three.by_ansible("oldest")
    try:
        test_first_apply(applied)
        carried.test_rolling_change_and_its_undo(applied)
        carried.test_a_node_that_is_lost_in_a_rolling_change(applied, "ssh", "restart")
    finally:
        applied.three.by_ansible("newest")
