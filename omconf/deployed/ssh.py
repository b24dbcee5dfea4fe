"""Asks the nodes by the user's own OpenSSH: their configuration, keys and known hosts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import field
from typing import TYPE_CHECKING, TypeVar

from omconf import interrupts, process
from omconf.dataclass import dataclass
from omconf.deployed import answer, reader
from omconf.deployed.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from omconf.deployed.snapshot import Request


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
        removed = self.removed if whole else {}
        read, left = reader.all_nodes(requests, removed, self.send, side_by_side)
        return Snapshot("ssh", read, left, options={"sudo": self.sudo})

    def send(self, _: str, request: Request, script: bytes, room: process.Room) -> process.Answer:
        """Have a node run a script."""
        command = "exec sudo -n sh -s" if self.sudo else "exec sh -s"
        return run(
            request.ssh,
            command,
            seconds=self.seconds,
            limit=answer.MAX_STREAM,
            stdin=script,
            room=room,
        )


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
        problem=reader.last(sent.error.splitlines()) or "ssh failed without an error message"
    )


def words(destination: str, command: str, *further: str) -> list[str]:
    """The command line of the user's OpenSSH; `further` are options of it."""
    options = [word for option in (*OPTIONS, *further) for word in ("-o", option)]
    return ["ssh", *options, "--", destination, command]
