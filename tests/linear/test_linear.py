"""Reading takes time in proportion to the text, whatever the text is.

Two measures, neither of them a clock. *Steps*: omconf's modules are rewritten as they are imported, so
that each loop, copy and search adds the characters or items that it touches to a sum (steps.py);
twice the text may take little more than twice the steps. The sum is the same on every machine.
*Processor time*, for what C code does inside a call, regular expressions above all: a child process
reads far longer texts, and the kernel ends it (RLIMIT_CPU) where a text needs more than `SECONDS` of
processor time. Linear readers take a hundredth to a tenth of that, a quadratic regular expression takes
a minute or more, so that neither a slow nor a busy machine makes a difference.

Each row of table.py is a reader with texts that are hard for it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import omconf.formats
from tests.command import ROOT
from tests.linear.table import ROWS

pytestmark = pytest.mark.slow
SECONDS = 10
"""Processor time of one text. A regular expression that takes 1 ns for each pair of its 256 Ki
characters takes 34 seconds; most take five times as long."""
MOST = 2.6
"""Times the steps for twice the text: a sort takes a little more than twice, a square four times."""
GROUPS = ("formats", "kind", "others")

COUNT = """
from tests.linear.steps import count_steps
steps = count_steps()
from tests.linear.table import ROWS
import json, sys
for name in sys.argv[1:]:
    row = ROWS[name]
    read = row.reader()
    read(row.texts[0].of(10))
    for text in row.texts:
        found = []
        for size in (row.small, 2 * row.small):
            long = text.of(size)
            steps.sum = 0
            read(long)
            found.append(steps.sum)
        print(json.dumps([name, text.head[:60], text.part, *found]))
"""
READ = """
import resource, sys
from tests.linear.table import ROWS
seconds, row = int(sys.argv[1]), ROWS[sys.argv[2]]
read = row.reader()
for text in row.texts:
    print(repr((text.head[:60], text.part)), flush=True)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, resource.RLIM_INFINITY))
    read(text.of(row.large))
print("done")
"""


def of_group(name: str) -> str:
    return next((group for group in GROUPS if name.startswith(group)), GROUPS[-1])


@pytest.mark.parametrize("group", GROUPS)
def test_steps_grow_with_the_text(group: str) -> None:
    command = [sys.executable, "-c", COUNT, *(name for name in ROWS if of_group(name) == group)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert {name for name, *_ in found} == {*command[3:]}
    assert [row for row in found if row[-1] > MOST * row[-2] + ROWS[row[0]].small] == []


@pytest.mark.parametrize("name", ROWS)
def test_processor_time_stays_small(name: str) -> None:
    command = [sys.executable, "-c", READ, str(SECONDS), name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    *_, last = done.stdout.splitlines()
    assert last == "done", f"{last}: {done.stderr[-1000:]}"


def test_every_format_and_every_kind_has_a_row() -> None:
    from omconf.artifacts import kinds

    folder = Path(str(omconf.formats.__file__)).parent
    known = {f"formats.{path.stem}" for path in folder.glob("*.py")} - {"formats.__init__"}
    known |= {f"kind {type(kind).__module__.split('.')[2]}" for kind in kinds()}
    assert known - ROWS.keys() == set()
