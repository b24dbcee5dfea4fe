"""Single keys of a file that OpenMeetings ships: compared alone, their secrets never shown."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from omconf.plan import one_file
from tests.command import ROOT, omconf

CASE = ROOT / "tests/cases/media-server"
FILE = "opt/om/webapps/openmeetings/WEB-INF/classes/openmeetings.properties"
SECRETS = {
    "OM_DB_PASSWORD": "db-secret",
    "TURN_SECRET": "t#rn-sécret",
    "REMEMBER_KEY": "key-secret",
    "REMEMBER_SALT": "salt-secret",
}


@pytest.fixture
def deployed(tmp_path: Path) -> Path:
    """The bundle with its secrets filled in, laid out as deployed trees."""
    built = omconf(
        "build", CASE / "cluster.yaml", "-o", tmp_path / "s", "--reveal-secrets", env=SECRETS
    )
    assert built.code == 0, built.err
    for node in ("om1", "om2", "om3"):
        for folder in ("files", "blocks", "keys"):
            shutil.copytree(
                tmp_path / "s" / node / folder, tmp_path / "d" / node, dirs_exist_ok=True
            )
    return tmp_path / "d"


def plan(deployed: Path, env: dict[str, str] = SECRETS) -> dict[str, Any]:
    result = omconf("plan", CASE / "cluster.yaml", "--deployed", deployed, "--json", env=env)
    assert not any(secret in result.out + result.err for secret in SECRETS.values())
    document: dict[str, Any] = json.loads(result.out)
    return document


def test_other_keys_and_other_spellings_are_no_change(deployed: Path) -> None:
    file = deployed / "om1" / FILE
    text = file.read_text().replace("kurento.turn.ttl=120", "kurento.turn.ttl : 120")
    file.write_text(f"# shipped\nother.password=x\n{text}kurento.flowout.timeout=5\n")
    assert plan(deployed)["changes"] == []


def test_a_secret_differs(deployed: Path) -> None:
    file = deployed / "om2" / FILE
    file.write_text(file.read_text().replace("key-secret", "other-key"))
    (change,) = plan(deployed)["changes"]
    assert change["ownership"] == "keys"
    assert change["items"] == [
        {"key": "remember.me.encryption.key", "action": "update", "secret": "different"}
    ]
    assert change["effect"]["action"] == "restart"
    unread = {**SECRETS}
    del unread["REMEMBER_KEY"]
    document = plan(deployed, unread)
    assert document["changes"] == []
    assert [d["rule"] for d in document["diagnostics"]] == ["OM322"]


def test_a_placeholder_is_said(deployed: Path) -> None:
    file = deployed / "om2" / FILE
    file.write_text(file.read_text().replace("key-secret", "@omconf:secrets.remember_me_key@"))
    document = plan(deployed)
    assert document["changes"] == []
    assert [(d["rule"], d["line"]) for d in document["diagnostics"]] == [("OM320", 7)]


def test_a_missing_file_is_asked_about(deployed: Path) -> None:
    (deployed / "om3" / FILE).unlink()
    (change,) = plan(deployed)["changes"]
    assert change["action"] == "create"
    assert change["notes"] == [one_file.NOT_SHIPPED]
