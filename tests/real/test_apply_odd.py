"""`omconf apply`, `undo` and `log` by ssh on nodes that are not as one would wish them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import jsonschema
import pytest

from tests.command import ROOT
from tests.needs import needs
from tests.real.applied import CLASSES, Applied, Done
from tests.real.machines import NEEDS, Machines

pytestmark = needs(*NEEDS, "sudo")
SCHEMA = json.loads((ROOT / "schemas/events.schema.json").read_text())
STATE = "/var/lib/omconf"


@pytest.fixture(scope="module")
def applied(three: Machines) -> Applied:
    made = Applied(three)
    made.first()
    return made


def refused(done: Done, *texts: str) -> None:
    """Check that nothing was done, and why, in whole and valid events."""
    complete(done, "refused")
    for text in texts:
        assert text in done.why, done.why


def complete(done: Done, outcome: str) -> None:
    assert done.how == (outcome, 1), (done.why, done.err)
    for event in done.events:
        jsonschema.validate(event, SCHEMA)


@contextmanager
def without(three: Machines, node: str, *programs: str) -> Iterator[None]:
    places = [three[node].root / "usr/bin" / program for program in programs]
    for place in places:
        place.rename(place.with_suffix(".away"))
    try:
        yield
    finally:
        for place in places:
            place.with_suffix(".away").rename(place)


@contextmanager
def over_the_state(three: Machines, node: str, mount: str) -> Iterator[None]:
    done = three[node].run("sh", "-c", mount)
    assert done.returncode == 0, done.stderr
    try:
        yield
    finally:
        three[node].run("umount", STATE)


def test_nothing_is_said_of_a_journal_that_cannot_be_read(applied: Applied) -> None:
    """Who may not read it does not hear that there is none."""
    three = applied.three
    applied.write(user="admin")
    refused(applied.undo(), f"What omconf keeps in {STATE}/conference/journal cannot be read")
    log = three.omconf("log", "--ssh")
    assert (log.returncode, log.stdout) == (1, "")
    assert "--sudo" in log.stderr
    plan = applied.plan()
    assert not plan["complete"]
    assert any("pending" in found["message"] for found in plan["diagnostics"])
    applied.write()


def test_what_a_node_lacks_is_named(applied: Applied) -> None:
    before = applied.files()
    applied.rolling()
    with without(applied.three, "om2", "df", "stat"):
        refused(applied.apply(), "it lacks programs omconf needs: df, stat")
    read_only = f"mount --bind {STATE} {STATE} && mount -o remount,bind,ro {STATE}"
    with over_the_state(applied.three, "om2", read_only):
        # That is no lock of another's: nobody waits for it.
        refused(applied.apply("--lock-timeout", "60"), f"cannot write to {STATE} on this node")
    full = (
        f"cp -a {STATE} /run/kept && mount -t tmpfs -o size=300k,mode=700 tmpfs {STATE}"
        f" && cp -a /run/kept/. {STATE} && rm -r /run/kept && ! head -c 1M /dev/zero >{STATE}/all"
    )
    with over_the_state(applied.three, "om2", full):
        refused(applied.apply(), STATE)
        refused(applied.undo(), STATE)
    # Nor does another node remember that it began.
    for one in applied.three:
        assert not [*(one.root / "var/lib/omconf/conference/journal").glob("*.open")]
    assert applied.files() == before
    applied.as_before({})


def test_a_unit_that_does_not_start_says_why(applied: Applied) -> None:
    before = applied.files()
    applied.three.refuse("om1", applied.rolling())
    done = applied.apply()
    complete(done, "undone")
    assert "Control process exited, code=exited, status=1/FAILURE | " in done.why
    assert "systemctl status" not in done.why
    assert applied.files() == before
    applied.as_before({})


def test_an_undo_that_meets_an_edit_names_it_and_restores_the_rest(applied: Applied) -> None:
    before = applied.files()
    address = {f"om{i}": {"address": f"10.1.1.{i}"} for i in (1, 2, 3)}
    host = {"om1": "other1", "om2": "other2", "om3": "om3"}
    applied.write(
        nodes={
            name: its | {"url": f"https://{host[name]}.example.org:5443/openmeetings"}
            for name, its in address.items()
        }
    )
    assert applied.apply().how == ("applied", 0)
    with (applied.three["om2"].root / CLASSES / "hazelcast.xml").open("a") as edited:
        edited.write("<!-- ours -->\n")
    done = applied.undo()
    complete(done, "partial")
    assert done.why.startswith(f"om2: /{CLASSES}/hazelcast.xml")
    now = applied.files()
    assert now["om1"] == before["om1"]
    assert {path for path, its in now["om2"].items() if its != before["om2"][path]} == {
        f"{CLASSES}/hazelcast.xml"
    }
