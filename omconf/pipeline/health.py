"""Waits until OpenMeetings on a node is healthy, as `omconf-node-check` sees it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from omconf import interrupts, process
from omconf.apply.carrier import environment
from omconf.formats.node_check import MAX_BYTES, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from omconf.actions import Health
    from omconf.cluster.model import Cluster, Node
    from omconf.process import Answer
    from omconf.verify.model import NodeReport

WANTED = ("listeners", "health")
"""Checks that must be ok: what listens, and what the web application says of itself."""
ONE_LOOK = 90.0


def local(cluster: Cluster) -> Callable[[str, Health], str]:
    """Look at the node that this host is."""

    def look(name: str) -> NodeReport:
        from omconf.verify.combine import report
        from omconf.verify.rounds import ask_one

        def ask(_: Node, words: Sequence[str], stdin: bytes) -> Answer:
            return process.run(
                words, seconds=ONE_LOOK, limit=MAX_BYTES, stdin=stdin, env=environment()
            )

        (node,) = (node for node in cluster.nodes if node.name.value == name)
        return report(cluster, name, ask_one(cluster, node, ask))

    def healthy(name: str, health: Health) -> str:
        end = time.monotonic() + health.timeout
        while True:
            found = look(name)
            if unknown := _unknown(found):
                return unknown
            why = _wrong(found)
            if not why or interrupts.stopped() or time.monotonic() + health.interval > end:
                return why
            time.sleep(health.interval)

    return healthy


def _unknown(found: NodeReport) -> str:
    """Say which check cannot be made on a node: a program is missing there, and waiting brings none."""
    unknown = (c for c in found.checks if c.name in WANTED and c.status is Status.UNKNOWN)
    return next((f"{check.name} cannot be known: {check.text}" for check in unknown), "")


def _wrong(found: NodeReport) -> str:
    """Say what is wrong with a node; nothing when it is healthy."""
    if found.problem:
        return found.problem
    for name in WANTED:
        checks = [check for check in found.checks if check.name == name]
        if not checks:
            return f"{name} was not checked"
        for check in checks:
            if check.status is not Status.OK:
                return check.text
    return ""
