"""A plan of a cluster that shares its data folder over Samba, against what is deployed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.clusters import spec_of
from tests.command import omconf
from tests.plan.documents import RECORDED, told

SECRETS = {"OM_DB_PASSWORD": "not-a-real-password", "OM_STORAGE_PASSWORD": "nor, this"}
SMB_CONF = "om1/etc/samba/smb.conf"
CREDENTIALS = "om2/etc/omconf/conference/storage.credentials"
HAND_MADE = """\
[global]
   workgroup = HOME
[Data]
   path = /opt/omdata
   writeable = yes
   guest ok = yes
   admin users = root
"""


def _write(spec: Path, **storage: Any) -> None:
    samba = {"kind": "cifs", "share": "data", "password": {"env": "OM_STORAGE_PASSWORD"}}
    spec.write_text(yaml.safe_dump(spec_of(3, storage={**samba, **storage})))


@pytest.fixture
def deployed(tmp_path: Path) -> Path:
    """The bundle laid out as deployed trees, with the secrets filled in."""
    _write(tmp_path / "cluster.yaml")
    staged = tmp_path / "staged"
    built = omconf(
        "build", tmp_path / "cluster.yaml", "-o", staged, "--reveal-secrets", env=SECRETS
    )
    assert built.code == 0, built.err
    for node in ("om1", "om2", "om3"):
        for folder in ("files", "blocks"):
            shutil.copytree(
                staged / node / folder, tmp_path / "deployed" / node, dirs_exist_ok=True
            )
    return tmp_path / "deployed"


def _plan(deployed: Path, code: int = 0) -> dict[str, Any]:
    spec = deployed.parent / "cluster.yaml"
    result = omconf("plan", spec, "--deployed", deployed, "--json", env=SECRETS)
    assert result.code == code, result.err + result.out
    document = json.loads(result.out)
    assert isinstance(document, dict)
    return document


def _rules(document: dict[str, Any]) -> list[str]:
    return [found["rule"] for found in document["diagnostics"]]


def test_nothing_differs(deployed: Path) -> None:
    document = _plan(deployed)
    assert document["changes"] == []
    assert document["diagnostics"] == []


def test_a_hand_made_share_is_compared_and_taken_over_as_a_whole(deployed: Path) -> None:
    (deployed / SMB_CONF).write_text(HAND_MADE)
    (change,) = _plan(deployed)["changes"]
    assert (change["kind"], change["action"]) == ("samba", "update")
    items = {item["key"]: (item["action"], item.get("before")) for item in change["items"]}
    assert items["[data]/guest ok"] == ("update", "yes")
    assert items["[data]/admin users"] == ("delete", "root")
    assert items["[data]/hosts allow"][0] == "create"
    assert "[data]/path" not in items
    assert "[data]/read only" not in items
    assert not any("global" in key for key in items)
    assert change["effect"]["rolling"] is True


@pytest.mark.parametrize("last", ["read only = yes", "writable = no"])
def test_of_two_settings_of_a_hand_made_share_the_last_counts(deployed: Path, last: str) -> None:
    text = (deployed / SMB_CONF).read_text()
    by_hand = "".join(line for line in text.splitlines(keepends=True) if line[0] != "#")
    (deployed / SMB_CONF).write_text(f"{by_hand}    {last}\n")
    (change,) = _plan(deployed)["changes"]
    items = {item["key"]: (item["action"], item.get("before")) for item in change["items"]}
    assert items == {"[data]/read only": ("update", "yes")}


def test_the_same_share_inside_and_outside_is_an_error(deployed: Path) -> None:
    text = (deployed / SMB_CONF).read_text()
    (deployed / SMB_CONF).write_text(f"{text}[DATA]\n   hosts deny =\n")
    document = _plan(deployed, code=1)
    assert set(_rules(document)) == {"OM311"}
    errors = [(d["node"], d["path"], d["line"]) for d in document["diagnostics"]]
    added = text.count("\n") + 1
    assert errors == [("om1", "/etc/samba/smb.conf", line) for line in (added, added + 1)]


def test_a_parameter_behind_the_block_is_an_error(deployed: Path) -> None:
    text = (deployed / SMB_CONF).read_text()
    (deployed / SMB_CONF).write_text(f"{text}guest ok = yes\n")
    document = _plan(deployed, code=1)
    assert _rules(document) == ["OM326"]
    assert document["diagnostics"][0]["line"] == text.count("\n") + 1
    (deployed / SMB_CONF).write_text(f"{text}[other]\nguest ok = yes\n")
    assert _plan(deployed)["diagnostics"] == []


def test_another_folder_behind_the_share_cannot_roll(deployed: Path) -> None:
    _write(deployed.parent / "cluster.yaml", export="/srv/om")
    document = _plan(deployed)
    (change,) = [c for c in document["changes"] if c["kind"] == "samba"]
    assert change["effect"]["rolling"] is False
    assert document["summary"]["disruption"] == "all"
    steps = told(document)
    everyone = ["om1", "om2", "om3"]
    assert steps[0] == (everyone, ["systemctl stop openmeetings.service"])
    (share,) = [actions for _, actions in steps if "write /etc/samba/smb.conf" in actions]
    assert share[-2:] == ["smbcontrol smbd reload-config", "smbcontrol smbd close-share data"]
    assert steps.index((["om1"], share)) > steps.index((["om2", "om3"], ["umount /opt/omdata"]))


def test_another_password_is_a_new_mount_and_never_shown(deployed: Path) -> None:
    file = deployed / CREDENTIALS
    file.write_text(file.read_text().replace("nor, this", "hunter2"))
    document = _plan(deployed)
    (change,) = document["changes"]
    assert change["kind"] == "cifs_credentials"
    assert [(i["key"], i["secret"]) for i in change["items"]] == [("password", "different")]
    assert told(document) == [
        (
            ["om2"],
            [
                "systemctl stop openmeetings.service",
                "umount /opt/omdata",
                "write /etc/omconf/conference/storage.credentials",
                "mount /opt/omdata",
                "findmnt /opt/omdata",
                "systemctl start openmeetings.service",
                "wait until healthy, at most 300 seconds",
            ],
        ),
        (["om2"], RECORDED),
    ]
    assert "hunter2" not in json.dumps(document)


def test_a_hand_made_mount_of_the_same_share_needs_no_halt_of_all(deployed: Path) -> None:
    line = "//10.1.1.1/data /opt/omdata cifs username=om,password=hunter2,uid=nobody 0 0\n"
    (deployed / "om2/etc/fstab").write_text(line)
    document = _plan(deployed)
    (change,) = document["changes"]
    assert change["effect"]["rolling"] is True
    assert "hunter2" not in json.dumps(document)


def test_a_new_file_alone_is_written_and_disturbs_nobody(deployed: Path) -> None:
    (deployed / CREDENTIALS).unlink()
    document = _plan(deployed)
    assert [c["action"] for c in document["changes"]] == ["create"]
    assert document["summary"]["disruption"] == "none"
    tool, written, recorded = told(document)
    assert tool[1][0].startswith("the admin: Install cifs-utils")
    assert written == (["om2"], ["write /etc/omconf/conference/storage.credentials"])
    assert recorded == (["om2"], RECORDED)


def test_from_samba_back_to_nfs_the_share_goes_last(deployed: Path) -> None:
    spec = deployed.parent / "cluster.yaml"
    for node in ("om1", "om2", "om3"):
        manifest = deployed.parent / "staged" / node / "manifest.json"
        target = deployed / node / "etc/omconf/conference/manifest.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(manifest, target)
    spec.write_text(yaml.safe_dump(spec_of(3)))
    document = _plan(deployed)
    actions = {(c["node"], c["kind"]): c["action"] for c in document["changes"]}
    assert actions["om1", "samba"] == "delete"
    assert actions["om2", "cifs_credentials"] == "delete"
    assert actions["om2", "fstab"] == "update"
    runs = [action for _, actions in told(document) for action in actions]
    ends = len(runs) - 1 - runs[::-1].index("smbcontrol smbd reload-config")
    assert runs.index("exportfs -ra") < runs.index("mount /opt/omdata") < ends
    started = [run.startswith("systemctl start openmeetings.service") for run in runs]
    assert started.index(True) < ends
    assert runs.index("write /etc/samba/smb.conf") == ends - 1, "what is omconf's of it goes"
    assert runs[-1:] == RECORDED


def test_a_share_that_is_only_spelled_otherwise_is_not_another_one(deployed: Path) -> None:
    text = (deployed / SMB_CONF).read_text()
    for old, new in (("/opt/omdata\n", "/opt/omdata/\n"), ("deny = ALL", "deny = all")):
        assert old in text
        text = text.replace(old, new)
    (deployed / SMB_CONF).write_text(text)
    (change,) = _plan(deployed)["changes"]
    assert change["action"] == "reformat"


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("include = /etc/samba/more.conf", "OM333"),
        ("[other]\n  Include=/etc/samba/%m.conf", "OM333"),
        ("configfile = /etc/samba/own.conf", "OM333"),
        ("Config Backend = Registry", "OM301"),
        ("config backend = file", ""),
    ],
)
def test_what_samba_reads_besides_is_said(deployed: Path, line: str, rule: str) -> None:
    file = deployed / SMB_CONF
    file.write_text(f"[global]\n{line}\n{file.read_text()}")
    document = _plan(deployed, code=int(rule == "OM301"))
    found = [(d["rule"], d["line"]) for d in document["diagnostics"]]
    assert found == ([(rule, 2 + line.count("\n"))] if rule else [])
    assert document["has_changes"] is False
