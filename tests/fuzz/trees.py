"""Root trees with links, loops and odd files, which change between any two system calls of omconf's.

A case is its number: it makes a tree, and what happens to it before which call. Outside of the tree
lie files with a marker, at every path that a wrong step could lead to.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

from omconf.deployed.directory import Directory
from omconf.deployed.snapshot import Request, Snapshot
from omconf.files.tree import MAX_PARTS

MARKER = b"outside of the tree"
NAMES = ("a", "b", "c")
FILES = ("f", "g")
CALLS = ("open", "readlink", "stat", "read", "fstat")
RACES = 10
"""Of so many cases, one has a thread that changes the tree too."""
_rename, _symlink, _mkdir, _mkfifo = os.rename, os.symlink, os.mkdir, os.mkfifo
_open, _close = os.open, os.close
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW


class World:
    """A folder of root trees, and what lies outside of it."""

    def __init__(self, folder: Path, random: Random) -> None:
        self.folder, self.random = folder, random
        self.outside, self.trees = folder / "outside", folder / "trees"
        self.paths = [self.path() for _ in range(12)]
        for below in (self.outside, self.outside / "a", self.outside / "b", folder):
            for path in self.paths:
                place = Path(f"{below}{path}")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(MARKER)
        (self.outside / "away").mkdir()
        self.away = _open(self.outside / "away", _FOLDER)
        self.root = self.trees / "om1"
        self.root.mkdir(parents=True)
        for path in self.paths:
            with suppress(OSError):
                place = Path(f"{self.root}{path}")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(b"inside")
        for _ in range(random.randrange(12)):
            self.change()

    def path(self) -> str:
        """A path that a plan may ask for."""
        folders = self.random.choices(NAMES, k=self.random.randrange(5))
        return "/" + "/".join([*folders, self.random.choice(FILES)])

    def part(self) -> str:
        """A folder on the way to a file that a plan asks for, or the file, or the root."""
        path = self.random.choice(self.paths)
        ends = [at for at, letter in enumerate(path) if letter == "/"][
            self.random.random() > 0.05 :
        ]
        return path[: self.random.choice((*ends, len(path)))]

    @contextmanager
    def place(self, part: str) -> Iterator[tuple[int, str]]:
        """What is to change: the tree itself, a folder or a file of it, and never what lies outside.

        A change that followed a link could move a marker into the tree.
        """
        parts = ["om1", *part.split("/")[1:]]
        held = [_open(self.trees, _FOLDER)]
        try:
            for part in parts[:-1]:
                held.append(_open(part, _FOLDER, dir_fd=held[-1]))
            yield held[-1], parts[-1]
        finally:
            for fd in held:
                _close(fd)

    def target(self) -> str:
        """Where a link leads: inside, out, above, around in a circle, nowhere."""
        up = "../" * self.random.randrange(8)
        below = "/".join(self.random.choices((*NAMES, ".."), k=self.random.randrange(4)))
        return self.random.choice(
            (
                self.part() or "/",
                up + self.part()[1:] or ".",
                f"/{below}",
                f"{up}{below}" or ".",
                f"{up}outside/{below}",
                str(self.outside),
                f"{self.outside}{self.random.choice(self.paths)}",
                f"{up}outside{self.random.choice(self.paths)}",
                str(self.folder),
                f"{self.root}/a",
                "../" * 60,
                "a/" * self.random.choice((3, 150, 300)),
                ".",
                "nowhere",
            )
        )

    def change(self) -> None:
        """Change one thing; what the system refuses then is left as it was."""
        away = str(self.random.randrange(1 << 30))
        part, to = self.part(), self.part()
        with suppress(OSError), self.place(part) as (fd, name), self.place(to) as (other_fd, other):
            match self.random.randrange(10):
                case 0 | 1:  # two change places
                    _rename(name, away, src_dir_fd=fd, dst_dir_fd=self.away)
                    with suppress(OSError):
                        _rename(other, name, src_dir_fd=other_fd, dst_dir_fd=fd)
                    _rename(away, other, src_dir_fd=self.away, dst_dir_fd=other_fd)
                case 2 | 3:
                    with suppress(OSError):
                        _rename(name, away, src_dir_fd=fd, dst_dir_fd=self.away)
                    _symlink(self.target(), name, dir_fd=fd)
                case 4:
                    _rename(name, other, src_dir_fd=fd, dst_dir_fd=other_fd)
                case 5 | 6 | 7:  # moved, and replaced by a link
                    new = f"{other}-{away}"
                    _rename(name, new, src_dir_fd=fd, dst_dir_fd=other_fd)
                    up = self.random.choice(
                        ("/", "../" * self.random.randrange(part.count("/"), 9))
                    )
                    _symlink(f"{up}{to[1:]}-{away}", name, dir_fd=fd)
                case 8:  # out of the tree: above it there are markers now
                    _rename(name, away, src_dir_fd=fd, dst_dir_fd=self.away)
                case _:
                    with suppress(OSError):
                        _rename(name, away, src_dir_fd=fd, dst_dir_fd=self.away)
                    self.random.choice((_mkdir, _mkfifo))(name, dir_fd=fd)


@contextmanager
def between_calls(act: Callable[[], None]) -> Iterator[list[str]]:
    """Call `act` before each system call that reads; gives the names of the calls."""
    originals = {name: getattr(os, name) for name in CALLS}
    seen: list[str] = []

    def acting(name: str) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            seen.append(name)
            act()
            return originals[name](*args, **more)

        return call

    try:
        for name in CALLS:
            setattr(os, name, acting(name))
        yield seen
    finally:
        for name, original in originals.items():
            setattr(os, name, original)


@contextmanager
def racing(world: World, enabled: bool) -> Iterator[None]:
    """Change the tree in a thread meanwhile."""
    stop = threading.Event()
    other = World.__new__(World)
    other.__dict__ |= {**world.__dict__, "random": Random(world.random.random())}

    def flip() -> None:
        while not stop.is_set():
            other.change()

    thread = threading.Thread(target=flip)
    if enabled:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        if enabled:
            thread.join()


def run(number: int, folder: Path) -> str:
    """Run a case in an empty folder; returns what is wrong, or nothing. May raise anything."""
    random = Random(f"tree {number}")
    world = World(folder, random)
    try:
        return _wrong(world, number)
    finally:
        _close(world.away)


def _wrong(world: World, number: int) -> str:
    request = Request(tuple(dict.fromkeys(world.paths)), "c", "")
    often = world.random.choice((0.0, 0.05, 0.3, 1.0))

    def act() -> None:
        if world.random.random() < often:
            world.change()

    before = len(os.listdir("/proc/self/fd"))
    with racing(world, number % RACES == 0), between_calls(act) as calls:
        found = Directory(str(world.trees)).read({"om1": request}, whole=False)
    if not isinstance(found, Snapshot):
        return f"the directory itself: {found.message}"
    for path, file in found.nodes["om1"].files.items():
        if file.data is not None and MARKER in file.data:
            return f"{path} was read outside of the tree"
        if (file.data is None) == (file.problem is None):
            return f"{path} has neither contents nor a finding, or both"
    if len(calls) > (len(request.paths) + 1) * 4 * MAX_PARTS:
        return f"{len(calls)} calls"
    if len(os.listdir("/proc/self/fd")) != before:
        return "a descriptor stays open"
    return ""


def broken(numbers: Iterable[int], folder: Path) -> Iterator[tuple[int, str]]:
    """Run cases, each in the folder once it is empty; gives those that are wrong, and why."""
    for number in numbers:
        try:
            why = run(number, folder)
        except Exception:  # noqa: BLE001 - what a case shows
            why = traceback.format_exc()
        if why:
            yield number, why
        clear(folder)


def clear(folder: Path) -> None:
    """Remove what a case made."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def main(numbers: Iterable[int]) -> int:
    """Run cases and print what is wrong, each as it is found."""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, why in broken(numbers, Path(folder)):
            wrong += 1
            sys.stdout.write(f"BROKEN tree:{number} {why}\n")
    sys.stdout.write(f"{wrong} broken\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    # python -m tests.fuzz.trees FIRST [LAST]
    first, *last = map(int, sys.argv[1:])
    sys.exit(main(range(first, (last or [first])[0] + 1)))
