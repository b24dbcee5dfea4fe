"""docs/adopt.md, run word for word: from hand-made trees to git and a first apply on a copy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import EXAMPLES, OWN_CODE, ROOT
from tests.needs import needs

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs/adopt.md"
_RUN = "{command}\ncode=$?; env -0 >{state}/env; pwd >{state}/cwd; exit $code"


@needs("git", "bash")
def test_the_sessions_of_the_page(tmp_path: Path) -> None:
    state, cwd = tmp_path / "state", tmp_path / "work"
    state.mkdir()
    shutil.copytree(EXAMPLES / "adopt", cwd / "examples/adopt")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(state), "LC_ALL": "C.UTF-8", **OWN_CODE}
    here = str(cwd)
    where = [sys.executable, "-c", "import omconf; print(omconf.__file__)"]
    imported = subprocess.run(where, env=environment, cwd=here, stdout=subprocess.PIPE, text=True)
    assert imported.stdout.strip() == str(ROOT / "omconf/__init__.py")
    sessions = re.findall(r"^```console\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(sessions) == 6
    for session in sessions:
        for command, wanted in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", session, re.MULTILINE):
            done = subprocess.run(
                ["bash", "-c", _RUN.format(command=command, state=state)],
                cwd=here,
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
                timeout=120,
            )
            shown = re.sub(r"took [0-9.]+ seconds", "took 1.0 seconds", done.stdout)
            expected = re.sub(r"took [0-9.]+ seconds", "took 1.0 seconds", wanted)
            assert shown.replace(str(cwd), "/srv") == expected, command
            here = (state / "cwd").read_text().strip()
            said = (state / "env").read_text().split("\0")
            environment = dict(pair.split("=", 1) for pair in said if pair)
