"""`omconf apply` and its undo on three real nodes: what apply promises, also when a step fails.

Modules of tests take all of these, and give them a `cluster` that omconf reaches in one way.

After each of them files are old or new, the next plan shows what is owed and the next apply does it,
and nothing of others has changed.

OMCONF_KILLS is how often omconf is killed; with OMCONF_LOSSES set, nodes are lost in more ways.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import pytest

from tests.real.applied import SETENV, Applied, Running
from tests.real.timeline import Line

ALL = ("om1", "om2", "om3")
KILLS = int(os.environ.get("OMCONF_KILLS", "2"))
INTERRUPTED = (1, -signal.SIGINT)
"""How omconf ends: it dies by the signal, unless it was taken back meanwhile."""
SOON = ("--health-timeout", "20")
"""Enough for a node that becomes healthy on a busy machine; the sick one uses all of it."""


@pytest.fixture
def applied(cluster: Applied) -> Applied:
    cluster.begin()
    return cluster


def moments(line: Line, node: str, *what: str) -> list[float]:
    return [m.at for m in line.moments if m.at >= line.began and m.node == node and m.what in what]


def restarted(line: Line, *nodes: str) -> None:
    """Check that nodes started once each, in this order, and one when that before it was healthy."""
    last = 0.0
    for node in nodes:
        (stopping,), (starting,) = moments(line, node, "stopping"), moments(line, node, "starting")
        assert last < stopping < starting, line
        (last,) = moments(line, node, "healthy")
    others = {m.node for m in line.moments if m.at >= line.began and m.what == "starting"}
    assert others == {*nodes}


def test_first_apply(cluster: Applied) -> None:
    """One apply makes nodes that hold nothing a healthy cluster; then there is nothing to do."""
    applied, ended = cluster, cluster.first()
    assert [done.how for done in ended] == [("applied", 0)]
    assert set(applied.three.now().values()) == {frozenset(ALL)}
    applied.settle()
    assert applied.apply().how == ("unchanged", 0)


def test_rolling_change_and_its_undo(applied: Applied) -> None:
    """Never fewer than two of three; a second apply waits its turn; undo brings all back."""
    before, sections, ran = applied.files(), applied.sections, applied.processes()
    applied.write(nodes=nodes("-changed"))
    running = applied.start("--reason", "other names")
    running.until("om1", "restart")
    second = applied.apply()
    assert second.how == ("refused", 1)
    assert "--lock-timeout" in second.hints
    waiting = applied.start("--lock-timeout", "60")
    done = running.end()
    assert done.how == ("applied", 0), (done.why, done.err)
    line = applied.line(done)
    assert (line.fewest_members(), line.fewest_healthy()) == (2, 2)
    restarted(line, *ALL)
    waited = waiting.end()
    # What it was to do was done by the other meanwhile: it may not do it again.
    assert waited.how in (("unchanged", 0), ("refused", 1)), (waited.how, waited.events, waited.err)
    assert not set(applied.processes().values()) & set(ran.values())
    applied.settle()

    undone = applied.undo()
    assert undone.how == ("undone", 0), undone.why
    assert applied.files() == before
    assert applied.line(undone).fewest_members() == 2
    (entry, *_) = [e for e in applied.log() if e["what"] == "apply"]
    assert entry["id"] == done.events[-1]["id"]
    assert (entry["reason"], entry["stands"]) == ("other names", False)
    applied.as_before(sections)
    applied.settle()


def nodes(suffix: str = "", count: int = 3) -> dict[str, dict[str, str]]:
    return {
        f"om{i}": {
            "address": f"10.1.1.{i}",
            "url": f"https://om{i}{suffix}.example.org:5443/openmeetings",
        }
        for i in range(1, count + 1)
    }


def test_all_stop_and_its_undo(applied: Applied) -> None:
    """The cluster is away no longer than its slowest node takes to stop and to start.

    On a machine that does other things as well, the best of three counts.
    """
    shown = []
    for _ in range(3):
        before, sections = applied.files(), applied.sections
        applied.whole()
        done = applied.apply()
        assert done.how == ("applied", 0), (done.why, done.err)
        line = applied.line(done)
        stops = {n: line.took(n, "stopping", "down") for n in ALL}
        starts = {n: line.took(n, "starting", "healthy") for n in ALL}
        bound = max(stops.values()) + max(starts.values()) + applied.slack
        shown.append(f"{line.seconds():.1f} s of {bound:.1f}: stops {stops}, starts {starts}")
        if line.seconds() < bound:
            break
    else:
        raise AssertionError(shown)
    applied.settle()
    undone = applied.undo()
    assert undone.how == ("undone", 0), undone.why
    assert applied.files() == before
    applied.as_before(sections)
    applied.settle()


def test_rolling_failure_on_the_first_node(applied: Applied) -> None:
    """It is undone there, and the others are not touched."""
    before, sections, ran = applied.files(), applied.sections, applied.processes()
    applied.three.refuse("om1", applied.rolling())
    done = applied.apply()
    assert done.how == ("undone", 1), (done.why, done.err)
    assert "om1" in done.why
    assert applied.files() == before
    now = applied.processes()
    assert (now["om2"], now["om3"]) == (ran["om2"], ran["om3"])
    assert now["om1"] not in ("", ran["om1"])
    applied.as_before(sections)
    applied.settle()


def test_rolling_failure_on_the_second_node(applied: Applied) -> None:
    """The first one stays; an undo takes it back as well."""
    before, sections, ran = applied.files(), applied.sections, applied.processes()
    text = applied.rolling()
    applied.three.sicken("om2", text)
    done = applied.apply(*SOON)
    assert done.how == ("partial", 1), (done.why, done.err)
    failed = [(e["node"], e["action"]["type"]) for e in done.events if e.get("state") == "failed"]
    assert failed[0] == ("om2", "health")
    now = applied.files()
    assert (now["om2"], now["om3"]) == (before["om2"], before["om3"])
    assert text in (applied.three["om1"].root / SETENV).read_text()
    assert applied.processes()["om3"] == ran["om3"]
    applied.whole_and_own(before, text)
    undone = applied.undo()
    assert undone.how == ("undone", 0), undone.why
    assert applied.files() == before
    applied.as_before(sections)
    applied.settle()


def test_all_stop_failure_on_one_node(applied: Applied) -> None:
    before, sections = applied.files(), applied.sections
    applied.three.refuse("om2", applied.whole())
    done = applied.apply()
    assert done.how == ("undone", 1), (done.why, done.err)
    assert "om2" in done.why
    assert applied.files() == before
    applied.as_before(sections)
    applied.settle()


def lose(applied: Applied, node: str, how: str) -> None:
    {
        "ssh": applied.three.stop_ssh,
        "cable": applied.three.cut,
        "power": applied.three.power_off,
    }[how](node)


def find_again(applied: Applied, node: str, how: str) -> None:
    {
        "ssh": applied.three.start_ssh,
        "cable": applied.three.heal,
        "power": applied.three.power_on,
    }[how](node)


ROLLING = [("cable", "health"), ("ssh", "restart"), ("power", "put")]
WHOLE = [("power", "stop"), ("ssh", "start"), ("cable", "start")]
LOSSES = None if "OMCONF_LOSSES" in os.environ else 1
"""How many of them are tried."""


@pytest.mark.parametrize(("how", "what"), ROLLING[:LOSSES])
def test_a_node_that_is_lost_in_a_rolling_change(applied: Applied, how: str, what: str) -> None:
    """It stops there; what the node owes is seen when it is back, and finished."""
    before, ran = applied.files(), applied.processes()
    text = applied.rolling()
    running = applied.start("--node", "om2", "--node", "om3")
    running.until("om2", what)
    lose(applied, "om2", how)
    done = running.end()
    assert done.how == ("partial", 1), (done.why, done.err)
    assert "om2" in done.why
    assert applied.three["om3"].started() == ran["om3"]
    find_again(applied, "om2", how)
    applied.whole_and_own(before, text)
    if how != "power":  # the bench's own unit starts at no boot: the apply that goes on starts it
        applied.three.wait_until_healthy()
    assert applied.plan()["has_changes"]
    applied.settle()
    now = applied.processes()
    assert all(now[name] not in ("", ran[name]) for name in ALL)


@pytest.mark.parametrize(("how", "what"), WHOLE[:LOSSES])
def test_a_node_that_is_lost_when_all_stop(applied: Applied, how: str, what: str) -> None:
    """The rest is undone and runs; the node is named, and brought to the new settings later."""
    before, ran = applied.files(), applied.processes()
    text = applied.whole()
    running = applied.start(*SOON)
    running.until("om2", what)
    lose(applied, "om2", how)
    done = running.end()
    assert done.how == ("partial", 1), (done.why, done.err)
    assert "om2" in done.why
    now = applied.files()
    assert (now["om1"], now["om3"]) == (before["om1"], before["om3"])
    applied.three.wait_until_healthy("om1", "om3") if how != "ssh" else None
    find_again(applied, "om2", how)
    applied.whole_and_own(before, text)
    applied.settle()
    assert all(process not in ("", ran[name]) for name, process in applied.processes().items())


def test_kills_at_random_moments(applied: Applied) -> None:
    """An apply that goes on finishes, whatever was reached."""
    chance = random.Random(0)
    for _ in range(KILLS):
        before, text = applied.files(), applied.rolling()
        running = applied.start()
        running.until("om1", "put")
        time.sleep(chance.uniform(0, 12))
        running.kill()
        applied.whole_and_own(before, text)
        applied.settle()
        for name in ALL:
            assert text in (applied.three[name].root / SETENV).read_text()


def test_interrupts(applied: Applied) -> None:
    """A rolling change ends after the step in hand and stays; one where all stop is taken back."""
    before, ran = applied.files(), applied.processes()
    text = applied.rolling()
    running = applied.start()
    running.until("om1", "restart")
    running.process.send_signal(signal.SIGINT)
    done = running.end()
    assert done.how in [("partial", code) for code in INTERRUPTED], (done.why, done.err)
    now = applied.processes()
    assert (now["om2"], now["om3"]) == (ran["om2"], ran["om3"])
    assert now["om1"] not in ("", ran["om1"])
    applied.whole_and_own(before, text)
    assert applied.plan()["has_changes"]
    undone = applied.undo()
    assert undone.how == ("undone", 0), undone.why
    assert applied.files() == before

    applied.write(openmeetings={})
    applied.whole()
    running = applied.start()
    running.until("om2", "start")
    running.process.send_signal(signal.SIGINT)
    done = running.end()
    assert done.how in [("undone", code) for code in INTERRUPTED], (done.why, done.err)
    assert applied.files() == before
    applied.write(discovery={})
    applied.settle()


def test_a_saved_plan_of_one_node_and_edits_meanwhile(applied: Applied) -> None:
    """By sudo. Who edits a file after it was planned keeps that edit, wherever the apply is."""
    three, ran = applied.three, applied.processes()
    applied.rolling()
    applied.write(user="admin")
    saved = three.folder / "om2.plan"
    made = three.omconf("plan", *three.by, "--sudo", "--node", "om2", "--out", str(saved))
    assert made.returncode in (0, 2), made.stderr
    setenv = three["om2"].root / SETENV
    held = setenv.read_bytes()
    setenv.write_bytes(held + b"# edited\n")
    before = applied.files()
    assert Running(three, "apply", spec=saved).end().how == ("refused", 1)
    assert applied.files() == before
    setenv.write_bytes(held)
    assert Running(three, "apply", "--dry-run", spec=saved).end().how == ("checked", 0)
    done = Running(three, "apply", spec=saved).end()
    assert done.how == ("applied", 0), (done.why, done.err)
    restarted(applied.line(done), "om2")

    asked = three.omconf("apply", *three.by, "--sudo", "--yes", "--confirm-each")
    assert asked.returncode == 1
    assert "terminal" in asked.stderr
    guest = three.network.start(
        three.network.hosts["10.1.1.251"],
        sys.executable,
        "-c",
        "import socket, time; s = socket.create_connection(('10.1.1.1', 5443)); time.sleep(60)",
    )
    running = applied.start("--sudo", "--drain", "5s")
    running.until("om1", "restart")
    with (three["om3"].root / SETENV).open("a") as edited:
        edited.write("# edited\n")
    done = running.end()
    guest.kill()
    assert done.how == ("partial", 1), (done.why, done.err)
    assert "om3" in done.why
    assert SETENV in done.why
    drains = [(e["node"], e["text"]) for e in done.events if e["event"] == "drain"]
    assert drains == [("om1", "1 connection to OpenMeetings")]
    assert three["om3"].started() == ran["om3"]
    assert (three["om3"].root / SETENV).read_text().endswith("# edited\n")
    applied.write()
    applied.settle()
    assert (three["om3"].root / SETENV).read_text().endswith("# edited\n")


def test_a_node_that_is_not_well_and_stays_as_it_is(applied: Applied) -> None:
    """It has to serve while others restart, unless --force says otherwise."""
    three, before, ran = applied.three, applied.files(), applied.processes()
    applied.rolling()
    three.sicken("om3")
    done = applied.apply("--node", "om1")
    assert done.how == ("refused", 1)
    assert "om3" in done.why
    assert "inited is not true" in done.why
    assert "--force" in done.hints
    assert (applied.files(), applied.processes()) == (before, ran)
    done = applied.apply("--node", "om1", "--force")
    assert done.how == ("applied", 0), (done.why, done.err)
    restarted(applied.line(done), "om1")
    (three["om3"].root / "srv/stand-in/sick").unlink()
    three.stop_ssh("om3")
    done = applied.apply("--node", "om2")
    assert done.how == ("refused", 1)
    assert "om3 does not respond" in done.why
    done = applied.apply("--node", "om2", "--force")
    assert done.how == ("applied", 0), (done.why, done.err)
    three.start_ssh("om3")
    applied.settle()


def test_nodes_that_leave_join_and_are_renamed(applied: Applied) -> None:
    """The others run on."""
    three, ran = applied.three, applied.processes()
    applied.write(nodes=nodes(count=2), removed={"om3": {"ssh": "om3"}})
    applied.apply_all()
    assert applied.processes() == {**ran, "om3": ""}
    left = [
        path for path, (*_, held) in applied.files()["om3"].items() if "omconf" in path and held
    ]
    assert left == ["etc/omconf/ours"]
    assert not (three["om3"].root / "etc/omconf/conference").exists()
    applied.settle()

    # Without the entry the node would stay as it is: nothing is taken back anywhere.
    gone = applied.sections.pop("removed")
    applied.write(nodes=nodes(count=2))
    refused = applied.undo()
    assert refused.how == ("refused", 1)
    assert [d["rule"] for d in refused.events[-1]["diagnostics"]] == ["OM604"]
    assert "om3" in refused.why
    applied.write(nodes=nodes(count=2), removed=gone)
    back = applied.undo()
    assert back.how == ("undone", 0), (back.why, back.err)
    three.wait_until_healthy()
    applied.apply_all()

    applied.sections.pop("removed")
    applied.write(nodes=nodes())
    applied.apply_all()
    three.wait_until_healthy()
    now = applied.processes()
    assert (now["om1"], now["om2"]) == (ran["om1"], ran["om2"])
    applied.settle()

    renamed = nodes()
    renamed["om4"] = renamed.pop("om3") | {"renamed_from": "om3", "ssh": "om3"}
    applied.write(nodes=renamed)
    done, *_ = applied.apply_all()
    assert set(three.now().values()) == {frozenset(("om1", "om2", "om4"))}
    restarted(applied.line(done), "om3")
    back = applied.undo()
    assert back.how == ("undone", 0), (back.why, back.err)
    applied.settle()
    applied.settled = False
