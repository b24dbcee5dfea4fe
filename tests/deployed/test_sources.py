"""A directory, this host's files and a git revision give the same plan; ssh's is in tests/real."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from omconf.rollout import text
from tests.clusters import spec_of
from tests.command import omconf
from tests.deployed.same import (
    HAZELCAST,
    MANIFEST,
    PERSISTENCE,
    SITUATIONS,
    Place,
    build,
    lay,
    plan,
    require,
    write_spec,
)
from tests.needs import needs

Made = tuple[Place, Callable[[], dict[str, Any]]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec, its bundles, and trees that are what it compiles to."""
    folder = tmp_path_factory.mktemp("built")
    spec = write_spec(folder)
    build(spec, folder / "bundles")
    build(spec, folder / "revealed", "--reveal-secrets")
    for node in ("om1", "om2"):
        lay(folder / "revealed" / node, folder / "trees" / node)
    return folder


def directory(built: Path, folder: Path) -> Made:
    shutil.copytree(built / "trees", folder / "trees")
    options = ("--deployed", folder / "trees")
    return (
        lambda path: folder / "trees/om2" / path[1:],
        lambda: plan(built / "cluster.yaml", *options),
    )


def local(built: Path, folder: Path) -> Made:
    shutil.copytree(built / "trees/om2", folder / "root")
    options = ("--local", "om2", "--root", folder / "root")
    return lambda path: folder / "root" / path[1:], lambda: plan(built / "cluster.yaml", *options)


def run_git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def git(built: Path, folder: Path) -> Made:
    """The bundles as they were committed; what is in the work tree then does not matter."""
    run_git(folder, "init", "-q")
    shutil.copytree(built / "bundles", folder / "cluster/bundles")
    bundle = folder / "cluster/bundles/om2"

    def place(path: str) -> Path:
        if path == MANIFEST:
            return bundle / "manifest.json"
        part = "blocks" if (bundle / "blocks" / path[1:]).exists() else "files"
        return bundle / part / path[1:]

    def planned() -> dict[str, Any]:
        run_git(folder, "add", "-A")
        run_git(folder, "commit", "-q", "-m", "bundles", "--allow-empty")
        shutil.rmtree(folder / "cluster")
        return plan(built / "cluster.yaml", "--git", "HEAD", "-o", "cluster/bundles", cwd=folder)

    return place, planned


GIT = pytest.param(git, marks=needs("git"))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        pytest.param(source, name, marks=needs("git") if source is git else ())
        for source in (directory, local, git)
        for name, situation in SITUATIONS.items()
        if not (situation.around and source is git)
    ],
)
def test_sources_give_the_same_plan(
    built: Path, tmp_path: Path, source: Callable[[Path, Path], Made], name: str
) -> None:
    place, planned = source(built, tmp_path)
    situation = SITUATIONS[name]
    situation.spoil(place)
    found = planned()
    require(found, situation)
    nodes = ["om2"] if source is local else ["om1", "om2"]
    asked = {"node": "om2", "root": str(tmp_path / "root")} if source is local else {}
    assert found["source"] == {"kind": source.__name__, **asked, "nodes": nodes}
    assert found["summary"]["nodes"] == len(nodes)


@needs("git")
def test_git_names_what_it_cannot_read(built: Path, tmp_path: Path) -> None:
    git(built, tmp_path)
    run_git(tmp_path, "add", "-A")
    run_git(tmp_path, "commit", "-q", "-m", "bundles")
    spec = built / "cluster.yaml"
    for revision, directory_, said in (
        ("no-such", "cluster/bundles", "there is no commit"),
        ("--help", "cluster/bundles", "there is no commit"),
        ("HEAD", "..", "not in a git work tree"),
        ("HEAD", "cluster/bundles/manifest.json", "not a directory"),
        ("HEAD", "/", "not in a git work tree"),
    ):
        done = omconf("plan", spec, f"--git={revision}", "-o", directory_, cwd=tmp_path)
        assert (done.code, done.out) == (1, "")
        assert "error[OM302]" in done.err
        assert said in done.err
    found = plan(spec, "--git", "HEAD", "-o", "new", cwd=tmp_path)
    assert {d["rule"] for d in found["diagnostics"]} == {"OM305"}
    assert "--git HEAD -o bundles" in found["diagnostics"][0]["hint"]
    assert {c["action"] for c in found["changes"]} == {"create"}


