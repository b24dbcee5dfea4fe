"""Mistakes in nodes that were set up by hand: what an import calls each, and where it points."""

from __future__ import annotations

from pathlib import Path

import pytest

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


def test_an_unreadable_account_still_gives_a_spec(trees: Path, tmp_path: Path) -> None:
    mount_cifs(trees)
    file = trees / "om2/root/.smbcredentials"
    file.unlink()
    file.symlink_to(file)
    done, found = imported(trees)
    assert done.code == 1
    (said,) = [d for d in found["diagnostics"] if d.get("path") == "/root/.smbcredentials"]
    assert not said["message"].startswith("It is not read: It ")
    (left,) = found["differences"]
    assert left["reason"].startswith("/etc/fstab:1 names this file, which cannot be read")
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
    assert "is not written: files of the nodes cannot be read" in done.err
    assert spec.read_text() == before


def test_another_release_than_that_of_the_jars(trees: Path) -> None:
    _, found = imported(trees, "--release", "8.0.0")
    said = [d for d in found["diagnostics"] if "The jars" in d["message"]]
    assert [d["node"] for d in said] == list(NODES)
    assert said[0]["message"] == "The jars are those of OpenMeetings 9.1.0, not 8.0.0."
    _, found = imported(trees, "--release", "9.1.0")
    assert not [d for d in found["diagnostics"] if "The jars" in d["message"]]
