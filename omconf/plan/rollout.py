"""The order of a roll-out, from the effects that the kinds declare.

A node's new and changed files are laid before its first step; what is to be deleted goes after its
last. Within these, what others need comes first, and nothing is taken away while it is used:

1. nodes that left the spec stop, and let go of what they use;
2. when old and new members cannot see each other, all stop;
3. whoever runs a server outside lets new nodes in;
4. what is mounted anew, or no longer, is let go of while all are stopped;
5. exports, mounts, routes, units, by the kinds' phases; a node whose OpenMeetings must not run
   meanwhile does all of its own between one stop and one start;
6. restarts, one node after the other, new nodes last; or all start;
7. what is no longer used goes, in the opposite order.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from omconf.artifacts import kinds
from omconf.artifacts.model import service_command
from omconf.formats.node_check import PROGRAM
from omconf.plan.model import Action, Step

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from omconf.artifacts.model import Effect
    from omconf.cluster.model import Cluster
    from omconf.plan.model import ArtifactChange

What = TypeVar("What")

STOP_ALL_WHY = "everything is in its place: start all"
STOPPED_WHY = "{why}: OpenMeetings is stopped here meanwhile"
ROLLING_WHY = "each when the check of the one before has passed"
UNPLANNED = (
    " Not planned here: {nodes}. Stop them too, and start nothing before they are rolled out"
)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one change has to have run on its node."""

    node: str
    phase: int
    action: Action
    effect: Effect

    @property
    def frees(self) -> bool:
        """Whether something is only taken away by it."""
        return self.action is Action.DELETE


def order(
    cluster: Cluster, changes: Iterable[ArtifactChange], planned: Collection[str]
) -> tuple[Step, ...]:
    """Put the effects of changes in order; `planned` are the spec's nodes whose files are known."""
    phases = {kind.name: kind.phase for kind in kinds()}
    parts = [
        _Part(c.node, phases[c.kind], c.action, c.effect)
        for c in changes
        if c.effect and c.action is not Action.REFORMAT
    ]
    names = dict.fromkeys(node.name.value for node in cluster.nodes)
    leaving = [p for p in parts if p.node not in names]
    staying = [p for p in parts if p.node in names]
    apart = next((p.effect for p in staying if not p.effect.rolling), None)
    left, handed_over = _leave(leaving), _handed_over(cluster, staying)
    if apart:
        there = [name for name in names if name in planned]
        return (*left, *_all_at_once(cluster, staying, apart, there, handed_over))
    return (*left, *handed_over, *_rolling(cluster, staying))


def _leave(parts: list[_Part]) -> list[Step]:
    """Nodes that left: OpenMeetings stops there, then what it used goes."""
    return _in_phases(parts, backward=True)


def _handed_over(cluster: Cluster, parts: list[_Part]) -> list[Step]:
    """What whoever runs a server outside has to do before, by its folder of the bundles."""
    needed = {folder for part in parts for folder in part.effect.needs}
    steps = []
    for kind in sorted(kinds(), key=lambda kind: kind.phase):
        files = kind.hand_over(cluster)
        folder = files[0].path.partition("/")[0] if files else ""
        if folder in needed:
            text = kind.guide(cluster).partition("\n")[0].replace("`", "")
            steps.append(Step((folder,), (), text))
    return steps


def _all_at_once(
    cluster: Cluster,
    parts: list[_Part],
    apart: Effect,
    planned: list[str],
    handed_over: list[Step],
) -> Iterator[Step]:
    """All stop, everything changes, all start."""
    everyone = tuple(planned)
    known = frozenset(planned)
    others = [n.name.value for n in cluster.nodes if n.name.value not in known]
    more = UNPLANNED.format(nodes=", ".join(others[:10])) if others else ""
    yield Step(everyone, (service_command(cluster, "stop"),), f"{apart.why}.{more}".rstrip("."))
    yield from handed_over
    plain = [p for p in parts if p.effect.action != "restart"]
    yield from _by_commands((p.node, p.effect.release, p.effect.why, ()) for p in plain)
    yield from _by_hand(plain)
    yield from _in_phases([p for p in plain if not p.frees])
    yield from _in_phases([p for p in plain if p.frees], backward=True, released=True)
    if others:
        yield Step(everyone, (), f"in its place.{more}")
    else:
        yield Step(everyone, (service_command(cluster, "start"),), STOP_ALL_WHY, (PROGRAM,))


