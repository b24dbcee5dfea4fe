"""Java classes of the tests: compiled once for all processes of a run, and loaded from an archive.

Most of a short Java program's processor time goes to loading classes. Java can write those that a run
has loaded into an archive, and map them into later ones (class data sharing).
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.needs import program
from tests.real.programs import run

SHARED = "OMCONF_CLASSES"


def shared() -> Path:
    """The folder that the processes of a run share; the first one makes it, and takes it away."""
    if SHARED not in os.environ:
        os.environ[SHARED] = tempfile.mkdtemp(prefix="omconf-classes-")
        atexit.register(shutil.rmtree, os.environ[SHARED])
    return Path(os.environ[SHARED])


@cache
def compiled(classpath: str, *sources: Path) -> Path:
    """The folder of the classes that these sources give with this class path."""

    def make(folder: Path) -> None:
        run(program("javac"), "-cp", classpath, "-d", folder, *sources)

    return _once("classes", (classpath, *sources), make)


@cache
def packed(classpath: str, *sources: Path) -> Path:
    """A jar of them: Java archives no classes that lie in a folder."""

    def make(jar: Path) -> None:
        made = shutil.make_archive(str(jar), "zip", compiled(classpath, *sources))
        Path(made).rename(jar)

    return _once("jar", (classpath, *sources), make)


def archived(what: object, train: Callable[[str], None]) -> Path:
    """The archive of classes of a program, which `train` runs once with the option that it is given.

    A program that loads it has the same class path, or a longer one that begins so.
    """

    def make(archive: Path) -> None:
        train(f"-XX:ArchiveClassesAtExit={archive}")
        assert archive.exists(), "Java wrote no archive"

    return _once("archive", (what,), make)


def _once(kind: str, what: tuple[object, ...], make: Callable[[Path], None]) -> Path:
    """Make something that no other process of this run has made; the rest waits for it."""
    name = hashlib.sha256(repr(what).encode()).hexdigest()[:16]
    made = shared() / f"{name}.{kind}"
    with _alone(shared() / f"{name}.{kind}.lock"):
        if not made.exists():
            part = made.with_name(f"part-{made.name}")
            make(part)
            part.rename(made)
    return made


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
