"""Names that nodes' own /etc/hosts resolve differently."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adopt.trees import HAZELCAST, PERSISTENCE, by_hand, edit, imported

NODES = ("om1", "om2", "om3")
LISTED = """<multicast enabled="false"/><tcp-ip enabled="true"><member-list>
<member>om1</member>
<member>OM2:5701</member>
<member>om3.example.org</member>
</member-list></tcp-ip>"""


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    by_hand(tmp_path / "trees")
    for node in NODES:
        tree = tmp_path / "trees" / node
        edit(tree, HAZELCAST, r"(?s)<multicast enabled.*</multicast>", LISTED)
        edit(tree, HAZELCAST, "<join>", '<port auto-increment="false">5701</port><join>')
        edit(tree, PERSISTENCE, "10.1.1.250", "db.example.org")
        edit(tree, "etc/hosts", r"\Z", "10.1.1.250 db.example.org\n")
    return tmp_path / "trees"


def test_names_of_members_that_one_node_resolves_otherwise(trees: Path) -> None:
    edit(trees / "om1", "etc/hosts", r"10\.1\.1\.3 ", "10.1.1.31 ")
    done, found = imported(trees)
    assert done.code == 2
    (one,) = found["drift"]
    message = "om1 alone has om3.example.org in /etc/hosts as 10.1.1.31, not 10.1.1.3."
    assert (one["message"], one["path"], one["line"]) == (message, "/etc/hosts", 4)
    assert one["hint"] == "For the value of om2 and om3, see om2: /etc/hosts:4."
    assert [(d["node"], d["path"]) for d in found["differences"]] == [("om1", "/etc/hosts")]


def test_a_server_that_one_node_resolves_otherwise(trees: Path) -> None:
    edit(trees / "om2", "etc/hosts", r"10\.1\.1\.250 ", "10.1.1.251 ")
    done, found = imported(trees)
    assert done.code == 0, found["differences"]  # each node may have a proxy of its own
    message = "om2 alone has db.example.org in /etc/hosts as 10.1.1.251, not 10.1.1.250."
    assert [d["message"] for d in found["drift"]] == [message]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"10\.1\.1\.3 .*\n", ""),  # DNS may know it
        (r"\Z", "10.9.9.9 om3.example.org.other printer\n"),
        (r"\A", "127.0.1.1 om1 om1.example.org\n"),
    ],
)
def test_lines_that_say_nothing_else_of_members(trees: Path, pattern: str, text: str) -> None:
    edit(trees / "om1", "etc/hosts", pattern, text)
    done, found = imported(trees)
    assert found["drift"] == []
    assert done.code == 0, found["differences"]
