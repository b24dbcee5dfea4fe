"""`omconf apply --local` on a host, in earnest: what runs, what is taken back, what a kill leaves."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from random import Random

import pytest

from omconf.plan import owed
from tests.apply.host import NEEDS, NO_ROUTE, Host, until
from tests.needs import needs

pytestmark = [needs(*NEEDS, "findmnt"), pytest.mark.slow]
# No pattern matches the command that looks for it.
OMCONF = "-m [o]mconf (apply|undo)"
PROGRAM = "[o]mconf-node conference"
RESTART = "systemctl restart openmeetings.service"
KILLS = int(os.environ.get("OMCONF_KILLS", "3"))
"""How often omconf and the node program are killed, each; `make soak` sets more."""
HAZELCAST = "/opt/om/webapps/openmeetings/WEB-INF/classes/hazelcast.xml"


@pytest.fixture
def applied(host: Host) -> Host:
    """A host with a first apply behind it."""
    first(host)
    host.forget()
    return host


def first(host: Host) -> None:
    """Apply until nobody is waited for."""
    for _ in range(4):
        done = host.run("apply", "--yes", "--json")
        if done.returncode == 0:
            return
        assert outcome(done) == "waiting", done.stdout + done.stderr
    raise AssertionError("a person is waited for again and again")


def outcome(done: subprocess.CompletedProcess[str]) -> str:
    return str(json.loads(done.stdout.splitlines()[-1])["outcome"])


def test_where_systemd_does_not_run_nothing_is_written(host: Host) -> None:
    """As in a container whose first process is another one."""
    before = host.contents()
    host.shell("rmdir /run/systemd/system; mv /usr/bin/systemctl /usr/bin/stand-in")
    offline = "#!/bin/sh\ncase $1 in is-system-running) echo offline ;; esac\nexit 1\n"
    host.put("/usr/bin/systemctl", offline, 0o755)
    done = host.run("apply", "--yes", "--json")
    assert outcome(done) == "refused"
    assert "systemctl cannot be used, since systemd does not run on this node" in done.stdout
    assert host.contents() == before
    # What takes systemd's place answers for it.
    host.shell("mv /usr/bin/stand-in /usr/bin/systemctl")
    assert outcome(host.run("apply", "--yes", "--json", "--dry-run")) == "checked"


def test_a_first_apply_waits_for_people_and_goes_on(host: Host) -> None:
    """The node cannot log in to the database; when it can, nobody is asked."""
    before = host.contents()
    host.signal("KILL", DATABASE)
    done = host.run("apply", "--yes", "--json")
    assert (done.returncode, outcome(done)) == (1, "waiting")
    assert host.contents() == before
    host.start_database()
    done = host.run("apply", "--yes", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    manual = [e for e in events if e.get("action", {}).get("type") == "manual"]
    assert [(e["state"], e["action"]["who"]) for e in manual] == [("done", "database")], manual
    first(host)
    assert host.programs()[-1] == RESTART
    assert host.plan()["has_changes"] is False
    assert host.settled()


def test_a_change_restarts_once_and_undo_restarts_again(applied: Host) -> None:
    before = applied.contents()
    applied.write_spec(3, **NO_ROUTE)
    done = applied.run("apply", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "exportfs -ra" in applied.programs()
    after = applied.contents()
    assert after != before
    applied.forget()
    done = applied.run("undo", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert applied.contents() == before
    assert "exportfs -ra" in applied.programs()


def test_undo_of_a_first_apply_waits_for_no_check_that_it_takes_away(host: Host) -> None:
    """What the node check goes by is gone with it: health could not come in any time."""
    before = host.contents()
    first(host)
    began = time.monotonic()
    done = host.run("undo", "--yes", "--json")
    assert (done.returncode, outcome(done)) == (0, "undone"), done.stdout
    assert time.monotonic() - began < 60
    events = [json.loads(line) for line in done.stdout.splitlines()]
    (health,) = [
        e for e in events if e.get("action", {}).get("type") == "health" and e["state"] == "done"
    ]
    assert health["text"], "it says why it is done without a health check"
    assert host.contents() == before


def test_a_first_apply_that_fails_is_taken_back_whole(host: Host) -> None:
    before = host.contents()
    host.put("/root/health", '{"inited":true,"installed":true,"dbOk":false}')
    done = host.run("apply", "--yes", "--json", "--health-timeout", "4")
    assert (done.returncode, outcome(done)) == (1, "undone"), done.stdout
    assert host.contents() == before


def change(host: Host) -> None:
    """Change what needs a restart."""
    host.write_spec(2, openmeetings={"java_options": ["-Xmx2g"]}, **NO_ROUTE)


@pytest.mark.parametrize("fails", ["systemctl.restart", "exportfs.-ra"])
def test_what_fails_is_taken_back(applied: Host, fails: str) -> None:
    before = applied.contents()
    applied.write_spec(3, openmeetings={"java_options": ["-Xmx2g"]}, **NO_ROUTE)
    applied.shell(f"touch /var/fail.{fails}")
    done = applied.run("apply", "--yes", "--json")
    assert done.returncode == 1
    assert outcome(done) in ("undone", "partial"), done.stdout
    assert "not-a-real-password" not in done.stdout + done.stderr
    applied.shell(f"rm /var/fail.{fails}")
    assert applied.contents() == before
    entry = json.loads(applied.run("log", "--json").stdout)["entries"][0]
    assert "told to fail" in entry["why"]
    assert "not-a-real-password" not in applied.run("log", "--json").stdout
    # Whatever did not run is owed, and the next apply pays it.
    first(applied)
    assert applied.plan()["has_changes"] is False
    assert applied.settled()


def test_without_undo_it_is_owed(applied: Host) -> None:
    change(applied)
    applied.shell("touch /var/fail.systemctl.restart")
    done = applied.run("apply", "--yes", "--no-undo", "--json")
    assert (done.returncode, outcome(done)) == (1, "partial")
    applied.forget()
    assert any(path.endswith("setenv.sh") for path in applied.owed())
    plan = applied.plan()
    assert plan["has_changes"]
    (setenv,) = [c for c in plan["changes"] if c["path"].endswith("setenv.sh")]
    assert [i["key"] for i in setenv["items"]] == ["-Xmx2g"]
    assert setenv["notes"] == [owed.NOTE]
    assert applied.run("apply", "--yes").returncode == 0
    assert RESTART in applied.programs()
    assert applied.plan()["has_changes"] is False


def test_the_spec_may_change_back_meanwhile(applied: Host) -> None:
    before = applied.contents()
    change(applied)
    applied.shell("touch /var/fail.systemctl.restart")
    assert applied.run("apply", "--yes", "--no-undo").returncode == 1
    applied.forget()
    applied.write_spec(**NO_ROUTE)
    assert applied.run("apply", "--yes").returncode == 0
    assert {k: v for k, v in applied.contents().items() if "manifest" not in k} == {
        k: v for k, v in before.items() if "manifest" not in k
    }
    assert applied.plan()["has_changes"] is False


def test_undo_of_an_apply_that_stopped_on_the_way(applied: Host) -> None:
    before = applied.contents()
    change(applied)
    applied.shell("touch /var/fail.systemctl.restart")
    assert applied.run("apply", "--yes", "--no-undo").returncode == 1
    applied.forget()
    done = applied.run("undo", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert applied.contents() == before
    assert RESTART in applied.programs()
    applied.write_spec(**NO_ROUTE)
    assert applied.plan()["has_changes"] is False


def test_ctrl_c_ends_the_step_in_hand(applied: Host) -> None:
    applied.write_spec(3, openmeetings={"java_options": ["-Xmx2g"]}, **NO_ROUTE)
    applied.shell("touch /var/slow.exportfs.-ra")
    process = subprocess.Popen(applied.words("apply", "--yes"), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "write /etc/exports" in line and "done" in line:
            applied.signal("INT", OMCONF)
    process.wait()
    process.stdout.close()
    applied.forget()
    assert process.returncode != 0, "".join(said)
    (last, *_) = json.loads(applied.run("log", "--json").stdout)["entries"]
    assert (last["what"], last["outcome"]) == ("apply", "partial")
    first(applied)
    assert applied.plan()["has_changes"] is False
    assert applied.settled()


SLOW = """#!/bin/sh
[ $1 != -ra ] || until [ -e /var/may-end ]; do sleep 0.05; done
echo "exportfs $*|" >>/var/log/programs
"""


@pytest.mark.parametrize("verb", ["apply", "undo"])
def test_ctrl_c_twice_ends_at_once(applied: Host, verb: str) -> None:
    """What runs on the node is named and completed; nothing further begins, and all of it is owed."""
    applied.write_spec(3, openmeetings={"java_options": ["-Xmx2g"]}, **NO_ROUTE)
    if verb == "undo":
        assert applied.run("apply", "--yes").returncode == 0
    applied.forget()
    applied.put("/usr/bin/exportfs", SLOW, 0o755)
    words = applied.words(verb, "--yes", "--json")
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(json.loads(line))
        if said[-1].get("action", {}).get("argv") == ["exportfs", "-ra"]:
            applied.signal("INT", OMCONF)
            time.sleep(0.5)
            applied.signal("INT", OMCONF)
    assert process.wait(60) == -signal.SIGINT
    process.stdout.close()
    assert "exportfs -ra" not in applied.programs(), "it was not waited for"
    assert said[-1]["outcome"] == "partial"
    assert said[-1]["why"].startswith("om1: ")
    assert said[-1]["why"].endswith(": exportfs -ra")
    held = applied.run("apply", "--yes")
    assert (held.returncode, "OM602" in held.stderr) == (1, True)
    applied.put("/var/may-end", "")
    until(lambda: "exportfs -ra" in applied.programs())
    assert applied.programs()[-1] == "exportfs -ra"
    (entry, *_) = json.loads(applied.run("log", "--json").stdout)["entries"]
    assert (entry["what"], entry["outcome"]) == (verb, "unfinished")
    assert applied.plan()["has_changes"]
    done = applied.run("apply", "--yes", "--lock-timeout", "10")
    assert done.returncode == 0, done.stdout + done.stderr
    assert applied.plan()["has_changes"] is False
    assert applied.settled()


def test_an_undo_shows_a_mode_that_alone_was_changed(applied: Host) -> None:
    applied.shell(f"chmod 600 {HAZELCAST}")
    before = applied.contents()
    assert applied.run("apply", "--yes").returncode == 0
    assert applied.contents() != before
    (first, *_) = applied.run("undo", "--yes", "--json").stdout.splitlines()
    files = json.loads(first)["files"]
    assert {"node": "om1", "path": HAZELCAST, "becomes": "restored", "access_only": True} in files
    assert applied.contents() == before
    assert applied.run("apply", "--yes").returncode == 0
    shown = applied.run("undo", "--yes").stdout
    assert f"restore mode and owner: {HAZELCAST}\n" in shown


def test_two_at_once(applied: Host) -> None:
    change(applied)
    applied.shell("touch /var/slow.systemctl.restart")
    one, other = (
        subprocess.Popen(applied.words("apply", "--yes", *more), stdout=subprocess.DEVNULL)
        for more in ([], ["--lock-timeout", "30"])
    )
    codes = sorted((one.wait(60), other.wait(60)))
    # The second one plans before it has the lock: then it refuses what has moved.
    assert codes in ([0, 0], [0, 1])
    assert applied.plan()["has_changes"] is False
    assert applied.programs().count(RESTART) == 1


class TestKills:
    """At random moments: files are old or new, no restart is lost, and the next apply finishes."""

    @pytest.mark.parametrize("whom", [OMCONF, PROGRAM], ids=["omconf", "program"])
    @pytest.mark.parametrize("verb", ["apply", "undo"])
    def test_kill(self, applied: Host, whom: str, verb: str) -> None:
        random = Random(KILLS)
        for round_ in range(KILLS):
            count = 3 + round_ % 2
            applied.write_spec(count, openmeetings={"java_options": [f"-Xmx{count}g"]}, **NO_ROUTE)
            if verb == "undo":
                assert applied.run("apply", "--yes").returncode == 0
            before = applied.contents()
            self.strike(applied, verb, whom, random.uniform(0.2, 1.4))
            known = {digest for _, digest in self.texts(before)} | {"-"}
            assert known
            # The node program completes what it has begun.
            done = applied.run("apply", "--yes", "--lock-timeout", "30")
            assert done.returncode == 0, done.stdout + done.stderr
            assert applied.plan()["has_changes"] is False
            assert applied.settled(), applied.log()
            assert not applied.shell("find /etc /opt/om /usr/local -name '.omconf-*'")
            assert not applied.owed()

    def strike(self, host: Host, verb: str, whom: str, after: float) -> None:
        process = subprocess.Popen(
            host.words(verb, "--yes"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        timer = threading.Timer(after, host.signal, ["KILL", whom])
        timer.start()
        process.wait(60)
        timer.cancel()
        timer.join()
        time.sleep(0.1)

    def texts(self, contents: dict[str, str]) -> list[tuple[str, str]]:
        return [(path, said.split()[0]) for path, said in contents.items()]


def owes(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The state of each finding that `verify --json` has of an apply on the node."""
    (node,) = json.loads(done.stdout)["nodes"]
    return [check["status"] for check in node["checks"] if check["check"] == "apply"]


