"""Steps of people that an apply waited for: when they count as done, and when not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from omconf.actions import Do, Manual, Step, put
from omconf.apply import journal, told
from omconf.apply.events import Outcome
from omconf.apply.journal import MAX_TEXT, Entry, Journal
from omconf.apply.targets import Target
from tests.apply.host import NEEDS, Host
from tests.needs import fixture_needs, needs

STOP, START = Manual("admin", "Stop it."), Manual("admin", "Start it.")
LONG = Manual("admin", "x" * (MAX_TEXT + 1))


@dataclass
class Files:
    """Targets of which some change."""

    changing: tuple[str, ...]

    def of(self, path: str, *, removed: bool = False) -> Target:
        return Target(path, b"", b"x" if path in self.changing else b"")


def still(waited: Iterable[str], *changing: str) -> frozenset[str]:
    steps = [
        Step.of(["om1"], "stop", [Do(STOP)]),
        Step.of(["om1"], "files", [put("/a", "/b"), Do(START), put("/c"), Do(LONG)]),
    ]
    files: Any = Files(changing)
    return told.still(tuple(waited), steps, files)


def test_what_was_waited_for_is_done() -> None:
    assert still(["Stop it."], "/a", "/c") == {"Stop it."}
    assert still(["Stop it.", "Start it."], "/c") == {"Stop it.", "Start it."}
    assert still(["Stop it.", LONG.text[:MAX_TEXT]]) == {"Stop it.", LONG.text}
    assert still([]) == frozenset()


def test_nothing_is_done_when_files_before_it_changed_meanwhile() -> None:
    assert still(["Stop it.", "Start it."], "/b") == frozenset()
    assert still(["Stop it.", "No step any more."]) == frozenset()


def entry(what: str, wanted: str | None, outcome: str | None, why: str) -> Entry:
    about = {
        "format": 1,
        "id": "01234567",
        "what": what,
        "node": "om1",
        "by": "a@b",
        "reason": "",
        "when": "2026-01-01T00:00:00Z",
        "plan": "0" * 64,
        "steps": [],
        "files": {},
    }
    about |= {"wanted": wanted} if wanted else {}
    when = "2026-01-01T00:00:00Z"
    end = None
    if outcome:
        end = journal.End(outcome=Outcome(outcome), when=when, why=why)
    return Entry("000001", journal.About.model_validate_json(json.dumps(about)), end=end)


SAME, OTHER = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        ([], ("Stop it.", "Start it.")),
        ([("apply", OTHER, "waiting", "Stop it.")], ("Start it.",)),
        ([("apply", None, "waiting", "Stop it.")], ("Start it.",)),
        ([("undo", SAME, "undone", "")], ("Start it.",)),
        ([("apply", SAME, "undone", "")], ("Start it.",)),
        ([("apply", SAME, None, "")], ("Start it.",)),
    ],
)
def test_only_applies_of_the_same_in_a_row(
    between: list[tuple[str, str | None, str | None, str]], expected: tuple[str, ...]
) -> None:
    first, last = (("apply", SAME, "waiting", text) for text in ("Stop it.", "Start it."))
    known = Journal(tuple(entry(*each) for each in (first, *between, last)))
    assert known.told(SAME) == expected
    assert known.told(OTHER) == ()
    assert known.told(None) == ()


@dataclass
class Person:
    """Somebody who says no, or nobody."""

    there: bool

    def does(self, node: str, manual: Manual) -> bool:
        return False

    def healthy(self, node: str, health: object) -> str:
        return ""


def test_with_json_nobody_is_there() -> None:
    from omconf.cli.applying import Show, Terminal

    there = [Terminal(Show(as_json), there=True).there for as_json in (False, True)]
    assert there == [True, False]


@pytest.fixture
@fixture_needs(*NEEDS)
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host.boot(tmp_path)
    yield made
    made.close()


def waits(host: Host) -> str:
    """Apply once; what is waited for then, nothing when it is applied."""
    done = host.run("apply", "--yes", "--json")
    end = json.loads(done.stdout.splitlines()[-1])
    assert end["outcome"] in ("waiting", "applied"), end
    return str(end.get("why", ""))


@needs(*NEEDS, "findmnt", "nft", "nftables")
def test_each_step_of_a_person_is_waited_for_once(host: Host) -> None:
    """Where no systemd is, a first apply has two of them without a check."""
    options: dict[str, Any] = {
        "discovery": {"kind": "tcp-ip"},
        "network": {"firewall": "nftables"},
        "openmeetings": {"service": "none"},
    }
    host.write_spec(**options)
    seen = []
    while why := waits(host):
        assert why not in seen
        seen.append(why)
    assert len(seen) == 2, seen
    assert host.plan()["has_changes"] is False

    options["openmeetings"]["java_options"] = ["-Xmx2g"]
    host.write_spec(**options)
    restart = waits(host)
    assert restart.startswith("Restart OpenMeetings")
    # What is restarted for changes once more, by hand or in the spec: it is waited for again.
    host.shell("sed -i s/Xmx2g/Xmx9g/ /opt/om/bin/setenv.sh")
    assert waits(host) == restart
    options["openmeetings"]["java_options"] = ["-Xmx3g"]
    host.write_spec(**options)
    assert waits(host) == restart
    assert waits(host) == ""
