"""What tests start does not inherit that signals are ignored, as nohup and shells have it."""

from __future__ import annotations

import subprocess
import sys

from tests.command import ROOT

NAMES = ("SIGHUP", "SIGINT", "SIGTERM", "SIGQUIT")
SCRIPT = f"""
import signal, subprocess, sys
for name in {NAMES}:
    signal.signal(getattr(signal, name), signal.SIG_IGN)
import tests.conftest
show = "from signal import *; print(*(getsignal(globals()[n]) == SIG_IGN for n in {NAMES}))"
subprocess.run([sys.executable, "-c", show])
signal.raise_signal(signal.SIGHUP)
print("alive")
"""


def test_a_child_has_the_defaults_and_the_tests_outlive_the_terminal() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False False False False\nalive\n", "")
