"""What an unfinished apply left to people, by what a node keeps; all of that is hostile input."""

from __future__ import annotations

import json

import pytest

from omconf.deployed.snapshot import DeployedFile
from omconf.plan import owed

JOURNAL = "/var/lib/omconf/conference/journal"
LISTING = b'{"format_version": "1.0", "node": "om1", "files": []}'


def found(*applies: tuple[bytes, list[str]]) -> frozenset[str]:
    """Read what unfinished applies began, and their notes."""
    around = {}
    for number, (begun, notes) in enumerate(applies, 8):
        around[f"{JOURNAL}/{number:06}.open"] = DeployedFile(begun)
        around[f"{JOURNAL}/{number:06}.notes"] = DeployedFile("\n".join(notes).encode())
    return owed.read(dict(reversed(around.items())), "conference", {}).by_hand


def test_what_people_did_is_not_owed_any_more() -> None:
    begun = owed.begun(LISTING, ["Mount it.", "Move it.", "Mount it."])
    assert json.loads(begun)["node"] == "om1"
    assert found((begun, ["begin 1"])) == {"Mount it.", "Move it."}
    assert found((begun, ["begin 1", owed.done("Move it.")])) == {"Mount it."}


def test_what_people_took_back_is_owed_again() -> None:
    begun = owed.begun(LISTING, ["Move it."])
    notes = [owed.done("Move it."), owed.done("Move it.", back=True)]
    assert found((begun, notes)) == {"Move it."}


def test_what_a_later_apply_had_done_is_done() -> None:
    begun = owed.begun(LISTING, ["Move it."])
    later = owed.begun(LISTING, [])
    assert not found((begun, []), (later, [owed.done("Move it.")]))
    assert found((begun, [owed.done("Move it.")]), (begun, [])) == {"Move it."}


def test_what_an_undo_took_back_is_owed_again() -> None:
    """Such an undo is at its end, as far as it came: what it began is forgotten, its notes are not."""
    around = {
        f"{JOURNAL}/000009.open": DeployedFile(owed.begun(LISTING, ["Move it."])),
        f"{JOURNAL}/000009.notes": DeployedFile(owed.done("Move it.").encode()),
    }
    assert owed.read(around, "conference", {}).done == {"Move it."}
    undo = DeployedFile(owed.done("Move it.", back=True).encode())
    around[f"{JOURNAL}/000010.notes"] = undo
    assert owed.read(around, "conference", {}).by_hand == {"Move it."}


@pytest.mark.parametrize(
    "begun", [b"", b"[]", b"{", b"\xff", b'{"by_hand": 7}', b'{"by_hand": [7, {}]}', b"[" * 99_999]
)
def test_what_makes_no_sense_counts_for_nothing(begun: bytes) -> None:
    assert not found(
        (begun, ["did", "undid did x", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")])
    )


def test_half_a_character_is_no_text_of_omconf() -> None:
    assert found((b'{"by_hand": ["\\ud800"]}', [])) == {"\ud800"}
