"""Reads the nodes by ssh before an apply, by the connections that the apply goes on with."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from omconf.apply import carrier
from omconf.apply.wire import LostError, OtherError
from omconf.dataclass import dataclass
from omconf.deployed import answer, reader
from omconf.deployed.snapshot import Snapshot
from omconf.process import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.apply.carrier import Piped
    from omconf.deployed.snapshot import Request
    from omconf.deployed.ssh import Ssh
    from omconf.process import Room


@dataclass(frozen=True, slots=True)
class SshThenApply:
    """The nodes as `Ssh` reads them, each by its node program, which stays in `programs`.

    Where no program starts on a node that answers, `Ssh` reads it and says why it cannot.
    """

    ssh: Ssh
    cluster: str
    programs: dict[str, Piped]

    def read(self, requests: Mapping[str, Request], *, whole: bool) -> Snapshot:
        """Read all nodes; one that cannot be read is unknown, and the others are read all the same."""
        removed = self.ssh.removed if whole else {}
        read, left = reader.all_nodes(requests, removed, self._send)
        return Snapshot("ssh", read, left, options={"sudo": self.ssh.sudo})

    def _send(self, node: str, request: Request, script: bytes, room: Room) -> Answer:
        since, seconds = time.monotonic(), self.ssh.seconds
        try:
            program = carrier.by_ssh(self.cluster, request.ssh, sudo=self.ssh.sudo, seconds=seconds)
        except OtherError:
            return self.ssh.send(node, request, script, room)
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
