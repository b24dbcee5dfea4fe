"""Fixtures of the tests that run real programs. All traffic stays in network namespaces."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import EXAMPLES, omconf
from tests.needs import fixture_needs, program
from tests.real import machines
from tests.real.machines import Machines
from tests.real.programs import Network

SECRET = "s3cret, of \"the\" 'cluster'"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a node has: other users enter the folders that root makes, and /etc says the time zone."""
    monkeypatch.delenv("TZ", raising=False)
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="module")
@fixture_needs(*machines.NEEDS)
def three() -> Iterator[Machines]:
    """Three nodes with a systemd of their own, in whatever state the last test left them."""
    before = os.umask(0o022)
    network = Network(f"om{os.getpid()}m")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        made = Machines(network, Path(folder))
        try:
            made.boot()
            yield made
        finally:
            made.close()
            network.close()
            os.umask(before)


@pytest.fixture(scope="session")
@fixture_needs("java", "javac", "jars")
def java() -> str:
    """The Java program."""
    return program("java")


@pytest.fixture
@fixture_needs("network namespaces")
def network(request: pytest.FixtureRequest) -> Iterator[Network]:
    """An empty bridge in a namespace of its own; hosts are added by their address."""
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
        text = text.replace("{file: company-ca.pem,", "{env: OM_DB_PASSWORD,")
        text = text.replace("{command: [pass, show, openmeetings/campus]}", "{env: OM_DB_PASSWORD}")
        copy = folder / f"{spec.parent.name}.yaml"
        copy.write_text(text)
        target = folder / spec.parent.name
        env = {"OM_DB_PASSWORD": SECRET}
        built = omconf("build", copy, "-o", target, "--reveal-secrets", env=env)
        assert built.code == 0, built.err
    return folder


@pytest.fixture
@fixture_needs("mount namespaces")
def mounted(tmp_path: Path) -> Any:
    """Run a shell script in a mount namespace of its own, with files bound over the host's."""

    def run(script: str, binds: dict[str, Path]) -> subprocess.CompletedProcess[str]:
        mounts = "".join(f"mount --bind '{source}' {target}\n" for target, source in binds.items())
        return subprocess.run(
            ["unshare", "-m", "--propagation", "private", "sh", "-ec", mounts + script],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )

    return run
