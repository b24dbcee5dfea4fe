"""Paths of a node that are one file: never deleted under one name and kept under the other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from omconf.deployed.snapshot import DeployedFile
from omconf.plan.same_file import twins
from tests.deployed.same import build, lay, plan, write_spec
from tests.needs import needs

HOME = "/opt/om"


@pytest.fixture
def moved(tmp_path: Path) -> Path:
    """One node, applied with the home /srv/om; the spec says /opt/om now."""
    build(
        write_spec(tmp_path, openmeetings={"home": "/srv/om"}), tmp_path / "old", "--reveal-secrets"
    )
    lay(tmp_path / "old/om1", tmp_path / "trees/om1")
    write_spec(tmp_path)
    (tmp_path / "trees/om1/opt").mkdir()
    return tmp_path


def planned(folder: Path) -> tuple[set[str], list[dict[str, Any]]]:
    """The deleted paths, and the findings."""
    options = ("--deployed", "trees", "--node", "om1")
    found = plan(folder / "cluster.yaml", *options, cwd=folder)
    deleted = {c["path"] for c in found["changes"] if c["action"] == "delete"}
    return deleted, [d for d in found["diagnostics"] if d["rule"] in ("OM325", "OM327")]


def test_another_home_is_cleaned_up(moved: Path) -> None:
    deleted, findings = planned(moved)
    assert {os.path.basename(path) for path in deleted} == {
        "hazelcast.xml",
        "persistence.xml",
        "setenv.sh",
    }
    assert not findings


@pytest.mark.parametrize("link", ["/srv/om", "../srv/om", "../../srv/./om"])
def test_a_link_to_the_former_home(moved: Path, link: str) -> None:
    (moved / "trees/om1/opt/om").symlink_to(link)
    deleted, findings = planned(moved)
    assert not deleted
    assert [d["rule"] for d in findings] == ["OM325"]
    assert findings[0]["message"].endswith("(and 2 more).")


def test_a_former_home_that_is_the_link(moved: Path) -> None:
    tree = moved / "trees/om1"
    (tree / "srv/om").rename(tree / "opt/om")
    (tree / "srv/om").symlink_to("/opt/om")
    assert planned(moved)[0] == set()


def test_hard_links(moved: Path) -> None:
    tree = moved / "trees/om1"
    shutil.copytree(tree / "srv/om", tree / "opt/om", copy_function=os.link)
    assert planned(moved)[0] == set()


@needs("root", "unshare", "mount")
def test_a_bind_mount(moved: Path) -> None:
    """In a mount namespace of its own, of which the plan is a child."""
    tree = moved / "trees/om1"
    (tree / "opt/om").mkdir()
    script = 'mount --bind "$0/srv/om" "$0/opt/om" && exec "$1" -m omconf plan cluster.yaml'
    done = subprocess.run(
        [
            "unshare",
            "-m",
            "sh",
            "-c",
            f"{script} --deployed trees --node om1 --json",
            tree,
            sys.executable,
        ],
        cwd=moved,
        env={**os.environ, "PYTHONPATH": os.getcwd(), "OM_DB_PASSWORD": "not-a-real-password"},
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout)
    assert not [c for c in found["changes"] if c["action"] == "delete"], done.stderr


def test_two_wanted_files_that_are_one(moved: Path) -> None:
    tree = moved / "trees/om1/usr/local/sbin"
    (tree / "omconf-multicast-route").unlink()
    os.link(tree / "omconf-node-check", tree / "omconf-multicast-route")
    options = ("--deployed", "trees", "--node", "om1")
    found = plan(moved / "cluster.yaml", *options, cwd=moved)
    assert "OM327" in {d["rule"] for d in found["diagnostics"]}
    assert not found["complete"]


def test_twins_are_found_by_place_and_by_inode() -> None:
    one, two = (1, 1), (1, 2)
    files = {
        "/a": DeployedFile(b"", inode=one),
        "/b": DeployedFile(b"", real="/a", inode=two),
        "/c": DeployedFile(b"", inode=two),
        "/d": DeployedFile(b""),
        "/e": DeployedFile(b"", real="/d"),
        "/f": DeployedFile(b"", real="/g"),
    }
    assert twins(files, files) == {"/b": "/a", "/c": "/a", "/e": "/d"}
    assert twins(["/x", *files], files) == twins(files, files)
