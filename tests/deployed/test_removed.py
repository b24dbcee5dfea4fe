"""Nodes that left the spec, and the release that a node has installed, as sources tell them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from omconf.deployed.releases import hazelcast_of, release_of
from tests.clusters import spec_of
from tests.command import omconf
from tests.deployed.same import SECRET, build, lay, plan

LIBRARY = "opt/om/webapps/openmeetings/WEB-INF/lib"
JARS = ("core", "db", "web-pages", "util")
SSH = """#!/bin/sh
# A stand-in: runs what it is given on the tree of the destination, as a node would below its root.
while [ "$1" != -- ]; do shift; done
[ -d "$TREES/$2" ] || { echo "ssh: connect to host $2: No route to host" >&2; exit 255; }
sed "s#^cd / #cd '$TREES/$2' #" | sh -s
"""


@pytest.fixture
def trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three nodes as they were applied; ssh reaches their trees."""
    write(tmp_path, 3)
    build(tmp_path / "cluster.yaml", tmp_path / "bundles", "--reveal-secrets")
    for node in ("om1", "om2", "om3"):
        lay(tmp_path / "bundles" / node, tmp_path / "trees" / node)
        library = tmp_path / "trees" / node / LIBRARY
        library.mkdir(parents=True)
        for jar in JARS:
            (library / f"openmeetings-{jar}-9.1.0.jar").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ssh").write_text(SSH)
    (tmp_path / "bin/ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setenv("TREES", str(tmp_path / "trees"))
    return tmp_path


def write(folder: Path, nodes: int, **sections: Any) -> None:
    (folder / "cluster.yaml").write_text(yaml.safe_dump(spec_of(nodes, **sections)))


def changes(folder: Path, *source: str) -> dict[str, dict[str, Any]]:
    """The changes of om3 by path."""
    found = plan(folder / "cluster.yaml", *source, cwd=folder)
    return {c["path"]: c for c in found["changes"] if c["node"] == "om3"}


REMOVED = {"om3": {"ssh": "om3"}}


def test_a_removed_node_is_read_by_ssh_and_cleaned(trees: Path) -> None:
    write(trees, 2)
    assert changes(trees, "--ssh") == {}
    write(trees, 2, removed=REMOVED)
    found = changes(trees, "--ssh")
    assert found == changes(trees, "--deployed", "trees")
    assert {c["action"] for c in found.values()} == {"delete"}
    assert f"/{LIBRARY.replace('lib', 'classes')}/hazelcast.xml" in found
    document = plan(trees / "cluster.yaml", "--ssh", cwd=trees)
    (stop, *_) = document["rollout"]
    assert stop["nodes"] == ["om3"]
    assert stop["actions"][0] | {"timeout": 0} == {
        "type": "service",
        "do": "stop",
        "unit": "openmeetings.service",
        "timeout": 0,
    }


def test_a_removed_node_that_is_clean_is_not_mentioned(trees: Path) -> None:
    write(trees, 2, removed=REMOVED)
    (trees / "trees/om3/etc/omconf/conference/manifest.json").unlink()
    assert changes(trees, "--ssh") == {}


def test_a_removed_node_that_cannot_be_reached_makes_the_plan_partial(trees: Path) -> None:
    write(trees, 2, removed={"om9": {"ssh": "om9"}})
    done = omconf("plan", "--ssh", cwd=trees, env=SECRET)
    assert (done.code, done.findings) == (1, [("OM302", "om9")])
    assert "delete it from `removed`" in done.err


def test_a_node_of_the_spec_has_not_left(trees: Path) -> None:
    write(trees, 3, removed=REMOVED)
    done = omconf("validate", cwd=trees)
    assert (done.code, done.findings) == (1, [("OM105", "cluster.yaml:22:3")])


@pytest.mark.parametrize("source", [("--ssh",), ("--deployed", "trees")])
def test_the_jars_tell_the_release(trees: Path, source: tuple[str, ...]) -> None:
    """Whatever the files of omconf say: an installation by hand leaves them as they are."""
    for jar in (trees / "trees/om3" / LIBRARY).iterdir():
        jar.rename(jar.with_name(jar.name.replace("9.1.0", "9.0.0")))
    document = plan(trees / "cluster.yaml", *source, cwd=trees)
    # A copy has other owners than the files of a node.
    keys = {item["key"] for change in document["changes"] for item in change["items"]}
    assert keys <= {"mode", "owner"}
    assert document["has_changes"]
    assert document["summary"]["disruption"] == "rolling"
    steps = [(s["nodes"], a) for s in document["rollout"] for a in s["actions"]]
    installed = next(i for i, (_, a) in enumerate(steps) if "Install OpenMeetings 9.1.0" in str(a))
    # An installation replaces the web application: all files below the home are written after it.
    nodes, written = next((n, a) for n, a in steps[installed:] if a["type"] == "put")
    assert nodes == ["om3"]
    assert {Path(path).name for path in written["paths"]} == {
        "setenv.sh",
        "hazelcast.xml",
        "persistence.xml",
    }


@pytest.mark.parametrize(
    ("names", "release"),
    [
        ([], None),
        (["openmeetings-db-9.1.0.jar", "openmeetings-web-pages-9.1.0.jar"], "9.1.0"),
        (["openmeetings-db-9.1.0.jar", "openmeetings-db-9.0.0.jar"], None),
        (
            ["openmeetings-db-9.1.0-SNAPSHOT.jar", "openmeetings-db.jar", "hazelcast-5.6.0.jar"],
            None,
        ),
        (["openmeetings-db-99999.1.0.jar", "\x1b[31mopenmeetings-db-9.1.0.jar"], None),
    ],
)
def test_names_of_jars(names: list[str], release: str | None) -> None:
    assert release_of(names) == release


@pytest.mark.parametrize("source", [("--ssh",), ("--deployed", "trees")])
def test_a_swapped_jar_of_hazelcast(trees: Path, source: tuple[str, ...]) -> None:
    """What 9.1.0 ships is not known: the nodes are compared. 8.1.0 ships 5.5.0."""

    def found(*jars: str) -> list[tuple[str, str]]:
        for node, jar in zip(("om1", "om2", "om3"), jars, strict=True):
            (trees / "trees" / node / LIBRARY / jar).touch()
        document = plan(trees / "cluster.yaml", *source, cwd=trees)
        for file in trees.glob(f"trees/*/{LIBRARY}/hazelcast-*"):
            file.unlink()
        return [(d["node"], d["path"]) for d in document["diagnostics"] if d["rule"] == "OM335"]

    ours, other = "hazelcast-5.5.0.jar", "hazelcast-5.3.8.jar"
    swapped = [("om3", f"/{LIBRARY}/{other}")]
    assert found(ours, "hazelcast-5.5.6.jar", "hazelcast-enterprise-5.5.2.jar") == []
    assert found(ours, ours, other) == swapped
    for file in trees.glob(f"trees/*/{LIBRARY}/openmeetings-*"):
        file.rename(file.with_name(file.name.replace("9.1.0", "8.1.0")))
    assert found(ours, ours, ours) == []
    assert found(ours, "hazelcast-sql-5.3.8.jar", other) == swapped
    assert len(found(other, other, other)) == 3
    (trees / "trees/om3" / LIBRARY / ours).touch()
    assert found(ours, ours, other) == swapped


@pytest.mark.parametrize(("jar", "refused"), [("5.1.5", True), ("5.5.0", False), ("3.12.9", False)])
def test_a_deployed_file_is_held_to_its_nodes_own_jar(trees: Path, jar: str, refused: bool) -> None:
    (trees / "trees/om3" / LIBRARY / f"hazelcast-{jar}.jar").touch()
    file = trees / "trees/om3" / LIBRARY.replace("lib", "classes/hazelcast.xml")
    element = "<cluster-name>conference</cluster-name>"
    newer = "<tpc enabled='false'/>"
    text = file.read_text()
    assert element in text
    file.write_text(text.replace(element, f"{element}{newer}"))
    document = plan(trees / "cluster.yaml", "--deployed", "trees", cwd=trees)
    found = [(d["node"], d["line"]) for d in document["diagnostics"] if d["rule"] == "OM301"]
    line = 1 + text.partition(element)[0].count("\n")
    assert found == ([("om3", line)] if refused else [])


@pytest.mark.parametrize(
    ("names", "jars"),
    [
        (["hazelcast-5.5.0.jar", "openmeetings-db-9.1.0.jar"], ("hazelcast-5.5.0.jar",)),
        (["hazelcast-all-4.1.jar"], ("hazelcast-all-4.1.jar",)),
        (["hazelcast-5.6.0-BETA-1.jar"], ("hazelcast-5.6.0-BETA-1.jar",)),
        (["hazelcast-wm-5.0.jar", "hazelcast-5.5.0.jar.bak", "hazelcast.jar"], ()),
    ],
)
def test_names_of_jars_of_hazelcast(names: list[str], jars: tuple[str, ...]) -> None:
    assert hazelcast_of(names) == jars
    assert len(hazelcast_of(f"hazelcast-5.{n}.0.jar" for n in range(9))) == 4
