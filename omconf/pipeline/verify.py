"""The rooms of `omconf verify` put together: cluster, nodes, what they said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.diagnostics import has_errors
from omconf.pipeline import nodes as by_name

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from omconf.cluster.model import Node
    from omconf.diagnostics import Diagnostic
    from omconf.pipeline.compiled import Compiled
    from omconf.process import Answer
    from omconf.verify.model import Verification


def local(compiled: Compiled, name: str, *, seconds: float) -> Verification | list[Diagnostic]:
    """Check the node that this host is."""
    from omconf import process
    from omconf.formats.node_check import MAX_BYTES
    from omconf.verify.combine import of_one
    from omconf.verify.rounds import ask_one

    cluster = compiled.cluster
    if cluster is None or has_errors(compiled.diagnostics):
        return compiled.diagnostics
    if unknown := by_name.unknown(cluster, [name]):
        return unknown

    def ask(_: Node, words: Sequence[str], stdin: bytes) -> Answer:
        return process.run(words, seconds=seconds, limit=MAX_BYTES, stdin=stdin)

    (node,) = (node for node in cluster.nodes if node.name.value == name)
    return of_one(cluster, name, ask_one(cluster, node, ask))


def by_ssh(
    compiled: Compiled, *, only: Collection[str] = (), seconds: float
) -> Verification | list[Diagnostic]:
    """Check the nodes themselves, side by side, each for some seconds at most."""
    import shlex

    from omconf.deployed import ssh
    from omconf.formats.node_check import MAX_BYTES
    from omconf.verify.combine import verification
    from omconf.verify.rounds import ask_all

    cluster = compiled.cluster
    if cluster is None or has_errors(compiled.diagnostics):
        return compiled.diagnostics
    if unknown := by_name.unknown(cluster, only):
        return unknown

    def ask(node: Node, words: Sequence[str], stdin: bytes) -> Answer:
        command = shlex.join(words)
        return ssh.run(node.ssh.value, command, seconds=seconds, limit=MAX_BYTES, stdin=stdin)

    nodes = [node for node in cluster.nodes if not only or node.name.value in only]
    return verification(cluster, ask_all(cluster, nodes, ask))