def _rolling(cluster: Cluster, parts: list[_Part]) -> Iterator[Step]:
    """Nodes change and restart one after the other."""
    stopped = dict.fromkeys(p.node for p in parts if p.effect.stopped and p.phase > _SERVERS)
    plain = [p for p in parts if p.effect.action != "restart"]
    shared = [p for p in plain if p.node not in stopped or not p.phase > _SERVERS]
    yield from _in_phases([p for p in shared if not p.frees])
    of_node: dict[str, list[_Part]] = {node: [] for node in stopped}
    for part in plain:
        if part.node in of_node and part.phase > _SERVERS:
            of_node[part.node].append(part)
    for node, own in of_node.items():
        own.sort(key=lambda p: p.phase)
        run = [c for p in own for c in p.effect.release]
        run += dict.fromkeys(c for p in own for c in p.effect.run)
        check = dict.fromkeys(c for p in own for c in p.effect.check)
        why = STOPPED_WHY.format(why=next(p.effect.why for p in own if p.effect.stopped))
        stop, start = (service_command(cluster, verb) for verb in ("stop", "start"))
        if by_hand := _by_hand(own):
            yield Step((node,), (stop, *run), why, tuple(check))
            yield from by_hand
            yield Step((node,), (start,), "everything is in its place here", (PROGRAM,))
        else:
            yield Step((node,), (stop, *run, start), why, (*check, PROGRAM))
    yield from _by_hand([p for p in plain if p.node not in stopped])
    restarts = [p for p in parts if p.effect.action == "restart" and p.node not in stopped]
    new = {p.node for p in restarts if p.action is Action.CREATE}
    for node in dict.fromkeys(p.node for p in sorted(restarts, key=lambda p: p.node in new)):
        yield Step((node,), (service_command(cluster, "restart"),), ROLLING_WHY, (PROGRAM,))
    yield from _in_phases([p for p in shared if p.frees], backward=True)


_SERVERS = 10
"""Up to this phase a kind serves other nodes: what it exports is there before anybody mounts it."""


def _by_hand(parts: list[_Part]) -> list[Step]:
    """What no command of omconf's can do."""
    return [
        Step(nodes, (), why)
        for nodes, why in _together((p.node, p.effect.by_hand) for p in parts if p.effect.by_hand)
    ]


def _in_phases(parts: list[_Part], *, backward: bool = False, released: bool = False) -> list[Step]:
    """The steps of parts by phase; backward, they let go of what they use, if not `released`."""
    steps = []
    free = backward and not released
    ordered = sorted(parts, key=lambda p: -p.phase if backward else p.phase)
    for _, group in groupby(ordered, key=lambda p: p.phase):
        steps += _by_commands(
            (
                p.node,
                (*(p.effect.release if free else ()), *p.effect.run),
                p.effect.why,
                p.effect.check,
            )
            for p in group
        )
    return steps


def _by_commands(
    parts: Iterable[tuple[str, tuple[str, ...], str, tuple[str, ...]]],
) -> list[Step]:
    """One step for all nodes that run the same commands."""
    return [
        Step(nodes, run, why, check)
        for nodes, (run, why, check) in _together((n, (r, w, c)) for n, r, w, c in parts if r)
    ]


def _together(pairs: Iterable[tuple[str, What]]) -> list[tuple[tuple[str, ...], What]]:
    found: dict[What, dict[str, None]] = {}
    for node, what in pairs:
        found.setdefault(what, {})[node] = None
    return [(tuple(nodes), what) for what, nodes in found.items()]
