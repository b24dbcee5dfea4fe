"""Nodes are read by the connections that an apply goes on with; `ssh` is a stand-in on this host."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from omconf import interrupts
from omconf.apply.carrier import Piped
from omconf.apply.reading import SshThenApply
from omconf.deployed.snapshot import NodeFiles, Request

CONTENTS = b"one\0\nomconf\n" * 3000


@dataclass
class Host:
    """Has an `ssh` that runs what it is given here, and notes its starts."""

    folder: Path
    programs: dict[str, Piped] = field(default_factory=dict)

    def reads(self, first: str = "", *, seconds: float = 20) -> NodeFiles:
        """Read a file; the shell text `first` is what a login does before."""
        (self.folder / "ssh").write_text(
            f"#!/bin/sh\necho >>{self.folder}/starts\n{first}\n"
            'for last; do :; done\nexec sh -c "$last"\n'
        )
        (self.folder / "ssh").chmod(0o755)
        source = SshThenApply(seconds=seconds, cluster="conference", programs=self.programs)
        request = Request((), "conference", "om1", around=(f"{self.folder}/file",))
        return source.read({"om1": request}, whole=True).nodes["om1"]

    @property
    def starts(self) -> int:
        return len((self.folder / "starts").read_text().splitlines())


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    (tmp_path / "file").write_bytes(CONTENTS)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin")
    host = Host(tmp_path)
    yield host
    for program in host.programs.values():
        program.close()


def test_the_apply_goes_on_by_the_same_connection(host: Host) -> None:
    read = host.reads()
    assert not read.problem
    assert read.around[f"{host.folder}/file"].data == CONTENTS
    assert host.programs["om1"].ask("program", "sh").ok
    assert host.starts == 1


PRINTS = "It cannot be read by ssh: ssh: connect to host om1 port 22: Connection refused."


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("echo 'ssh: connect to host om1 port 22: Connection refused' >&2; exit 255", PRINTS),
        ("echo Welcome", "Its login shell prints text: Welcome."),
        ("echo 'sudo: a password is required' >&2; exit 1", "sudo: a password is required"),
        ("printf 'Welcome> '", "Its login shell prints text: Welcome>."),
        ("printf '\\n\\033[1;32mWelcome\\033[0m\\r\\nto om1\\n'", "prints text: Welcome."),
        ("printf '\\033]0;om1\\007Welcome\\n'", "prints text: Welcome."),
        ("exec cat", "Its login shell prints text: "),
        ("printf 'Zur\\374ck auf om1\\n'", "prints text: Zurück auf om1."),
        ("printf 'W\\n\\001\\n'", "It sent an incomplete tar archive."),
        ("exec sleep 5", "It cannot be read by ssh: no response in 1 seconds."),
        ("head -c 3000 >/dev/null; exit", "it ended"),
    ],
)
def test_a_node_that_is_no_node_program_is_unknown(host: Host, first: str, said: str) -> None:
    problem = host.reads(first, seconds=1 if "sleep" in first else 20).problem
    assert problem
    assert said in problem.message
    assert host.programs == {}


@pytest.mark.parametrize("first", ["exec sleep 60", ""])
def test_a_signal_ends_it(host: Host, first: str) -> None:
    """While ssh connects, and while files are sent."""
    if not first:
        first = f"export PATH={host.folder}/slow:$PATH"
        (host.folder / "slow").mkdir()
        (host.folder / "slow/tar").write_text("#!/bin/sh\nexec sleep 60\n")
        (host.folder / "slow/tar").chmod(0o755)
    before = signal.signal(signal.SIGALRM, interrupts._interrupt)
    signal.setitimer(signal.ITIMER_REAL, 1)
    began, problems = time.monotonic(), []
    try:
        with pytest.raises(interrupts.Interrupted), interrupts.deferred():
            problems.append(host.reads(first, seconds=60).problem)
    finally:
        signal.signal(signal.SIGALRM, before)
        interrupts.resume()
    assert [p.message for p in problems if p] == ["It cannot be read by ssh: interrupted."]
    assert time.monotonic() - began < 10
