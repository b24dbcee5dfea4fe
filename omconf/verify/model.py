"""What was found of a running cluster, by node and of all nodes together."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.formats.node_check import Check, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

HEALTH = "health"
"""The check that asks OpenMeetings itself."""


@dataclass(frozen=True, slots=True)
class Members:
    """Which other members a node sees: nodes by name, and unknown members by address."""

    sees: tuple[str, ...]
    misses: tuple[str, ...]
    strangers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What one node said. `problem` says why it could not be asked, `hint` what to do about it."""

    node: str
    checks: tuple[Check, ...] = ()
    members: Members | None = None
    problem: str = ""
    hint: str = ""

    @property
    def known_healthy(self) -> bool:
        """True when OpenMeetings on the node was asked, and said that it is healthy."""
        said = {check.status for check in self.checks if check.name == HEALTH}
        return said == {Status.OK}


@dataclass(frozen=True, slots=True)
class Verification:
    """All nodes that were asked, and the checks that need more than one of them."""

    cluster: str
    source: str
    """How they were asked: `ssh` or `local`."""
    nodes: tuple[NodeReport, ...]
    together: tuple[Check, ...] = ()

    @property
    def checks(self) -> Iterator[Check]:
        """Every check, of nodes and of all together."""
        return chain(*(node.checks for node in self.nodes), self.together)

    @property
    def complete(self) -> bool:
        """True when every node answered."""
        return not any(node.problem for node in self.nodes)

    @property
    def healthy(self) -> bool:
        """True when no check failed and every node is known to be healthy.

        Other checks may warn or be unknown.
        """
        failed = any(check.status is Status.FAIL for check in self.checks)
        return not failed and all(node.known_healthy for node in self.nodes)
