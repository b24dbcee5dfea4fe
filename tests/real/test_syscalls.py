"""System calls on files, counted by strace: each further node costs what the one before did."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench.specs import PASSWORD, deploy, spec
from tests.command import OWN_CODE, omconf
from tests.needs import needs
from tests.real.programs import run

pytestmark = needs("tracing")
FILES = "%file,read,write,close,fstat,getdents64,fsync,fcntl,lseek"
MOST = {"build": 105, "again": 180, "plan": 115}
"""Calls that a node may cost; a bundle has ten files a node, in 22 folders, and a plan looks for some
ten more around them. A first build opens and closes each new folder: what it makes is made by
descriptors, so that nobody can redirect it."""


def calls(folder: Path, *words: str | Path) -> int:
    """Run omconf under strace and count its calls on files."""
    program = Path(sys.executable).parent / "omconf"
    trace = folder / "trace"
    environment = os.environ | OWN_CODE | {"OM_DB_PASSWORD": PASSWORD}
    run(
        "strace", "-f", "-qq", "-e", f"trace={FILES}", "-o", trace, program, *words, env=environment
    )
    with trace.open() as lines:
        return sum(1 for _ in lines)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[int]]:
    """Calls by command, at 100, 200 and 300 nodes."""
    counts: dict[str, list[int]] = {name: [] for name in MOST}
    for nodes in (100, 200, 300):
        folder = tmp_path_factory.mktemp(f"nodes{nodes}")
        file, bundle, trees = folder / "cluster.yaml", folder / "bundle", folder / "deployed"
        file.write_text(spec(nodes))
        counts["build"].append(calls(folder, "build", file, "-o", bundle))
        counts["again"].append(calls(folder, "build", file, "-o", bundle))
        deploy(bundle, trees)
        counts["plan"].append(calls(folder, "plan", file, "--deployed", trees))
    return counts


@pytest.mark.parametrize("command", MOST)
def test_a_further_node_costs_the_same(counted: dict[str, list[int]], command: str) -> None:
    hundred, two_hundred, three_hundred = counted[command]
    second, third = two_hundred - hundred, three_hundred - two_hundred
    assert abs(third - second) <= 20, counted[command]
    assert second <= MOST[command] * 100, counted[command]


def test_a_build_of_the_same_writes_to_the_terminal_alone(tmp_path: Path) -> None:
    file, bundle, trace = tmp_path / "cluster.yaml", tmp_path / "bundle", tmp_path / "trace"
    file.write_text(spec(10))
    assert omconf("build", file, "-o", bundle).code == 0
    program = Path(sys.executable).parent / "omconf"
    changing = "write,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir"
    # Bytecode, which Python may keep, is no work of omconf's.
    environment = os.environ | OWN_CODE | {"PYTHONDONTWRITEBYTECODE": "1"}
    words = (program, "build", file, "-o", bundle)
    run("strace", "-f", "-qq", "-e", f"trace={changing}", "-o", trace, *words, env=environment)
    assert all(" write(1, " in line for line in trace.read_text().splitlines())
