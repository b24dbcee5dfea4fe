"""The program on a node when it is started anew for each command, as Ansible's task does it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from omconf.apply.carrier import FIRST, Piped
from omconf.apply.relayed import _text
from omconf.apply.wire import Reply, command
from tests.needs import program

LEASE = 30
STATE = "var/lib/omconf/conference"


@dataclass(frozen=True)
class Node:
    """A tree that commands are run in."""

    root: Path
    env: dict[str, str]

    @property
    def words(self) -> list[str]:
        return ["sh", "-c", FIRST, "omconf-node", "conference", str(self.root)]

    def once(self, *commands: Sequence[bytes | str], cut: int = 0) -> list[Reply]:
        """Run one process of the program; gives its answers, but for that it began."""
        text = _text([command(*fields).decode("ascii") for fields in commands])
        given = text[: len(text) - cut]
        done = subprocess.run(
            self.words, input=given, env=self.env, capture_output=True, timeout=60
        )
        return [Reply.of(line) for line in done.stdout.splitlines()][1:]

    def lock(self, who: str = "a test", force: str = "", lease: int = LEASE) -> str:
        (reply,) = self.once(("lock", who, force, str(lease)))
        assert reply.ok, reply
        return str(int(reply.word(0)))

    def resumed(self, number: str, serial: int, *fields: bytes | str) -> list[Reply]:
        """Run a command by the lock of this number, as omconf's one of this serial."""
        return self.once(("resume", number, str(LEASE), str(serial)), fields)


@pytest.fixture
def node(tmp_path: Path, shell: dict[str, str]) -> Node:
    return Node(tmp_path, shell)


OK = Reply(True, ("",))
DRAFT = ("draft", "exports", b"text")


def drafts(node: Node) -> list[str]:
    return [path.name for path in node.root.glob(f"{STATE}/draft/*")]


def test_one_process_after_the_other_holds_the_lock(node: Node) -> None:
    """And nobody else gets it meanwhile, with a lease or by a program that stays."""
    number = node.lock()
    assert node.resumed(number, 1, "begin", "{}", "{}") == [OK, OK]
    assert node.resumed(number, 2, *DRAFT) == [OK, OK]
    assert drafts(node) == ["exports"]
    (held,) = node.once(("lock", "another", "", str(LEASE)))
    assert (held.ok, held.words[:2], held.words[3:]) == (False, ("held", number), ("a test",))
    assert LEASE - 5 <= int(held.word(2)) <= LEASE
    with Piped.start(node.words, env=node.env) as other:
        again = other.ask("lock", "another", "").words
        assert (again[:2], again[3:]) == (("held", number), ("a test",))


@pytest.mark.parametrize("serial", [1, 2])
def test_a_command_that_is_sent_twice_is_not_run_twice(node: Node, serial: int) -> None:
    number = node.lock()
    node.resumed(number, 2, "begin", "{}", "{}")
    again = Reply(False, ("again",))
    assert node.resumed(number, serial, *DRAFT) == [again]
    assert drafts(node) == []
    assert node.resumed(number, 3, *DRAFT) == [OK, OK]
    assert drafts(node) == ["exports"]


def test_a_sign_of_life_is_no_command_of_omconfs(node: Node) -> None:
    """It makes the lease longer, and leaves the number of the last command as it is."""
    number = node.lock(lease=3)
    node.resumed(number, 5, "begin", "{}", "{}")
    assert node.once(("resume", number, "90", "")) == [OK]
    (held,) = node.once(("lock", "another", "", str(LEASE)))
    assert int(held.word(2)) > LEASE
    assert node.resumed(number, 5, *DRAFT) == [Reply(False, ("again",))]


def test_a_lease_runs_out(node: Node) -> None:
    """Then another gets the lock, and who held it before does nothing more."""
    number = node.lock(lease=1)
    wait_until(lambda: node.once(("lock", "another", "", str(LEASE)))[0].ok)
    assert node.resumed(number, 1, *DRAFT) == [Reply(False, ("broken",))]
    assert drafts(node) == []
    state = node.root / STATE
    assert {p.name for p in state.glob("lock.*")} == {f"lock.{int(number) + 1}"} | {
        f"lock.{int(number) + 1}.lease"
    }


def test_a_lease_that_ran_out_while_nobody_wanted_the_lock(node: Node) -> None:
    """Its holder goes on: nothing was done by others."""
    number = node.lock(lease=0)
    assert node.resumed(number, 1, *DRAFT) == [OK, OK]
    assert drafts(node) == ["exports"]


