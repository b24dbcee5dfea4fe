"""Who has to stop in a roll-out, by the effects of the changes: nobody whose settings are as wanted.

- Nodes part whose old settings may not run beside the new ones. A single one restarts alone: all
  others run so already. Several stop together, before the first of them starts again.
- The shared folder moves when all who use it find it elsewhere, or some do and a data server begins or
  ends to serve it. Then all nodes stop, as no two may use different folders. A data server that
  ends to serve a folder in one way and begins in another has it as before.
- Of all other nodes, those restart one by one that read what changed at their start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.actions import OWN_UNITS, Do, Manual, Stage
from omconf.artifacts.effect import HOME, Effect, mount_manually, other_release
from omconf.releases import is_earlier
from omconf.rollout import openmeetings
from omconf.rollout.model import Disruption, Part, Parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omconf.cluster.model import Cluster
    from omconf.rollout.model import State

MOVED = "the shared folder moves"
MOVE = Do(
    Manual(
        "admin", "Move the shared data to its new location, and unmount what was mounted by hand."
    ),
    Manual(
        "admin", "Move the shared data back to where it was, and mount what was mounted by hand."
    ),
)
UNSURE = "an unfinished apply did not mount the shared folder"
UNIT = "another unit starts OpenMeetings"


class Who:
    """The nodes of a roll-out: which of them stop, together or one by one, and why."""

    def __init__(
        self,
        cluster: Cluster,
        parts: Parts,
        states: Mapping[str, State],
        removed: Mapping[str, State],
    ) -> None:
        names = [node.name.value for node in cluster.nodes]
        self.cluster = cluster
        self.wanted = cluster.openmeetings.release.value.name
        self.states = states
        self.parts = parts.of(names)
        known = set(names)
        self.left = Parts(tuple(p for p in parts.listed if p.node not in known))
        self.removed = removed
        planned = [name for name in names if name in states]
        self.unplanned = [name for name in names if name not in states]
        # Where an apply did not come to the first start of the whole cluster, no node ran yet.
        never = any(map(self.owes, openmeetings.first_tables(cluster)))
        self.new = [name for name in planned if never or not states[name].runs]
        self.existing = [name for name in planned if states[name].runs and not never]
        self.parts += self._clients()
        self.moved = self._moved()
        self.reasons = self._reasons()
        together = len(self.reasons) > 1 or (bool(self.reasons) and bool(self.unplanned))
        self.stopping = list(self.reasons) if together else []
        self.together = set(self.stopping)
        # One that an unfinished apply left stopped serves again before another one stops.
        self.rolling = sorted(self._rolling(), key=lambda node: not states[node].owes)
        starting = {*self.stopping, *self.rolling, *self.new}
        self.again = {node: None for node in planned if node not in starting and self._waits(node)}
        self.parts += self._unsure()

    def _waits(self, node: str) -> bool:
        """Tell whether an apply that did not come to its end stopped OpenMeetings on a node."""
        state = self.states[node]
        # By whichever unit: it may start by another one from now on, or by hand.
        stopped = any(not unit.startswith(OWN_UNITS) for unit in state.stopped)
        return stopped or any(openmeetings.verb_of(text) == "start" for text in state.by_hand)

    def _unsure(self) -> Parts:
        """What nodes that start need where an unfinished apply did not have the folder mounted.

        By then fstab may be as wanted already, so that no change asks for it.
        """
        mount = mount_manually(self.cluster)
        effect = Effect("mount", UNSURE, stopped=True, manual=mount)
        starting = {*self.stopping, *self.rolling}
        starting |= {name for name, state in self.states.items() if state.stopped}
        unsure = [n for n in self.existing if n in starting and self.owes(mount, [n])]
        return Parts(tuple(Part(node, "", Stage.MOUNT, effect) for node in unsure))

    def owes(self, does: Do, nodes: Iterable[str] | None = None) -> bool:
        """Tell whether an unfinished apply left to people what it was to have them do on some nodes."""
        names = self.states if nodes is None else nodes
        return any(_text(does) in self.states[name].by_hand for name in names)

    def _clients(self) -> Parts:
        """What nodes do because another one serves the folder in another way."""
        having = self.parts.of(self.existing, stages=(Stage.MOUNT,)).by_node()
        return Parts(
            tuple(
                Part(node, "", Stage.MOUNT, p.effect.clients)
                for p in (*self.parts.listed, *self.left.listed)
                if p.effect.clients
                for node in self.existing
                if node != p.node and node not in having
            )
        )

    def _moved(self) -> bool:
        """Tell whether the shared folder moves, and is not only mounted from elsewhere by one node."""
        if self.owes(MOVE):
            return True
        moves = [p for p in self.parts.of(self.existing).listed if p.effect.moves]
        moves += [
            p for p in self.left.of(self.removed, stages=(Stage.SERVE,)).listed if p.effect.moves
        ]
        stay = {
            p.node
            for p in self.parts.of(self.existing, stages=(Stage.SERVE,)).deleting(True).listed
            if not p.effect.moves
        }
        served = [p for p in moves if p.stage is Stage.SERVE and p.node not in stay]
        using = {p.node for p in moves if p.stage is not Stage.SERVE}
        did = {node for node in self.states if _text(MOVE) in self.states[node].done}
        if did and using - did:
            return True  # these went back, and the data with them
        if not using and any(self.states[node].unrecorded for node in self.existing):
            return (
                False  # all use it elsewhere already, after an apply that did not come to its end
            )
        if any(not p.effect.rolling for p in served):
            return True
        return bool(using) and (bool(served) or using == set(self.existing))

    def _reasons(self) -> dict[str, list[str]]:
        """Why a node's old settings may not run beside the new ones, by node."""
        found: dict[str, dict[str, None]] = {}
        for node in self.existing:
            whys = [
                p.effect.why
                for p in self.parts.on(node).listed
                if not (p.effect.rolling or p.effect.action == "none")
                or (p.effect.moves and p.stage is Stage.MOUNT)
            ]
            if not whys and self.moved:
                whys = [MOVED]
            if not whys and self.alters(node):
                whys = [other_release(self.states[node].release or "", self.wanted)]
            if not whys and self.states[node].home is not None:
                whys = [HOME]
            if whys:
                found[node] = dict.fromkeys(whys)
        return {node: list(whys) for node, whys in found.items()}

    def _rolling(self) -> list[str]:
        """The existing nodes that stop and start by themselves."""
        return [
            node
            for node in self.existing
            if node not in self.together
            and (
                node in self.reasons
                or self.installs(node)
                or self.states[node].unit is not None
                or any(
                    p.effect.stopped or p.effect.action == "restart"
                    for p in self.parts.on(node).listed
                )
            )
        ]

    @property
    def disruption(self) -> Disruption:
        """What it costs the people: with the last node that runs, all stop."""
        stays = set(self.existing) - self.together
        if self.unplanned and not self.stopping:
            stays |= set(self.unplanned)
        # Those that stop together serve again before the others restart, but beside unplanned ones.
        serves_again = bool(self.stopping) and not self.unplanned
        down = self.stopping or self.rolling or any(map(self.ran, self.removed))
        alone = len(stays) == 1 and stays <= set(self.rolling) and not serves_again
        if down and (not stays or alone):
            return Disruption.ALL
        return Disruption.ROLLING if down else Disruption.NONE

    def ran(self, node: str) -> bool:
        """Tell whether a node that left still has what OpenMeetings of this cluster starts with."""
        stages = (Stage.OPENMEETINGS, Stage.UNIT)
        return bool(self.left.on(node, stages=stages))

    def installs(self, node: str) -> bool:
        """Tell whether OpenMeetings, or another release of it, has to be installed on a node."""
        return not self.states[node].installed or self.alters(node)

    def anew(self, node: str) -> bool:
        """Tell whether nothing says that the unit on a node starts OpenMeetings at each boot."""
        begins = self.parts.on(node, stages=(Stage.UNIT,)).deleting(False).listed
        return self.states[node].unrecorded or any(p.creates for p in begins)

    def alters(self, node: str) -> bool:
        """Tell whether the release that a node runs becomes another one, which alters the tables."""
        state = self.states[node]
        return state.runs and state.release not in (None, self.wanted)

    def is_downgrade(self, nodes: Iterable[str]) -> bool:
        """Tell whether some node runs a later release than the wanted one."""
        return any(
            self.alters(node) and is_earlier(self.wanted, self.states[node].release or "")
            for node in nodes
        )


def _text(does: Do) -> str:
    """Return the text of a manual step."""
    assert isinstance(does.action, Manual)  # noqa: S101 - nobody else is asked
    return does.action.text
