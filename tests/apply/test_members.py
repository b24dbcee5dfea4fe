"""A node that is only deleted from the spec is not forgotten without a word."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from omconf.deployed.snapshot import DeployedFile, NodeFiles, Snapshot
from omconf.pipeline import journals
from omconf.pipeline.compiled import check_spec
from omconf.pipeline.sources import Asked
from omconf.plan import members
from tests.apply.trees import Tree
from tests.clusters import cluster_of, spec_of
from tests.command import omconf
from tests.needs import needs

USER = ("-c", "user.name=a", "-c", "user.email=a@example.org")
PLACE = "/var/lib/omconf/conference/members"


def warned(tree: Tree, *options: str) -> list[dict[str, Any]]:
    plan = json.loads(tree.run("plan", "--json", *options).out)
    return [d for d in plan["diagnostics"] if d["rule"] == "OM306"]


def applied(tree: Tree, count: int, **sections: Any) -> None:
    tree.write_spec(count, **sections)
    done = tree.run("apply", "--yes")
    assert done.code == 0, done.out + done.err


def test_a_deleted_node_is_named_until_it_was_dealt_with(tree: Tree) -> None:
    applied(tree, 3)
    assert warned(tree) == []
    tree.write_spec(2)
    for _ in range(2):
        (found,) = warned(tree)
        assert (found["node"], found["path"], found["line"]) == ("om1", PLACE, 3)
        assert "removed: {om3: {ssh:" in found["hint"]
        # Another apply does not forget it either.
        applied(tree, 2, openmeetings={"java_options": ["-Xmx2g"]})


def test_a_node_in_removed_is_none_that_is_forgotten(tree: Tree) -> None:
    applied(tree, 3)
    applied(tree, 2, removed={"om3": {"ssh": "om3"}})
    assert warned(tree) == []
    # This host alone cannot clean it.
    tree.write_spec(2)
    assert len(warned(tree)) == 1


def test_who_ignores_it_has_the_next_apply_forget_it(tree: Tree) -> None:
    applied(tree, 3)
    applied(tree, 2, ignore=[{"rule": "OM306", "why": "its host burnt"}])
    tree.write_spec(2)
    assert warned(tree) == []


def test_it_is_forgotten_also_where_nothing_else_is_to_be_done(tree: Tree) -> None:
    applied(tree, 3)
    applied(tree, 2)
    (tree.root / PLACE[1:]).write_text("om1 10.1.1.1\nom2 10.1.1.2\nom3 10.1.1.3\n")
    spec: dict[str, Any] = {"ignore": [{"rule": "OM306", "why": "its host burnt"}]}
    tree.write_spec(2, **spec)
    before = (tree.root / PLACE[1:]).read_bytes()
    assert tree.run("apply", "--dry-run").code == 0
    assert (tree.root / PLACE[1:]).read_bytes() == before
    done = tree.run("apply", "--yes", "--json")
    assert json.loads(done.out.splitlines()[-1])["outcome"] == "unchanged", done.out + done.err
    tree.write_spec(2)
    assert warned(tree) == []


def test_a_node_that_an_undo_may_bring_back_is_remembered_again(tree: Tree) -> None:
    """It knows itself that it was one; so it does after `removed` took it out of the others' list."""
    applied(tree, 3)
    applied(tree, 2, removed={"om3": {"ssh": "om3"}})
    compiled = check_spec(str(tree.spec))
    found = journals.log(compiled, Asked.of_local("om1", tree.root))
    assert not isinstance(found, list)
    assert found.former == {"om3": "10.1.1.3"}
    place = tree.root / PLACE[1:]
    place.write_text("om3 10.1.1.3\n")
    assert tree.run("undo", "--yes").code == 0
    assert place.read_text() == "om1 10.1.1.1\nom2 10.1.1.2\nom3 10.1.1.3\n"
    tree.write_spec(2)
    assert len(warned(tree)) == 1


def test_an_undo_names_a_node_that_the_spec_no_longer_reaches(tree: Tree) -> None:
    """Without that one, not all would be as before."""
    applied(tree, 2)
    (about,) = (tree.root / "var/lib/omconf/conference/journal").glob("*.about")
    told = json.loads(about.read_text())
    assert told["nodes"] == ["om1"]
    about.write_text(json.dumps({**told, "nodes": ["om1", "om3"]}))
    found = journals.log(check_spec(str(tree.spec)), Asked.of_local("om1", tree.root))
    assert not isinstance(found, list)
    chains = {"om1": found.journals["om1"].last}

    def named(spec: dict[str, Any]) -> list[tuple[str, str]]:
        return [
            (d.rule.id, d.message.split()[0]) for d in journals.unreached(cluster_of(spec), chains)
        ]

    assert named(spec_of(2)) == [("OM604", "om3")]
    assert named(spec_of(3)) == []
    assert named(spec_of(2, removed={"om3": {"ssh": "om3"}})) == []
    assert named(spec_of(2, ignore=[{"rule": "OM306", "why": "its host burnt"}])) == []
    renamed = spec_of(2)
    renamed["nodes"]["om2"]["renamed_from"] = "om3"
    assert named(renamed) == []


