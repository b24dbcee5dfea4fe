"""Builds in processes of their own, killed or told to end."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from omconf.bundle.comparison import check
from omconf.bundle.writer import Written, write
from tests.bundle.writing import (
    FLEETS,
    NEW,
    OLD,
    STAGING,
    assert_nothing_torn,
    differences,
    run,
    tree,
    tree_of,
)

# A build in a process of its own: `{act}` runs before the change of number `{number}`.
SCRIPT = """
import os, signal, sys
from pathlib import Path
from tests.bundle.writing import NEW, OLD, at_change
from omconf.bundle.writer import write
with at_change(int(sys.argv[2]), lambda *_: os.kill(os.getpid(), int(sys.argv[3]))):
    write(NEW, Path(sys.argv[1]))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("step", [4, 35])
def test_a_process_that_is_told_to_end(tmp_path: Path, number: signal.Signals, step: int) -> None:
    write(OLD, tmp_path)
    with run(SCRIPT, tmp_path, step, int(number)) as process:
        assert process.wait(timeout=20) == -number
    assert tree(tmp_path) == tree_of(OLD if step == 4 else NEW)


def test_nohup_is_heeded(tmp_path: Path) -> None:
    ignore = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    with run(ignore + SCRIPT, tmp_path, 4, int(signal.SIGHUP)) as process:
        assert process.wait(timeout=20) == 0
    assert tree(tmp_path) == tree_of(NEW)


ALTERNATE = """
import sys
from pathlib import Path
from tests.bundle.writing import FLEETS
from omconf.bundle.writer import Written, write
print("ready", flush=True)
while True:
    for fleet in FLEETS:
        assert isinstance(write(fleet, Path(sys.argv[1])), Written)
"""


def test_killed_processes(tmp_path: Path) -> None:
    dice = random.Random(7)
    directory = tmp_path / "dir"
    unfinished = 0
    for turn in range(25):
        with run(ALTERNATE, directory, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(dice.uniform(0.001, 0.06))
            process.kill()
        if directory.exists():
            unfinished += (directory / STAGING).exists()
            assert_nothing_torn(directory, *FLEETS)
        if turn % 3 == 0:
            fleet = dice.choice(FLEETS)
            assert isinstance(write(fleet, directory), Written)
            assert tree(directory) == tree_of(fleet)
            assert differences(check(fleet, directory)) == []
    assert unfinished >= 5
