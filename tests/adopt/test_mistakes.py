"""Mistakes in nodes that were set up by hand: what an import calls each, and where it points."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adopt.test_references import mount_cifs
from tests.adopt.trees import by_hand, imported
from tests.command import omconf

NODES = ("om1", "om2", "om3")
LISTED = """<multicast enabled="false"/><tcp-ip enabled="true"><member-list>
<member>om1.example.org</member>
<member>om2.example.org</member>
<member>om3.example.org</member>
</member-list></tcp-ip>"""


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    by_hand(tmp_path / "trees")
    return tmp_path / "trees"


def test_the_account_of_a_mount_in_its_options(trees: Path) -> None:
    mount_cifs(trees, "username=share,password=s3cr3t-x,domain=CAMPUS")
    done, found = imported(trees)
    assert {d["reason"] for d in found["differences"]} == {
        "omconf writes the account to its own file, readable only by root, and refers to that"
    }
    assert "s3cr3t" not in done.out


def test_an_unreadable_account_still_gives_a_spec(trees: Path, tmp_path: Path) -> None:
    mount_cifs(trees)
    file = trees / "om2/root/.smbcredentials"
    file.unlink()
    file.symlink_to(file)
    done, found = imported(trees)
    assert done.code == 1
    (said,) = [d for d in found["diagnostics"] if d.get("path") == "/root/.smbcredentials"]
    assert not said["message"].startswith("It is not read: It ")
    (left,) = found["differences"]
    assert left["reason"].startswith("/etc/fstab:1 names this file, which cannot be read")
    spec = tmp_path / "cluster.yaml"
    done = omconf("import", "--deployed", trees, "-o", spec)
    assert done.code == 1
    assert "OM111" not in done.err
    two = ("--node", "om1", "--node", "om3")
    spec.unlink()
    assert omconf("import", "--deployed", trees, *two, "-o", spec).code == 0
    before = spec.read_text()
    done = omconf("import", "--deployed", trees, "--node", "om2", "--into", spec)
    assert done.code == 1
    assert "is not written: files of the nodes cannot be read" in done.err
    assert spec.read_text() == before
