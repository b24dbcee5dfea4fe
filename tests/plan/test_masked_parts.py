"""Values of which a part is masked are compared as they stand, and shown with that part hidden."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.clusters import spec_of
from tests.command import omconf
from tests.plan.test_mask import FORMS, HAZELCAST, PERSISTENCE, edit

ENV = {"OM_DB_PASSWORD": "not-a-real-password"}
URL = "https://me:${PW}@h/p"
DICTIONARY = "postgres(username=a,batchLimit=100)"
OPTIONS = "-c app.user=a -c work_mem=1"
DATABASE = {
    "kind": "postgresql",
    "host": "10.1.1.10",
    "user": "openmeetings",
    "password": {"env": "OM_DB_PASSWORD"},
    "options": {"options": OPTIONS},
}
CHANGED = [
    (HAZELCAST, "me:${PW}@h", "me:hunter22@h", "properties/hazelcast.x.url"),
    (PERSISTENCE, "batchLimit=100", "batchLimit=0", "properties/openjpa.jdbc.DBDictionary"),
    (
        PERSISTENCE,
        "work_mem%3D1",
        "work_mem%3D2",
        "properties/openjpa.ConnectionProperties/Url/options",
    ),
]


@pytest.fixture
def deployed(tmp_path: Path) -> Path:
    """Two nodes as the spec wants them."""
    spec = spec_of(
        2,
        database=DATABASE,
        hazelcast={"properties": {"hazelcast.x.url": URL}},
        persistence={"properties": {"openjpa.jdbc.DBDictionary": DICTIONARY}},
    )
    (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(spec))
    built = omconf("build", "-o", "staged", "--reveal-secrets", cwd=tmp_path, env=ENV)
    assert built.code == 0, built.err
    for node in ("om1", "om2"):
        for folder in ("files", "blocks"):
            shutil.copytree(
                tmp_path / "staged" / node / folder, tmp_path / "d" / node, dirs_exist_ok=True
            )
    return tmp_path / "d"


def _plan(deployed: Path, *options: str) -> str:
    done = omconf("plan", "--deployed", "d", *options, cwd=deployed.parent, env=ENV)
    assert done.code == 0, done.err
    return done.out + done.err


def _changes(deployed: Path) -> list[dict[str, Any]]:
    done = omconf("plan", "--deployed", "d", "--json", cwd=deployed.parent, env=ENV)
    changes = json.loads(done.out)["changes"]
    assert isinstance(changes, list)
    return changes


def test_equal_values_with_a_masked_part_are_no_change(deployed: Path) -> None:
    assert _changes(deployed) == []


@pytest.mark.parametrize(("path", "old", "new", "key"), CHANGED)
def test_what_differs_in_its_masked_part_is_an_update(
    deployed: Path, path: str, old: str, new: str, key: str
) -> None:
    edit(deployed / "om2" / path, old, new)
    (change,) = _changes(deployed)
    assert (change["node"], change["action"]) == ("om2", "update")
    assert change["items"] == [{"key": key, "action": "update", "secret": "different"}]


def test_no_output_has_the_masked_part(deployed: Path) -> None:
    path, old, new, _ = CHANGED[0]
    edit(deployed / "om2" / path, old, new)
    for form in FORMS:
        assert "hunter22" not in _plan(deployed, *form)
    _plan(deployed, "--out", "plan.json")
    assert b"hunter22" not in (deployed.parent / "plan.json").read_bytes()


def test_an_apply_writes_what_differs_in_its_masked_part(deployed: Path) -> None:
    path, old, new, _ = CHANGED[0]
    edit(deployed / "om2" / path, old, new)
    root = ("--local", "om2", "--root", str(deployed / "om2"), "--yes")
    done = omconf("apply", *root, cwd=deployed.parent, env=ENV)
    assert done.code == 0, done.err
    assert URL in (deployed / "om2" / path).read_text()
