"""`omconf import --ssh`: an ssh that runs what it is given on the tree of the destination."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.adopt.trees import SETENV_SH, by_hand, edit, put
from tests.command import omconf
from tests.deployed.test_removed import SSH


@pytest.fixture
def trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    by_hand(tmp_path / "trees")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ssh").write_text(SSH)
    (tmp_path / "bin/ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setenv("TREES", str(tmp_path / "trees"))
    return tmp_path / "trees"


def test_three_nodes(trees: Path) -> None:
    (trees / "om3").rename(trees / "root@om3")
    hosts = ("--host", "om1", "--host", "om2", "--host", "root@om3")
    done = omconf("import", "--ssh", *hosts, "--json")
    found = json.loads(done.out)
    # Modes and owners count on a node itself, and these files are this host's.
    assert {d["key"] for d in found["differences"]} <= {"mode", "owner", "group"}
    assert done.code == 2
    nodes = yaml.safe_load(found["spec"])["nodes"]
    assert [*nodes] == ["om1", "om2", "om3"]
    assert nodes["om3"]["ssh"] == "root@om3"
    assert "ssh" not in nodes["om1"]
    assert nodes["om2"]["address"] == "10.1.1.2"


@pytest.mark.parametrize("target", ["/srv/om data", "../../../../srv/om data", ""])
def test_where_the_data_folder_leads(trees: Path, target: str) -> None:
    """As for a tree, by the survey's script."""
    for node in ("om1", "om2", "om3"):
        edit(trees / node, SETENV_SH, "-DDATA_DIR=/opt/omdata ", "")
        data = trees / node / "opt/open/webapps/openmeetings/data"
        if target:
            data.symlink_to(target)
        else:
            data.mkdir()
    hosts = ("--host", "om1", "--host", "om2", "--host", "om3")
    found = json.loads(omconf("import", "--ssh", *hosts, "--json").out)
    if target:
        assert yaml.safe_load(found["spec"])["openmeetings"]["data_dir"] == "/srv/om data"
    else:
        (moves,) = [d["reason"] for d in found["differences"] if "data" in d["reason"]]
        assert "lies in /opt/open" in moves


def test_a_host_that_does_not_answer_is_a_gap(trees: Path) -> None:
    hosts = ("--host", "om1", "--host", "om2", "--host", "away")
    done = omconf("import", "--ssh", *hosts)
    assert done.code == 1
    assert ("OM302", "away") in done.findings
    assert "# away is missing: " in done.out


def test_a_second_read_that_fails_is_a_gap(trees: Path) -> None:
    """A unit with another name has further files, which are read after it is known."""
    for node in ("om1", "om2", "om3"):
        units = trees / node / "etc/systemd/system"
        (units / "openmeetings.service").rename(units / "conference.service")
        put(units, "conference.service.d/x.conf", "[Service]\nEnvironment=JAVA_OPTS=-Xss3m\n")
    hosts = ("--host", "om1", "--host", "om2", "--host", "om3")
    done = omconf("import", "--ssh", *hosts)
    assert "-Xss3m" in done.out
    ssh = trees.parent / "bin/ssh"
    calls = f"{trees.parent}/calls.$2"
    third = f"echo >>{calls}; [ $2 != om2 ] || [ $(wc -l <{calls}) -ne 3 ] || exit 255\n"
    ssh.write_text(SSH.replace("sed ", f"{third}sed ", 1))
    done = omconf("import", "--ssh", *hosts)
    assert done.code == 1
    assert ("OM302", "om2") in done.findings
    assert "# om2 is missing: " in done.out
