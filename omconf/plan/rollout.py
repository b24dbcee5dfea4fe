"""The order of a roll-out, from the effects that the kinds declare."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from omconf.artifacts import kinds
from omconf.artifacts.model import restart_command
from omconf.plan.model import Action, ArtifactChange, Step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omconf.artifacts.model import Effect
    from omconf.cluster.model import Cluster


def order(cluster: Cluster, changes: Iterable[ArtifactChange]) -> tuple[Step, ...]:
    """Put the effects of changes in order: by phase, deletes last, restarts once a node."""
    phases = {kind.name: kind.phase for kind in kinds()}
    effects = [
        (phases[c.kind], c.action is Action.DELETE, c.node, c.effect)
        for c in changes
        if c.effect and c.action is not Action.REFORMAT
    ]
    plain = [e for e in effects if e[3].action != "restart"]
    # What is taken away is taken away in the opposite order: unmount before the export goes.
    plain.sort(key=lambda e: (e[1], -e[0] if e[1] else e[0]))
    steps = []
    for _, group in groupby(plain, key=lambda e: (e[1], e[0])):
        steps += _by_commands((node, effect) for _, _, node, effect in group)
    restarts = [(node, effect) for _, _, node, effect in effects if effect.action == "restart"]
    stop, start = _restarts(cluster, restarts)
    return (*stop, *steps, *start)


def _by_commands(effects: Iterable[tuple[str, Effect]]) -> list[Step]:
    """One step for all nodes that run the same commands."""
    together: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for node, effect in effects:
        nodes = together.setdefault((effect.run, effect.why), [])
        if node not in nodes:
            nodes.append(node)
    return [Step(tuple(nodes), run, why) for (run, why), nodes in together.items()]


def _restarts(cluster: Cluster, effects: list[tuple[str, Effect]]) -> tuple[list[Step], list[Step]]:
    """What comes before all other steps, and what comes after them."""
    if not effects:
        return [], []
    apart = next((effect for _, effect in effects if not effect.rolling), None)
    if apart is None:
        nodes = tuple(dict.fromkeys(node for node, _ in effects))
        why = "one node after the other; wait until the members see each other before the next"
        return [], [Step(nodes, (restart_command(cluster),), why)]
    everyone = tuple(node.name.value for node in cluster.nodes)
    restart = restart_command(cluster)
    stop, start = (restart.replace("restart", word, 1) for word in ("stop", "start"))
    return (
        [Step(everyone, (stop,), apart.why)],
        [Step(everyone, (start,), "everything is in its place: start all")],
    )