def test_verify_says_what_is_owed(applied: Host) -> None:
    assert owes(applied.run("verify", "--json")) == []
    change(applied)
    applied.shell("touch /var/fail.systemctl.restart")
    assert applied.run("apply", "--yes", "--no-undo").returncode == 1
    found = applied.run("verify", "--json")
    assert (found.returncode, owes(found)) == (1, ["fail"])


def test_an_undo_takes_back_what_an_apply_went_on_with(applied: Host) -> None:
    before = applied.contents()
    applied.write_spec(3, openmeetings={"java_options": ["-Xmx2g"]}, **NO_ROUTE)
    applied.shell("touch /var/fail.systemctl.restart")
    assert applied.run("apply", "--yes", "--no-undo").returncode == 1
    applied.forget()
    assert applied.run("apply", "--yes").returncode == 0
    done = applied.run("undo", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert applied.contents() == before


def test_what_cannot_be_taken_back_stays_owed(applied: Host) -> None:
    applied.write_spec(3, **NO_ROUTE)
    assert applied.run("apply", "--yes").returncode == 0
    applied.shell("touch /var/fail.exportfs.-ra")
    undone = applied.run("undo", "--yes", "--json")
    assert (undone.returncode, outcome(undone)) == (1, "partial")
    applied.forget()
    applied.write_spec(**NO_ROUTE)
    assert applied.plan()["has_changes"]
    assert applied.run("apply", "--yes").returncode == 0
    assert "exportfs -ra" in applied.programs()


def test_programs_learn_no_secret(applied: Host) -> None:
    change(applied)
    applied.put(
        "/usr/bin/systemctl", "#!/bin/sh\nenv >>/var/env; cat /proc/$$/cmdline >>/var/env\n", 0o755
    )
    assert applied.run("apply", "--yes").returncode == 0
    assert b"PATH=" in applied.read("/var/env")
    assert b"not-a-real-password" not in applied.read("/var/env")


def test_whoever_reads_along_may_go_away(applied: Host) -> None:
    change(applied)
    process = subprocess.Popen(applied.words("apply", "--yes"), stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.wait(60)
    assert applied.plan()["has_changes"] is False
    assert applied.settled()
    (last, *_) = json.loads(applied.run("log", "--json").stdout)["entries"]
    assert last["outcome"] == "applied"


def test_a_node_that_does_not_become_healthy_is_taken_back(applied: Host) -> None:
    before = applied.contents()
    change(applied)
    applied.put("/root/health", '{"inited":true,"installed":true,"dbOk":false}')
    says = "echo SEVERE not-a-real-password; echo what ${0##*/} says"
    applied.put("/usr/bin/journalctl", f"#!/bin/sh\n[ $1 = --sync ] || {{ {says}; }}\n", 0o755)
    done = applied.run("apply", "--yes", "--json", "--health-timeout", "1")
    end = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 1
    events = [json.loads(line) for line in done.stdout.splitlines()]
    failed = [event["action"]["type"] for event in events if event.get("state") == "failed"]
    assert failed == ["health"] * 2, "the second is the undo's"
    # Whoever is told how long that may take is told what was asked for.
    assert re.findall('"type": "health", "timeout": ([0-9]+)', done.stdout)
    assert not re.search('"type": "health", "timeout": (?!1,)', done.stdout)
    # The unit is active: what it says is shown all the same.
    assert end["why"].endswith(": SEVERE (sensitive value) | what journalctl says")
    assert applied.contents() == before
    # The undo waits for health, too, and says that it did not come.
    assert end["outcome"] == "partial"


DATABASE = "[s]tand_in.py 5432"


def refused(host: Host, why: str) -> None:
    before = host.contents()
    done = host.run("apply", "--yes")
    assert done.returncode == 1
    assert why in done.stderr, done.stdout + done.stderr
    assert "not-a-real-password" not in done.stdout + done.stderr
    assert host.contents() == before


def test_what_a_program_would_not_take_is_not_written(applied: Host) -> None:
    applied.shell("touch /var/refuses")
    applied.write_spec(3, **NO_ROUTE)
    refused(applied, "exportfs rejects the planned /etc/exports: /etc/exports:3: told to refuse")
    assert applied.programs() == []
    applied.shell("rm /var/refuses")
    assert applied.run("apply", "--yes").returncode == 0


def test_without_its_database_openmeetings_is_not_restarted(applied: Host) -> None:
    applied.write_spec(3, **NO_ROUTE)
    applied.signal("KILL", DATABASE)
    done = applied.run("apply", "--yes")
    assert done.returncode == 0, "no restart, no question" + done.stderr
    change(applied)
    refused(applied, "the database does not respond from this node, on port 5432 of 10.1.1.250")
    assert RESTART not in applied.programs()


def test_behind_the_step_of_its_administrator_the_database_has_to_answer(host: Host) -> None:
    host.signal("KILL", DATABASE)
    assert outcome(host.run("apply", "--yes", "--json")) == "waiting"
    refused(host, "the database does not respond")


def test_a_node_that_nothing_can_ask_for_its_health_is_not_begun(applied: Host) -> None:
    """Without curl and wget the gate could never pass: nothing is stopped for that."""
    before = applied.contents()
    change(applied)
    applied.shell("rm -f /usr/bin/curl /usr/bin/wget /usr/local/bin/curl /usr/local/bin/wget")
    done = applied.run("apply", "--yes", "--json")
    end = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, end["outcome"]) == (1, "refused")
    assert [(d["rule"], d["node"]) for d in end["diagnostics"]] == [("OM601", "om1")]
    assert applied.contents() == before
