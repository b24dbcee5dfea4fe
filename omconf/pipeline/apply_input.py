"""What an apply is given: a plan that may be carried out, how to do that, and who is told."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from omconf.dataclass import dataclass
from omconf.waits import HEALTH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.actions import Step
    from omconf.apply.events import Event
    from omconf.cluster.model import Cluster
    from omconf.deployed.snapshot import NodeFiles
    from omconf.pipeline.compiled import Compiled
    from omconf.pipeline.plan import Made
    from omconf.pipeline.sources import Asked
    from omconf.plan.mask import Mask
    from omconf.views.document import Document


@dataclass(frozen=True, slots=True)
class Options:
    """How an apply or an undo is carried out; times are in seconds."""

    reason: str = ""
    dry_run: bool = False
    keep: bool = False
    """Nothing is taken back when a step fails: `--no-undo`."""
    wait: float = 0
    """How long a lock of somebody else is waited for."""
    force: str = ""
    """The lock that is broken."""
    health: int = HEALTH_SECONDS
    """How long a node may take to become healthy."""
    drain: float = 0
    """How long people may stay connected to a node before it stops."""
    confirm: bool = False
    """Somebody is asked before each node stops or restarts."""
    unhealthy: bool = False
    """It begins also while a node that it does not change is unhealthy: `--force`."""


class Show(Protocol):
    """Who is told what happens; `mask` hides secrets."""

    mask: Mask | None

    def event(self, event: Event) -> None:
        """Show an event."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan that may be carried out, and its document as people see it."""

    compiled: Compiled
    made: Made
    document: Document
    asked: Asked
    digest: str
    """Of the document as it would be saved."""
    told: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What people were told to do when the last applies waited for them, by node; the oldest first."""

    @property
    def cluster(self) -> Cluster:
        """The cluster of the spec."""
        assert self.compiled.cluster is not None  # noqa: S101 - there is a plan
        return self.compiled.cluster

    @property
    def whole(self) -> bool:
        """Whether all nodes stop for it."""
        return str(self.made.plan.rollout.disruption) == "all"

    @property
    def steps(self) -> list[tuple[int, Step]]:
        """The steps with their numbers."""
        return [*enumerate(self.made.plan.rollout.steps, 1)]

    @property
    def nodes(self) -> list[str]:
        """The nodes that have a part in a step, in the order of the spec."""
        having = {name for _, step in self.steps for name in step.nodes}
        return [name for name in self.cluster.destinations if name in having]

    def files(self, node: str) -> NodeFiles:
        """What was read of a node."""
        snapshot = self.made.snapshot
        return snapshot.nodes[node] if node in snapshot.nodes else snapshot.left[node]