@needs("git")
def test_in_a_hook(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """git tells its hooks of the repository by variables, which would hide the directory's place."""
    git(built, tmp_path)
    run_git(tmp_path, "add", "-A")
    run_git(tmp_path, "commit", "-q", "-m", "bundles")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    found = plan(built / "cluster.yaml", "--git", "HEAD", "-o", "cluster/bundles", cwd=tmp_path)
    assert found["changes"] == found["diagnostics"] == []
    monkeypatch.delenv("GIT_DIR")
    # An object that is lost is an error, and never "everything is new".
    tree = subprocess.check_output(["git", "rev-parse", "HEAD:cluster"], cwd=tmp_path, text=True)
    (tmp_path / ".git/objects" / tree[:2] / tree[2:].strip()).unlink()
    done = omconf(
        "plan", built / "cluster.yaml", "--git=HEAD", "-o", "cluster/bundles", cwd=tmp_path
    )
    assert done.code == 1
    assert "error[OM302]" in done.err


def test_hostile_trees(built: Path, tmp_path: Path) -> None:
    """Deep paths, deep links, a hostile manifest: each is a finding."""
    place, planned = directory(built, tmp_path)
    manifest = json.loads(place(MANIFEST).read_text())
    entry = next(e for e in manifest["files"] if e["path"] == HAZELCAST)
    manifest["files"].append({**entry, "path": "/a" * 3000})
    place(MANIFEST).write_text(json.dumps(manifest))
    shutil.rmtree(place("/usr/local"))
    place("/usr/local").symlink_to("/".join("a" * 1500))
    found = planned()
    assert {d["rule"] for d in found["diagnostics"]} == {"OM316", "OM324"}
    assert not found["complete"]


def test_a_copy_of_a_tree_is_no_node_that_left(built: Path, tmp_path: Path) -> None:
    _, planned = directory(built, tmp_path)
    shutil.copytree(tmp_path / "trees/om1", tmp_path / "trees/om1-bak")
    require(planned(), SITUATIONS["nothing"])


@needs("git")
def test_attributes_have_no_say(built: Path, tmp_path: Path) -> None:
    """A bundle is read byte for byte, whatever the repository makes of it when checked out."""
    place, planned = git(built, tmp_path)
    (tmp_path / ".gitattributes").write_text("* text eol=crlf export-ignore\n")
    run_git(tmp_path, "config", "core.autocrlf", "true")
    place(HAZELCAST).write_text(place(HAZELCAST).read_text())
    require(planned(), SITUATIONS["nothing"])


def test_a_renamed_node_is_compared_with_its_earlier_files(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built / "trees", tmp_path / "trees")
    spec = tmp_path / "cluster.yaml"
    text = (built / "cluster.yaml").read_text()
    spec.write_text(text.replace("  om2:\n", "  web2:\n    renamed_from: om2\n"))
    found = plan(spec, "--deployed", tmp_path / "trees")
    changes = {c["path"]: c for c in found["changes"] if c["node"] == "web2"}
    assert {c["action"] for c in changes.values()} == {"update"}
    assert {i["key"] for i in changes[HAZELCAST]["items"]} == {
        "instance-name",
        "member-attributes/name",
    }
    # Once it is deployed by its new name, the earlier one means nothing.
    (tmp_path / "trees/web2").mkdir()
    found = plan(spec, "--deployed", tmp_path / "trees")
    assert {c["action"] for c in found["changes"] if c["node"] == "web2"} == {"create"}


def test_one_source_and_what_goes_with_it(built: Path) -> None:
    spec = built / "cluster.yaml"
    for options, said in (
        ((), "A plan needs a source of deployed files."),
        (("--ssh", "--local", "om1"), "cannot be used together"),
        (("--deployed", "x", "--ssh"), "cannot be used together"),
        (("--git", "HEAD"), "--git requires -o"),
        (("--ssh", "-o", "x"), "--git requires -o"),
        (("--deployed", "x", "--root", "/"), "--root requires --local"),
        (("--deployed", "x", "--sudo"), "require --ssh"),
        (("--local", "om1", "--timeout", "5"), "require --ssh"),
        (("--local", "om1", "--node", "om2"), "--local is one node"),
    ):
        done = omconf("plan", spec, *options)
        assert (done.code, done.out) == (1, "")
        assert done.findings == [("OM304", "")]
        assert said in done.err
        assert "omconf plan --git HEAD -o bundles" in done.err
    assert omconf("plan", spec, "--local", "om7").rules == ["OM303"]
    no_root = omconf("plan", spec, "--local", "om1", "--root", "/no/such").err
    assert "not a directory" in no_root
    assert "hint: " in no_root


def test_placeholders_by_source(built: Path, tmp_path: Path) -> None:
    """In a commit they are as they should be, in a copy a warning, on a node itself an error."""
    lay(built / "bundles/om2", tmp_path / "trees/om2")
    spec = built / "cluster.yaml"
    for options, severity in (
        (("--deployed", tmp_path / "trees", "--node", "om2"), "warning"),
        (("--local", "om2", "--root", tmp_path / "trees/om2"), "error"),
    ):
        (said,) = plan(spec, *options)["diagnostics"]
        assert (said["rule"], said["severity"], said["path"]) == ("OM320", severity, PERSISTENCE)


@pytest.mark.parametrize("source", [directory, GIT])
def test_a_node_that_left_the_spec(
    built: Path, tmp_path: Path, source: Callable[[Path, Path], Made]
) -> None:
    """What was applied to it goes, in an order in which nothing hangs; an outsider's folder stays."""
    source(built, tmp_path)
    spec = tmp_path / "cluster.yaml"
    spec.write_text(yaml.safe_dump(spec_of(1)))
    options: tuple[str, ...] = ("--deployed", "trees")
    if source is git:
        (tmp_path / "cluster/bundles/other").mkdir()
        (tmp_path / "cluster/bundles/other/manifest.json").write_text("{}")
        run_git(tmp_path, "add", "-A")
        run_git(tmp_path, "commit", "-q", "-m", "bundles")
        options = ("--git", "HEAD", "-o", "cluster/bundles")
    else:
        (tmp_path / "trees/other/etc").mkdir(parents=True)
    found = plan(spec, *options, cwd=tmp_path)
    gone = {c["path"]: c for c in found["changes"] if c["node"] == "om2"}
    assert {HAZELCAST, PERSISTENCE, "/etc/fstab", "/opt/om/bin/setenv.sh"} <= gone.keys()
    assert {c["action"] for c in gone.values()} == {"delete"}
    assert {c["node"] for c in found["changes"]} == {"om1", "om2"}
    assert found["summary"]["nodes"] == 2
    commands = [
        (node, line)
        for step in found["rollout"]
        for node in step["nodes"]
        for line in text.lines(step["actions"])
    ]
    order = [
        ("om2", "systemctl stop openmeetings.service"),
        ("om2", "umount /opt/omdata"),
        ("om1", "exportfs -ra"),
    ]
    assert [commands.index(step) for step in order] == sorted(map(commands.index, order))
    assert not any(c.startswith("systemctl start openmeetings") for _, c in commands)
    assert ("om2", "systemctl restart openmeetings.service") not in commands
    assert {c["effect"]["rolling"] for c in found["changes"]} == {True}
    saved = plan(spec, *options, "--out", "saved", cwd=tmp_path)
    assert saved == found
    assert "om2" in json.loads((tmp_path / "saved").read_text())["binding"]["deployed"]
    only = plan(spec, *options, "--node", "om1", cwd=tmp_path)
    assert {c["node"] for c in only["changes"]} == {"om1"}


def test_a_node_that_left_is_bound_by_what_kinds_read(built: Path, tmp_path: Path) -> None:
    """Its manifest may claim anything: a file of no kind goes into no digest, a secret may be in it."""
    place, _ = directory(built, tmp_path)
    manifest = json.loads(place(MANIFEST).read_text())
    for entry in manifest["files"]:
        if entry["path"] == PERSISTENCE:
            entry["kind"] = "another"
    place(MANIFEST).write_text(json.dumps(manifest))
    spec = tmp_path / "cluster.yaml"
    spec.write_text(yaml.safe_dump(spec_of(1)))
    plan(spec, "--deployed", "trees", "--out", "saved", cwd=tmp_path)
    bound = json.loads((tmp_path / "saved").read_text())["binding"]["deployed"]["om2"]
    assert HAZELCAST in bound
    assert PERSISTENCE not in bound
