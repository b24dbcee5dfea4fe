"""Reads the nodes by the user's own Ansible: its inventory, connections and privileges."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from omconf.ansible.session import PlaybookError, untested
from omconf.dataclass import dataclass
from omconf.deployed import answer, reader
from omconf.deployed.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.ansible.reach import Reach
    from omconf.deployed.snapshot import Request
    from omconf.diagnostics import Diagnostic
    from omconf.process import Answer, Room


@dataclass(frozen=True, slots=True)
class Ansible:
    """The nodes themselves, side by side, by one run of a playbook.

    `removed` are the ssh destinations of nodes that left the spec, by name.
    """

    reach: Reach
    seconds: float = 60
    removed: Mapping[str, str] = field(default_factory=dict)

    def read(self, requests: Mapping[str, Request], *, whole: bool) -> Snapshot | Diagnostic:
        """Read all nodes; a diagnostic where the inventory or the playbook does not work."""
        removed = self.removed if whole else {}
        nodes = {name: request.ssh for name, request in requests.items()} | dict(removed)
        try:
            with self.reach.session(nodes) as run:

                def send(node: str, _: Request, script: bytes, room: Room) -> Answer:
                    limit = answer.MAX_STREAM
                    return run.run(
                        node, "sh -s", seconds=self.seconds, limit=limit, stdin=script, room=room
                    )

                read, left = reader.all_nodes(requests, removed, send, "by Ansible")
        except PlaybookError as error:
            return error.found
        found = tuple(untested(run.version))
        return Snapshot("ansible", read, left, found, self.reach.options)
