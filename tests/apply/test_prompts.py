"""Whoever is asked at a terminal may answer, or end it by Ctrl-C: at once, without Enter."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from select import select

import pytest

from omconf.actions import Manual
from omconf.plan import owed
from omconf.rollout.who import MOVE
from tests.apply.host import HEALTHY, NEEDS, Host
from tests.apply.trees import SECRET, Tree
from tests.command import ROOT, findings
from tests.needs import fixture_needs, needs

DONE = "Is it done? [y/N]: "
APPROVE = "Apply this plan? Only `yes` goes on [no]: "
SECONDS = 20
"""As long may it take to end, on a busy machine; whoever waits for Enter waits for ever."""


@dataclass
class Terminal:
    """A program at a terminal, and what it printed there."""

    words: Sequence[str]
    folder: Path
    said: str = ""
    master: int = -1
    process: subprocess.Popen[bytes] = field(init=False)

    def __enter__(self) -> Terminal:
        self.master, slave = pty.openpty()
        environment = {**os.environ, **SECRET, "PYTHONPATH": str(ROOT), "TERM": "dumb"}
        self.process = subprocess.Popen(
            self.words,
            cwd=self.folder,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def hear(self, what: str = "") -> None:
        """Wait until something is printed; without it, until the program has ended."""
        while not what or what not in self.said:
            assert select([self.master], [], [], 30)[0], self.said
            try:
                data = os.read(self.master, 65536)
            except OSError:  # all others have closed it
                data = b""
            if not data:
                assert not what, self.said
                return
            self.said += data.decode()

    def answer(self, text: str) -> None:
        os.write(self.master, text.encode() + b"\n")

    def ended(self, interrupt: Callable[[], object]) -> int:
        """Interrupt it; its exit code."""
        time.sleep(0.1)  # until it waits
        started = time.monotonic()
        interrupt()
        self.hear()
        code = self.process.wait()
        assert time.monotonic() - started < SECONDS, self.said
        return code


def apply(tree: Tree) -> Terminal:
    words = [sys.executable, "-m", "omconf", "apply", "cluster.yaml", "--local", "om1"]
    return Terminal([*words, "--root", "root"], tree.folder)


@pytest.mark.parametrize(("text", "code"), [("yes", 0), ("y", 1), ("", 1), ("no", 1), ("\x04", 1)])
def test_only_yes_approves(tree: Tree, text: str, code: int) -> None:
    with apply(tree) as terminal:
        terminal.hear(APPROVE)
        terminal.answer(text)
        terminal.hear()
        assert terminal.process.wait() == code, terminal.said
    assert bool(tree.contents()) == (code == 0)


def test_ctrl_c_ends_an_approval(tree: Tree) -> None:
    with apply(tree) as terminal:
        terminal.hear(APPROVE)
        code = terminal.ended(lambda: terminal.process.send_signal(signal.SIGINT))
        assert code == -signal.SIGINT, terminal.said
    assert tree.contents() == {}


@pytest.fixture
@fixture_needs(*NEEDS)
def host(tmp_path: Path) -> Iterator[Host]:
    """Its database is down, so that somebody is asked to let it in."""
    made = Host.boot(tmp_path)
    made.write_spec(discovery={"kind": "tcp-ip"})
    made.signal("KILL", "[s]tand_in.py 5432")
    yield made
    made.close()


@needs(*NEEDS, "findmnt")
def test_ctrl_c_ends_the_question_whether_a_step_is_done(host: Host, tmp_path: Path) -> None:
    with Terminal(host.words("apply", "--yes"), tmp_path) as terminal:
        terminal.hear(DONE)
        assert terminal.ended(lambda: host.signal("INT", "-m [o]mconf apply")) != 0
    (entry,) = json.loads(host.run("log", "--json").stdout)["entries"]
    assert entry["outcome"] == "partial"
    # Nobody said that it is done, and so it is waited for.
    again = host.run("apply", "--yes", "--json")
    assert json.loads(again.stdout.splitlines()[-1])["outcome"] == "waiting"


@needs(*NEEDS, "findmnt")
def test_a_person_says_that_a_step_is_done(host: Host, tmp_path: Path) -> None:
    with Terminal(host.words("apply", "--yes"), tmp_path) as terminal:
        terminal.hear(DONE)
        terminal.said = ""
        terminal.answer("Y")
        terminal.hear(DONE)
        assert "5432 of 10.1.1.250" in terminal.said, "it says what does not answer"
        host.start_database()
        terminal.answer("Y")
        terminal.hear()
        assert terminal.process.wait() == 0, terminal.said
    assert ": done\r\n" in terminal.said
    assert host.plan()["has_changes"] is False


@needs(*NEEDS, "findmnt")
def test_the_approval_says_who_is_connected(host: Host, tmp_path: Path) -> None:
    host.start_database()
    before = host.contents()
    with Terminal(host.words("apply"), tmp_path) as terminal:
        terminal.hear(APPROVE)
        terminal.answer("no")
        terminal.hear()
    assert "Connections to OpenMeetings now: 0 to om1 (--drain" in terminal.said
    assert host.contents() == before


@needs(*NEEDS, "findmnt")
def test_nobody_starts_on_the_way_back_until_the_data_moved(host: Host, tmp_path: Path) -> None:
    """By an undo that begins later, as by one in the same apply."""
    host.start_database()
    host.write_spec(1, discovery={"kind": "tcp-ip"})
    assert host.run("apply", "--yes").returncode == 0
    host.write_spec(1, discovery={"kind": "tcp-ip"}, openmeetings={"data_dir": "/srv/data"})
    with Terminal(host.words("apply", "--yes"), tmp_path) as terminal:
        terminal.hear(DONE)
        assert "Move the shared data to its new location" in terminal.said
        terminal.answer("y")
        terminal.hear()
        assert terminal.process.wait() == 0, terminal.said
    host.forget()
    before = host.contents()
    alone = host.run("undo", "--yes")
    assert [rule for rule, _ in findings(alone.stderr)] == ["OM604"]
    assert (alone.returncode, host.programs(), host.contents()) == (1, [], before)
    with Terminal(host.words("undo", "--yes"), tmp_path) as terminal:
        terminal.hear(DONE)
        terminal.answer("n")
        terminal.hear()
        assert terminal.process.wait() == 1, terminal.said
    assert "systemctl stop openmeetings.service" in host.programs()
    assert "systemctl start openmeetings.service" not in host.programs()
    with Terminal(host.words("undo", "--yes"), tmp_path) as terminal:
        terminal.hear(DONE)
        terminal.answer("y")
        terminal.hear()
        assert terminal.process.wait() == 0, terminal.said
    assert host.programs()[-1] == "systemctl start openmeetings.service"


@needs(*NEEDS, "findmnt")
def test_an_undo_remembers_what_people_took_back(host: Host, tmp_path: Path) -> None:
    """Where it does not bring all back, the next plan has them do it again."""
    tcp_ip = {"discovery": {"kind": "tcp-ip"}}
    host.start_database()
    host.write_spec(1, **tcp_ip)
    assert host.run("apply", "--yes").returncode == 0
    host.write_spec(1, **tcp_ip, openmeetings={"data_dir": "/srv/data"})
    host.put("/root/health", HEALTHY.replace('"dbOk":true', '"dbOk":false'))
    apply = ("apply", "--yes", "--no-undo", "--health-timeout", "1")
    for words, code in ((apply, 1), (("undo", "--yes"), 0)):
        with Terminal(host.words(*words), tmp_path) as terminal:
            terminal.hear(DONE)
            terminal.answer("y")
            terminal.hear()
            assert terminal.process.wait() == code, terminal.said
        host.put("/root/health", HEALTHY)
    assert isinstance(MOVE.action, Manual)
    notes = host.read("/var/lib/omconf/conference/journal/000003.notes").decode().splitlines()
    assert notes.count(owed.done(MOVE.action.text, back=True)) == 1


@needs(*NEEDS, "findmnt")
@pytest.mark.parametrize("waits", [False, True], ids=["at once", "continued"])
def test_an_upgrade_by_hand_is_undone(host: Host, tmp_path: Path, waits: bool) -> None:
    """The files that a person replaced are in the journal, also those that omconf never writes."""
    webapp = "/opt/om/webapps/openmeetings/WEB-INF"
    properties = f"{webapp}/classes/openmeetings.properties"

    def install(release: str) -> None:
        jars = f"{webapp}/lib/openmeetings-core-"
        new = f"{jars}{release}.jar"
        host.shell(f"[ -e {new} ] || mv {jars}* {new}; echo '# {release}' >{properties}")
        host.shell(
            f"sed -i s/maxTotal=100/maxTotal=99/ {webapp}/classes/META-INF/persistence.xml || :"
        )

    def by_hand(verb: str, *answers: str) -> None:
        """Answer the questions; whoever is asked to installs OpenMeetings."""
        with Terminal(host.words(verb, "--yes"), tmp_path) as terminal:
            for answer in answers:
                terminal.hear(DONE)
                question = terminal.said.rpartition(": waiting")[2]
                if found := re.search("Install OpenMeetings ([0-9.]+)", question):
                    install(found[1])
                terminal.said = ""
                terminal.answer(answer)
            terminal.hear()
            assert terminal.process.wait() == ("n" in answers), terminal.said

    sections = {"discovery": {"kind": "tcp-ip"}}
    host.start_database()
    host.shell(f"mkdir -p {webapp}/classes")
    install("9.0.0")
    host.shell("chown -R nobody:nogroup /opt/om")
    host.write_spec(1, **sections, openmeetings={"release": "9.0.0"})
    assert host.run("apply", "--yes").returncode == 0
    before = host.contents()
    other = {"database": {"pool": {"maxTotal": "7"}}}
    host.write_spec(1, **sections, **other, openmeetings={"release": "9.1.0"})
    if waits:
        by_hand("apply", "y", "n")
        assert host.run("apply", "--yes").returncode == 0
    else:
        by_hand("apply", "y", "y")
    assert host.read(properties) == b"# 9.1.0\n"
    found = json.loads(host.run("log", "--json").stdout)
    assert found["diagnostics"] == []
    assert any(properties in entry["files"] for entry in found["entries"])
    by_hand("undo", "y", "y")
    assert host.contents() == before


@needs(*NEEDS, "findmnt")
def test_who_does_not_confirm_a_node_is_told_what_that_means(host: Host, tmp_path: Path) -> None:
    host.start_database()
    assert host.run("apply", "--yes").returncode == 0
    before = host.contents()
    sections = {"openmeetings": {"java_options": ["-Xmx2g"]}, "discovery": {"kind": "tcp-ip"}}
    host.write_spec(2, **sections)
    with Terminal(host.words("apply", "--yes", "--confirm-each"), tmp_path) as terminal:
        terminal.hear("Stop or restart om1? [y/N]: ")
        terminal.answer("n")
        terminal.hear()
        assert terminal.process.wait() == 1
    assert "om1: not confirmed, not stopped; run apply again to continue" in terminal.said
    assert host.contents() == before


@needs(*NEEDS, "findmnt")
@pytest.mark.parametrize("back", [True, False])
def test_data_that_may_have_moved_when_it_was_interrupted_move_back(
    host: Host, tmp_path: Path, back: bool
) -> None:
    host.start_database()
    host.write_spec(1, discovery={"kind": "tcp-ip"})
    assert host.run("apply", "--yes").returncode == 0
    host.write_spec(1, discovery={"kind": "tcp-ip"}, openmeetings={"data_dir": "/srv/data"})
    host.forget()
    with Terminal(host.words("apply", "--yes"), tmp_path) as terminal:
        terminal.hear(DONE)
        assert "Move the shared data to its new location" in terminal.said
        terminal.said = ""
        host.signal("INT", "-m [o]mconf apply")
        terminal.hear(DONE)
        assert "Move the shared data back" in terminal.said
        terminal.answer("y" if back else "n")
        terminal.hear()
        assert terminal.process.wait() != 0, terminal.said
    assert ("systemctl start openmeetings.service" in host.programs()) is back
    (entry, *_) = json.loads(host.run("log", "--json").stdout)["entries"]
    assert entry["outcome"] == ("undone" if back else "partial")
