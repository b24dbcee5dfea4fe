"""Whether a node could log in to its database before its persistence.xml exists, on real servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from omconf.actions import Manual
from omconf.apply import database
from omconf.apply.carrier import FIRST, Piped
from omconf.apply.node import Node
from omconf.apply.targets import Targets
from omconf.bundle.compile import compile_bundle
from omconf.deployed.snapshot import NodeFiles
from omconf.pipeline.bundle_secrets import secrets_of
from tests.clusters import cluster_of, spec_of
from tests.real.test_database_access import HOSTILE, MARK
from tests.real.test_node_check_login import HOST, server

__all__ = ["server"]
LET_IN = Manual("database", "Let them in.", login=True)


def node_of(server: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, **sections: Any) -> Node:
    """A node of which nothing is deployed yet; its program runs where the server is reached."""
    monkeypatch.setenv("OM_DB_PASSWORD", sections.pop("password"))
    data = {"kind": server.kind, "host": HOST, **sections}
    bundle = compile_bundle(cluster_of(spec_of(2, database=data)))
    targets = Targets(bundle, "om1", NodeFiles(), secrets_of(bundle), {})
    words = [*server.inside, "sh", "-c", FIRST, "omconf-node", "conference", str(folder)]
    line = Piped.start(words)
    assert line.ask("lock", "a test", "").ok
    return Node("om1", line, targets, cast(Any, None), lambda _: None)


@pytest.mark.parametrize(("user", "name", "password"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_passwords_log_in(
    server: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    user: str,
    name: str,
    password: str,
) -> None:
    node = node_of(server, tmp_path, monkeypatch, user=user, name=name, password=password)
    with cast(Piped, node.line):
        assert database.logs_in(node.line, node.targets) is False
        node.alone, node.told = True, frozenset({LET_IN.text})
        assert not node.is_done(LET_IN), "whoever was asked before did not do it"
        assert node.still(LET_IN) == "It cannot log in yet."
        server.create(user, password, name)
        assert database.logs_in(node.line, node.targets) is True
        assert node.is_done(LET_IN)
        assert node.still(LET_IN) is None
        assert MARK not in node.line.said()


def test_without_a_client_the_port_counts_where_nobody_can_be_asked(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = node_of(server, tmp_path, monkeypatch, user="nobody", name="n", password=MARK)
    monkeypatch.setattr(database, "_LOGIN", "exit 3\n{functions}")
    with cast(Piped, node.line):
        assert not node.is_done(LET_IN)
        node.alone = True
        assert node.is_done(LET_IN)
        assert not node.is_done(Manual("database", "Forget them."))
