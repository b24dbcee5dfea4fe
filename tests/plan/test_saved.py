"""Saved plans: written whole, for their owner; read back as they are, or refused with a reason."""

from __future__ import annotations

import copy
import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.diagnostics import Diagnostic
from omconf.planfile import store as saved
from omconf.rules import NEWER, UNWRITABLE
from tests.command import EXAMPLES, ROOT
from tests.plan.documents import DOCUMENTS, DOCUMENTS_2

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "schemas/plan.schema.json").read_text())
)
PLAN = json.loads((EXAMPLES / "clustering-page/plan.json").read_text())
BINDING = {
    "spec": {"path": "cluster.yaml", "sha256": "a" * 64},
    "bundle": {"sha256": "b" * 64},
    "strict_format": False,
    "deployed": {"om1": {"/etc/exports": "c" * 64, "/etc/fstab": "absent", "/x": "unreadable"}},
    "secrets": {"database.password": {"env": "OM_DB_PASSWORD"}},
}
SAVED = {**PLAN, "binding": BINDING}


def refused(data: bytes) -> str:
    found = saved.parse(data, "file")
    assert isinstance(found, Diagnostic)
    return f"{found.rule.id} {found.message}"


@given(DOCUMENTS)
def test_every_document_is_read_back_as_it_is(document: dict[str, Any]) -> None:
    assert saved.parse(json.dumps(document).encode(), "file") == document


CONTRADICTIONS = (
    "the steps of the roll-out are not numbered from 1 on",
    "a step names a node twice",
    "it names a node that was not planned",
)
WRONG = st.sampled_from([None, True, -1, 0, 1.5, "x", "OM1", [], {}, [1], {"x": 1}])


@given(st.data())
def test_the_reader_refuses_what_the_schema_refuses(data: st.DataObject) -> None:
    """Somewhere in a plan a key goes, comes or changes; both say the same of the result."""
    document = copy.deepcopy(data.draw(st.one_of(st.just(SAVED), DOCUMENTS_2)))
    inside: Any = document
    while True:
        keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if not isinstance(inside[key], dict | list) or data.draw(st.booleans()):
            break
        inside = inside[key]
    if key == "format_version":
        return
    change = data.draw(st.sampled_from(["replace", "remove", "add"]))
    if change == "remove":
        del inside[key]
    elif change == "replace" or not isinstance(inside, dict):
        inside[key] = data.draw(WRONG)
    else:
        inside["extra"] = data.draw(WRONG)
    read = saved.parse(json.dumps(document).encode(), "file")
    if isinstance(read, Diagnostic) and any(words in read.message for words in CONTRADICTIONS):
        return
    assert isinstance(read, dict) is SCHEMA.is_valid(document)
    assert read == document or isinstance(read, Diagnostic)


@pytest.mark.parametrize("number", range(3))
def test_a_plan_that_contradicts_itself_is_refused(number: int) -> None:
    document = copy.deepcopy(SAVED)
    first = document["rollout"][0]
    wrong = [{"step": 2}, {"nodes": ["om1", "om1"]}, {"nodes": ["om9"]}][number]
    first |= wrong
    assert SCHEMA.is_valid(document)
    message = f"OM331 file is not a plan: {CONTRADICTIONS[number]}."
    assert refused(json.dumps(document).encode()) == message


@pytest.mark.parametrize("path", ["x", "", "/", "/a/../b", "/a//b", "/a\nb", "/a\u009b"])
@pytest.mark.parametrize("kind", ["put", "remove"])
def test_a_step_names_paths_in_their_plain_form(kind: str, path: str) -> None:
    document = copy.deepcopy(SAVED)
    document["rollout"][0]["actions"] = [{"type": kind, "paths": [path]}]
    assert not SCHEMA.is_valid(document)
    assert refused(json.dumps(document).encode()).startswith("OM331")


@pytest.mark.parametrize("key", [None, "binding", "summary", "changes", "rollout"])
def test_no_key_may_be_added(key: str | None) -> None:
    document = copy.deepcopy(SAVED)
    inside: Any = document[key] if key else document
    (inside[0] if isinstance(inside, list) else inside)["extra"] = 1
    assert "extra" in refused(json.dumps(document).encode())
    assert not SCHEMA.is_valid(document)


