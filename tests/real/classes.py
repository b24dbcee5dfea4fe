"""Java classes of the tests, compiled once for all tests of a process."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from tests.needs import program
from tests.real.programs import run


@cache
def compiled(classpath: str, *sources: Path) -> Path:
    """The folder of the classes that these sources give with this class path."""
    folder = tempfile.mkdtemp(prefix="omconf-classes-")
    atexit.register(shutil.rmtree, folder)
    run(program("javac"), "-cp", classpath, "-d", folder, *sources)
    return Path(folder)
