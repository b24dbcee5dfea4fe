"""Jars that are none."""

from __future__ import annotations

import os
from pathlib import Path

from omconf.schema import official


def test_a_pipe_is_refused_unopened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jar"
    os.mkfifo(pipe)
    assert (
        official.schema(str(pipe), "5.5")
        == f"{pipe} cannot be read: it is a named pipe, not a regular file."
    )


def test_a_jar_that_is_not_there(tmp_path: Path) -> None:
    jar = tmp_path / "none.jar"
    assert official.schema(str(jar), "5.5") == f"{jar} cannot be read: No such file or directory."
