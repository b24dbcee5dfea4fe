"""The rooms of `omconf undo` put together: take back what was applied to the nodes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from omconf import interrupts
from omconf.apply.events import Outcome
from omconf.diagnostics import Diagnostic
from omconf.pipeline import apply, recorded
from omconf.pipeline.journals import Prepared
from omconf.rules import NO_UNDO

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from omconf.apply.node import Node
    from omconf.apply.nodes import Nodes, People
    from omconf.pipeline.apply import Result
    from omconf.pipeline.apply_input import Options, Show
    from omconf.pipeline.connected import Connected
    from omconf.pipeline.journals import Taken

ON_TERMINAL = "Run it on a terminal, where omconf asks for this step while the nodes are down."
Again = Callable[[], Prepared | list[Diagnostic] | None]


def take_back(
    prepared: Prepared, show: Show, people: People, options: Options, again: Again
) -> Result:
    """Take an apply back: restore its files, and run what reads them.

    `again` prepares it once more, when nobody else can change anything: it has to come to the same.
    """
    from omconf.apply.wire import LostError
    from omconf.pipeline.connected import connect, refusal

    started = time.monotonic()
    apply_id = os.urandom(4).hex()
    with interrupts.deferred():
        try:
            with connect(prepared.cluster, prepared.asked, prepared.nodes) as lines:
                who = f"undo {apply_id} by {recorded.whoever()} since {recorded.moment()}"
                refused = lines.refused() or lines.lock(who, options) or _changed(prepared, again)
                if refused:
                    result = apply.Result(Outcome.REFUSED, diagnostics=refused)
                elif interrupts.stopped():
                    result = apply.Result(Outcome.REFUSED, why="it was interrupted")
                else:
                    result = _on(prepared, lines, apply_id, show, people, options)
        except LostError as error:
            result = apply.Result(Outcome.REFUSED, apply_id, diagnostics=[refusal(error, NO_UNDO)])
    result.seconds = time.monotonic() - started
    return result


def _changed(prepared: Prepared, again: Again) -> list[Diagnostic]:
    """Report why what was shown is not what would be undone now; empty if it is, or after a signal."""
    now = again()
    if isinstance(now, list):
        return [] if interrupts.stopped() else now
    message = "The files to restore changed after they were shown."
    return [] if now == prepared else [NO_UNDO.at(None, message)]


def _on(
    prepared: Prepared,
    lines: Connected,
    apply_id: str,
    show: Show,
    people: People,
    options: Options,
) -> Result:
    from omconf.apply.cluster_watch import ClusterWatch
    from omconf.apply.node import Node
    from omconf.apply.nodes import BARRED, Nodes
    from omconf.pipeline import remembered, stops

    real = not prepared.asked.tree
    units = stops.units_of(action for step in prepared.steps for action in step.undo)
    watch = ClusterWatch(prepared.cluster, lines.programs, units, options.health)
    nodes: dict[str, Node] = {}
    for name, back in prepared.nodes.items():
        node = Node(name, lines.programs[name], None, watch, show.event, real)
        node.written += back.written
        nodes[name] = node

    if found := _in_the_way(prepared, lines, nodes, show, people):
        return apply.Result(Outcome.REFUSED, diagnostics=found)
    if real and units:
        watch.survey([])
    if interrupts.stopped():
        return apply.Result(Outcome.REFUSED, why="it was interrupted")
    began = lines.each(lambda name: _begin(prepared, nodes[name], apply_id, options.reason), nodes)
    if found := apply.not_begun(lines, began):
        return apply.Result(Outcome.REFUSED, diagnostics=found)
    remembered.back(prepared.cluster, prepared.former, lines)
    run = Nodes(nodes, people, whole=True)
    failed: dict[str, list[str]] = {name: [] for name in nodes}
    why: list[str] = []
    rest: Sequence[Taken] = ()
    for at, step in enumerate(prepared.steps):
        if interrupts.stopped():
            why += [] if any(failed.values()) else ["it was interrupted"]
            rest = prepared.steps[at:]
            break
        wrong = run.undo(step.number, step.nodes, step.undo, by_hand=step.did)
        for name, texts in wrong.items():
            failed[name] += run.named(name, texts)
        if left := [m.text for m in step.by_hand if m.text in run.left_to_people]:
            why.append(BARRED.format(text=" ".join(left)))
            rest = prepared.steps[at:]
            break
    return _ended(run, apply_id, failed, why, {name for step in rest for name in step.nodes})


def _in_the_way(
    prepared: Prepared, lines: Connected, nodes: Mapping[str, Node], show: Show, people: People
) -> list[Diagnostic]:
    """Return what prevents an undo: the nodes' objections, and manual steps with nobody to ask."""
    from omconf.apply import preflight

    def look(name: str) -> list[str]:
        return preflight.of_undo(lines.programs[name], prepared.nodes[name].files)

    found = lines.problems(look, nodes, show, NO_UNDO)
    if prepared.asked.tree or people.there:
        return found
    by_hand = [manual for step in prepared.steps for manual in step.by_hand]
    message = "It includes a manual step: {text}"
    return [
        *found,
        *(NO_UNDO.at(None, message.format(text=m.text), hint=ON_TERMINAL) for m in by_hand),
    ]


def _begin(prepared: Prepared, node: Node, apply_id: str, reason: str) -> str:
    back = prepared.nodes[node.name]
    about = recorded.of_undo(back.entries, node.name, apply_id, reason)
    return recorded.begin(node, about, back.manifest)


def _ended(
    run: Nodes,
    apply_id: str,
    wrong: Mapping[str, Sequence[str]],
    why: list[str],
    waiting: Collection[str],
) -> Result:
    """Record in each node's journal how the undo ended there; returns the result of all.

    `waiting` are the nodes on which steps are still to be undone.
    """
    why += [text for texts in wrong.values() for text in texts]
    outcome = Outcome.PARTIAL if why else Outcome.UNDONE
    said = "; ".join(dict.fromkeys((*why, *run.left_to_people)))
    for name in [name for name in run.nodes if name not in run.lost]:
        partly = bool(wrong[name]) or name in waiting
        own, over = (Outcome.PARTIAL, "own") if partly else (Outcome.UNDONE, "all")
        if unsaid := recorded.end(run, name, own, said, over):
            outcome, said = Outcome.PARTIAL, "; ".join(filter(None, (said, unsaid)))
    return apply.Result(outcome, apply_id, said, states=apply.states_of(run))
