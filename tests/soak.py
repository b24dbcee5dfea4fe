"""`make soak`: tries at length what CI tries a few times, and writes docs/reliability.md."""

from __future__ import annotations

import os
import subprocess
import sys
from xml.etree import ElementTree

from tests.command import ROOT

KILLS, ROLLS, SWAPS = 50, 100, 1000
PAGE = ROOT / "docs/reliability.md"
TRIED = (
    ("test_kill[apply-omconf]", "omconf is killed (SIGKILL) at a random moment of an apply", KILLS),
    ("test_kill[undo-omconf]", "omconf is killed at a random moment of an undo", KILLS),
    (
        "test_kill[apply-program]",
        "the node program is killed at a random moment of an apply",
        KILLS,
    ),
    ("test_kill[undo-program]", "the node program is killed at a random moment of an undo", KILLS),
    (
        "test_kills_at_random_moments",
        "omconf is killed while it restarts three real nodes, one after the other",
        ROLLS,
    ),
    (
        "test_links_swapped_in_a_loop_lead_root_nowhere",
        "files are written while their owner swaps them and their folder for links",
        SWAPS,
    ),
)
HEAD = """\
# How reliable an apply is

`make soak`, run as root, tests this at length and writes this page; CI runs a shorter version. Each
round is one apply or undo on a host of its own (`tests/apply/host.py`), whose systemctl and exportfs
are stand-ins that record their arguments; the three real nodes have their own systemd and sshd,
and members of Hazelcast (`tests/real/machines.py`). After each kill the next `omconf apply` must
finish: files are as planned, no staged file is left, no restart or reload is pending, and every
service has read the current files.

| test | rounds | passed |
| --- | --- | --- |
"""


def main() -> int:
    """Run the tests and write the page; the exit code is that of the tests."""
    hosts = _run("tests/apply", "Kills or links_swapped", KILLS)
    nodes = _run("tests/real/test_apply_ssh.py", "kills_at_random", ROLLS)
    cases = hosts | nodes
    rows = [
        f"| {what} | {count} | {'all' if cases.get(name) else 'not all'} |"
        for name, what, count in TRIED
    ]
    PAGE.write_text(HEAD + "\n".join(rows) + "\n", "utf-8")
    return 0 if all(cases.get(name) for name, _, _ in TRIED) else 1


def _run(where: str, names: str, kills: int) -> dict[str, bool]:
    """Run some tests; which of them went well, by name."""
    report = ROOT / "build/soak.xml"
    report.parent.mkdir(exist_ok=True)
    more = {"OMCONF_KILLS": str(kills), "OMCONF_SWAPS": str(SWAPS)}
    words = [sys.executable, "-m", "pytest", "-q", where, "-k", names, f"--junitxml={report}"]
    subprocess.run(words, cwd=ROOT, env=os.environ | more)
    bad = ("failure", "error", "skipped")
    return {
        str(case.get("name")): not any(part.tag in bad for part in case)
        for case in ElementTree.parse(report).iter("testcase")
    }


if __name__ == "__main__":
    sys.exit(main())
