"""Reads the nodes by ssh before an apply, by the connections that the apply goes on with."""

from __future__ import annotations

import time
from dataclasses import field
from typing import TYPE_CHECKING

from omconf.apply import carrier
from omconf.apply.wire import LostError, OtherError
from omconf.dataclass import dataclass
from omconf.deployed import answer
from omconf.deployed.ssh import Ssh
from omconf.process import Answer

if TYPE_CHECKING:
    from omconf.apply.carrier import Piped
    from omconf.deployed.snapshot import Request
    from omconf.process import Room


@dataclass(frozen=True, slots=True)
class SshThenApply(Ssh):
    """The nodes as `Ssh` reads them, each by its node program, which stays in `programs`.

    Where no program starts on a node that answers, `Ssh` reads it and says why it cannot.
    """

    cluster: str = field(kw_only=True)
    programs: dict[str, Piped] = field(kw_only=True)

    def send(self, node: str, request: Request, script: bytes, room: Room) -> Answer:
        """Have a node run a script, by its program."""
        since, seconds = time.monotonic(), self.seconds
        try:
            program = carrier.by_ssh(self.cluster, request.ssh, sudo=self.sudo, seconds=seconds)
        except OtherError:
            return Ssh.send(self, node, request, script, room)
        except LostError as error:
            return _lost(error)
        try:
            limit = answer.MAX_STREAM
            sent = program.files(script, seconds=seconds, limit=limit, room=room, since=since)
        except LostError as error:
            program.drop()
            return _lost(error)
        self.programs[node] = program
        return sent


def _lost(error: LostError) -> Answer:
    """Say why a node cannot be read: where ssh ended, in its own words."""
    return Answer(problem=error.said or str(error))
