"""What each node has when an apply ends on its way: said in text and in JSON."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from omconf.actions import Health, Manual, Put, Service
from omconf.apply import journal, states
from omconf.apply.events import Event
from omconf.apply.node import Node
from omconf.apply.nodes import Nodes
from omconf.apply.written import Written, digest
from omconf.deployed.snapshot import DeployedFile
from omconf.plan import earlier
from omconf.plan.digest import ABSENT
from omconf.planfile import model
from omconf.views import events
from omconf.views.text import Paint
from tests.apply.host import HEALTHY, NEEDS, Host
from tests.needs import needs


@needs(*NEEDS, "findmnt")
def test_a_partial_apply_says_what_the_node_has(host: Host) -> None:
    host.shell("touch /var/fail.systemctl.restart")
    done = host.run("apply", "--yes", "--no-undo", "--json")
    end = json.loads(done.stdout.splitlines()[-1])
    assert end["outcome"] == "partial"
    assert end["nodes"] == [{"node": "om1", "files": "new", "service": "failed"}]
    host.forget()
    host.put("/root/health", HEALTHY.replace('"dbOk":true', '"dbOk":false'))
    again = host.run("apply", "--yes", "--no-undo", "--health-timeout", "1")
    assert "  om1: files unchanged; OpenMeetings restarted, not healthy\n" in again.stdout
    host.put("/root/health", HEALTHY)
    last = json.loads(host.run("apply", "--yes", "--json").stdout.splitlines()[-1])
    assert last["nodes"][0]["service"] == "restarted"
    assert last["nodes"][0]["healthy"] is True


class Targets:
    """Files of which /b is to change."""

    def of(self, path: str, *, removed: bool = False) -> Any:
        return type("Target", (), {"changes": path == "/b" and not removed})


def files_of(*written: Written, undo: bool = False) -> str:
    node: Any = Node("om1", None, None if undo else Targets(), None, print)  # type: ignore[arg-type]
    node.planned = frozenset({("/a", False), ("/b", False), ("/c", False)})
    node.written += written
    return states.of_node(node, ()).files


LISTING = Written("/etc/omconf/conference/manifest.json", None, b"x")
A, B = Written("/a", b"1", b"2"), Written("/b", None, b"2")


def test_files_are_new_some_of_them_or_none() -> None:
    assert files_of() == files_of(LISTING) == "unchanged"
    assert files_of(A) == "mixed"
    assert files_of(A, B) == files_of(A, B, LISTING) == "new"
    back = Written("/a", b"2", b"1")
    assert files_of(A, back) == "unchanged"
    assert files_of(A, B, back) == files_of(A, B, back, undo=True) == "mixed"
    assert files_of(A, B, undo=True) == "new"
    done = Written("/a", b"1", b"1")
    gone = Written("/b", b"1", None, conflict="it was edited", found=ABSENT)
    assert files_of(done, gone, undo=True) == "unchanged"
    edited = Written("/b", b"1", b"x", conflict="it was edited", found=digest(b"x"))
    assert files_of(done, edited, undo=True) == "mixed"
    tampered = Written("/b", b"1", b"2", conflict="its backup was changed")
    assert files_of(done, tampered, undo=True) == "new"


def test_of_a_node_that_is_lost_nothing_is_known() -> None:
    node: Any = Node("om1", None, None, None, print)  # type: ignore[arg-type]
    state = states.of_node(node, ("om1",))
    ended = events.of_end("partial", 1, states=[state])
    assert ended["nodes"] == [{"node": "om1", "files": "unknown", "service": "unknown"}]
    assert (
        "  om1: unknown: omconf cannot reach this node or no longer waits for it\n"
        in events.end(ended, Paint(colour=False))
    )


def test_nothing_is_said_to_remain_where_all_files_are_as_before() -> None:
    node: Any = Node("om1", None, None, None, print)  # type: ignore[arg-type]
    unchanged, lost = states.of_node(node, ()), states.of_node(node, ("om1",))
    texts = [
        events.end(events.of_end("partial", 1, states=found), Paint(colour=False)).splitlines()[0]
        for found in ([unchanged], [unchanged, lost], [])
    ]
    remain = "Stopped partway. Some changes were applied and remain. It took 1.0 seconds."
    as_before = "Stopped partway. All files are as before. It took 1.0 seconds."
    assert texts == [as_before, remain, remain]


def test_an_undo_names_the_nodes_and_their_order_before_it_asks() -> None:
    unit = "openmeetings.service"
    restart = (Service("restart", unit), Health())
    runs: Any = [
        (["om3"], [Put(("/a",)), *restart]),
        (["om2"], [Put(("/a",))]),
        (["om1"], [Service("stop", "omconf-multicast-route.service")]),
        (["om1", "om2"], [Manual("admin", "Restart OpenMeetings on this node.")]),
    ]
    about: Any = SimpleNamespace(id="01234567", by="a@b", when="now", reason="")
    files: Any = {name: [A] for name in ("om1", "om2", "om3")}
    first = events.of_undo(about, files, runs)
    assert first["stops"] is True
    assert events.undo(first).splitlines() == [
        "Apply 01234567 of now by a@b on om1, om2, om3",
        "  om1: restore: /a",
        "  om2: restore: /a",
        "  om3: restore: /a",
        "  then:",
        "    1. om3",
        "       systemctl restart openmeetings.service",
        "       wait until healthy, at most 300 seconds",
        "    2. om1",
        "       systemctl stop omconf-multicast-route.service",
        "    3. om1, om2",
        "       the admin: Restart OpenMeetings on this node.",
        "  OpenMeetings stops or restarts on om3, then om1, om2 at once.",
    ]
    assert events.of_undo(about, files, runs[1:3])["stops"] is False


@pytest.mark.parametrize(("there", "state"), [(False, "skipped"), (True, "waiting")])
def test_where_nobody_is_there_no_undo_waits_for_anybody(there: bool, state: str) -> None:
    told: list[Event] = []
    line: Any = SimpleNamespace(ask=lambda *_: SimpleNamespace(ok=True))
    node: Any = Node("om1", line, None, None, told.append)  # type: ignore[arg-type]
    people: Any = SimpleNamespace(there=there, does=lambda *_: False)
    manual = Manual("admin", "Mount the shared folder again.")
    run = Nodes({"om1": node}, people, whole=True)
    assert run.undo(1, ["om1"], [manual]) == {"om1": []}
    assert [(event.state, event.action, event.undo) for event in told] == [(state, manual, True)]
    assert run.left_to_people == [manual.text]


def test_an_undo_waits_as_long_as_it_says() -> None:
    assert journal.action(model.Health(type="health", timeout=7, interval=5)) == Health()


def test_a_manual_step_is_no_sentence_before_its_state() -> None:
    manual = Manual("admin", "Start OpenMeetings on this node.")
    waits = events.of_event(Event("action", "waiting", "om1", action=manual))
    line = events.line(waits, Paint(colour=False))
    assert line == "om1:   the admin: Start OpenMeetings on this node: waiting"


def test_the_lines_of_a_journal_are_shown_once_a_line_each() -> None:
    quoted = "; the journal of om.service there ends: Starting \x1b[2J | Out of memory"
    why = f"systemctl: it ended with exit code 1{quoted}"
    failed = Event("action", "failed", "om1", 1, why, Service("restart", "om.service"), 0.4)
    drawn = events.line(events.of_event(failed), Paint(colour=False))
    assert drawn.splitlines() == [
        f"om1:   systemctl restart om.service: failed (0.4 s): {why.partition(': Starting')[0]}",
        "       | Starting \\x1b[2J",
        "       | Out of memory",
    ]
    ended = events.of_end("undone", 1, why=f"om1: {why}; and more")
    shown = events.end(ended, Paint(colour=False), told=[why])
    assert shown.splitlines()[1] == "  om1: systemctl: it ended with exit code 1; and more"
    # What nobody was shown is not left out.
    assert "Out of memory" in events.end(ended, Paint(colour=False))


@pytest.mark.parametrize(
    ("node", "hint"),
    [("om9", "add `renamed_from: om9` to it"), ("\x1b[2J", "add `renamed_from: NAME` to it")],
)
def test_a_manifest_of_another_node_may_be_that_of_a_renamed_one(node: str, hint: str) -> None:
    listing = {"format_version": "1.0", "cluster": "conference", "node": node, "files": []}
    file = DeployedFile(json.dumps(listing).encode())
    found = earlier.read(file, "conference", {}, ("om1",)).finding
    assert found is not None
    assert hint in found.hint
