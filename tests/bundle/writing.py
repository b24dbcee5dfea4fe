"""Bundles to write, ways to cut a build short, and what to expect of a directory after it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omconf.bundle.comparison import Checked, check
from omconf.bundle.model import BundleFile
from omconf.bundle.writer import Written, write
from omconf.diagnostics import Diagnostic

ROOT = Path(__file__).parents[2]
STAGING = ".omconf-staging"

# A file system in memory, where there is one.
QUICK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def bundle(contents: dict[str, bytes], executable: tuple[str, ...] = ()) -> dict[str, BundleFile]:
    """These files, and the manifest that lists them and itself."""
    names = sorted({*contents, "manifest.json"})
    manifest = json.dumps({"format_version": "1.0", "cluster": "c", "files": names})
    files = {p: BundleFile(d, 0o755 if p in executable else 0o644) for p, d in contents.items()}
    return {**files, "manifest.json": BundleFile(manifest.encode())}


def tree(directory: Path) -> dict[str, Any]:
    """Everything in a directory: bytes and x-bit of files, targets of links, "folder" for folders."""
    found: dict[str, Any] = {}
    for path in sorted(directory.rglob("*")):
        name, mode = str(path.relative_to(directory)), path.lstat().st_mode
        if stat.S_ISLNK(mode):
            found[name] = os.readlink(path)
        elif stat.S_ISREG(mode):
            found[name] = (path.read_bytes(), bool(mode & 0o100))
        else:
            found[name] = "folder" if stat.S_ISDIR(mode) else "special"
    return found


def tree_of(files: dict[str, BundleFile]) -> dict[str, Any]:
    """What `tree` finds when a directory holds exactly these files."""
    expected: dict[str, Any] = {p: (f.data, bool(f.mode & 0o100)) for p, f in files.items()}
    for path in files:
        expected.update({str(p): "folder" for p in Path(path).parents if str(p) != "."})
    return expected


def times(directory: Path) -> dict[str, tuple[int, int]]:
    """When each file and folder was last changed, and its inode, DIR's own included."""
    paths = [directory, *directory.rglob("*")]
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_ino) for p in paths}


def errors(result: object) -> list[tuple[str, str]]:
    assert isinstance(result, list), result
    assert all(isinstance(d, Diagnostic) and d.is_error for d in result)
    return [(d.rule.id, d.message) for d in result]


def only_error(result: object) -> str:
    """The message of the one error."""
    [(_, message)] = errors(result)
    return message


def differences(result: object) -> list[tuple[str, str]]:
    assert isinstance(result, Checked), result
    return [(d.path, d.kind) for d in result.differences]


OLD = bundle(
    {
        "README.md": b"read me\n",
        "om1/manifest.json": b"one",
        "om1/files/etc/a": b"a",
        "om1/files/sbin/run": b"#!/bin/sh\n",
        "om2/manifest.json": b"two",
        "om2/files/etc/a": b"a",
    },
    executable=("om1/files/sbin/run",),
)
NEW = bundle(
    {
        "README.md": b"read me again\n",
        "om1/manifest.json": b"one",
        "om1/files/etc/b": b"b",
        "om1/files/sbin/run": b"#!/bin/sh\n",
        "om3/manifest.json": b"three",
        "om3/files/etc/a": b"a",
    },
)


THIRD = bundle({"README.md": b"3", "om1": b"a file now", "om4/x": b"4", "om2/files/etc/a": b"2"})

LARGE = bundle({"README.md": b"read me\n", "om1/big": b"x" * 300_000, "om2/big": b"y" * 300_000})
SECRET = bundle(
    {"om1/files/etc/secret": b"hunter2", "om1/files/sbin/run": b"run"},
    executable=("om1/files/sbin/run",),
)


FLEETS = [
    bundle(
        {f"om{i}/files/{j}": b"%d" % version * 20_000 for i in nodes for j in range(4)}
        | {f"version-{version}": b""}
    )
    for version, nodes in enumerate((range(15), range(5, 25)))
]

# Everything that the writer does to a directory.
CHANGES = ("mkdir", "rmdir", "link", "rename", "unlink", "chmod", "fchmod", "write", "fsync")


class Killed(BaseException):
    """Stands for the end of the process: nothing more is changed after it."""


@contextmanager
def at_change(number: int, act: Callable[[str, tuple[Any, ...]], None]) -> Iterator[list[str]]:
    """Call `act` before the change of this number (from 0); gives the names of all the changes."""
    seen: list[str] = []

    def changing(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def change(*args: Any, **more: Any) -> Any:
            if name == "open" and not args[1] & os.O_CREAT:
                return original(*args, **more)
            seen.append(name)
            if len(seen) > number:
                act(name, args)
            return original(*args, **more)

        return change

    originals = {name: getattr(os, name) for name in (*CHANGES, "open")}
    try:
        for name, original in originals.items():
            setattr(os, name, changing(name, original))
        yield seen
    finally:
        for name, original in originals.items():
            setattr(os, name, original)


def killed_at(number: int, files: dict[str, BundleFile], directory: Path) -> bool:
    """Build until the change of this number, which a torn write precedes; False if it got done."""
    tear = os.write

    def die(name: str, args: tuple[Any, ...]) -> None:
        if name == "write" and not dead:
            tear(args[0], args[1][: len(args[1]) // 2])
        dead.append(name)
        raise Killed

    dead: list[str] = []
    try:
        with at_change(number, die):
            assert isinstance(write(files, directory), Written)
    except Killed:
        return True
    return False


def without_staging(directory: Path) -> dict[str, Any]:
    found = tree(directory)
    return {p: f for p, f in found.items() if p.partition("/")[0] != STAGING and f != "folder"}


def assert_nothing_torn(directory: Path, *bundles: dict[str, BundleFile]) -> None:
    """Every file is wholly that of one of the bundles, and `check` says what is the case."""
    whole: dict[str, list[Any]] = {}
    for files in bundles:
        for path, file in files.items():
            whole.setdefault(path, []).append((file.data, bool(file.mode & 0o100)))
    found = without_staging(directory) if directory.exists() else {}
    for path, content in found.items():
        assert content in whole[path], path
    checked = check(bundles[-1], directory)
    assert isinstance(checked, Checked), checked
    assert checked.unfinished == (directory / STAGING).exists()
    if not checked.unfinished and found:
        states = [{p: (f.data, bool(f.mode & 0o100)) for p, f in b.items()} for b in bundles]
        assert found in states


def without_folders(files: dict[str, BundleFile]) -> dict[str, Any]:
    return {p: f for p, f in tree_of(files).items() if f != "folder"}


def run(script: str, *arguments: object, **more: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, cwd="/", **more)
