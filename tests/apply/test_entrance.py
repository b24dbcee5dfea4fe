"""A firewall that would close the way by which omconf came."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from omconf.apply import entrance
from omconf.apply.targets import Target
from omconf.artifacts import firewall
from omconf.process import Answer
from tests.clusters import simple

CLOSED = "192.0.2.7 50000 10.1.1.1 5701"


class Line:
    """A node to which sshd took a connection."""

    def __init__(self, connection: str) -> None:
        self.environment = {"PATH": os.environ["PATH"]}
        if connection:
            self.environment["SSH_CONNECTION"] = connection

    def output(self, words: Sequence[str], stdin: bytes, *, seconds: int) -> Answer:
        # As behind sudo: the program itself does not know it any more.
        shell = ["sh", "-c", 'env -u SSH_CONNECTION "$@"; exit 0', "sh", *words]
        done = subprocess.run(shell, env=self.environment, capture_output=True, timeout=seconds)
        return Answer(done.returncode, done.stdout)


def problem(connection: str, folder: Path) -> str:
    cluster = simple(2, network={"firewall": "nftables"})
    table = firewall.KIND.render(cluster, cluster.nodes[0])[0]
    path = f"{folder}/firewall.nft"
    node: Any = SimpleNamespace(line=Line(connection))
    return entrance.problem(node, [Target(path, None, table.data, "firewall")])


@pytest.mark.parametrize("client", ["192.0.2.7", "::ffff:192.0.2.7", "::ffff:192.0.2.7%eth0"])
def test_it_is_named(tmp_path: Path, client: str) -> None:
    said = problem(CLOSED.replace("192.0.2.7", client), tmp_path)
    assert said == (
        f"{tmp_path}/firewall.nft: it would close port 5701, which this connection uses:"
        f" allow 192.0.2.7 in a file in {tmp_path}/firewall.d, or let sshd listen elsewhere"
    )


@pytest.mark.parametrize(
    "connection",
    [
        CLOSED.replace("5701", "22"),
        CLOSED.replace("192.0.2.7", "10.1.1.2"),
        CLOSED.replace("192.0.2.7", "::ffff:10.1.1.2"),
        "",
        "no connection",
    ],
)
def test_what_stays_open(tmp_path: Path, connection: str) -> None:
    assert problem(connection, tmp_path) == ""


def test_the_admins_own_files_may_let_others_in(tmp_path: Path) -> None:
    (tmp_path / "firewall.d").mkdir()
    assert problem(CLOSED, tmp_path)
    (tmp_path / "firewall.d/mine.nft").touch()
    assert problem(CLOSED, tmp_path) == ""


def test_without_a_new_firewall_nothing_is_asked() -> None:
    node: Any = SimpleNamespace()
    assert entrance.problem(node, [Target("/etc/exports", None, b"x")]) == ""
