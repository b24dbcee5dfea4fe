"""Mistakes in nodes that were set up by hand: what an import calls each, and where it points."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from tests.adopt.test_references import mount_cifs
from tests.adopt.trees import HAZELCAST, SETENV, SETENV_SH, by_hand, edit, imported
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


def test_a_url_that_was_copied_from_another_node(trees: Path) -> None:
    edit(trees / "om3", HAZELCAST, "https://om3", "https://om2")
    done, found = imported(trees)
    assert done.code == 1
    errors = [d for d in found["diagnostics"] if d["severity"] == "error"]
    assert [(d["rule"], d["node"], d["path"], d["line"]) for d in errors] == [
        ("OM202", "om3", f"/{HAZELCAST}", 15)
    ]
    assert "address: 10.1.1.3 " in found["spec"]


def test_urls_that_share_a_mistake(trees: Path) -> None:
    for node in NODES:
        edit(trees / node, HAZELCAST, ":5443/openmeetings<", ":5443/openmeetings?a=b<")
    done, found = imported(trees)
    assert done.code == 1
    said = [d for d in found["diagnostics"] if d["rule"] == "OM206"]
    assert [(d["node"], d["path"], d["line"]) for d in said] == [
        (node, f"/{HAZELCAST}", 15) for node in NODES
    ]
    assert all(f"//{d['node']}.example.org" in d["hint"] for d in said)


def test_interfaces_that_no_address_of_the_node_matches(trees: Path) -> None:
    mount_cifs(trees)  # nothing else tells the address
    edit(trees / "om2", HAZELCAST, r"10\.1\.1\.\*", "10.1.2.*")
    _, found = imported(trees)
    (said,) = [d for d in found["diagnostics"] if d["rule"] == "OM350"]
    assert (said["node"], said["path"], said["line"]) == ("om2", f"/{HAZELCAST}", 27)
    assert "om1 has `10.1.1.*`" in said["hint"]
    (alone,) = found["drift"]
    assert alone["message"] == (
        "om2 alone has network/interfaces/interface 10.1.2.*, not 10.1.1.*."
    )


def test_copies_without_the_files_that_tell_an_address(trees: Path) -> None:
    """One error a node, which names the file to copy: no further one of the spec that this makes."""
    mount_cifs(trees)
    for node in NODES:
        (trees / node / "etc/hosts").unlink()
    done, found = imported(trees)
    assert done.code == 1
    errors = [d for d in found["diagnostics"] if d["severity"] == "error"]
    assert [(d["rule"], d["node"]) for d in errors] == [("OM350", node) for node in NODES]
    assert all(d["hint"].startswith("Copy the node's /etc/hosts, too; ") for d in errors)


def test_a_member_that_the_source_does_not_have(trees: Path) -> None:
    for node in NODES:
        edit(trees / node, HAZELCAST, r"(?s)<multicast enabled.*</multicast>", LISTED)
        edit(trees / node, "etc/hosts", r"10\.1\.1\.2 .*\n", "")
    done, found = imported(trees, "--node", "om1", "--node", "om3")
    assert done.code == 2
    assert {d["reason"] for d in found["differences"]} == {
        "om2.example.org is in the member lists but not in the source: import it, too"
    }


@pytest.mark.parametrize(
    ("usual", "other", "what"),
    [
        ("-Xmx2g", "-Xmx1g", "-Xmx 1g, not 2g"),
        ("-XX:+UseG1GC", "-XX:-UseG1GC", "-XX:UseG1GC off, not on"),
    ],
)
def test_one_option_that_is_set_otherwise_is_one_difference(
    trees: Path, usual: str, other: str, what: str
) -> None:
    for node in NODES:
        (trees / node / SETENV_SH).write_text(
            SETENV.replace("-Xmx2g", other if node == "om2" else usual)
        )
    _, found = imported(trees)
    assert [d["message"] for d in found["drift"]] == [f"om2 alone has the JVM option {what}."]
    assert {d["reason"] for d in found["differences"]} == {"this node differs from the others"}


def test_another_account_of_one_mount(trees: Path) -> None:
    mount_cifs(trees)
    edit(trees / "om2", "root/.smbcredentials", "share", "other")
    _, found = imported(trees)
    (alone,) = found["drift"]
    assert alone["message"] == "om2 alone has the account of the mount other, not share."
    assert [(d["key"], d["reason"]) for d in found["differences"]] == [
        ("username", "this node differs from the others")
    ]


def test_the_account_of_a_mount_in_its_options(trees: Path) -> None:
    mount_cifs(trees, "username=share,password=s3cr3t-x,domain=CAMPUS")
    done, found = imported(trees)
    assert {d["reason"] for d in found["differences"]} == {
        "omconf writes the account to its own file, readable only by root, and refers to that"
    }
    assert "s3cr3t" not in done.out


def test_long_values_are_cut_around_what_differs(trees: Path) -> None:
    same = "/".join(["folder"] * 30)
    for node in NODES:
        put_property(trees / node, f"{same}/{'b' if node == 'om2' else 'a'}")
    done = omconf("import", "--deployed", trees)
    (line,) = [line for line in done.err.splitlines() if "hazelcast.a:" in line]
    before, after = line.partition("hazelcast.a: ")[2].split(" -> ")
    assert (before[-2:], after[-2:]) == ("/b", "/a")


def put_property(tree: Path, value: str) -> None:
    """Give a node a further property of Hazelcast."""
    text = f'<property name="hazelcast.a">{value}</property>\\1'
    edit(tree, HAZELCAST, r"(\t</properties>)", text)


def test_a_broken_file_is_not_a_difference(trees: Path) -> None:
    edit(trees / "om2", HAZELCAST, "</network>", "</net>")
    done, found = imported(trees)
    assert done.code == 1
    assert found["differences"] == []
    assert {d["rule"] for d in found["diagnostics"] if d.get("node") == "om2"} == {"OM301"}


def test_an_unreadable_account_still_gives_a_spec(trees: Path, tmp_path: Path) -> None:
    mount_cifs(trees)
    file = trees / "om2/root/.smbcredentials"
    file.unlink()
    file.symlink_to(file)
    done, found = imported(trees)
    assert done.code == 1
    (said,) = [d for d in found["diagnostics"] if d.get("path") == "/root/.smbcredentials"]
    assert (said["rule"], said["node"]) == ("OM352", "om2")
    (left,) = found["differences"]
    assert (left["node"], left["path"]) == ("om2", "/root/.smbcredentials")
    assert left["reason"].startswith("/etc/fstab:1 ")
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
    assert done.rules.count("OM111") == 1
    assert spec.read_text() == before


def test_another_release_than_that_of_the_jars(trees: Path) -> None:
    _, found = imported(trees, "--release", "8.0.0")
    said = [d for d in found["diagnostics"] if d.get("path", "").endswith("/WEB-INF/lib")]
    assert [(d["rule"], d["node"]) for d in said] == [("OM353", node) for node in NODES]
    assert said[0]["message"] == "The jars are those of OpenMeetings 9.1.0, not 8.0.0."
    _, found = imported(trees, "--release", "9.1.0")
    assert "OM353" not in {d["rule"] for d in found["diagnostics"]}


def _unreadable(tree: Path, path: str) -> None:
    place = tree / path
    place.unlink(missing_ok=True)
    os.mkfifo(place)


@pytest.mark.parametrize("path", [SETENV_SH, "etc/fstab", "etc/exports", HAZELCAST])
def test_a_file_that_cannot_be_read_is_a_gap(trees: Path, path: str) -> None:
    """What it sets is not known: no difference from the other nodes, and nothing is guessed."""
    spec = trees.parent / "cluster.yaml"
    complete = yaml.safe_load(imported(trees)[1]["spec"])
    _unreadable(trees / "om3", path)
    done, found = imported(trees, "-o", spec)
    assert done.code == 1
    assert [(d["rule"], d["node"], d["path"]) for d in found["diagnostics"] if d.get("node")] == [
        ("OM316", "om3", f"/{path}")
    ]
    assert (found["drift"], found["differences"]) == ([], [])
    assert f"# om3 is missing: /{path} cannot be read" in spec.read_text()
    assert yaml.safe_load(spec.read_text())["openmeetings"] == complete["openmeetings"]


@pytest.mark.parametrize("nodes", [("om1",), NODES])
def test_options_of_an_unreadable_setenv_are_not_known(trees: Path, nodes: tuple[str, ...]) -> None:
    for node in nodes:
        _unreadable(trees / node, SETENV_SH)
    _, found = imported(trees, "--node", "om1", "--node", "om2")
    spec = yaml.safe_load(found["spec"])
    options = None if nodes == NODES else ["-Xmx2g"]  # of two, om1's list would count
    assert spec["openmeetings"].get("java_options") == options
    assert spec["storage"]["server"] == "om1"
    assert not [d for d in found["diagnostics"] if d["rule"] in ("OM351", "OM352", "OM353")]
