"""Undo of an apply together with those before it that it continued: as if none of them had been."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.apply.trees import STATE, Tree

CLASSES = "/opt/om/webapps/openmeetings/WEB-INF/classes"
PERSISTENCE = f"{CLASSES}/META-INF/persistence.xml"
PROPERTIES = f"{CLASSES}/openmeetings.properties"
EXPORTS = "/etc/exports"
KURENTO: dict[str, Any] = {"url": "ws://10.1.1.9:8888/kurento"}
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


def test_all_of_them_are_kept(tree: Tree) -> None:
    """Also more than ten: the files of the first one are to be restored as well."""
    for count in range(2, 14):
        tree.write_spec(count)
        unfinished(tree)
    assert len(entries(tree)) == 12
    assert tree.run("undo", "--yes").code == 0
    assert tree.contents() == {}
    # Nothing continues what was undone.
    for count in range(2, 12):
        tree.write_spec(count)
        unfinished(tree)
    assert len(entries(tree)) == 10


def test_the_ones_after_a_finished_one_are_kept(tree: Tree) -> None:
    assert tree.run("apply", "--yes").code == 0
    before = tree.contents()
    for count in range(3, 15):
        tree.write_spec(count)
        unfinished(tree)
    assert len(entries(tree)) == 12
    assert tree.run("undo", "--yes").code == 0
    assert tree.contents() == before


def test_no_more_than_thirty_are_kept(tree: Tree, shell: dict[str, str]) -> None:
    """Whose beginning is not there any more cannot be undone: that would be a part of it only."""
    unfinished(tree)
    journal = tree.root / JOURNAL
    for number in range(2, 31):
        for file in journal.glob("*000001*"):
            shutil.copy(file, journal / file.name.replace("000001", f"{number:06}"))
    for lock in ("lock.30", "lock.30.free"):
        (journal.parent / lock).touch()
    tree.write_spec(3)
    assert tree.run("apply", "--yes", env=shell).code == 0
    assert len(entries(tree)) == 30
    before = tree.contents()
    done = tree.run("undo", "--yes", env=shell)
    assert (done.code, done.rules) == (1, ["OM604"])
    assert tree.contents() == before
    tree.write_spec(4)
    assert tree.run("apply", "--yes", env=shell).code == 0
    assert tree.run("undo", "--yes", env=shell).code == 0
    assert tree.contents() == before


class TestEditsInBetween:
    """The last apply found them in the file, but they are not its own."""

    def test_in_a_block_file_they_stay(self, tree: Tree) -> None:
        tree.put(EXPORTS, "/opt/omdata 10.1.1.2(rw,async)\n# mine\n")
        unfinished(tree)
        tree.put(EXPORTS, tree.read(EXPORTS) + b"/srv/foreign 10.7.7.7(rw)\n")
        tree.write_spec(3)
        assert tree.run("apply", "--yes").code == 0
        done = tree.run("undo", "--yes")
        assert done.code == 0, done.out + done.err
        kept = b"# mine\n/srv/foreign 10.7.7.7(rw)\n/opt/omdata 10.1.1.2(rw,async)\n"
        assert tree.read(EXPORTS) == kept

    def test_what_the_last_apply_adopted_is_put_back(self, tree: Tree) -> None:
        unfinished(tree)
        mine = b"/opt/omdata 10.1.1.3(rw,async)\n"
        tree.put(EXPORTS, tree.read(EXPORTS) + mine)
        tree.write_spec(3)
        assert tree.run("apply", "--yes").code == 0
        assert mine not in tree.read(EXPORTS)
        tree.put(EXPORTS, tree.read(EXPORTS) + b"# later\n")
        assert tree.run("undo", "--yes").code == 0
        assert tree.read(EXPORTS) == b"# later\n" + mine

    def test_a_block_that_was_edited_is_a_conflict(self, tree: Tree) -> None:
        unfinished(tree)
        tree.put(EXPORTS, tree.read(EXPORTS).replace(b"root_squash", b"no_root_squash"))
        tree.write_spec(3)
        assert tree.run("apply", "--yes").code == 0
        now = tree.read(EXPORTS)
        self.conflicts(tree, EXPORTS, now)

    def test_a_whole_file_is_a_conflict(self, tree: Tree) -> None:
        unfinished(tree)
        tree.put(PERSISTENCE, tree.read(PERSISTENCE).replace(b"10.1.1.250", b"10.1.1.251"))
        tree.write_spec(3)
        assert tree.run("apply", "--yes").code == 0
        self.conflicts(tree, PERSISTENCE, tree.read(PERSISTENCE))

    def conflicts(self, tree: Tree, path: str, now: bytes) -> None:
        done = tree.run("undo", "--yes", "--json")
        end = json.loads(done.out.splitlines()[-1])
        assert (done.code, end["outcome"], path in end["why"]) == (1, "partial", True)
        assert tree.read(path) == now

    def test_a_file_that_was_never_written_is_none(self, tree: Tree) -> None:
        """A kill comes between the line in the journal and the file."""
        tree.put(EXPORTS, "# mine\n")
        before = tree.contents()
        unfinished(tree)
        tree.put(EXPORTS, "# mine\n# later\n")
        tree.write_spec(3)
        assert tree.run("apply", "--yes").code == 0
        assert tree.run("undo", "--yes").code == 0
        assert tree.contents()["etc/exports"][0] == b"# mine\n# later\n"
        assert tree.contents().keys() == before.keys()

    def test_each_apply_has_its_own_keys(self, tree: Tree) -> None:
        tree.put(PROPERTIES, "a=1\nkurento.ws.url=ws://127.0.0.1:8888/kurento\n")
        tree.write_spec(kurento=KURENTO)
        unfinished(tree)
        turn = {"url": "turn:10.1.1.9:3478", "user": "turn", "secret": {"env": "TURN_SECRET"}}
        tree.write_spec(kurento=KURENTO | {"turn": turn})
        assert tree.run("apply", "--yes", env={"TURN_SECRET": "not-a-real-one"}).code == 0
        tree.put(PROPERTIES, tree.read(PROPERTIES) + b"b=2\n")
        assert tree.run("undo", "--yes").code == 0
        kept = b"a=1\nkurento.ws.url=ws://127.0.0.1:8888/kurento\nb=2\n"
        assert tree.read(PROPERTIES) == kept

    def test_what_an_undo_left_is_completed_by_the_next(self, tree: Tree) -> None:
        assert tree.run("apply", "--yes").code == 0
        before = tree.contents()
        tree.write_spec(3)
        unfinished(tree)
        tree.put(EXPORTS, tree.read(EXPORTS) + b"# mine\n")
        tree.write_spec(4, database={"pool": {"maxTotal": "7"}})
        assert tree.run("apply", "--yes").code == 0
        whole = tree.read(PERSISTENCE)
        tree.put(PERSISTENCE, whole + b"\n")
        self.conflicts(tree, PERSISTENCE, whole + b"\n")
        exports = before["etc/exports"][0] + b"# mine\n"
        assert tree.read(EXPORTS) == exports
        tree.put(PERSISTENCE, whole)
        assert tree.run("undo", "--yes").code == 0
        assert tree.read(EXPORTS) == exports
        assert tree.read(PERSISTENCE) == before[PERSISTENCE[1:]][0]
