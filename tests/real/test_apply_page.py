"""The sessions of docs/apply.md, run in their order on three real nodes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.command import ROOT
from tests.needs import needs
from tests.real import furnish
from tests.real.machines import NEEDS, Machines

pytestmark = needs(*NEEDS, "bash")
PAGE = ROOT / "docs/apply.md"
BEFORE: dict[str, Callable[[Machines], object]] = {
    "A change that fails": lambda three: three.refuse("om1", "Xmx512g"),
    "An apply that was interrupted": lambda three: three.slow("om2", 20),
    "Undoing the last apply": lambda three: three.slow("om2", 5),
}
"""What the host does besides, by the heading of a session."""
CHANGING = re.compile(
    r"(?P<id>\b[0-9a-f]{8}\b)|(?P<moment>[0-9-]{10}T[0-9:]{8}Z)|(?P<took>took [0-9]+\.[0-9] seconds)"
    r"|(?P<seconds>\([0-9.]+ s\))|(?P<who>by \S+@\S+)|(?P<journal>there ends: .*)"
    r"|(?P<quoted>(?:\n {7}\| .*)+)"
)
"""What is another one each time."""


class Session(NamedTuple):
    heading: str
    commands: list[tuple[str, str]]


def sessions() -> Iterator[Session]:
    heading = ""
    for part in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE):
        heading = part.partition("\n")[0]
        for block in re.findall(r"^```console\n(.*?)^```", part, re.MULTILINE | re.DOTALL):
            pairs = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
            if len(pairs) > 1:
                yield Session(heading, pairs)


TIMEOUT = """\
#!{python}
import pathlib, signal, subprocess, sys, time
line = pathlib.Path("{line}")
before = line.read_text().count("starting")
process = subprocess.Popen(sys.argv[4:])
while line.read_text().count("starting") == before and process.poll() is None:
    time.sleep(0.1)
time.sleep(2)
process.send_signal(signal.SIGINT)
sys.exit(process.wait())
"""
"""Stands for `timeout --signal INT 12`: it interrupts as om2 starts, however fast this machine is."""


def alike(text: str) -> list[str]:
    """The lines of what nodes did side by side, in any order."""
    text = CHANGING.sub(lambda found: str(found.lastgroup).upper(), text)
    return sorted(re.sub(r" +\(?SECONDS\)?| SECONDS", "", line) for line in text.splitlines())


def test_the_sessions_of_the_page(three: Machines) -> None:
    three.restore("bare")
    found = [*sessions()]
    assert len(found) == 5
    assert BEFORE.keys() <= {session.heading for session in found}
    programs = three.folder / "bin"
    programs.mkdir()
    line = three["om2"].root / furnish.STATE / "timeline"
    (programs / "timeout").write_text(TIMEOUT.format(python=sys.executable, line=line))
    (programs / "timeout").chmod(0o755)
    path = f"{programs}:{ROOT}/.venv/bin:{three.environment['PATH']}"
    environment = {**three.environment, "PATH": path}
    for session in found:
        if session.heading in BEFORE:
            BEFORE[session.heading](three)
        for command, wanted in session.commands:
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=three.folder,
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
                timeout=200,
            )
            assert alike(done.stdout) == alike(wanted), f"{command}\n{done.stdout}"
