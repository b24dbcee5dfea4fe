"""`storage.credentials`: the account of a cifs mount in a file that the spec names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from omconf.artifacts.cifs_credentials import KIND
from tests.clusters import cluster_of, errors_of, spec_of
from tests.command import omconf

OWN = "/etc/omconf/conference/storage.credentials"
SECRETS = {"OM_DB_PASSWORD": "x", "OM_S": "Fi1er-pa55"}


def spec(credentials: str | None = None) -> dict[str, Any]:
    share = {"kind": "cifs", "server": "om1", "password": {"env": "OM_S"}}
    return spec_of(2, storage=share | ({"credentials": credentials} if credentials else {}))


def laid(folder: Path, credentials: str | None) -> Path:
    """Root trees with the files that omconf wrote, as an apply leaves them."""
    file = folder / "before.yaml"
    file.write_text(yaml.safe_dump(spec(credentials)))
    built = omconf("build", file, "-o", folder / "built", "--reveal-secrets", env=SECRETS)
    assert built.code == 0, built.err
    for node in ("om1", "om2"):
        shutil.copytree(folder / "built" / node / "files", folder / "trees" / node)
        own = folder / "trees" / node / "etc/omconf/conference/manifest.json"
        shutil.copy(folder / "built" / node / "manifest.json", own)
    return folder / "trees"


def changes(folder: Path, trees: Path, credentials: str | None) -> dict[str, str]:
    """What a plan does to the credentials files of om2, by path."""
    file = folder / "cluster.yaml"
    file.write_text(yaml.safe_dump(spec(credentials)))
    done = omconf("plan", file, "--deployed", trees, "--json", env=SECRETS)
    assert "Fi1er" not in done.out + done.err
    plan = json.loads(done.out)
    assert "OM324" not in done.out
    return {
        a["path"]: a["action"]
        for a in plan["changes"]
        if a["kind"] == KIND.name and a["node"] == "om2" and a["action"] != "unchanged"
    }


@pytest.mark.parametrize("before", [None, "/root/.smb"])
@pytest.mark.parametrize("after", [None, "/root/.smb", "/etc/samba/om.credentials"])
def test_the_file_moves(tmp_path: Path, before: str | None, after: str | None) -> None:
    trees = laid(tmp_path, before)
    moved = {} if before == after else {before or OWN: "delete", after or OWN: "create"}
    assert changes(tmp_path, trees, after) == moved


def test_a_file_of_others_is_adopted(tmp_path: Path) -> None:
    trees = laid(tmp_path, None)
    theirs = trees / "om2/root/.smb"
    theirs.parent.mkdir()
    theirs.write_text("# ours\nusername = x\nusername=openmeetings\npassword=Fi1er-pa55\n")
    assert changes(tmp_path, trees, "/root/.smb")["/root/.smb"] == "reformat"
    theirs.write_text("username=openmeetings\npassword=Fi1er-other\n")
    assert changes(tmp_path, trees, "/root/.smb")["/root/.smb"] == "update"


@pytest.mark.parametrize(
    "path",
    [
        *("/root/secret", "root/.smb", "/root/../.smb", "/root/.smb,uid=0", "/root/.sm b", "/"),
        *("/etc/samba/smb.conf", "/var/lib/samba/smbpasswd", "/etc/omconf/x/.smb", "/etc/shadow"),
        *("/root/.smb/x", "/root/smb/", "//root/.smb", "/root/.smb\n", "/a" * 600 + "/.smb"),
    ],
)
def test_what_is_no_path_of_such_a_file(path: str) -> None:
    assert {d.rule.id for d in errors_of(spec(path))} <= {"OM105", "OM260"}
    assert errors_of(spec(path))
    assert KIND.settings_of(path, "conference") is None


def test_it_means_nothing_without_samba() -> None:
    data = spec_of(2, storage={"credentials": "/root/.smb"})
    assert [d.rule.id for d in errors_of(data)] == ["OM105"]


def test_fstab_names_it() -> None:
    cluster = cluster_of(spec("/root/.smb"))
    assert KIND.render(cluster, cluster.nodes[1])[0].path == "/root/.smb"
