"""Which nodes a cluster has, as each node is told at every apply: so that none is forgotten later."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from omconf.plan import members
from omconf.rules import FORGOTTEN

if TYPE_CHECKING:
    from omconf.pipeline.apply import Prepared
    from omconf.pipeline.connected import Connected


def begin(prepared: Prepared, lines: Connected) -> None:
    """Have the nodes that were read remember the nodes of the spec, and those remembered before."""
    _tell(prepared, lines, _former(prepared))


def end(prepared: Prepared, lines: Connected) -> None:
    """Have them forget nodes that the spec deals with: by `removed`, or by an `ignore` of the rule."""
    cluster, former = prepared.cluster, _former(prepared)
    told = {*former} if any(i.rule.value == FORGOTTEN.id for i in cluster.ignores) else set()
    if prepared.asked.ssh and not prepared.asked.only:
        told |= {node.name.value for node in cluster.removed}
    if told & former.keys():
        _tell(prepared, lines, {n: address for n, address in former.items() if n not in told})


def _former(prepared: Prepared) -> dict[str, str]:
    found = members.former(prepared.cluster, prepared.made.snapshot.nodes)
    return {name: former.address for name, former in found.items()}


def _tell(prepared: Prepared, lines: Connected, former: dict[str, str]) -> None:
    """Write it; a node that does not answer, or has no room, learns it by the next apply."""
    from omconf.apply.wire import LostError

    text = members.text(prepared.cluster, former)

    def tell(node: str) -> None:
        with suppress(LostError):
            lines.programs[node].ask("members", text)

    lines.each(tell, [node for node in lines.programs if node in prepared.made.snapshot.nodes])
