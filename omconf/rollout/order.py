"""The order of a roll-out, from the effects that the artifact kinds declare.

1. Nodes that left the spec stop and let go of what they use. What they serve stays.
2. Outside servers let new nodes and accounts in; what is there already stays until the end.
3. Nodes whose old settings may not run beside the new ones stop, all before the first of them starts
   again (rollout/who.py). Nodes that run the new settings already are not touched.
4. What others use is written before them: exports, then mounts, routes, units. Shared data that move
   do so while nobody runs, after the last unmount and before the first mount.
5. What OpenMeetings reads when it starts is written directly before its start.
6. The other nodes restart one after the other, each healthy before the next; new nodes start last.
7. What is no longer used goes, in the opposite order: exports, also of nodes that left, and access to
   servers outside. Each node's manifest records what was applied.

Whatever changes a host or a server can be taken back, also by hand: data that moved, an installation,
the tables of a database. tests/rollout simulates all of it, action by action, and back.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from itertools import compress, groupby
from operator import not_
from typing import TYPE_CHECKING, TypeVar

from omconf.actions import Do, Health, Manual, Stage, Step, put, remove
from omconf.cluster import places
from omconf.rollout import openmeetings, pieces
from omconf.rollout.model import Disruption, Parts, Rollout
from omconf.rollout.outside import Outside
from omconf.rollout.who import MOVE, UNIT
from omconf.waits import APART_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from omconf.cluster.model import Cluster
    from omconf.rollout.model import Part, State

What = TypeVar("What")

BELOW = (Stage.PROTECT, Stage.MOUNT, Stage.NETWORK, Stage.UNIT)
"""What a node has to have before its OpenMeetings starts."""
UNUSED = "no longer used"
STOP_WHY = "all nodes must stop"
STOP_SOME_WHY = "these nodes must stop together"
UNPLANNED = "not part of this plan, but must be stopped as well: {nodes}"


def order(
    cluster: Cluster,
    parts: Iterable[Part],
    states: Mapping[str, State],
    removed: Mapping[str, State] | None = None,
) -> Rollout:
    """Put the changes of a plan in order.

    `states` are those of the spec's nodes that were read, `removed` of nodes that left the spec and
    hold a manifest of omconf.
    """
    job = _Job(cluster, Parts(tuple(parts)), states, removed or {})
    return Rollout(tuple(job.steps()), job.disruption)


class _Job(Outside):
    """One roll-out: the steps."""

    @cached_property
    def asked(self) -> set[tuple[str, Do]]:
        """What a person was asked to do on a node already."""
        return set()

    def steps(self) -> Iterator[Step]:
        yield from self._leave()
        yield from pieces.used(self.let_in())
        yield from self._install(self.new)
        if self.stopping:
            yield from self._stop()
            yield from self._let_go(self.stopping)
        yield from pieces.used(self._serve())
        if self.stopping:
            yield from self._write(self._ahead)
            yield from pieces.used(self._move(self.stopping))
            yield from self._prepare(self._own(self.parts.of(self.stopping)))
            yield from self._start(self.stopping)
        yield from self._roll()
        yield from self._begin()
        yield from pieces.ending(self._end_serving())
        yield from pieces.ending(pieces.used(self.shut_out()))
        yield from self._forget()
        yield from self._record()

    def _leave(self) -> Iterator[Step]:
        """Removed nodes: OpenMeetings stops for good, and all goes but what others may still mount."""
        if not self.removed:
            return
        why = "these nodes are no longer in the spec: stop OpenMeetings permanently"
        ran = [node for node in self.removed if self.ran(node)]
        yield from pieces.together(
            (node, why, openmeetings.leave(self.cluster, self.removed[node].unit)) for node in ran
        )
        parts = self.left.of(self.removed, stages=set(Stage) - {Stage.SERVE})
        yield from self._delete(parts, "no longer used on removed nodes")

    def _stop(self) -> Iterator[Step]:
        """Stop the nodes whose settings may not meet the new ones."""
        reasons = dict.fromkeys(why for whys in self.reasons.values() for why in whys)
        head = STOP_WHY if self.disruption is Disruption.ALL else STOP_SOME_WHY
        why = f"{head}: {'; '.join(reasons)}"
        if self.unplanned:
            why += f"; {UNPLANNED.format(nodes=', '.join(self.unplanned[:10]))}"
        units: dict[str | None, list[str]] = {}
        for node in self.stopping:
            units.setdefault(self.states[node].unit, []).append(node)
        for unit, nodes in units.items():
            stop = openmeetings.stop(self.cluster, nodes, why, unit)
            yield replace(stop, together=tuple(self.stopping))

    def _let_go(self, nodes: Sequence[str]) -> Iterator[Step]:
        """Unmount and the like, while nothing uses it."""
        below = self.parts.of(nodes, stages=BELOW)
        yield from pieces.together(
            (p.node, p.effect.why, p.effect.release)
            for p in pieces.backward(below)
            if p.effect.release
        )

    def _serve(self) -> Iterator[Step]:
        """What other nodes mount."""
        nodes = (*self.existing, *self.new)
        parts = self.parts.of(nodes, stages=(Stage.SERVE,)).deleting(False)
        yield from self._manual(parts)
        yield from self._write(parts)

    @cached_property
    def _ahead(self) -> Parts:
        """Firewalls of nodes that run on, before those that stopped mount from them."""
        nodes = [n for n in self.existing if n not in self.together and not self._stops_alone(n)]
        return self.parts.of(nodes, stages=(Stage.PROTECT,)).deleting(False)

    def _end_serving(self) -> Iterator[Step]:
        """What no other node mounts any more, also on nodes that left."""
        parts = self.parts.of(self.states, stages=(Stage.SERVE,)).deleting(True)
        parts += self.left.of(self.removed, stages=(Stage.SERVE,))
        yield from self._delete(parts, "no other node mounts it any more")

    def _forget(self) -> Iterator[Step]:
        """Take the manifest from nodes that left, once nothing is to be done for that any more."""
        if self.removed:
            own = remove(places.manifest(self.cluster.name.value))
            yield Step.of(self.removed, "no omconf files remain on these nodes", (own,))

    def _manual(self, parts: Parts) -> Iterator[Step]:
        """What people have to do between a stop and a start, each thing once."""
        needing: dict[Do, dict[str, None]] = {}
        for part in parts.listed:
            for manual in self._by_hand([part]):
                needing.setdefault(manual, {})[part.node] = None
        for manual, nodes in needing.items():
            yield Step.of(nodes, "manual step", (manual,))

    def _by_hand(self, parts: Iterable[Part]) -> Iterator[Do]:
        """What people have to do on one node, each thing once."""
        for part in parts:
            manual = part.effect.manual
            if manual and (part.node, manual) not in self.asked:
                self.asked.add((part.node, manual))
                yield manual

    def _move(self, nodes: Sequence[str]) -> Iterator[Step]:
        """Move the shared data while nobody uses them: no node runs, and nothing is mounted."""
        if self.moved:
            move = Step.of(nodes, "the shared folder is not in use now", (MOVE,))
            yield replace(move, bars=True)

    def _prepare(self, parts: Parts) -> Iterator[Step]:
        """Do what comes before the start, by hand where it has to be: old mounts are gone by then."""
        below = parts.of(self.states, stages=BELOW).listed
        gone = [p.deletes and p.stage is Stage.MOUNT for p in below]
        yield from self._write(Parts(tuple(compress(below, gone))))
        yield from self._manual(parts)
        yield from self._write(Parts(tuple(compress(below, map(not_, gone)))))

    def _write(self, parts: Parts) -> Iterator[Step]:
        """Write files and tell the programs that read them, stage by stage, equal steps as one.

        What lets go of something ran before, where that has to be.
        """
        for stage, group in groupby(sorted(parts.listed, key=lambda p: p.stage), lambda p: p.stage):
            steps = pieces.together(
                (node, its[0].effect.why, pieces.written(its))
                for node, its in pieces.by_node(group).items()
            )
            # Nodes that are let in may mount by now, and be members.
            yield from pieces.used(steps) if stage is Stage.PROTECT else steps

    def _delete(self, parts: Parts, why: str) -> Iterator[Step]:
        """Take away what is no longer used, the last stage first."""
        ordered = pieces.backward(parts)
        for _, group in groupby(ordered, lambda p: p.stage):
            yield from pieces.together(
                (
                    node,
                    why,
                    (*pieces.once(d for p in its for d in p.effect.release), *pieces.written(its)),
                )
                for node, its in pieces.by_node(group).items()
            )

    def _openmeetings_files(self, node: str) -> tuple[Do, ...]:
        """Write what OpenMeetings reads when it starts, and what checks it then."""
        stages = (Stage.OPENMEETINGS, Stage.CHECK)
        parts = self.parts.on(node, stages=stages).listed
        written = [p.path for p in parts if not (p.deletes and p.whole)]
        if self.installs(node):
            written = sorted({*written, *self.states[node].home_paths})
        gone = [p.path for p in parts if p.deletes and p.whole]
        return (*((put(*written),) if written else ()), *((remove(*gone),) if gone else ()))

    def _install(self, nodes: Sequence[str]) -> Iterator[Step]:
        missing = [node for node in nodes if self.installs(node)]
        if not missing:
            return
        if any(map(self.alters, missing)):
            why = "a rollback needs a backup"
            does = openmeetings.backup(self.cluster, downgrade=self.is_downgrade(missing))
            kept = Step.of(missing, why, (does,))
            yield replace(kept, used=True, bars=True)
        yield from openmeetings.installations(self.cluster, missing, self.states)

    def _start(self, nodes: Sequence[str]) -> Iterator[Step]:
        """Start nodes that were stopped, or are new; never two in the same instant.

        One is healthy before the others start where a start changes the database's tables.
        """
        yield from self._install([node for node in nodes if node in self.together])
        alters = any(self.alters(node) or node in self.new for node in nodes)
        first_alone = alters and len(nodes) > 1
        for node in nodes:
            head = self._openmeetings_files(node)
            alone = first_alone and node == nodes[0]
            apart = None if alone or len(nodes) == 1 else APART_SECONDS
            started = openmeetings.start(
                self.cluster, self.states[node], apart=apart, anew=self.anew(node)
            )
            if self.unplanned and node in self.together:
                if head:
                    yield Step.of([node], "written while OpenMeetings is stopped", head)
                continue
            why = "the first start brings the database's tables up to date" if alone else "start"
            if alone and self.is_downgrade(nodes):
                why = "the first start uses the restored database"
            prepared = openmeetings.first_tables(self.cluster) if self._empty(node, nodes) else ()
            does = (*head, *prepared, *started, *((Do(Health()),) if alone else ()))
            yield Step.of([node], why, does)
        if self.unplanned and set(nodes) <= set(self.stopping):
            text = f"Roll out {', '.join(self.unplanned[:10])} too, then start all nodes."
            yield Step.of(nodes, "not all nodes were planned", (Do(Manual("admin", text)),))
        elif not (first_alone and len(nodes) == 1):
            yield Step.of(nodes, "all members find each other", (Do(Health()),))

    def _empty(self, node: str, nodes: Sequence[str]) -> bool:
        """Tell whether this is the first start of the whole cluster."""
        return node == nodes[0] and not self.existing and not self.unplanned

    def _roll(self) -> Iterator[Step]:
        """The other existing nodes: what needs no stop, then one node after the other."""
        nodes = [node for node in self.existing if node not in self.together]
        own = {node for node in self.rolling if self._stops_alone(node)}
        shared = self.parts.of((n for n in nodes if n not in own), stages=BELOW).deleting(False)
        if self.stopping:
            ahead = self._ahead.listed
            shared = Parts(tuple(p for p in shared.listed if p not in ahead))
        yield from self._manual(shared)
        yield from self._write(shared)
        gone = self.parts.of((n for n in nodes if n not in own), stages=BELOW).deleting(True)
        yield from self._delete(gone.of(self.again), UNUSED)
        yield from self._start_again()
        for node in self.rolling:
            yield from self._restart(node) if node not in own else self._stop_and_start(node)
        yield from self._delete(gone.of(n for n in nodes if n not in self.again), UNUSED)

    def _own(self, parts: Parts) -> Parts:
        """Leave out what other nodes mount: that was there before."""
        return Parts(tuple(p for p in parts.listed if p.stage is not Stage.SERVE or p.deletes))

    def _stops_alone(self, node: str) -> bool:
        parts = self.parts.on(node).listed
        anew = self.installs(node) or self.states[node].unit is not None
        stopped = anew or any(p.effect.stopped for p in parts)
        return stopped or (self.moved and node in self.reasons)

    def _restart(self, node: str) -> Iterator[Step]:
        files = self._openmeetings_files(node)
        why = self._why(node)
        restart = openmeetings.restart(self.cluster, self.states[node], anew=self.anew(node))
        yield Step.of([node], why, (*files, *restart))

    def _why(self, node: str) -> str:
        if node in self.reasons:
            return (
                "restart this node alone; the other nodes already run with the new"
                f" settings: {self.reasons[node][0]}"
            )
        return "restart after the previous nodes are healthy"

    def _stop_and_start(self, node: str) -> Iterator[Step]:
        """Do all that needs OpenMeetings stopped between one stop and one start."""
        below = self.parts.on(node, stages=BELOW)
        parts = self.parts.on(node).listed
        whys = dict.fromkeys(p.effect.why for p in parts if p.effect.stopped)
        why = "; ".join(self.reasons.get(node) or whys or [UNIT])
        head = (
            *openmeetings.stopped(self.cluster, self.states[node].unit),
            *pieces.once(d for p in pieces.backward(below) for d in p.effect.release),
        )
        tail = (
            *pieces.written(sorted(below.listed, key=lambda p: p.stage)),
            *self._openmeetings_files(node),
            *openmeetings.start(self.cluster, self.states[node], anew=self.anew(node)),
            Do(Health()),
        )
        own = self._own(self.parts.on(node))
        between = [*self._move([node]), *self._manual(own), *self._install([node])]
        does = head if between else (*head, *tail)
        stops = Step.of([node], f"OpenMeetings must be stopped for this: {why}", does)
        # Taken back, it is healthy before another node is taken back too.
        yield replace(stops, undo=(*stops.undo, Health()))
        if not between:
            return
        yield from between
        yield Step.of([node], "start", tail)

    def _begin(self) -> Iterator[Step]:
        """New nodes, last: until their first start nobody depends on them."""
        if not self.new:
            return
        yield from self._let_go(self.new)
        yield from self._prepare(self.parts.of(self.new))
        if self._empty(self.new[0], self.new):
            yield openmeetings.seed(self.cluster, self.new)
        yield from self._start(self.new)

    def _start_again(self) -> Iterator[Step]:
        """Start what an apply stopped that did not come to its end, before another node stops."""
        for node in self.again:
            first = openmeetings.enabled(self.cluster, self.states[node], anew=self.anew(node))
            does = (*first, Do(openmeetings.control(self.cluster, "start")), Do(Health()))
            yield Step.of([node], "an unfinished apply stopped it", does)

    def _record(self) -> Iterator[Step]:
        """Write what waits for no start, and what was applied."""
        restarted = {*self.stopping, *self.rolling, *self.new}
        late = [
            p
            for p in self.parts.listed
            if p.stage in (Stage.OPENMEETINGS, Stage.CHECK) and p.node not in restarted
        ]
        nodes = dict.fromkeys(p.node for p in self.parts.listed)
        nodes |= {node: None for node, state in self.states.items() if state.unrecorded}
        own = places.manifest(self.cluster.name.value)
        its = pieces.by_node(late)
        yield from pieces.together(
            (
                node,
                "write what needs no restart, record what was applied"
                if node in its
                else "record what was applied",
                (*pieces.files(its.get(node, [])), put(own)),
            )
            for node in nodes
        )
