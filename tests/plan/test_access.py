"""Modes and owners: which of a file made by hand are left as they are."""

from __future__ import annotations

import pytest

from omconf.artifacts.contents import Artifact
from omconf.artifacts.hazelcast import KIND as HAZELCAST
from omconf.artifacts.persistence import KIND as PERSISTENCE
from omconf.deployed.snapshot import Access
from omconf.plan import access
from tests.clusters import simple

CLUSTER = simple(openmeetings={"user": "om", "group": "om"})
PLAIN, SECRET = (kind.render(CLUSTER, CLUSTER.nodes[0])[0] for kind in (HAZELCAST, PERSISTENCE))


@pytest.mark.parametrize(
    ("artifact", "mode", "owner", "group"),
    [
        (PLAIN, 0o644, "root", "root"),
        (PLAIN, 0o664, "alice", "alice"),
        (PLAIN, 0o640, "root", "om"),
        (PLAIN, 0o600, "om", "om"),
        (SECRET, 0o640, "root", "om"),
        (SECRET, 0o640, "om", "root"),
        (SECRET, 0o400, "om", "staff"),
    ],
)
def test_harmless(artifact: Artifact, mode: int, owner: str, group: str) -> None:
    found = Access(mode, owner, group)
    assert access.changed(artifact, found, by_hand=True) == []
    same = (mode, owner, group) == (artifact.mode, artifact.owner, artifact.group)
    assert bool(access.changed(artifact, found, by_hand=False)) is not same


@pytest.mark.parametrize(
    ("artifact", "mode", "owner", "group"),
    [
        (PLAIN, 0o666, "om", "om"),
        (PLAIN, 0o640, "root", "root"),
        (PLAIN, 0o4644, "root", "root"),
        (PLAIN, 0o204, "om", "om"),
        (SECRET, 0o644, "om", "om"),
        (SECRET, 0o641, "om", "om"),
        (SECRET, 0o640, "om", "staff"),
        (SECRET, 0o600, "alice", "om"),
        (SECRET, 0o600, "root", "root"),
    ],
)
def test_harm(artifact: Artifact, mode: int, owner: str, group: str) -> None:
    assert access.changed(artifact, Access(mode, owner, group), by_hand=True)
