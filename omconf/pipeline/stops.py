"""What comes before OpenMeetings stops on a node: are the others well, is anybody on it."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from omconf import interrupts
from omconf.ansible.session import PlaybookError
from omconf.apply import cluster_watch
from omconf.apply.events import Event
from omconf.apply.written import StoppedError
from omconf.pipeline.node_commands import node_commands
from omconf.rollout import openmeetings
from omconf.side_by_side import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from omconf.actions import Action, Step
    from omconf.apply.cluster_watch import ClusterWatch
    from omconf.cluster.model import Node
    from omconf.diagnostics import Diagnostic
    from omconf.pipeline.apply_input import Options, Prepared, Show
    from omconf.pipeline.connected import Connected
    from omconf.process import Answer
    from omconf.verify.rounds import Ask

POLL_SECONDS = 2.0
LOOK_SECONDS, LIMIT = 15, 1000
UNCOUNTED = "connections to OpenMeetings cannot be counted here"
_CONNECTED = """
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v ports="$1" '
    BEGIN { split(ports, list, " "); for (i in list) wanted[sprintf("%04X", list[i])] = 1 }
    $4 == "01" {
        split($2, at, ":")
        split($3, from, ":")
        if (at[2] in wanted && at[1] != from[1]) count++
    }
    END { print count + 0 }'
"""
"""Counts established connections (state 01 of /proc/net/tcp), without those of the node to itself."""


def units(steps: Iterable[Step]) -> frozenset[str]:
    """Return the units of OpenMeetings that the steps stop or start, BY_HAND where a person does."""
    return units_of(action for step in steps for action in step.actions)


def units_of(actions: Iterable[Action]) -> frozenset[str]:
    """Return the units of OpenMeetings that the actions stop or start; as `units`."""
    return frozenset(unit for _, unit in map(openmeetings.done_to, actions) if unit)


def unhealthy(
    prepared: Prepared, lines: Connected, watch: ClusterWatch, *, force: bool
) -> list[Diagnostic]:
    """Find nodes that the plan leaves as they are and that are not well: those serve meanwhile."""
    from omconf.rules import NOT_APPLIED

    changing = _stopping(prepared)
    names = [node.name.value for node in prepared.cluster.nodes]
    wrong = watch.survey([name for name in names if name not in changing])
    wrong += [
        f"{n} does not respond: {why}" for n, why in lines.silent.items() if n not in changing
    ]
    if force:
        return []
    hint = "It must serve users while other nodes restart: fix it first, or use --force."
    return [NOT_APPLIED.at(None, f"{text.removesuffix('.')}.", hint=hint) for text in wrong]


def asking(
    prepared: Prepared,
    lines: Connected,
    show: Show,
    confirm: Callable[[str], bool],
    options: Options,
) -> Callable[[Sequence[str]], Callable[[str], None]]:
    """Return a function that asks before nodes stop; it raises StoppedError if they may not.

    It returns one that waits until the users of a node have left, which raises LostError.
    """
    by_name = {node.name.value: node for node in prepared.cluster.nodes}

    def may_stop(names: Sequence[str]) -> Callable[[str], None]:
        if options.confirm and not confirm(f"Stop or restart {', '.join(names)}?"):
            who = ", ".join(names)
            raise StoppedError(f"{who}: not confirmed, not stopped; run apply again to continue")
        end = time.monotonic() + options.drain

        def drained(name: str) -> None:
            if options.drain:
                _drained(lines, by_name.get(name), show, end)

        return drained

    return may_stop


def connected(prepared: Prepared) -> dict[str, int]:
    """Count the connections to the nodes that are to stop, where that can be known."""
    found: dict[str, int] = {}
    stopping = _stopping(prepared)
    nodes = [node for node in prepared.cluster.nodes if node.name.value in stopping]
    cluster, asked = prepared.cluster, prepared.asked

    def count(ask: Ask, node: Node) -> None:
        if (counted := _count(ask(node, _words(node), b""))) is not None:
            found[node.name.value] = counted

    # A playbook that does not work is reported by the apply itself.
    with (
        suppress(PlaybookError),
        node_commands(cluster, nodes, asked, seconds=LOOK_SECONDS, limit=LIMIT) as ask,
    ):
        side_by_side(partial(count, ask), nodes)
    return {node.name.value: found[node.name.value] for node in nodes if node.name.value in found}


def _stopping(prepared: Prepared) -> set[str]:
    """Return the nodes whose OpenMeetings stops, restarts or starts."""
    own = units(prepared.made.plan.rollout.steps)
    return {
        name
        for _, step in prepared.steps
        if any(openmeetings.done_to(action)[1] in own for action in step.actions)
        for name in step.nodes
    }


def _words(node: Node) -> list[str]:
    return ["sh", "-c", _CONNECTED, "sh", " ".join(map(str, cluster_watch.web_ports(node)))]


def _count(answer: Answer) -> int | None:
    text = answer.out.decode("ascii", "replace").strip()
    return int(text) if text.isdecimal() and len(text) < 7 else None


def _drained(lines: Connected, node: Node | None, show: Show, end: float) -> None:
    """Wait until nobody is connected to a node, the time is over, or a signal comes in.

    Where connections cannot be counted, waiting would be for nothing. Raises LostError.
    """
    if node is None or node.name.value not in lines.programs:
        return
    last = -1
    while not interrupts.stopped():
        program = lines.programs[node.name.value]
        count = _count(program.output(_words(node), b"", seconds=LOOK_SECONDS))
        if count is None:
            show.event(Event("drain", "skipped", node.name.value, text=UNCOUNTED))
        if not count:
            return
        if count != last:
            text = f"{count} connection{'s' if count > 1 else ''} to OpenMeetings"
            show.event(Event("drain", "waiting", node.name.value, text=text))
            last = count
        if time.monotonic() + POLL_SECONDS > end:
            return
        time.sleep(POLL_SECONDS)
