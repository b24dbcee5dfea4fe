"""Which of several installations an import takes, and which are one that has several paths."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from omconf.adopt import sources
from omconf.deployed import survey
from tests.adopt.trees import by_hand, edit, imported, put
from tests.command import omconf
from tests.deployed.test_removed import SSH

UNIT = "etc/systemd/system/openmeetings.service"
VERSIONED = "/opt/apache-openmeetings-9.1.0"


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    by_hand(tmp_path / "trees")
    return tmp_path / "trees"


def link(trees: Path, target: str) -> None:
    """Reach each node's OpenMeetings by a link, /opt/open."""
    for node in ("om1", "om2", "om3"):
        home = trees / node / "opt/open"
        home.rename(trees / node / VERSIONED.lstrip("/"))
        home.symlink_to(target)


@pytest.mark.parametrize("target", [VERSIONED.rpartition("/")[2], VERSIONED])
@pytest.mark.parametrize("named", ["/opt/open", VERSIONED])
def test_a_home_that_is_a_link_is_one(trees: Path, target: str, named: str) -> None:
    link(trees, target)
    for node in ("om1", "om2", "om3"):
        place = trees / node / UNIT
        place.write_text(place.read_text().replace("/opt/open", named))
    done, found = imported(trees)
    assert yaml.safe_load(found["spec"])["openmeetings"]["home"] == named
    assert "OM352" not in {d["rule"] for d in found["diagnostics"]}
    assert done.code == 0, found["differences"]


def test_the_home_that_the_unit_names_is_taken(trees: Path) -> None:
    for node in ("om1", "om2", "om3"):
        old = trees / node / "opt/a-former-one"
        subprocess.run(["cp", "-r", trees / node / "opt/open", old], check=True)
        edit(old, "bin/setenv.sh", "2g", "9g")
    _, found = imported(trees)
    assert yaml.safe_load(found["spec"])["openmeetings"]["home"] == "/opt/open"
    said = [d["message"] for d in found["diagnostics"] if d["rule"] == "OM352"]
    left = "Another OpenMeetings lies in `/opt/a-former-one/webapps/openmeetings`: it is left out."
    assert said == [left] * 3


def test_the_first_look_by_ssh_says_where_a_link_leads(trees: Path) -> None:
    link(trees, VERSIONED.rpartition("/")[2])
    root = str((trees / "om1").resolve())
    put(trees / "om1", "srv/om/webapps/om/WEB-INF/classes/hazelcast.xml", "")
    script = sources._script().replace(b"cd / ||", f"cd {root} ||".encode())
    said = subprocess.run(["sh", "-s"], input=script, capture_output=True, check=True)
    assert said.stderr == b""
    found = sources.read("om1", said.stdout.decode().replace(f" -> {root}/", " -> /"))
    assert dict(found.real) == {
        VERSIONED: f"{VERSIONED}/webapps",
        "/opt/open": f"{VERSIONED}/webapps",
        "/srv/om": "/srv/om/webapps",
    }
    assert dict(found.real) == dict(survey.of_tree("om1", root).real)


def test_a_home_that_is_a_link_is_one_by_ssh(trees: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link(trees, VERSIONED.rpartition("/")[2])
    put(trees.parent, "bin/ssh", SSH)
    (trees.parent / "bin/ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{trees.parent}/bin:/usr/bin:/bin")
    monkeypatch.setenv("TREES", str(trees))
    hosts = ("--host", "om1", "--host", "om2", "--host", "om3")
    found = json.loads(omconf("import", "--ssh", *hosts, "--json").out)
    assert yaml.safe_load(found["spec"])["openmeetings"]["home"] == "/opt/open"
    assert "OM352" not in {d["rule"] for d in found["diagnostics"]}
    assert {d["key"] for d in found["differences"]} <= {"mode", "owner", "group"}
