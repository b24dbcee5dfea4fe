"""Runs commands as whole processes, in turn, and compares the runs of one round with each other."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from bench.specs import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

REPEATS = 7
LONG = 10.0
"""Seconds of a round above which `REPEATS_IF_LONG` rounds do."""
REPEATS_IF_LONG = 3

# A child's peak counts from the fork on, so that of a large parent would be seen: this one is small.
_PEAK = """\
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


class Command(NamedTuple):
    """A command, what has to be done before each of its runs (not timed), and its exit codes.

    `env` is what it has in its environment beside what all have.
    """

    words: Sequence[object]
    prepare: Callable[[], None] | None = None
    codes: tuple[int, ...] = (0,)
    env: Mapping[str, str] = {}


def environment() -> dict[str, str]:
    """The environment of all that is measured: bytecode is kept, as an installed program has it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "OM"))}
    return kept | {"OM_DB_PASSWORD": PASSWORD, "LC_ALL": "C.UTF-8"}


def run(command: Command) -> float:
    """Run a command to its end and return the wall-clock seconds.

    Raises RuntimeError when it exits otherwise than it should.
    """
    if command.prepare:
        command.prepare()
    words = [str(word) for word in command.words]
    start = time.perf_counter()
    env = {**environment(), **command.env}
    done = subprocess.run(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode not in command.codes:
        raise RuntimeError(f"{words} gave {done.returncode}: {done.stderr.decode()[-2000:]}")
    return seconds


class Rounds:
    """The seconds of each command by name, one a round."""

    def __init__(self, commands: Mapping[str, Command], repeats: int = REPEATS) -> None:
        for command in commands.values() if repeats > 1 else ():
            run(command)  # the first run fills caches
        self.seconds: dict[str, list[float]] = {name: [] for name in commands}
        done = 0
        while done < repeats:
            start = time.perf_counter()
            for name, command in commands.items():
                self.seconds[name].append(run(command))
            if time.perf_counter() - start > LONG:
                repeats = min(repeats, REPEATS_IF_LONG)
            done += 1
        self.repeats = done

    @classmethod
    def of(cls, seconds: dict[str, list[float]]) -> Rounds:
        """Take what was measured otherwise, a figure a round for each name."""
        found = cls({}, 0)
        found.seconds, found.repeats = seconds, min(map(len, seconds.values()))
        return found

    def median(self, name: str) -> float:
        """The median of a command's seconds."""
        return statistics.median(self.seconds[name])

    def ratio(self, name: str, other: str) -> float:
        """The median of the ratios of two commands, round by round."""
        pairs = zip(self.seconds[name], self.seconds[other], strict=True)
        return statistics.median(a / b for a, b in pairs)


def peak(command: Command) -> float:
    """Run a command and return the most memory that it held, in MiB."""
    if command.prepare:
        command.prepare()
    words = [sys.executable, "-S", "-c", _PEAK, *(str(word) for word in command.words)]
    env = {**environment(), **command.env}
    done = subprocess.run(words, capture_output=True, text=True, env=env, check=True)
    code, kibibytes = done.stdout.split()
    if int(code) not in command.codes:
        raise RuntimeError(f"{words} gave {code}")
    return int(kibibytes) / 1024