def test_a_command_that_takes_longer_than_the_lease(node: Node) -> None:
    """While its process runs, the lock is held."""
    number = node.lock()
    words = [command("resume", number, "1", "1"), command("run", "20", ".sleep", ".8")]
    if "busybox" in str(Path(node.env["PATH"], "sh").resolve()):
        (Path(node.env["PATH"]) / "sleep").symlink_to(program("busybox"))
    running = subprocess.Popen(
        node.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=node.env
    )
    assert running.stdin is not None
    assert running.stdout is not None
    running.stdin.write(_text([line.decode("ascii") for line in words]))
    running.stdin.close()
    assert running.stdout.readline() + running.stdout.readline() == b"ok|\nok|\n"
    wait_until(lambda: left(node) <= 0)
    (held,) = node.once(("lock", "another", "", str(LEASE)))
    assert held.words[:2] == ("held", number)
    running.kill()
    running.wait()
    running.stdout.close()
    wait_until(lambda: node.once(("lock", "another", "", str(LEASE)))[0].ok)


def left(node: Node) -> float:
    """How many seconds a lease still has; both are since the boot."""
    (lease,) = node.root.glob(f"{STATE}/lock.*.lease")
    until = int(lease.read_text().partition("|")[0])
    return until - float(Path("/proc/uptime").read_text().split()[0])


def wait_until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_lock_that_is_broken(node: Node) -> None:
    """Its holder does nothing more, and gives nothing back that is another's."""
    number = node.lock()
    other = node.lock("another", force=number)
    assert int(other) == int(number) + 1
    broken = Reply(False, ("broken",))
    assert node.resumed(number, 1, *DRAFT) == [broken]
    assert node.resumed(number, 2, "free") == [broken]
    assert node.resumed(other, 1, *DRAFT) == [OK, OK]
    assert not node.once(("lock", "a third", number, str(LEASE)))[0].ok


def test_a_lock_is_given_back(node: Node) -> None:
    """Then no command is run by it, and it is free at once."""
    number = node.lock()
    assert node.resumed(number, 1, "free") == [OK, OK]
    assert node.resumed(number, 2, *DRAFT) == [Reply(False, ("broken",))]
    assert drafts(node) == []
    with Piped.start(node.words, env=node.env) as other:
        assert other.ask("lock", "another", "").ok


@pytest.mark.parametrize("what", ["", "x|1|2|3", "9999999999999|1|1|1"])
def test_a_lease_that_is_torn_or_of_another_boot(node: Node, what: str) -> None:
    number = node.lock()
    lock = node.root / STATE / f"lock.{number}"
    if what.startswith("9"):
        lock.write_text(f"another boot{lock.read_text()[36:]}")
    lock.with_name(f"{lock.name}.lease").write_text(what)
    assert node.once(("lock", "another", "", str(LEASE)))[0].ok


def test_notes_are_on_the_disk_when_a_process_ends(tmp_path: Path) -> None:
    """The next one does not know what this one left for later."""
    flushed = tmp_path / "flushed"
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "sync").write_text(f'#!/bin/sh\necho "$@" >>{flushed}\n')
    (tools / "sync").chmod(0o755)
    node = Node(tmp_path, {"PATH": f"{tools}:/usr/bin:/bin"})
    number = node.lock()
    node.resumed(number, 1, "begin", "{}", "{}")
    flushed.write_text("")
    assert node.resumed(number, 2, "note", "{}", "later") == [OK, OK]
    assert f"{int(number):06d}.notes" in flushed.read_text()


@pytest.mark.parametrize("cut", [1, 200])
def test_input_that_is_cut_off_runs_nothing(node: Node, cut: int) -> None:
    number = node.lock()
    fields = ("resume", number, str(LEASE), "1")
    assert node.once(fields, ("draft", "exports", b"x" * 1000), cut=cut) == []
    assert drafts(node) == []
    assert node.resumed(number, 1, *DRAFT) == [OK, OK]


def test_what_follows_a_command_that_fails_is_not_run(node: Node) -> None:
    number = node.lock()
    fields: list[Any] = [("resume", "77", str(LEASE), "1"), ("free",)]
    assert node.once(*fields) == [Reply(False, ("broken",))]
    assert node.resumed(number, 1, *DRAFT) == [OK, OK]


ODD = b"caf\xe9 $(touch /tmp/no) `x` '\" \\ %s | \n\n\0\xff"


def test_any_bytes_are_carried(node: Node) -> None:
    number = node.lock()
    assert node.resumed(number, 1, "draft", "a 'b' $c", ODD) == [OK, OK]
    assert (node.root / STATE / "draft/a 'b' $c").read_bytes() == ODD
