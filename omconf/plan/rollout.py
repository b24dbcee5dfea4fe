"""The order of a roll-out, from the effects that the kinds declare."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from omconf.artifacts import kinds
from omconf.artifacts.model import service_command
from omconf.formats.node_check import PROGRAM
from omconf.plan.model import Action, ArtifactChange, Step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omconf.artifacts.model import Effect
    from omconf.cluster.model import Cluster

STOP_ALL_WHY = "everything is in its place: start all"
STOPPED_WHY = "{why}: OpenMeetings is stopped here meanwhile"
ROLLING_WHY = "one node after the other, each when the check of the one before has passed"


def order(cluster: Cluster, changes: Iterable[ArtifactChange]) -> tuple[Step, ...]:
    """Put the effects of changes in order: by phase, deletes last, one restart a node.

    When old and new members cannot see each other, everything stops first and starts last.
    """
    phases = {kind.name: kind.phase for kind in kinds()}
    changes = list(changes)
    handed_over = _handed_over(cluster, changes)
    effects = [
        (c.action is Action.DELETE or c.effect.late, phases[c.kind], c.node, c.effect)
        for c in changes
        if c.effect and c.effect.run and c.action is not Action.REFORMAT
    ]
    restarts = {node: effect for _, _, node, effect in effects if effect.action == "restart"}
    apart = next((effect for _, _, _, effect in effects if not effect.rolling), None)
    plain = [e for e in effects if e[3].action != "restart"]
    # What is taken away is taken away in the opposite order: unmount before the export goes.
    plain.sort(key=lambda e: (e[0], -e[1] if e[0] else e[1]))
    steps = []
    stopped: dict[str, None] = {}
    for _, group in groupby(plain, key=lambda e: (e[0], e[1])):
        at_once = []
        for _, _, node, effect in group:
            if effect.stopped and not apart:
                stopped[node] = None
                steps.append(_stopped(cluster, node, effect))
            else:
                at_once.append((node, effect))
        steps += _by_commands(at_once)
    if apart:
        everyone = tuple(node.name.value for node in cluster.nodes)
        first = Step(everyone, (service_command(cluster, "stop"),), apart.why)
        start = (service_command(cluster, "start"),)
        return (first, *handed_over, *steps, Step(everyone, start, STOP_ALL_WHY, (PROGRAM,)))
    again = (service_command(cluster, "restart"),)
    rolling = (node for node in restarts if node not in stopped)
    return (
        *handed_over,
        *steps,
        *(Step((node,), again, ROLLING_WHY, restarts[node].check) for node in rolling),
    )


def _handed_over(cluster: Cluster, changes: Iterable[ArtifactChange]) -> list[Step]:
    """What whoever runs a server outside has to do before a new node starts, by its folder's name."""
    new = [c.effect for c in changes if c.effect and c.action is Action.CREATE]
    if not any(effect.action == "restart" for effect in new):
        return []
    steps = []
    for kind in sorted(kinds(), key=lambda kind: kind.phase):
        if files := kind.hand_over(cluster):
            text = kind.guide(cluster).partition("\n")[0].replace("`", "")
            steps.append(Step((files[0].path.partition("/")[0],), (), text))
    return steps


def _stopped(cluster: Cluster, node: str, effect: Effect) -> Step:
    """A step for which OpenMeetings does not run on the node."""
    stop, start = (service_command(cluster, verb) for verb in ("stop", "start"))
    why = STOPPED_WHY.format(why=effect.why)
    return Step((node,), (stop, *effect.run, start), why, (*effect.check, PROGRAM))


def _by_commands(effects: Iterable[tuple[str, Effect]]) -> list[Step]:
    """One step for all nodes that run the same commands."""
    together: dict[tuple[tuple[str, ...], str, tuple[str, ...]], dict[str, None]] = {}
    for node, effect in effects:
        together.setdefault((effect.run, effect.why, effect.check), {})[node] = None
    return [Step(tuple(nodes), *what) for what, nodes in together.items()]
