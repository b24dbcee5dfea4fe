"""Runs single commands on nodes: on this host, by ssh or by Ansible."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING

from omconf import process
from omconf.deployed import ssh

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from omconf.cluster.model import Cluster, Node
    from omconf.pipeline.sources import Asked
    from omconf.process import Answer
    from omconf.verify.rounds import Ask


@contextmanager
def node_commands(
    cluster: Cluster, nodes: Sequence[Node], asked: Asked, *, seconds: float, limit: int
) -> Iterator[Ask]:
    """Yield what runs a command on one of some nodes; raises PlaybookError where Ansible fails.

    A command may take some seconds and print `limit` bytes.
    """

    def here(_: Node, words: Sequence[str], stdin: bytes) -> Answer:
        return process.run(words, seconds=seconds, limit=limit, stdin=stdin)

    def by_ssh(node: Node, words: Sequence[str], stdin: bytes) -> Answer:
        command = shlex.join([*(["sudo", "-n"] if asked.sudo else []), *words])
        return ssh.run(node.ssh.value, command, seconds=seconds, limit=limit, stdin=stdin)

    if not asked.ansible:
        yield by_ssh if asked.ssh else here
        return
    with asked.reach(cluster).session({n.name.value: n.ssh.value for n in nodes}) as run:

        def by_ansible(node: Node, words: Sequence[str], stdin: bytes) -> Answer:
            name, command = node.name.value, shlex.join(words)
            return run.run(name, command, seconds=seconds, limit=limit, stdin=stdin)

        yield by_ansible
