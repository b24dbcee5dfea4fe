"""The real programs as judges: where each is found, and the little networks that they run in.

A missing program is a skip that names it and the command that installs it; where nothing may be
skipped (`make check`, CI) it is a failure. All traffic stays in network namespaces made here.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import EXAMPLES, omconf
from tests.real.judges import JAVA, Network, missing, need, need_root

SECRET = "s3cret, of \"the\" 'cluster'"


@pytest.fixture(scope="session")
def java() -> str:
    """The Java program; the jars beside it are fetched by Maven."""
    program = need("java", "openjdk-17-jdk-headless")
    if not (JAVA / "lib").is_dir():
        missing("the jars under tests/real/java/lib")
    return program


@pytest.fixture
def network(request: pytest.FixtureRequest) -> Iterator[Network]:
    """An empty bridge in a namespace of its own; hosts are added by their address."""
    need("ip", "iproute2")
    need_root()
    made = Network(f"om{os.getpid()}x{abs(hash(request.node.nodeid)) % 100000}")
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples' bundles by example, with their secrets filled in."""
    folder = tmp_path_factory.mktemp("bundles")
    for spec in EXAMPLES.glob("*/cluster.yaml"):
        text = spec.read_text().replace("{file: mysql-password}", "{env: OM_DB_PASSWORD}")
        text = text.replace("{command: [pass, show, openmeetings/campus]}", "{env: OM_DB_PASSWORD}")
        copy = folder / f"{spec.parent.name}.yaml"
        copy.write_text(text)
        target = folder / spec.parent.name
        env = {"OM_DB_PASSWORD": SECRET}
        built = omconf("build", copy, "-o", target, "--reveal-secrets", env=env)
        assert built.code == 0, built.err
    return folder


@pytest.fixture
def mounted(tmp_path: Path) -> Any:
    """Run a shell script in a mount namespace of its own, with files bound over the host's."""
    unshare = need("unshare", "util-linux")
    need_root()

    def run(script: str, binds: dict[str, Path]) -> subprocess.CompletedProcess[str]:
        mounts = "".join(f"mount --bind '{source}' {target}\n" for target, source in binds.items())
        return subprocess.run(
            [unshare, "-m", "--propagation", "private", "sh", "-ec", mounts + script],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )

    return run
