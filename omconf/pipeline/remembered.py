"""Which nodes a cluster has, as each node is told at every apply: so that none is forgotten later."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from omconf.plan import members

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from omconf.cluster.model import Cluster
    from omconf.pipeline.apply_input import Prepared
    from omconf.pipeline.connected import Connected


def begin(prepared: Prepared, lines: Connected) -> None:
    """Have the nodes that were read remember the nodes of the spec, and those remembered before.

    Those that have a part in the apply are told it together with what they do first.
    """
    _tell(prepared, lines, _former(prepared), soon=prepared.nodes)


def end(prepared: Prepared, lines: Connected) -> None:
    """Have them forget nodes that the spec deals with: by `removed`, or by an `ignore` of the rule."""
    former, kept = _former(prepared), _kept(prepared)
    if kept != former:
        _tell(prepared, lines, kept)


def alone(prepared: Prepared, *, dry: bool) -> None:
    """Have them remember the nodes where there is nothing to do; what is held, a later apply tells."""
    from omconf.apply.wire import LostError
    from omconf.pipeline import recorded
    from omconf.pipeline.apply_input import Options
    from omconf.pipeline.connected import connect

    cluster, read = prepared.cluster, prepared.made.snapshot.nodes
    place, kept = members.place(cluster.name.value), _kept(prepared)
    text = members.text(cluster, kept)
    held = [files.around.get(place) for files in read.values()]
    if dry or all(file is not None and file.data == text for file in held):
        return
    with suppress(LostError), connect(cluster, prepared.asked, read) as lines:
        who = f"apply by {recorded.whoever()} since {recorded.moment()}"
        if not lines.refused() and not lines.lock(who, Options()):
            _tell(prepared, lines, kept)


def back(cluster: Cluster, former: Mapping[str, str], lines: Connected) -> None:
    """Have all nodes remember, at an undo, what any of them does: it may bring a node back."""
    _on(members.text(cluster, former), lines, lines.programs)


def _kept(prepared: Prepared) -> dict[str, str]:
    cluster, former = prepared.cluster, _former(prepared)
    told = {*former} if members.ignored(cluster) else set()
    if prepared.asked.local is None and not prepared.asked.only:
        told |= {node.name.value for node in cluster.removed}
    return {name: address for name, address in former.items() if name not in told}


def _former(prepared: Prepared) -> dict[str, str]:
    return members.addresses(prepared.cluster, prepared.made.snapshot.nodes)


def _tell(
    prepared: Prepared, lines: Connected, former: dict[str, str], soon: Collection[str] = ()
) -> None:
    text, read = members.text(prepared.cluster, former), prepared.made.snapshot.nodes
    for name in [name for name in soon if name in read]:
        lines.programs[name].tell("members", text)
    _on(text, lines, [n for n in lines.programs if n in read and n not in soon])


def _on(text: bytes, lines: Connected, nodes: Iterable[str]) -> None:
    """Write it; a node that does not answer, or has no room, learns it by the next apply."""
    from omconf.apply.wire import LostError

    def tell(node: str) -> None:
        with suppress(LostError):
            lines.programs[node].ask("members", text)

    lines.each(tell, nodes)
