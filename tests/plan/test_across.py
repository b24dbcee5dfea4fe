"""Findings that only several nodes' deployed files show together."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from omconf.artifacts.contents import Artifact
from omconf.bundle.compile import compile_bundle
from omconf.deployed.snapshot import DeployedFile, NodeFiles, Snapshot
from omconf.pipeline.bundle_secrets import secrets_of
from omconf.plan.compare import compare
from tests.clusters import simple
from tests.command import EXAMPLES, omconf
from tests.plan.documents import planned

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
    rules = ("OM301", "OM313", "OM314", "OM318", "OM319", "OM333", "OM334")
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
    edit(deployed, "om1", "<multicast-port>54327", "<multicast-port>+054327")
    edit(deployed, "om3", "<multicast-port>54327", "<multicast-port>54328")
    assert found(deployed) == {("OM313", "om2"), ("OM313", "om3"), ("OM314", "om3")}


def test_joins_that_are_off(deployed: Path) -> None:
    edit(deployed, "om1", '<multicast enabled="true">', '<multicast enabled="false">')
    assert found(deployed) == {("OM318", "om1")}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<cluster-name>campus<", "<cluster-name>${om.cluster}<"),
        ('<multicast enabled="true">', '<multicast enabled="${mc}">'),
        ("<multicast-port>54327", "<multicast-port>${om.port}"),
        ("<multicast-group>239.20.0.1", "<multicast-group>${om.group}"),
    ],
)
def test_what_only_the_node_knows_is_not_compared(deployed: Path, old: str, new: str) -> None:
    """Hazelcast puts the Java system property there before it checks the file."""
    edit(deployed, "om2", old, new)
    assert found(deployed) == {("OM333", "om2")}
    nodes = [word for node in ("om1", "om2", "om3") for word in ("--node", node)]
    document = json.loads(omconf("plan", SPEC, "--deployed", deployed, "--json", *nodes).out)
    assert document["summary"]["disruption"] != "all"


def test_a_variable_that_decides_on_no_cluster(deployed: Path) -> None:
    edit(deployed, "om1", "<interface>10.20.0.1<", "<interface>${om.ip}<")
    edit(deployed, "om2", ">om2<", ">${om.name}<")
    edit(deployed, "om3", ">om3</instance-name>", ">${om.name}</instance-name>")
    assert found(deployed) == set()


def test_an_imported_file_is_not_read(deployed: Path) -> None:
    """What it holds may enable a join, or name the cluster."""
    node = deployed / "om2" / HAZELCAST
    network = re.compile("<network>.*</network>", re.DOTALL)
    node.write_text(network.sub('<import resource="net.xml"/>', node.read_text()))
    edit(deployed, "om2", "<cluster-name>campus</cluster-name>", "")
    assert found(deployed) == {("OM333", "om2")}
    edit(deployed, "om2", '<import resource="net.xml"/>', "")
    assert found(deployed) == {("OM318", "om2")}


def test_a_one_counts_as_false(deployed: Path) -> None:
    """Hazelcast's schema takes 1, and Hazelcast reads it as false."""
    edit(deployed, "om1", '<multicast enabled="true">', '<multicast enabled="1">')
    assert found(deployed) == {("OM318", "om1"), ("OM334", "om1")}


@pytest.mark.parametrize("old", ["hazelcast", 'name="name">om1<'])
def test_what_hazelcast_refuses_is_no_matter_of_format(deployed: Path, old: str) -> None:
    """Hazelcast compares the root's name with its prefix, and knows no attribute `value`."""
    if old == "hazelcast":
        edit(deployed, "om1", "<hazelcast xmlns=", "<hz:hazelcast xmlns:hz=")
        file = deployed / "om1" / HAZELCAST
        file.write_text(re.sub("<(/?)([a-z])(?![a-z]*:)", r"<\1hz:\2", file.read_text()))
    else:
        edit(deployed, "om1", old, 'name="name" value="om1">om1<')
    assert found(deployed) == {("OM301", "om1")}


def test_one_kuid_on_two_nodes_of_a_media_server() -> None:
    """The spec says nothing of the media server; what is deployed is still checked."""
    shipped = (
        "kurento.ws.url=ws://{}:8888/kurento\nkurento.kuid=df992960-e7b0-11ea-9acd-337fb30dd93d\n"
    )
    cluster = simple(3)
    bundle = compile_bundle(cluster)
    servers = {"om1": "127.0.0.1", "om2": "10.1.1.1", "om3": "127.0.0.1"}
    path = "/opt/om/webapps/openmeetings/WEB-INF/classes/openmeetings.properties"
    nodes = {
        node.node: NodeFiles(
            {a.path: DeployedFile(a.data) for a in node.artifacts}
            | {path: DeployedFile(shipped.format(servers[node.node]).encode())}
        )
        for node in bundle.nodes
    }
    plan = compare(cluster, bundle, Snapshot("git", nodes), secrets_of(bundle))
    assert plan.changes == ()
    ((node, line),) = [
        (d.node, d.span.line) for d in plan.diagnostics if d.rule.id == "OM319" and d.span
    ]
    assert (node, line) == ("om2", 2)


def test_nodes_that_are_laid_out_for_different_releases() -> None:
    def of_another(node: str, artifact: Artifact) -> bytes:
        was = artifact.data
        return was.replace(b"release=9.1.0", b"release=9.0.0") if node == "om2" else was

    found = planned(simple(3), of_another)
    ((node, message),) = [
        (d["node"], d["message"]) for d in found["diagnostics"] if d["rule"] == "OM314"
    ]
    assert node == "om2"
    assert re.findall(r"\d+\.\d+\.\d+", message) == ["9.0.0", "9.1.0"]
    (change,) = found["changes"]
    assert change["effect"]["action"] == "none"
    assert "Install OpenMeetings 9.1.0" in str(found["rollout"])
