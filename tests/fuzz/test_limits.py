"""Huge and hostile specs end in a finding, within 300 MB.

Each input is large in one way only (nodes, nesting, one line, aliases), or is what all nodes together
send. A child process reads it, and the kernel tells the peak of its memory.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clusters import SMALLEST
from tests.command import ROOT
from tests.deployed.streams import header

pytestmark = pytest.mark.slow

MAX_KIB = 300 * 1024
HEAD = SMALLEST.partition("nodes:")[0]
# A small process between: what is run inherits the peak of who runs it, and pytest's is large.
MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def nodes(count: int) -> str:
    row = '  n{0}: {{address: 10.{1}.{2}.{3}, url: "https://n{0}.example.org/openmeetings"}}\n'
    rows = (row.format(i, i >> 16 & 255, i >> 8 & 255, i & 255) for i in range(1, count + 1))
    return HEAD + "nodes:\n" + "".join(rows)


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    return "\n".join(lines) + "\n"


HOSTILE: dict[str, tuple[Callable[[], str | bytes], str]] = {
    "10 MB": (lambda: SMALLEST + "# x\n" * 2_500_000, "OM107"),
    "an alias bomb": (bomb, "OM107"),
    "100,000 nodes": (lambda: nodes(100_000), "OM107"),
    "10,000 levels of flow": (lambda: "a: " + "[" * 10_000 + "]" * 10_000, "OM107"),
    "10,000 levels of blocks": (lambda: "".join(" " * i + "a:\n" for i in range(2_000)), "OM107"),
    "NUL bytes": (lambda: b"a: \0\0\0" * 1000, "OM101"),
    "lone surrogates": (lambda: b"cluster: \xed\xa0\x80", "OM107"),
    "a path with a line break": (
        lambda: SMALLEST.replace("kind: nfs", 'kind: nfs, export: "/a\\nb"'),
        "OM260",
    ),
    "a huge integer": (
        lambda: SMALLEST.replace("kind: multicast", f"port: {'9' * 100_000}"),
        "OM105",
    ),
    "a Python tag": (lambda: "cluster: !!python/object/apply:os.system [id]\n", "OM105"),
    "one line of 4 MiB": (lambda: "a: '" + "x" * ((4 << 20) - 8) + "'", "OM10"),
    "a million keys": (lambda: "a:\n" + "".join(f" k{i}:\n" for i in range(400_000)), "OM107"),
    "as many duplicates": (lambda: "a: 1\n" * 200_000, "OM10"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_specs(tmp_path: Path, name: str) -> None:
    make, rule = HOSTILE[name]
    content = make()
    spec = tmp_path / "cluster.yaml"
    spec.write_bytes(content if isinstance(content, bytes) else content.encode())
    command = [sys.executable, "-c", MEASURED]
    command += [sys.executable, "-m", "omconf", "validate", str(spec)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    said = done.stderr
    assert done.returncode == 1, said[:500]
    assert re.search(rf"error\[{rule}", said), said[:500]
    assert int(done.stdout) < MAX_KIB
    assert len(said) < 2_000_000


def large_stream(folder: Path) -> None:
    """Write a stand-in for ssh: each node sends other content, two files of almost 4 MiB."""
    size = (4 << 20) - 4096
    for name in ("etc/fstab", "etc/exports"):
        (folder / name.replace("/", "-")).write_bytes(header(name, size=size))
    chance = random.Random(0)
    lines = (b"#%s\n" % chance.randbytes(512).hex().encode() for _ in range(size // 1024))
    (folder / "lines").write_bytes(b"".join(lines))
    program = folder / "ssh"
    program.write_text(
        f"""#!/bin/sh
        cd {folder}
        for name in etc-fstab etc-exports; do
            cat $name
            {{ echo "# $$ $name"; cat lines; }} | head -c {size}
        done
        head -c 1024 /dev/zero
        """
    )
    program.chmod(0o755)


CHECK_FLOOD = """#!/bin/sh
cat >/dev/null
sed "s/^/fact\tmember\t$$/" {members}
echo 'ok\tfiles\tfine'
"""


def flood(folder: Path) -> None:
    """Write a stand-in for ssh: each node's check names thousands of other members."""
    chance = random.Random(0)
    (folder / "members").write_text(
        "".join(f"{chance.randbytes(40).hex()}\n" for _ in range(10_000))
    )
    program = folder / "ssh"
    program.write_text(CHECK_FLOOD.format(members=folder / "members"))
    program.chmod(0o755)


FROM_NODES = {"plan --ssh": (large_stream, 40), "verify --ssh": (flood, 150)}


@pytest.mark.parametrize("words", FROM_NODES)
def test_what_all_nodes_send_together(tmp_path: Path, words: str) -> None:
    """Nodes that send all that one may send: what is beyond the budget of all is not kept."""
    write, count = FROM_NODES[words]
    write(tmp_path)
    (tmp_path / "cluster.yaml").write_text(nodes(count).replace("n1:", "om1:", 1))
    command = [sys.executable, "-c", MEASURED, sys.executable, "-m", "omconf", *words.split()]
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert int(done.stdout) < MAX_KIB
