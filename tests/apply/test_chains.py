"""Undo of an apply together with those before it that it continued: as if none of them had been."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.apply.trees import STATE, Tree

JOURNAL = f"{STATE}/conference/journal"


def unfinished(tree: Tree, *options: str) -> None:
    """Apply, and have it be as after a kill before the journal recorded the end."""
    done = tree.run("apply", "--yes", *options)
    assert done.code == 0, done.err
    ends(tree)[-1].unlink()


def ends(tree: Tree) -> list[Path]:
    return sorted((tree.root / JOURNAL).glob("*.end"))


def entries(tree: Tree) -> list[dict[str, Any]]:
    """What the journal says, the last entry first: all of it can be read."""
    log = tree.run("log", "--json")
    found = json.loads(log.out)
    assert found["diagnostics"] == []
    return [*found["entries"]]


def test_an_undo_records_the_files_of_all_of_them(tree: Tree) -> None:
    assert tree.run("apply", "--yes").code == 0
    before = tree.contents()
    tree.write_spec(discovery={"kind": "tcp-ip"})  # removes the unit of the route
    unfinished(tree)
    tree.write_spec(discovery={"kind": "tcp-ip"}, openmeetings={"java_options": ["-Xmx2g"]})
    assert tree.run("apply", "--yes").code == 0
    assert tree.run("undo", "--yes").code == 0
    assert tree.contents() == before
    undo, *_, first = entries(tree)
    assert (undo["what"], undo["outcome"]) == ("undo", "undone")
    assert [entry["id"] for entry in entries(tree) if entry["stands"]] == [first["id"]]
    assert tree.run("undo", "--yes").code == 0
    assert tree.contents() == {}
