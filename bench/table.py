"""The table of what was measured, and docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import textwrap
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.measure import Rounds

PACKAGES = ("typer", "pydantic", "lxml", "pyyaml", "deepdiff")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `limit` is the budget for `value`, None where there is none."""

    work: str
    took: str
    measured: str
    value: float
    limit: float | None = None
    budget: str = ""
    repeats: int = 1

    @property
    def cells(self) -> tuple[str, ...]:
        """The line's cells."""
        met = "" if self.limit is None else "yes" if self.value <= self.limit else "**no**"
        return (self.work, self.took, self.measured, self.budget, met, str(self.repeats))


HEAD = ("work", "median", "measured", "budget", "met", "runs")


def timed(rounds: Rounds, name: str, against: str, work: str, *, limit: float | None = None) -> Row:
    """Make the row of a command that is compared with another of the same rounds."""
    value = rounds.ratio(name, against)
    return Row(
        work,
        spoken(rounds.median(name)),
        f"{value:.2f}x {against}",
        value,
        limit,
        f"{limit:g}x" if limit else "",
        rounds.repeats,
    )


def memory(work: str, mebibytes: float, limit: float | None = None) -> Row:
    """Make the row of a command's peak memory."""
    budget = f"{limit:g} MiB" if limit else ""
    return Row(work, "", f"{mebibytes:.0f} MiB", mebibytes, limit, budget)


def spoken(seconds: float) -> str:
    """Write a time in milliseconds below two seconds."""
    return f"{seconds * 1000:.0f} ms" if seconds < 2 else f"{seconds:.1f} s"


def markdown(rows: Iterable[Row]) -> str:
    """Write the table, its columns even."""
    lines = [HEAD, *(row.cells for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]

    def written(cells: Sequence[str]) -> str:
        return f"| {' | '.join(c.ljust(w) for c, w in zip(cells, widths, strict=True))} |"

    rule = written(["-" * width for width in widths])
    return "\n".join([written(HEAD), rule, *(written(line) for line in lines[1:])]) + "\n"


def machine() -> str:
    """Say what it was measured on."""
    model = platform.processor() or platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    cores = len(os.sched_getaffinity(0))
    kernel = platform.release().partition("-")[0]
    return f"{model}, {cores} cores, {platform.system()} {kernel}"


def file_system(path: str) -> str:
    """Name the type of a file system."""
    words = ["stat", "--file-system", "--format=%T", path]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def versions(peers: Mapping[str, str]) -> str:
    """Name what was measured, and with what."""
    found = [f"Python {platform.python_version()}", *(f"{p} {version(p)}" for p in PACKAGES)]
    for program in ("cp", "diff"):
        if shutil.which(program):
            said = subprocess.run(
                [program, "--version"], capture_output=True, text=True, check=True
            )
            found.append(f"{program} {said.stdout.splitlines()[0].split()[-1]}")
    found += [f"{name} {number}" for name, number in peers.items()]
    return textwrap.fill(", ".join(found), 98, subsequent_indent="  ")
