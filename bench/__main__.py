"""Runs the measurements: `python -m bench`, from the top of the project."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import cases, nodes, peers
from bench.measure import REPEATS
from bench.table import file_system, machine, markdown, versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.table import Row

SIZES = (1, 10, 100, 1000, 5000)
FOLDER = Path("build/bench")
MEMORY = Path("/dev/shm")
NODES = Path("/var/tmp")
"""Where the files of nodes are: on disk, and in no work tree."""
TEXT = """\
# Benchmarks

What `make bench` measured: budgets are ratios within one run, so that they hold on any machine; only an
outage is in seconds beyond what the slowest node takes itself. No test asserts a time;
tests/test_counts.py counts imports, writes and calls instead.

- Machine: {machine}.
- Versions:
  {versions}.
- Files lie in {systems}.
- Commands: `make bench`; `make bench QUICK=1` takes half a minute and writes nothing here, `make bench
  N=10,1000` measures these numbers of nodes, `make bench SSH=1` (as root) those that ssh reaches.

Each line is the median of whole processes, taken in turn with what they are compared with; a ratio
is the median of the ratios of one round. A round of more than ten seconds is run three times. Files
are in the page cache. The empty app is a Typer application of two commands; the app with its imports
also defines a pydantic model and imports lxml.etree and yaml. `cp -r` copies the bundle that omconf
wrote, ten files a node; `diff -r` compares two such bundles of which one file differs. Peak memory is
that of one process, a single run. "Build again" has its budget on disk, where bundles usually are: in
memory, writing a file takes no longer than comparing it. Peers only fill templates and check nothing;
Ansible writes them once. The nodes that are reached by ssh are network and mount namespaces, each
with its own sshd, and their files are on disk. An apply rewrites five files of each node, which no
program there checks, and then the manifest; a separate row adds a unit, to include the time of a
checking program.
Ansible, on the same nodes, compares and copies the same files with its copy module; with `--ansible` it
carries omconf's own apply, against its shortest command on the same nodes. What restarts are
stand-ins for OpenMeetings on three nodes with a systemd each, members of a real Hazelcast. {missing}

{table}
## What is left

- A plan that changes all nodes spends most of its time on each node's hazelcast.xml, deployed and
  wanted: parsing, the schema, items. These files differ from node to node, so none can be read for
  another. A file that is equal to the last node's is not read again, and equal changes are compared
  once. The rest is reading files and compiling the spec.
- An apply that restarts nodes one by one waits for what OpenMeetings takes to stop, to start and
  to be healthy; in addition there are a check of each node before, and one after each start,
  which asks the web application itself.
- A plan by ssh is one connection to each node, with one tar, and is above its budget on this machine:
  to connect to eight nodes, whose sshds run here too, keeps both cores busy for half a second. Before
  that omconf starts and checks the spec, in 0.2 s: the destinations come from it, and a spec with
  errors reaches no node.
- An apply by Ansible starts and ends one playbook, in 0.8 s, and sends eight commands to each node;
  for each of them Ansible starts ssh, and ssh the node program.
"""


def main() -> None:
    """Measure, print the table, write docs/benchmarks.md after a whole run."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--quick", action="store_true", help="few nodes and rounds, no peers")
    parser.add_argument("--ssh", action="store_true", help="nodes by ssh alone (as root)")
    parser.add_argument("--nodes", help="numbers of nodes, joined by commas")
    chosen = parser.parse_args()
    sizes: tuple[int, ...] = SIZES[:3] if chosen.quick else SIZES
    if chosen.nodes:
        sizes = tuple(int(size) for size in chosen.nodes.split(","))
    whole = not chosen.quick and not chosen.nodes and not chosen.ssh
    FOLDER.mkdir(parents=True, exist_ok=True)
    installed = peers.install(FOLDER / "peers") if whole else None
    rows = []
    start = time.monotonic()
    repeats = 3 if chosen.quick else REPEATS
    with (
        tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else FOLDER) as quick,
        tempfile.TemporaryDirectory(dir=FOLDER) as disk,
    ):
        measured = (
            _by_ssh(repeats)
            if chosen.ssh
            else _rows(Path(quick), Path(disk), sizes, repeats, installed)
        )
        for row in measured:
            rows.append(row)
            print(f"{time.monotonic() - start:4.0f} s ", *row.cells[:5], file=sys.stderr, sep="  ")
    table = markdown(rows)
    print(table)
    if installed is not None:
        missing = f"Not installed here: {', '.join(installed.missing)}." * bool(installed.missing)
        text = TEXT.format(
            machine=machine(),
            versions=versions(installed.versions),
            systems=_systems(),
            missing=missing,
            table=table,
        )
        Path("docs/benchmarks.md").write_text(text)


def _systems() -> str:
    disk = file_system(str(FOLDER))
    return f"{file_system(str(MEMORY))}; on disk: {disk}" if MEMORY.is_dir() else disk


def _rows(
    root: Path, disk: Path, sizes: tuple[int, ...], repeats: int, installed: peers.Installed | None
) -> Iterator[Row]:
    yield from cases.cold(repeats)
    yield from cases.small(root, repeats)
    for count in sizes:
        yield from cases.many(root, count, repeats)
    if max(sizes) > 100:
        yield from cases.adopted(root, min(repeats, 3))
    if cases.BUDGETED in sizes:
        yield from cases.many(disk, cases.BUDGETED, repeats, where=", on disk")
        yield from cases.growth(root, [n for n in sizes if n > 100], repeats)
    if installed is not None:
        yield from _by_ssh(repeats)
        yield from cases.others(root, installed, 10, slow=True)
        yield from cases.others(root, installed, cases.BUDGETED, slow=False)


def _by_ssh(repeats: int) -> Iterator[Row]:
    if lacking := nodes.lacking():
        print(f"No nodes by ssh here; missing: {', '.join(lacking)}", file=sys.stderr)
        return
    # Their secrets are real ones for omconf, which writes none into a work tree.
    with tempfile.TemporaryDirectory(dir=NODES) as folder:
        yield from nodes.over_ssh(Path(folder), repeats)


if __name__ == "__main__":
    main()
