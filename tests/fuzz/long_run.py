"""Runs many cases on all processors: `make fuzz`, or `python -m tests.fuzz.long_run`.

Says what is broken as it is found, each mistake once, made small and as a seed to keep; at the end,
how often each rule fired. Ends with exit code 1 when anything was broken, or a rule of the spec
(OM1xx, OM2xx) never fired.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import Any

from omconf.rules import all_rules
from tests.fuzz import bases, cases, oracle, trees
from tests.fuzz.minimise import minimise

CHUNK = 250
THOROUGH = 50
"""Of so many cases one is looked at fully, and every one with a new set of rules."""
MAX_SECONDS = 2.0
MAX_MIB = 300
SHARES = {"spec": 5, "further": 1, "deployed": 3, "git": 1, "stream": 2, "check": 1, "tree": 1}
FAMILIES = (*cases.FAMILIES, "tree")
"""Those of `cases`, which mutate files, and trees that change while they are read."""


@dataclass
class Report:
    """What a chunk of cases came to: rules by how many cases they fired in, mistakes, slow cases."""

    cases: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    broken: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By kind: the first case's name, and its message."""
    slowest: tuple[float, str] = (0.0, "")
    mib: float = 0.0

    def add(self, other: Report) -> list[str]:
        """Take another in; returns the kinds of mistakes that are new."""
        new = [kind for kind in other.broken if kind not in self.broken]
        self.cases += other.cases
        self.rules += other.rules
        self.broken = {**other.broken, **self.broken}
        self.slowest = max(self.slowest, other.slowest)
        self.mib = max(self.mib, other.mib)
        return new


_seen: set[frozenset[str]] = set()
"""The sets of rules that this process has looked at fully."""


def run_cases(laid_out: bases.Bases, family: str, numbers: Iterable[int]) -> Report:
    """Run these cases of one family."""
    report = Report()
    for number in numbers:
        case = cases.case(laid_out, family, number)
        start = time.monotonic()
        try:
            rules, _ = oracle.run(laid_out, case, _seen, thorough=number % THOROUGH == 0)
        except oracle.Broken as broken:
            report.broken.setdefault(broken.kind, (case.name, str(broken)))
            continue
        seconds = time.monotonic() - start
        if seconds > MAX_SECONDS and (alone := _seconds_alone(laid_out, case)) > MAX_SECONDS:
            report.broken.setdefault("slow", (case.name, f"{alone:.1f} s"))
        report.slowest = max(report.slowest, (seconds, case.name))
        report.rules.update(set(rules))
        report.cases += 1
    report.mib = peak_mib()
    return report


def _seconds_alone(laid_out: bases.Bases, case: cases.Case) -> float:
    """The least time of three further runs: a machine that is busy makes any one of them slow."""
    times = []
    for _ in range(3):
        start = time.process_time()
        oracle.run(laid_out, case, set(), thorough=False)
        times.append(time.process_time() - start)
    return min(times)


def peak_mib() -> float:
    """The most memory that this process, or one that it ran, ever held, in MiB."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in whose) / 1024


def forget_peak() -> None:
    """Have the peak of this process begin at what it holds now."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # as proc(5) has it


_laid_out: Any = None


def _start(folder: str) -> None:
    global _laid_out  # noqa: PLW0603 - a worker's own bases
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(bases.ENVIRONMENT)
    _laid_out = bases.Bases(Path(tempfile.mkdtemp(dir=folder)))


def _chunk(job: tuple[str, int, int]) -> tuple[str, Report]:
    family, first, last = job
    if family == "tree":
        return family, _trees(range(first, last))
    return family, run_cases(_laid_out, family, range(first, last))


def _trees(numbers: range) -> Report:
    report = Report(len(numbers), mib=peak_mib())
    with tempfile.TemporaryDirectory(dir=_fast_folder()) as folder:
        for number, why in trees.broken(numbers, Path(folder)):
            report.broken.setdefault(why.splitlines()[-1], (f"tree:{number}", why))
    return report


def _jobs(families: list[str], start: int) -> Iterator[tuple[str, int, int]]:
    for round_ in count():
        for family in families:
            share = SHARES[family] * CHUNK
            for first in range(start + round_ * share, start + (round_ + 1) * share, CHUNK):
                yield family, first, first + CHUNK


def main() -> int:
    """Run until done, or until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=1_000_000, help="how many cases")
    parser.add_argument("--start", type=int, default=0, help="the first case's number")
    parser.add_argument("--family", choices=FAMILIES, action="append")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--case", metavar="FAMILY:NUMBER", help="this one case, made small")
    parser.add_argument("--digests", action="store_true", help="print digests of what is shown")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=_fast_folder()) as folder:
        if given.case:
            return _one(Path(folder), given.case)
        if given.digests:
            return _digests(Path(folder), given.family or list(cases.FAMILIES), given)
        families = given.family or list(FAMILIES)
        jobs = islice(_jobs(families, given.start), -(-given.cases // CHUNK))
        return _many(folder, jobs, families, given)


def _fast_folder() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _many(folder: str, jobs: Iterator[Any], families: list[str], given: Any) -> int:
    total, started, said = Report(), time.monotonic(), 0.0
    with multiprocessing.Pool(given.jobs, _start, (folder,), maxtasksperchild=200) as pool:
        try:
            for _, report in pool.imap_unordered(_chunk, jobs):
                for kind in total.add(report):
                    name, text = report.broken[kind]
                    _say(f"\nBROKEN {name} {text[-3000:]}")
                now = time.monotonic()
                if now - said > 10:
                    said = now
                    rate = total.cases / (now - started)
                    _say(f"{total.cases:,} cases, {rate:.0f} a second, {len(total.broken)} broken")
        except KeyboardInterrupt:
            pool.terminate()
    return _summary(Path(folder), total, families)


def _summary(folder: Path, total: Report, families: list[str]) -> int:
    for rule, times in sorted(total.rules.items()):
        _say(f"{rule} {times:9,}")
    seconds, name = total.slowest
    _say(f"{total.cases:,} cases; slowest {seconds:.2f} s ({name}); {total.mib:.0f} MiB at most")
    if total.mib > MAX_MIB:
        _say(f"BROKEN over {MAX_MIB} MiB")
    for name, _ in total.broken.values():
        _one(folder / name, name)
    silent = [r for r in all_rules() if r[2] in "12" and r not in total.rules]
    if "spec" in families and silent:
        _say(f"never fired: {', '.join(silent)}")
    return 1 if total.broken or total.mib > MAX_MIB else 0


def _digests(folder: Path, families: list[str], given: Any) -> int:
    with bases.laid_out(folder / "digests") as laid_out:
        for family in families:
            for number in range(given.start, given.start + given.cases):
                case = cases.case(laid_out, family, number)
                _, shown = oracle.run(laid_out, case, set(), thorough=True)
                text = shown.replace(str(folder), "")
                _say(f"{case.name} {hashlib.sha256(text.encode()).hexdigest()}")
    return 0


def _one(folder: Path, name: str) -> int:
    """Run one case; when it is broken, make it small and print it as a seed."""
    family, _, number = name.partition(":")
    if family == "tree":
        return trees.main([int(number)])
    with bases.laid_out(folder) as laid_out:
        case = cases.case(laid_out, family, int(number))
        try:
            oracle.run(laid_out, case, set(), thorough=True)
        except oracle.Broken as broken:
            small = minimise(laid_out, case, broken.kind)
            _say(f"\n{broken}\nTo keep it, put this into tests/fuzz/seeds/SOME-NAME.json:")
            _say(small.to_json(broken.kind))
            return 1
    _say(f"{name} is fine")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
