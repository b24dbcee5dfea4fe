"""Asks the nodes by the user's own OpenSSH: their configuration, keys and known hosts."""

from __future__ import annotations

import shlex
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from omconf import interrupts, process
from omconf.deployed import answer
from omconf.deployed.budget import FEWER, FULL, Account, Budget
from omconf.deployed.snapshot import NodeFiles, Request, Snapshot
from omconf.deployed.tree import Same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = 32
"""As many nodes are asked side by side."""

CONNECT_SECONDS = 15
OPTIONS = (
    "BatchMode=yes",
    f"ConnectTimeout={CONNECT_SECONDS}",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
)
OWN_FAILURE = 255
"""The exit code by which ssh says that it failed itself."""
MAX_REASON = 300
"""Characters of a node's or ssh's own words in a message."""
SCRIPT = Path(__file__).with_name("read.sh")
HINTS = {
    "sudo: a password is required": "Allow that user to run `sh` with sudo without a password.",
    "you must have a tty to run sudo": "Allow that user to run sudo without a terminal (requiretty).",
    "Host key verification failed": (
        "Verify its host key, then connect once with `ssh` or replace the key in known_hosts."
    ),
    "restricted": "Use a login shell that can run `sh`.",
}
"""What helps, by words of ssh's, of sudo's or of a shell's."""
PRINTS = "Make its login shell print nothing without a terminal (check ~/.bashrc)."


@dataclass(frozen=True, slots=True)
class Ssh:
    """The nodes themselves, side by side, one connection and one tar stream each.

    With `sudo` the files are read by `sudo -n`, which asks for no password. A node that has not
    answered whole after `seconds` is unknown. `removed` are the destinations of nodes that left the
    spec, by name: they are read with all the others.
    """

    sudo: bool = False
    seconds: float = 60
    removed: Mapping[str, str] = field(default_factory=dict)

    def read(self, requests: Mapping[str, Request], *, whole: bool) -> Snapshot:
        """Read all nodes; one that cannot be read is unknown, and the others are read all the same."""
        budget, same = Budget(), Same()

        def node(request: Request) -> NodeFiles:
            return self.node(request, Account(budget), same)

        former = Request.of_left(requests)
        others = self.removed if whole else {}
        gone = {name: replace(former, ssh=ssh) for name, ssh in others.items()}
        every = {**requests, **gone}
        read = dict(zip(every, side_by_side(node, every.values()), strict=True))
        left = {
            name: files
            for name in gone
            if (files := read.pop(name)).problem or former.applied(name, files)
        }
        return Snapshot("ssh", read, left, options={"sudo": self.sudo})

    def node(self, request: Request, account: Account, same: Same) -> NodeFiles:
        """Read one node's files; what is kept of them is charged to its account."""
        command = "exec sudo -n sh -s" if self.sudo else "exec sh -s"
        sent = run(
            request.ssh,
            command,
            seconds=self.seconds,
            limit=answer.MAX_STREAM,
            stdin=_script(request),
            room=account.incoming,
        )
        if not sent.problem and sent.code == 0:
            read = answer.read(request, sent.out, sent.error, account, same)
            if read.problem and (first := _printed(sent.out)):
                return NodeFiles.unknown(request, f"Its login shell prints text: {first}.", PRINTS)
            return read
        account.drop()
        if sent.problem:
            problem = sent.problem.removesuffix(".")
            hint = FEWER if problem == FULL else _hint(problem)
            return NodeFiles.unknown(request, f"It cannot be read by ssh: {problem}.", hint)
        said = _last(line for line in sent.error.splitlines() if answer.MARK not in line)
        said = (said or _printed(sent.out)).removesuffix(".")
        why = f"Reading it failed with exit code {sent.code}: {said or 'no error message'}."
        return NodeFiles.unknown(request, why, _hint(said))


def _printed(out: bytes) -> str:
    """Return the first line of what should be a tar archive and is text; empty if it is not."""
    line, end, _ = out[: MAX_REASON + 1].partition(b"\n")
    text = line.decode("utf-8", "replace").strip()
    return text if end and text.isprintable() and "\ufffd" not in text else ""


def _hint(said: str) -> str:
    return next((hint for words, hint in HINTS.items() if words in said), "")


def _script(request: Request) -> bytes:
    """The program that a node runs: what to read, and how."""
    wanted = "\n".join(path[1:] for path in request.paths)
    said = {
        "manifest": request.manifest[1:],
        "library": (request.library or "")[1:],
        "wanted": wanted,
        "surroundings": "\n".join(path[1:] for path in request.around),
        "names": "/".join(request.names),
    }
    head = "".join(f"{name}={shlex.quote(value)}\n" for name, value in said.items())
    return head.encode() + SCRIPT.read_bytes()


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Do the same for many nodes at once; the results are in the order of the items.

    After a signal, `work` has to come to its end by itself, as `run` does; then Interrupted is raised.
    """
    items = list(items)
    with interrupts.deferred(), ThreadPoolExecutor(max(1, min(AT_ONCE, len(items)))) as pool:
        futures = [pool.submit(work, item) for item in items]
        for future in futures:
            # The system may give a signal to any thread, which does not wake this one, and Python
            # handles it in this one alone.
            while not wait([future], interrupts.SECONDS).done:
                pass
        return [future.result() for future in futures]


def run(
    destination: str,
    command: str,
    *,
    seconds: float,
    limit: int,
    stdin: bytes = b"",
    room: process.Room | None = None,
) -> process.Answer:
    """Run one command in the remote user's shell; ssh never asks for anything.

    `command` is shell text: its words must be quoted. ssh's own failures (no connection, host key,
    login) are the answer's problem, in ssh's words.
    """
    told = words(destination, command)
    sent = process.run(told, seconds=seconds, limit=limit, stdin=stdin, room=room)
    if sent.problem or sent.code != OWN_FAILURE:
        return sent
    return process.Answer(
        problem=_last(sent.error.splitlines()) or "ssh failed without an error message"
    )


def words(destination: str, command: str, *further: str) -> list[str]:
    """The command line of the user's OpenSSH; `further` are options of it."""
    options = [word for option in (*OPTIONS, *further) for word in ("-o", option)]
    return ["ssh", *options, "--", destination, command]


def _last(lines: Iterable[str]) -> str:
    """Return the last line that is not blank, cut to a length that a message can have."""
    last = next((line for line in reversed([line.strip() for line in lines]) if line), "")
    return last if len(last) <= MAX_REASON else last[: MAX_REASON - 3] + "..."
