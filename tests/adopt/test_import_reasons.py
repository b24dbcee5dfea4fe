"""What an import says of values that a spec has no words for, and which are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adopt.trees import CLASSES, by_hand, edit, imported

HAZELCAST = f"opt/open/{CLASSES}/hazelcast.xml"
NODES = ("om1", "om2", "om3")


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    by_hand(tmp_path / "trees")
    return tmp_path / "trees"


def _tcp_ip(trees: Path, attributes: str = "", inside: str = "") -> None:
    members = "".join(f"<member>10.1.1.{number}</member>" for number in (1, 2, 3))
    for node in NODES:
        join = f'<tcp-ip enabled="true"{attributes}>{inside}<member-list>{members}</member-list></tcp-ip>'
        edit(trees / node, HAZELCAST, r"(?s)<multicast .*</multicast>", join)


@pytest.mark.parametrize("release", ["5.0.0", "9.1.0"])
def test_hazelcasts_own_timeout_means_the_same(tmp_path: Path, release: str) -> None:
    by_hand(tmp_path, release)
    _tcp_ip(tmp_path, ' connection-timeout-seconds="5"')
    done, found = imported(tmp_path)
    assert found["differences"] == []
    assert done.code == 0


def test_a_join_without_a_key_in_a_spec_says_so(trees: Path) -> None:
    _tcp_ip(
        trees, ' connection-timeout-seconds="15"', "<required-member>10.1.1.1</required-member>"
    )
    done, found = imported(trees)
    assert done.code == 2
    assert {(d["key"].rpartition("/")[2], d["reason"]) for d in found["differences"]} == {
        (key, "a spec has no key for it, and Hazelcast's default takes its place")
        for key in ("connection-timeout-seconds", "required-member")
    }
