"""Findings that only several nodes' deployed files show together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.command import EXAMPLES, omconf

SPEC = EXAMPLES / "twenty-nodes/cluster.yaml"
HAZELCAST = next((EXAMPLES / "twenty-nodes/bundles/om1/files").rglob("hazelcast.xml")).relative_to(
    EXAMPLES / "twenty-nodes/bundles/om1/files"
)


@pytest.fixture
def deployed(tmp_path: Path) -> Path:
    for node in ("om1", "om2", "om3"):
        for folder in ("files", "blocks"):
            source = EXAMPLES / "twenty-nodes/bundles" / node / folder
            shutil.copytree(source, tmp_path / node, dirs_exist_ok=True)
    return tmp_path


def found(deployed: Path) -> set[tuple[str, str]]:
    nodes = [word for node in ("om1", "om2", "om3") for word in ("--node", node)]
    result = omconf("plan", SPEC, "--deployed", deployed, "--json", *nodes)
    rules = ("OM313", "OM314", "OM318", "OM319")
    return {
        (d["rule"], d["node"]) for d in json.loads(result.out)["diagnostics"] if d["rule"] in rules
    }


def edit(deployed: Path, node: str, old: str, new: str) -> None:
    file = deployed / node / HAZELCAST
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_nodes_as_the_spec_has_them_are_fine(deployed: Path) -> None:
    assert found(deployed) == set()


def test_a_node_is_held_against_those_that_are_fine(deployed: Path) -> None:
    edit(deployed, "om2", ">om2<", ">om3<")
    assert found(deployed) == {("OM313", "om2")}
    edit(deployed, "om3", "<multicast-port>54327", "<multicast-port>54328")
    assert found(deployed) == {("OM313", "om2"), ("OM313", "om3"), ("OM314", "om3")}


def test_joins_that_are_off(deployed: Path) -> None:
    edit(deployed, "om1", '<multicast enabled="true">', '<multicast enabled="false">')
    assert found(deployed) == {("OM318", "om1")}
