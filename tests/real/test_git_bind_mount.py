"""Secrets in a folder that is part of a git work tree by a bind mount alone."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.clusters import SMALLEST
from tests.command import ROOT
from tests.needs import needs


@needs("git")
def test_git_ignores_what_is_revealed_there(tmp_path: Path, mounted: Callable[..., Any]) -> None:
    (tmp_path / "cluster.yaml").write_text(SMALLEST)
    (tmp_path / "tree/sub").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    omconf = f"PYTHONPATH={shlex.quote(str(ROOT))} {shlex.quote(sys.executable)} -m omconf"
    script = f"""
        git init -q tree
        OM_DB_PASSWORD=not-a-real-password {omconf} build --reveal-secrets -o elsewhere/x >&2
        ls tree/sub/x/om1/manifest.json
        git -C tree status --porcelain --untracked-files=all
    """
    done = mounted(script, {str(tmp_path / "elsewhere"): tmp_path / "tree/sub"})
    assert done.returncode == 0, done.stderr
    assert done.stdout == "tree/sub/x/om1/manifest.json\n"
