"""What a roll-out is made from, and what it comes to."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from omconf.actions import Do, Stage, put, remove
from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omconf.actions import Step
    from omconf.artifacts.effect import Effect


class Disruption(StrEnum):
    """What a roll-out costs the people on the cluster."""

    NONE = "none"
    ROLLING = "rolling"
    """Nodes stop or restart, and others serve meanwhile."""
    ALL = "all"
    """There is a time at which no node serves."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of one node that changes. `whole` tells that the file as a whole is omconf's.

    An empty path stands for no file: what another node's change makes this one do.
    """

    node: str
    path: str
    stage: Stage
    effect: Effect
    deletes: bool = False
    whole: bool = True
    creates: bool = False
    """Whether there was nothing of it before."""

    @property
    def write(self) -> Do:
        """Write the file, or take away what is omconf's of it."""
        return remove(self.path) if self.deletes and self.whole else put(self.path)


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a node before the roll-out.

    `installed`: OpenMeetings is in the home that the spec says. `release` is the deployed one, None
    where it is not known. `home_paths` are all files of the bundle below its home: an installation
    overwrites them, and `there`, which are the files below it that are deployed. `home` and `unit`
    are those that it ran from until now, None where the spec says the same. `stopped` are units that
    an apply stopped which did not come to its end; of one that did not, what it wrote is `unrecorded`,
    a start or a restart is what the node `owes`, `by_hand` are the texts of what it would have had
    people do, and did not, `done` of what they did.
    """

    installed: bool = True
    release: str | None = None
    home_paths: tuple[str, ...] = ()
    there: tuple[str, ...] = ()
    home: str | None = None
    unit: str | None = None
    stopped: tuple[str, ...] = ()
    owes: bool = False
    unrecorded: bool = False
    by_hand: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()

    @property
    def runs(self) -> bool:
        """Whether OpenMeetings ran on the node until now, in this home or another."""
        return self.installed or self.home is not None


@dataclass(frozen=True, slots=True)
class Rollout:
    """The steps in their order, and what they cost."""

    steps: tuple[Step, ...] = ()
    disruption: Disruption = Disruption.NONE


@dataclass(frozen=True)
class Parts:
    """Changes, to be asked for by node and stage."""

    listed: tuple[Part, ...] = ()

    def of(self, nodes: Iterable[str], *, stages: Iterable[Stage] = tuple(Stage)) -> Parts:
        """Return those of some nodes, in some stages."""
        names, wanted = set(nodes), set(stages)
        return Parts(tuple(p for p in self.listed if p.node in names and p.stage in wanted))

    def on(self, node: str, *, stages: Iterable[Stage] = tuple(Stage)) -> Parts:
        """Return those of one node, in some stages, without a look at those of the others."""
        return self._by_node.get(node, Parts()).of([node], stages=stages)

    def deleting(self, deletes: bool) -> Parts:
        """Return those that only take something away, or the others."""
        return Parts(tuple(p for p in self.listed if p.deletes is deletes))

    def __add__(self, other: Parts) -> Parts:
        return Parts((*self.listed, *other.listed))

    def by_node(self) -> Mapping[str, Parts]:
        """Return the parts of each node, in the order of the parts."""
        return self._by_node

    @cached_property
    def _by_node(self) -> Mapping[str, Parts]:
        found: dict[str, list[Part]] = {}
        for part in self.listed:
            found.setdefault(part.node, []).append(part)
        return {node: Parts(tuple(parts)) for node, parts in found.items()}

    def __bool__(self) -> bool:
        return bool(self.listed)