HOSTILE = {
    "nothing": b"",
    "no JSON": b"omconf: 1\n",
    "no UTF-8": b'{"format_version": "\xff"}',
    "a lone surrogate": json.dumps({**PLAN, "cluster": "\ud800"}).encode(),
    "deep": b"[" * 1_000_000,
    "deep objects": b'{"format_version":' * 100_000,
    "a huge number": b'{"format_version": ' + b"9" * 100_000 + b"}",
    "a huge count": json.dumps(
        {**PLAN, "summary": {**PLAN["summary"], "nodes": 10**4000}}
    ).encode(),
    "no number": b'{"format_version": "1.0", "summary": NaN}',
    "another document": b'{"format_version": "1.0", "valid": true}',
    "a list": b'["1.0"]',
    "a number as version": b'{"format_version": 1.0}',
    "a secret shown": json.dumps(
        {
            **PLAN,
            "changes": [
                {
                    **PLAN["changes"][0],
                    "items": [
                        {"key": "x", "action": "update", "secret": "equal", "before": "h1dden"}
                    ],
                }
            ],
        }
    ).encode(),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_plan_is_refused(data: bytes) -> None:
    said = refused(data)
    assert said.startswith("OM331 ")
    assert len(said) < 300
    assert "h1dden" not in said


@pytest.mark.parametrize("version", ["1.1", "2.1", "3.0", "10.0", "0.9"])
def test_another_format_is_refused_with_a_way_out(version: str) -> None:
    found = saved.parse(json.dumps({**PLAN, "format_version": version, "new": 1}).encode(), "file")
    assert isinstance(found, Diagnostic)
    assert found.rule is NEWER
    assert found.hint


def test_written_whole_and_for_its_owner(tmp_path: Path) -> None:
    os.umask(0o022)
    path = tmp_path / "plan"
    assert saved.write(str(path), SAVED) is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert saved.read(str(path)) == SAVED
    path.chmod(0o644)
    assert saved.write(str(path), PLAN) is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert saved.read(str(path)) == PLAN
    assert [p.name for p in tmp_path.iterdir()] == ["plan"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to("plan")
    assert saved.write(str(tmp_path / "latest"), SAVED) is None
    assert (tmp_path / "latest").is_symlink()
    assert saved.read(str(tmp_path / "plan")) == SAVED


def _spec(path: Path) -> None:
    path.write_text("omconf: 1\n")


@pytest.mark.parametrize("spoil", [_spec, Path.mkdir, os.mkfifo])
def test_only_a_plan_is_replaced(tmp_path: Path, spoil: Any) -> None:
    path = tmp_path / "there"
    spoil(path)
    before = path.lstat()
    found = saved.write(str(path), SAVED)
    assert isinstance(found, Diagnostic)
    assert found.rule is UNWRITABLE
    now = path.lstat()  # it may have been read, which changes the time of access
    for kept in ("st_ino", "st_mode", "st_size", "st_mtime_ns", "st_ctime_ns"):
        assert getattr(now, kept) == getattr(before, kept)
    assert [p.name for p in tmp_path.iterdir()] == ["there"]
    if not path.is_dir():
        unread = saved.read(str(path))
        assert isinstance(unread, Diagnostic)


def test_an_empty_file_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "from-mktemp"
    path.touch()
    assert saved.write(str(path), SAVED) is None
    assert saved.read(str(path)) == SAVED


def test_what_the_system_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = saved.write(str(tmp_path / "nowhere/plan"), SAVED)
    assert isinstance(found, Diagnostic)
    assert found.rule is UNWRITABLE
    assert os.strerror(errno.ENOENT) in found.message
    missing = saved.read(str(tmp_path / "plan"))
    assert isinstance(missing, Diagnostic)
    assert missing.rule.id == "OM331"
    assert os.strerror(errno.ENOENT) in missing.message
    (tmp_path / "plan").write_text(json.dumps(PLAN, indent=2))
    monkeypatch.setattr(saved, "MAX_BYTES", 1000)
    too_large = saved.read(str(tmp_path / "plan"))
    assert isinstance(too_large, Diagnostic)
    assert too_large.rule.id == "OM331"
    refused_too = saved.write(str(tmp_path / "plan"), SAVED)
    assert isinstance(refused_too, Diagnostic)
    assert (tmp_path / "plan").read_text() == json.dumps(PLAN, indent=2)


def test_an_old_plan_stays_when_the_new_one_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "plan"
    assert saved.write(str(path), SAVED) is None

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    found = saved.write(str(path), PLAN)
    assert isinstance(found, Diagnostic)
    assert found.rule is UNWRITABLE
    assert os.strerror(errno.ENOSPC) in found.message
    assert saved.read(str(path)) == SAVED
    assert [p.name for p in tmp_path.iterdir()] == ["plan"]
