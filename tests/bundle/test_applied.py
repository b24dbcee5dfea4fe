"""A node's manifest is an assertion by the node: what counts of it, and what it can have deleted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from omconf.artifacts import kinds
from omconf.bundle import applied, manifest
from omconf.bundle.compile import compile_bundle, files
from omconf.bundle.paths import possible
from omconf.cluster import places
from tests.clusters import cluster_of, simple, specs
from tests.command import omconf
from tests.deployed.same import MANIFEST, build, lay, plan, write_spec

CLASSES = "webapps/openmeetings/WEB-INF/classes"
DROP_IN = "/etc/systemd/system/{}.d/omconf.conf"


def listing(*files: tuple[str, str, str] | dict[str, Any], **more: Any) -> bytes:
    """A manifest of these files: path, kind and ownership."""
    entries = [
        f if isinstance(f, dict) else dict(zip(("path", "kind", "ownership"), f, strict=True))
        for f in files
    ]
    return json.dumps({"format_version": "1.0", "node": "om1", "files": entries, **more}).encode()


def counted(*files: tuple[str, str, str], **current: str) -> set[str]:
    return set(applied.read(listing(*files), "conference", current).entries)


@given(specs())
def test_all_that_a_bundle_lists_counts(data: dict[str, Any]) -> None:
    cluster = cluster_of(data)
    for node, wanted in zip(compile_bundle(cluster).nodes, cluster.nodes, strict=True):
        written = manifest.for_node(cluster.name.value, node.node, node.artifacts)
        for current in (None, places.settings(cluster, wanted)):
            read = applied.read(written, cluster.name.value, current)
            assert read.node == node.node
            assert not read.refused
            assert {p: (e.kind.name, e.digest, e.sensitive) for p, e in read.entries.items()} == {
                a.path: (a.kind, a.sha256, a.sensitive) for a in node.artifacts
            }


@given(specs())
def test_all_that_a_build_writes_is_a_possible_path(data: dict[str, Any]) -> None:
    assert all(map(possible, files(compile_bundle(cluster_of(data)))))


def test_every_kind_knows_its_places_by_any_settings() -> None:
    cluster = simple(
        openmeetings={"home": "/srv/o m", "webapp": "meet", "service": "tomcat@om.service"}
    )
    (node, *_) = cluster.nodes
    settings = places.settings(cluster, node)
    for kind in kinds():
        for path in kind.paths(cluster, node):
            found = kind.settings_of(path, "conference")
            assert found is not None
            assert found.items() <= settings.items()


@pytest.mark.parametrize(
    ("path", "kind", "ownership"),
    [
        ("/etc/passwd", "hazelcast", "file"),
        ("/root/backup/fstab", "fstab", "block"),
        ("/home/a/check.conf", "node_check", "file"),
        ("/etc/omconf/other/check.conf", "node_check", "file"),
        (DROP_IN.format("sshd.service"), "hazelcast", "file"),
        (DROP_IN.format("openmeetings.timer"), "service", "file"),
        (f"/srv/om/{CLASSES}/hazelcast.xml", "persistence", "file"),
        (f"/srv/om/{CLASSES}/hazelcast.xml", "hazelcast", "block"),
        (f"/srv/om/{CLASSES}/hazelcast.xml.bak", "hazelcast", "file"),
        (f"/{CLASSES}/hazelcast.xml", "hazelcast", "file"),
        ("/bin/setenv.sh", "jvm", "block"),
        ("/" + "a/" * 700 + "bin/setenv.sh", "jvm", "block"),
        ("/etc/exports", "exports", "file"),
        ("/etc/exports", "nfs", "block"),
    ],
)
def test_what_its_kind_cannot_have_written_does_not_count(
    path: str, kind: str, ownership: str
) -> None:
    read = applied.read(listing((path, kind, ownership)), "conference")
    assert not read.entries
    assert len(read.refused) == 1


def test_entries_agree_on_one_home() -> None:
    """A copy of a home is not one that omconf wrote: a manifest speaks of one home only."""
    here, copy = (
        (f"{home}/{CLASSES}/hazelcast.xml", "hazelcast", "file") for home in ("/opt/om", "/root/om")
    )
    assert counted(here, home="/opt/om") == {here[0]}
    assert counted(copy, home="/opt/om") == {copy[0]}
    assert counted(here, copy, home="/opt/om") == {here[0]}
    assert counted(here, copy) == set()
    setenv = ("/root/om/bin/setenv.sh", "jvm", "block")
    assert counted(here, setenv, home="/opt/om") == {here[0]}
    units = [(DROP_IN.format(unit), "service", "file") for unit in ("om.service", "ssh.service")]
    assert counted(*units, here, home="/opt/om") == {here[0]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b'{"files": []}',
        b'{"format_version": "2.0", "files": []}',
        b'{"format_version": "1.0", "files": {}}',
        listing({"path": "/etc/exports"}),
        listing(("/opt/../etc/exports", "exports", "block")),
        listing(("etc/exports", "exports", "block")),
        listing(("/etc/exports", "exports", "block"), ("/etc/exports", "exports", "block")),
        listing(*((f"/a{n}", "exports", "block") for n in range(applied.MAX_ENTRIES + 1))),
    ],
)
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^it (is|lists|speaks)|^its "):
        applied.read(data, "conference")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ("path", "kind", "ownership", "sha256", "files", "format_version", "node")
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON | st.fixed_dictionaries({"format_version": st.just("1.0"), "files": JSON}))
def test_no_json_makes_it_fail(document: Any) -> None:
    try:
        read = applied.read(json.dumps(document).encode(), "conference")
    except ValueError as error:
        assert str(error)
    else:
        assert all(
            kind.kind.settings_of(p, "conference") is not None for p, kind in read.entries.items()
        )


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    """Two nodes as they were applied."""
    spec = write_spec(tmp_path)
    build(spec, tmp_path / "bundles", "--reveal-secrets")
    for node in ("om1", "om2"):
        lay(tmp_path / "bundles" / node, tmp_path / "trees" / node)
    return tmp_path


def deleted(trees: Path) -> set[str]:
    found = plan(trees / "cluster.yaml", "--deployed", "trees", cwd=trees)
    return {c["path"] for c in found["changes"] if c["action"] == "delete"}


def test_what_does_not_count_is_reported_and_left_alone(trees: Path) -> None:
    om1 = trees / "trees/om1"
    own = om1 / MANIFEST[1:]
    document = json.loads(own.read_text())
    drop_in = om1 / "etc/systemd/system/openmeetings.service.d/omconf.conf"
    for path in (f"/root/om/{CLASSES}/hazelcast.xml", "/root/backup/fstab", "/etc/passwd"):
        document["files"].append({"path": path, "kind": "hazelcast", "ownership": "file"})
        copy = om1 / path[1:]
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(drop_in.read_text())
    own.write_text(json.dumps(document))
    assert deleted(trees) == set()
    found = plan(trees / "cluster.yaml", "--deployed", "trees", cwd=trees)["diagnostics"]
    assert [(d["rule"], d["node"], d["path"]) for d in found] == [("OM324", "om1", MANIFEST)]
    assert "/etc/passwd" in found[0]["message"]
    assert found[0]["message"].endswith(" 2 more.")


def test_a_drop_in_of_another_unit_is_deleted_only_when_omconf_wrote_all_of_it(trees: Path) -> None:
    """Every unit's drop-ins may be called omconf.conf."""
    om1 = trees / "trees/om1"
    own = om1 / MANIFEST[1:]
    document = json.loads(own.read_text())
    entry = next(e for e in document["files"] if e["kind"] == "service")
    (om1 / entry["path"][1:]).rename(om1 / "drop-in")
    entry["path"] = DROP_IN.format("tomcat.service")
    place = om1 / entry["path"][1:]
    place.parent.mkdir()
    (om1 / "drop-in").rename(place)
    own.write_text(json.dumps(document))
    assert deleted(trees) == {entry["path"]}
    place.write_text(place.read_text() + "ExecStartPre=/usr/bin/something\n")
    assert deleted(trees) == set()


