"""What became of the nodes of a test, and when: what stands for OpenMeetings there wrote it down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Moment:
    """What became of a node, by this host's clock.

    It is `starting`, `members` (it sees others than before), `healthy`, `sick`, `stopping` or `down`.
    """

    at: float
    node: str
    what: str
    members: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Line:
    """The moments of all nodes in their order, of which those since `began` count."""

    moments: tuple[Moment, ...]
    began: float = 0

    @classmethod
    def of(cls, written: Iterable[tuple[str, str]], began: float = 0) -> Line:
        """Read what each node, by its name, wrote down: time, what, members."""
        found = []
        for name, text in written:
            for line in text.splitlines():
                at, what, *members = line.split()
                found.append(Moment(float(at), name, what, frozenset(members)))
        return cls(tuple(sorted(found, key=lambda moment: moment.at)), began)

    def healthy(self) -> set[str]:
        """Which nodes are healthy at its end."""
        found: set[str] = set()
        for moment in self.moments:
            if moment.what == "healthy":
                found.add(moment.node)
            elif moment.what != "members":
                found.discard(moment.node)
        return found

    def members(self) -> Iterator[tuple[float, dict[str, frozenset[str]]]]:
        """What each node sees, now and after each moment in which that changed."""
        sees: dict[str, frozenset[str]] = {}
        for moment in self.moments:
            if moment.at >= self.began and moment.what in ("members", "stopping", "down"):
                yield moment.at, dict(sees)
            if moment.what in ("members", "starting", "stopping", "down"):
                sees[moment.node] = moment.members
        yield max(self.began, self.moments[-1].at if self.moments else 0), sees

    def fewest_members(self) -> int:
        """How many members the largest cluster had when it was smallest."""
        return min(max(map(len, sees.values()), default=0) for _, sees in self.members())

    def fewest_healthy(self) -> int:
        """How many nodes were healthy when it was fewest."""
        healthy: set[str] = set()
        counts = []
        for moment in self.moments:
            if moment.at >= self.began:
                counts.append(len(healthy))
            if moment.what == "healthy":
                healthy.add(moment.node)
            elif moment.what != "members":
                healthy.discard(moment.node)
        return min([*counts, len(healthy)])

    def seconds(self) -> float:
        """How long it took from the first that stopped to the last that became healthy."""
        those = [m for m in self.moments if m.at >= self.began]
        stops = [m.at for m in those if m.what in ("stopping", "down")]
        return max(m.at for m in those if m.what == "healthy") - min(stops)

    def took(self, node: str, since: str, until: str) -> float:
        """How long a node took from one moment of it to the next of another kind, in seconds."""
        begun = next(m.at for m in self.moments if self._is(m, node, since, self.began))
        return next(m.at for m in self.moments if self._is(m, node, until, begun)) - begun

    @staticmethod
    def _is(moment: Moment, node: str, what: str, after: float) -> bool:
        return (moment.node, moment.what) == (node, what) and moment.at >= after
