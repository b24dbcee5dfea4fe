"""The rooms of `omconf verify` put together: cluster, nodes, what they said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.diagnostics import has_errors
from omconf.pipeline import nodes as by_name

if TYPE_CHECKING:
    from omconf.diagnostics import Diagnostic
    from omconf.pipeline.compiled import Compiled
    from omconf.pipeline.sources import Asked
    from omconf.verify.model import Verification


def verify(compiled: Compiled, asked: Asked, *, seconds: float) -> Verification | list[Diagnostic]:
    """Check this node, or the nodes themselves side by side, each for some seconds at most."""
    from omconf.ansible.session import PlaybookError
    from omconf.formats.node_check import MAX_BYTES
    from omconf.pipeline.node_commands import node_commands
    from omconf.verify.combine import of_one, verification
    from omconf.verify.rounds import ask_all, ask_one

    cluster = compiled.cluster
    if cluster is None or has_errors(compiled.diagnostics):
        return compiled.diagnostics
    if unknown := by_name.unknown(cluster, asked.only):
        return unknown
    nodes = [node for node in cluster.nodes if not asked.only or node.name.value in asked.only]
    try:
        with node_commands(cluster, nodes, asked, seconds=seconds, limit=MAX_BYTES) as ask:
            if asked.local is not None:
                return of_one(cluster, asked.local, ask_one(cluster, nodes[0], ask))
            source = "ansible" if asked.ansible else "ssh"
            return verification(cluster, ask_all(cluster, nodes, ask), source)
    except PlaybookError as error:
        return [*compiled.diagnostics, error.found]