def test_a_renamed_node_is_the_same(tree: Tree) -> None:
    applied(tree, 2)
    data = yaml.safe_load(tree.spec.read_text())
    data["nodes"]["conf2"] = data["nodes"].pop("om2")
    tree.spec.write_text(yaml.safe_dump(data))
    (found,) = warned(tree)
    assert found["hint"].startswith(members.RENAMED.format(new="conf2", name="om2"))
    data["nodes"]["conf2"]["renamed_from"] = "om2"
    tree.spec.write_text(yaml.safe_dump(data))
    assert warned(tree) == []


def test_an_apply_that_is_taken_back_may_have_added_it(tree: Tree) -> None:
    """It is reported once too often rather than not at all."""
    applied(tree, 2)
    applied(tree, 3)
    assert tree.run("undo", "--yes").code == 0
    tree.write_spec(2)
    assert len(warned(tree)) == 1


@needs("git")
def test_committed_bundles_remember_it_too(tree: Tree) -> None:
    tree.write_spec(3)
    bundles = tree.folder / "bundles"
    assert omconf("build", tree.spec, "-o", bundles).code == 0
    for words in (["init", "-q"], ["add", "bundles"], [*USER, "commit", "-qm", "all"]):
        subprocess.run(["git", *words], cwd=tree.folder, check=True)
    tree.write_spec(2)
    copy = ("--deployed", tree.folder, "--git", "HEAD", "-o", bundles)
    plan = json.loads(omconf("plan", tree.spec, *copy, "--json").out)
    (found,) = (d for d in plan["diagnostics"] if d["rule"] == "OM306")
    assert "om3 was a node" in found["message"]


def findings(text: bytes, **sections: Any) -> list[str]:
    cluster = cluster_of(spec_of(2, **sections))
    files = NodeFiles(around={PLACE: DeployedFile(text)})
    snapshot = Snapshot("ssh", {"om1": files}, left={"om4": NodeFiles()})
    return [finding.message for _, finding in members.forgotten(cluster, snapshot)]


def test_what_makes_no_sense_counts_for_nothing() -> None:
    assert findings(b"om9\nOm9 10.1.1.1\nom9  10.1.1.1\nom9 \x1b[31m\n\xff\0") == []
    assert findings(b"om4 10.1.1.4\nom2 10.9.9.9") == []  # planned as a removed one, and there
    assert len(findings(b"om3 10.1.1.3\n" * 100_000)) == 1


def test_what_one_node_invents_neither_floods_nor_displaces() -> None:
    cluster = cluster_of(spec_of(2))
    invented = "".join(f"a{n} 10.2.{n // 250}.{n % 250}\n" for n in range(9_000)).encode()
    true = members.text(cluster, {"om3": "10.1.1.3"})
    lists = {"om1": true + invented, "om2": true}
    nodes = {name: NodeFiles(around={PLACE: DeployedFile(text)}) for name, text in lists.items()}
    found = members.forgotten(cluster, Snapshot("ssh", nodes))
    assert len(found) == members.MAX_NAMED + 1
    assert found[0][1].message.startswith("om3 was a node")
    assert (found[-1][0], found[-1][1].message) == (
        "om1",
        "950 more former nodes of this cluster are listed.",
    )
    kept = members.addresses(cluster, nodes)
    assert (len(kept), kept["om3"]) == (members.MAX_FORMER, "10.1.1.3")


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(text: bytes) -> None:
    findings(text)


def test_what_nodes_keep_alike_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a plan grows with the square of the nodes."""
    cluster = cluster_of(spec_of(2))
    texts: list[bytes] = []
    read = members.read

    def counted(data: bytes) -> dict[str, tuple[str, int]]:
        texts.append(data)
        return read(data)

    monkeypatch.setattr(members, "read", counted)
    kept = members.text(cluster, {"old": "10.1.1.9"})
    nodes = {f"om{n}": NodeFiles({}, around={PLACE: DeployedFile(kept)}) for n in range(1, 9)}
    (found,) = members.former(cluster, nodes).values()
    assert (found.address, list(found.by)) == ("10.1.1.9", list(nodes))
    assert texts == [kept]