@pytest.mark.parametrize("line", ["# see omconf: conference. kept by hand", "omconf: conference. "])
def test_only_omconfs_own_header_makes_a_file_one_to_delete(trees: Path, line: str) -> None:
    om1 = trees / "trees/om1"
    own = om1 / MANIFEST[1:]
    own.write_text(own.read_text().replace("/opt/om/", "/srv/old/"))
    place = om1 / f"srv/old/{CLASSES}/hazelcast.xml"
    place.parent.mkdir(parents=True)
    text = (om1 / f"opt/om/{CLASSES}/hazelcast.xml").read_text()
    place.write_text(text)
    assert deleted(trees) == {f"/srv/old/{CLASSES}/hazelcast.xml"}
    header = next(line for line in text.split("\n") if "omconf:" in line)
    place.write_text(text.replace(header, f"<!-- {line} -->"))
    assert deleted(trees) == set()


def moved(trees: Path) -> Path:
    """What was applied to om1 in a home that the spec no longer has: its hazelcast.xml there."""
    om1 = trees / "trees/om1"
    own = om1 / MANIFEST[1:]
    own.write_text(own.read_text().replace("/opt/om/", "/srv/old/"))
    place = om1 / f"srv/old/{CLASSES}/hazelcast.xml"
    place.parent.mkdir(parents=True)
    place.write_text((om1 / f"opt/om/{CLASSES}/hazelcast.xml").read_text())
    return place


