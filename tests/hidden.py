"""Hides programs from tests, to check that each test declares all that it needs (`tests/needs.py`).

OMCONF_HIDDEN says what each test does not find, as root and on Linux with overlayfs:

- `undeclared`: every program that the test does not declare, but for those that every Debian has
  (packages that are essential or required) and Python. A test that passes so does not need them.
- `each`: no test runs; each thing that it declares is hidden alone, and the reason must name it.
- `all`, or names with commas: these of the needs.

Programs are hidden by whiteouts in a mount namespace of the process that runs the tests, so they are
missing for absolute paths, for shells and for whatever the test starts too.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.needs import NEEDS, find

MODE = os.environ.get("OMCONF_HIDDEN", "")
FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
NEWNS = 0x20000  # the numbers are those of linux/sched.h and linux/mount.h
READ_ONLY, RECURSIVE, PRIVATE, DETACH = 1, 0x4000, 0x40000, 2
ALTERNATIVES = ("awk", "which", "pager", "editor")
"""Programs of Debian's base that are links which no package owns."""


class Hiding:
    """Hides programs from this process and from what it starts."""

    def __init__(self) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.call("unshare", NEWNS)
        self.mount("none", "/", "", RECURSIVE | PRIVATE)
        self.folder = Path(tempfile.mkdtemp(prefix="omconf-hidden-"))
        atexit.register(self.folder.rmdir)
        self.mount("none", self.folder, "tmpfs")
        # What `ip` mounts there is private too; in another process it would be a broken file.
        Path("/run/netns").mkdir(exist_ok=True)
        self.mount("none", "/run/netns", "tmpfs")
        atexit.register(lambda: self.call("umount2", os.fsencode(self.folder), DETACH))
        self.files = {name: _files(name) for name in NEEDS}
        """The paths of each need."""
        self.others = _others({file for files in self.files.values() for file in files})
        """Programs that no test declares, and that not every Debian has."""
        self.layers: dict[frozenset[Path], dict[Path, Path]] = {}
        self.mounted: dict[Path, Path] = {}

    def hide(self, names: Iterable[str], *, others: bool = False) -> None:
        """Hide these needs, and those alone; `others`: also what is no need and in no base."""
        gone = {file for name in names for file in self.files[name]}
        kept = {file for name in NEEDS.keys() - {*names} for file in self.files[name]}
        layers = self._layers(frozenset((gone - kept) | (self.others if others else set())))
        if layers == self.mounted:
            return
        for folder in reversed(self.mounted):
            self.call("umount2", os.fsencode(folder), DETACH)
        self.mounted = layers
        for folder, layer in layers.items():
            self.mount("none", folder, "overlay", READ_ONLY, f"lowerdir={layer}:{folder}")

    def _layers(self, files: frozenset[Path]) -> dict[Path, Path]:
        """Folders of whiteouts, by the folder whose files they hide."""
        if files not in self.layers:
            made: dict[Path, Path] = {}
            for file in sorted(files):
                if file.parent not in made:
                    made[file.parent] = self.folder / f"{len(self.layers)}-{len(made)}"
                    made[file.parent].mkdir()
                    # The folder on top says who may enter.
                    made[file.parent].chmod(stat.S_IMODE(file.parent.stat().st_mode))
                os.mknod(made[file.parent] / file.name, stat.S_IFCHR, os.makedev(0, 0))
            # A folder before those in it: mounted after them, it would cover them.
            self.layers[files] = dict(sorted(made.items()))
        return self.layers[files]

    def mount(
        self, source: str, target: str | Path, kind: str, flags: int = 0, options: str = ""
    ) -> None:
        words = (source.encode(), os.fsencode(target), kind.encode() or None)
        self.call("mount", *words, ctypes.c_ulong(flags), options.encode() or None)

    def call(self, name: str, *arguments: object) -> None:
        if getattr(self.libc, name)(*arguments):
            error = os.strerror(ctypes.get_errno())
            raise pytest.UsageError(f"OMCONF_HIDDEN needs root and overlayfs: {name}: {error}")


def _files(name: str) -> set[Path]:
    """Where a need lies: in every folder of programs, or at its own place, and what links lead to."""
    place = NEEDS[name].place
    at = find(name)
    found = {Path(at)} if at and place.startswith("/") else {Path(f, place) for f in FOLDERS}
    there = {p.parent.resolve() / p.name for p in found if place and p.exists()}
    # Whatever `sh` is, nothing works without it.
    return (there | {path.resolve() for path in there}) - {Path("/bin/sh").resolve()}


def _others(known: set[Path]) -> set[Path]:
    """The programs of this host that are no need and in no package that every Debian has."""
    if not shutil.which("dpkg-query"):
        return set()
    asked = ["dpkg-query", "-W", "-f", "${Priority} ${Essential} ${binary:Package}\n"]
    lines = subprocess.check_output(asked, text=True).splitlines()
    packages = [x.split()[-1] for x in lines if x.startswith("required ") or " yes " in x]
    listed = subprocess.check_output(["dpkg-query", "-L", *packages], text=True).splitlines()
    base = {Path(path) for path in listed if path.startswith(FOLDERS)}
    base |= {Path("/usr/bin", name) for name in ALTERNATIVES}
    kept = {p.parent.resolve() / p.name for p in base} | {p.resolve() for p in base}
    folders = {Path(folder).resolve() for folder in FOLDERS}
    return {
        path
        for folder in folders
        for path in folder.iterdir()
        if path not in kept | known and not path.name.startswith("python3")
    }


@functools.cache
def _hiding() -> Hiding:
    return Hiding()


def prepare(declares: Iterable[str]) -> None:
    """Hide what OMCONF_HIDDEN says from a test that declares this."""
    if MODE == "undeclared":
        _hiding().hide(NEEDS.keys() - {*declares}, others=True)
    elif MODE and MODE != "each":
        _hiding().hide(NEEDS if MODE == "all" else MODE.split(","))


def reveal() -> None:
    """Hide nothing, for what ends after the last test of a module, whatever that one declares."""
    if MODE == "undeclared":
        _hiding().hide(())


def in_turn(names: Iterable[str]) -> Iterator[str]:
    """Give those of the names that can be hidden, each while it alone is hidden."""
    for name in names:
        if _hiding().files[name]:
            _hiding().hide([name])
            yield name
