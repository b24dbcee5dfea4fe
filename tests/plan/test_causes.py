"""Who changed what since it was last applied: the spec, somebody's hand, or both."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.deployed.same import (
    HAZELCAST,
    MANIFEST,
    PERSISTENCE,
    ROUTE,
    build,
    lay,
    plan,
    write_spec,
)
from tests.deployed.test_sources import run_git
from tests.needs import fixture_needs

URL = "member-attributes/server.url"
TTL = "network/join/multicast/multicast-time-to-live"


@pytest.fixture
@fixture_needs("git")
def applied(tmp_path: Path) -> Path:
    """Two nodes as they were applied, and the bundles in a commit."""
    spec = write_spec(tmp_path)
    build(spec, tmp_path / "bundles")
    build(spec, tmp_path / "revealed", "--reveal-secrets")
    for node in ("om1", "om2"):
        lay(tmp_path / "revealed" / node, tmp_path / "trees" / node)
    shutil.rmtree(tmp_path / "revealed")
    run_git(tmp_path, "init", "-q")
    run_git(tmp_path, "add", "bundles")
    run_git(tmp_path, "commit", "-q", "-m", "applied")
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def causes(applied: Path, *options: str) -> dict[str, Any]:
    """Of om2's changes: the causes of the items by key, or that of the file."""
    options = ("--deployed", "trees", "--node", "om2", *options)
    found = plan(applied / "cluster.yaml", *options, cwd=applied)
    return {
        c["path"]: {i["key"]: i.get("cause") for i in c["items"]} or c.get("cause")
        for c in found["changes"]
    }


BASE = ("--git", "HEAD", "-o", "bundles")


@pytest.mark.parametrize("base", [(), BASE])
def test_by_hand_and_by_the_spec(applied: Path, base: tuple[str, ...]) -> None:
    tree = applied / "trees/om2"
    edit(tree / HAZELCAST[1:], "om2.example.org", "old.example.org")
    (tree / ROUTE[1:]).unlink()
    assert causes(applied, *base) == {HAZELCAST: {URL: "drift"}, ROUTE: "drift"}
    lay(applied / "bundles/om2", applied / "again")
    shutil.copy(applied / "again" / HAZELCAST[1:], tree / HAZELCAST[1:])
    shutil.copy(applied / "again" / ROUTE[1:], tree / ROUTE[1:])
    assert causes(applied, *base) == {}
    write_spec(applied, discovery={"ttl": 31})
    found = causes(applied, *base)
    assert found[HAZELCAST] == {TTL: "spec"}


def test_both(applied: Path) -> None:
    """The manifest tells of a file as a whole; a commit of each item."""
    tree = applied / "trees/om2"
    edit(tree / HAZELCAST[1:], "om2.example.org", "old.example.org")
    edit(tree / HAZELCAST[1:], ">224.2.2.3<", ">224.2.2.4<")
    write_spec(applied, discovery={"ttl": 31, "group": "224.2.2.5"})
    group = "network/join/multicast/multicast-group"
    assert causes(applied)[HAZELCAST] == dict.fromkeys((URL, TTL, group), "conflict")
    assert causes(applied, *BASE)[HAZELCAST] == {URL: "drift", TTL: "spec", group: "conflict"}
    done = plan(applied / "cluster.yaml", "--deployed", "trees", *BASE, cwd=applied)
    assert done["source"]["kind"] == "directory"


def test_in_a_block(applied: Path) -> None:
    fstab = applied / "trees/om2/etc/fstab"
    fstab.write_text("# the admin's\n" + fstab.read_text() + "proc /proc proc\n")
    assert causes(applied) == {}
    edit(fstab, "timeo=50", "timeo=60")
    for base in ((), BASE):
        assert causes(applied, *base) == {"/etc/fstab": {"/opt/omdata": "drift"}}
    write_spec(applied, storage={"options": ["hard"]})
    assert causes(applied, *BASE)["/etc/fstab"] == {"/opt/omdata": "conflict"}
    assert causes(applied)["/etc/fstab"] == {"/opt/omdata": "conflict"}


def test_in_a_block_with_the_line_ends_of_its_file(applied: Path) -> None:
    fstab = applied / "trees/om2/etc/fstab"
    text = f"proc /proc proc\n{fstab.read_text()}".replace("\n", "\r\n")
    fstab.write_bytes(text.encode())
    assert causes(applied) == {}
    write_spec(applied, storage={"options": ["hard"]})
    assert causes(applied)["/etc/fstab"] == {"/opt/omdata": "spec"}
    fstab.write_bytes(text.replace("timeo=50", "timeo=60").encode())
    assert causes(applied)["/etc/fstab"] == {"/opt/omdata": "conflict"}


def test_a_file_with_a_secret(applied: Path) -> None:
    """Its digest says nothing, filled in; of a secret it cannot be told where it changed."""
    persistence = applied / "trees/om2" / PERSISTENCE[1:]
    edit(persistence, "not-a-real-password", "another")
    edit(persistence, "maxIdle=100", "maxIdle=10")
    password, idle = (
        f"properties/openjpa.ConnectionProperties/{k}" for k in ("Password", "maxIdle")
    )
    for base in ((), BASE):
        assert causes(applied, *base)[PERSISTENCE] == {password: None, idle: "drift"}
    write_spec(applied, database={"pool": {"maxIdle": "7"}})
    assert causes(applied)[PERSISTENCE] == {password: None, idle: None}
    assert causes(applied, *BASE)[PERSISTENCE] == {password: None, idle: "conflict"}


def test_what_was_never_applied_has_no_cause(applied: Path) -> None:
    tree = applied / "trees/om2"
    (tree / MANIFEST[1:]).unlink()
    edit(tree / HAZELCAST[1:], "om2.example.org", "old.example.org")
    assert causes(applied) == {HAZELCAST: {URL: None}}


def test_people_read_what_a_hand_changed(applied: Path) -> None:
    from tests.command import omconf

    tree = applied / "trees/om2"
    edit(tree / HAZELCAST[1:], "om2.example.org", "old.example.org")
    env = {"OM_DB_PASSWORD": "not-a-real-password"}
    options = ("plan", "cluster.yaml", "--deployed", "trees")
    shown = omconf(*options, cwd=applied, env=env).out
    hint = "(to keep it, set nodes.<name>.url)"
    assert f"om2.example.org:5443/openmeetings [changed by hand]  {hint}\n" in shown
    marked = omconf(*options, "--markdown", cwd=applied, env=env).out
    assert "[changed by hand]" in marked
    write_spec(applied, discovery={"ttl": 31})
    assert "[changed in the spec and by hand]" in omconf(*options, cwd=applied, env=env).out


def test_a_hostile_manifest_takes_nothing(applied: Path) -> None:
    """Only files that say that they are this cluster's are deleted, whatever a manifest lists."""
    tree = applied / "trees/om2"
    place = tree / MANIFEST[1:]
    manifest = json.loads(place.read_text())
    entry = next(e for e in manifest["files"] if e["path"] == HAZELCAST)
    manifest["files"].append({**entry, "path": "/etc/shadow"})
    place.write_text(json.dumps(manifest))
    (tree / "etc/shadow").write_text("root:*:1::::::\n")
    assert causes(applied) == {}
