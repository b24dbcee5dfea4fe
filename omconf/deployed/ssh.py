"""Asks the nodes by the user's own OpenSSH: their configuration, keys and known hosts."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from omconf import process
from omconf.dataclass import dataclass
from omconf.deployed import answer, reader
from omconf.deployed.snapshot import Snapshot
from omconf.secrets import last_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.deployed.snapshot import Request

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
        read, left = reader.all_nodes(requests, removed, self.send)
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
    said = last_line(sent.error.splitlines())
    return process.Answer(problem=said or "ssh failed without an error message")


def words(destination: str, command: str, *further: str) -> list[str]:
    """The command line of the user's OpenSSH; `further` are options of it."""
    options = [word for option in (*OPTIONS, *further) for word in ("-o", option)]
    return ["ssh", *options, "--", destination, command]
