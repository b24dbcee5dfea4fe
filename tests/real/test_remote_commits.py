"""Two nodes' OpenJPA on one PostgreSQL: a commit on one evicts the other's cache, or it stays stale.

RemoteCommitProvider is the written one with its addresses set to the members, as OpenMeetings sets
them at its start.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from omconf.artifacts import persistence
from omconf.secrets import Secret
from tests.clusters import simple
from tests.needs import fixture_needs
from tests.real.databases import NEEDS_POSTGRESQL, PostgreSQL
from tests.real.notes import notes
from tests.real.programs import Network

ALLOWED = ("[B", "java.util", "org.apache.openjpa", "org.apache.openmeetings.db.entity")
LISTS = (
    "-Dopenjpa.serialization.class.blacklist=*",
    f"-Dopenjpa.serialization.class.whitelist={','.join(ALLOWED)}",
)
"""The start-up options that the clustering page asks for."""
NODES = ("10.1.1.1", "10.1.1.2")


@pytest.fixture
@fixture_needs(*NEEDS_POSTGRESQL)
def database(network: Network) -> Iterator[PostgreSQL]:
    started = PostgreSQL(network.host("10.1.1.250"), "10.1.1.250")
    try:
        yield started
    finally:
        started.stop()


class Jpa:
    """One node's JVM."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.answer("ready")

    def answer(self, word: str) -> str:
        assert self.process.stdout
        said = []
        for line in self.process.stdout:
            said.append(line)
            if line.startswith(word):
                return line.removeprefix(word).strip()
        raise AssertionError("".join(said[-30:]))

    def ask(self, command: str) -> str:
        assert self.process.stdin
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        return self.answer("text ")


@pytest.mark.parametrize("fresh", [True, False], ids=["lists of the page", "black list alone"])
def test_a_commit_reaches_the_other_nodes_cache(
    java: str, network: Network, database: PostgreSQL, tmp_path: Path, fresh: bool
) -> None:
    database.create("openmeetings", "pw", "openmeetings")
    cluster = simple()
    written = persistence.KIND.render(cluster, cluster.nodes[0])[0]
    text = written.filled({"database.password": Secret("pw")})
    command = notes(java, tmp_path, text, LISTS if fresh else LISTS[:1])
    spaces = [network.host(address) for address in NODES]
    first, second = (Jpa(network.start(space, *command, ";".join(NODES))) for space in spaces)
    # The provider starts with the first use of the database.
    assert [node.ask("read") for node in (first, second)] == ["null", "null"]
    assert first.ask("write one") == "one"
    assert second.ask("read") == "one"
    assert first.ask("write two") == "two"
    end = time.monotonic() + (10 if fresh else 3)
    while (seen := second.ask("read")) != "two" and time.monotonic() < end:
        time.sleep(0.1)
    assert seen == ("two" if fresh else "one")