def said(trees: Path, spec: str = "cluster.yaml") -> tuple[dict[str, Any], set[str]]:
    """The plan, and the rules of what it reports."""
    found = plan(trees / spec, "--deployed", "trees", cwd=trees)
    return found, {d["rule"] for d in found["diagnostics"]}


def test_the_manifest_of_another_node_counts_nothing(trees: Path) -> None:
    moved(trees)
    assert deleted(trees)
    own = trees / "trees/om1" / MANIFEST[1:]
    own.write_text(own.read_text().replace('"node": "om1"', '"node": "om2"'))
    found, rules = said(trees)
    assert "delete" not in {c["action"] for c in found["changes"]}
    assert rules == {"OM324"}
    assert ": no whole file that it lists is deleted." in found["diagnostics"][0]["message"]


def test_a_node_that_left_with_nothing_applied_is_no_change(trees: Path) -> None:
    own = trees / "trees/om9" / MANIFEST[1:]
    own.parent.mkdir(parents=True)
    document = json.loads((trees / "trees/om1" / MANIFEST[1:]).read_text())
    own.write_text(json.dumps({**document, "node": "om9", "files": []}))
    found = plan(trees / "cluster.yaml", "--deployed", "trees", cwd=trees)
    assert (found["has_changes"], found["changes"], found["rollout"]) == (False, [], [])


@pytest.mark.parametrize("text", ["", "[", "{}"])
def test_a_manifest_that_cannot_be_used_has_a_hint(trees: Path, text: str) -> None:
    (trees / "trees/om1" / MANIFEST[1:]).write_text(text)
    found, rules = said(trees)
    assert (rules, found["complete"]) == ({"OM301"}, False)
    assert "hint" in found["diagnostics"][0]


def test_nothing_is_deleted_while_a_wanted_file_may_be_a_link_to_it(trees: Path) -> None:
    former = moved(trees)
    wanted = trees / f"trees/om1/opt/om/{CLASSES}/hazelcast.xml"
    wanted.unlink()
    wanted.symlink_to(former)
    found, rules = said(trees)
    assert "delete" not in {c["action"] for c in found["changes"]}
    assert "OM316" in rules
    assert not found["complete"]


@pytest.mark.parametrize("manifest", ["not a manifest", None])
def test_a_node_that_left_is_never_passed_over_in_silence(
    trees: Path, manifest: str | None
) -> None:
    spec = yaml.safe_load((trees / "cluster.yaml").read_text())
    del spec["nodes"]["om2"]
    (trees / "one.yaml").write_text(yaml.safe_dump(spec))
    own = trees / "trees/om2" / MANIFEST[1:]
    if manifest is None:
        own.unlink()
        own.symlink_to("/etc/hostname")
    else:
        own.write_text(manifest)
    found, rules = said(trees, "one.yaml")
    assert rules & {"OM301", "OM316"}, found["diagnostics"]
    assert not found["complete"]
    assert "om2" not in {c["node"] for c in found["changes"]}


def test_a_link_beside_the_nodes_is_no_node(trees: Path) -> None:
    (trees / "trees/latest").symlink_to("om1")
    found, rules = said(trees)
    assert not found["has_changes"]
    assert not rules


def test_a_bundles_manifest_has_no_foreign_file_deleted(trees: Path) -> None:
    """Generated bundles lie in git, where a merge request can change what they list."""
    bundles = trees / "bundles"
    notes = bundles / "om1/notes.txt"
    notes.write_text("kept by hand\n")
    own = bundles / "manifest.json"
    document = json.loads(own.read_text())
    document["files"].append("om1/notes.txt")
    own.write_text(json.dumps(document))
    env = {"OM_DB_PASSWORD": "not-a-real-password"}
    done = omconf("build", trees / "cluster.yaml", "-o", bundles, "--reveal-secrets", env=env)
    assert done.code == 1
    assert "OM401" in done.err
    assert notes.read_text() == "kept by hand\n"
