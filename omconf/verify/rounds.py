"""Asks the nodes: two rounds side by side, so that each can say whose file it sees.

In the first round each node checks itself and leaves a file of its own in the data folder. In the
second it says whose files it sees there, and takes its own away. The second round is always made.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING

from omconf import interrupts
from omconf.dataclass import dataclass
from omconf.deployed import reader
from omconf.deployed.budget import Account, Budget
from omconf.formats import node_check
from omconf.formats.node_check import Said
from omconf.side_by_side import side_by_side

if TYPE_CHECKING:
    from omconf.cluster.model import Cluster, Node
    from omconf.process import Answer

Ask = Callable[["Node", Sequence[str], bytes], "Answer"]
"""Runs a command, said by its words, on a node, with something on its stdin."""

LAY = (
    "Apply the spec first with `omconf apply --ssh` or `--local NODE`, or copy this node's bundle "
    "and its manifest.json to the node."
)
_NOT_RUN = (126, 127)
_USAGE = 64
_OBJECT, _POINTER = 200, 8
"""Bytes that a finding or an unknown text takes beside its characters, and a known text."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A node's answer, read; `problem` says why there is none.

    It was given between the two moments, in seconds since 1970 by the clock of this host.
    """

    said: Said = field(default_factory=Said)
    started: float = 0.0
    answered: float = 0.0
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Rounds:
    """The answers of both rounds by node; `token` names the files that were left."""

    token: str
    first: dict[str, Heard]
    second: dict[str, Heard]


def ask_one(cluster: Cluster, node: Node, ask: Ask, *, renamed: bool = False) -> Heard:
    """Let one node check itself; with `renamed`, also under its former name."""
    return _Asking(cluster, ask, renamed).heard(node, "--facts")


def ask_all(cluster: Cluster, nodes: Sequence[Node], ask: Ask) -> Rounds:
    """Ask all nodes in two rounds; the second is also made when the first is interrupted."""
    token = secrets.token_hex(8)
    names = [node.name.value for node in nodes]
    asking = _Asking(cluster, ask)

    def leave(node: Node) -> Heard:
        return asking.heard(node, "--leave", token)

    def collect(node: Node) -> Heard:
        return asking.heard(node, "--collect", token)

    try:
        first = side_by_side(leave, nodes)
    finally:
        # A node that was cut off may have left its file all the same. A further signal ends this.
        interrupts.resume()
        second = side_by_side(collect, nodes)
    return Rounds(
        token, dict(zip(names, first, strict=True)), dict(zip(names, second, strict=True))
    )


@dataclass
class _Asking:
    """What the questions to all nodes of a cluster have in common."""

    cluster: Cluster
    ask: Ask
    renamed: bool = False
    """Whether a node may still have the name that it had before the spec renamed it."""
    budget: Budget = field(default_factory=Budget)
    same: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    """Facts with several values that were kept already: healthy nodes all see the same members."""

    @cached_property
    def addresses(self) -> list[tuple[str, str]]:
        """The nodes' names, and their addresses as the others see them."""
        nodes = self.cluster.nodes
        return [(n.name.value, n.seen_at.value) for n in nodes]

    @cached_property
    def listed(self) -> bytes:
        """The nodes as the program reads them from its stdin."""
        return "".join(f"{name} {address}\n" for name, address in self.addresses).encode()

    @cached_property
    def known(self) -> dict[str, str]:
        """Texts that facts consist of."""
        return {text: text for pair in self.addresses for text in pair}

    def heard(self, node: Node, *arguments: str) -> Heard:
        """Ask a node, and check that it is the one that was meant."""
        cluster = self.cluster.name.value
        words = [node_check.PROGRAM, "--cluster", cluster, "--nodes", "-", *arguments]
        answer = self.ask(node, words, self.listed)
        if answer.problem:
            hint = LAY if answer.problem.startswith(node_check.PROGRAM) else ""
            return Heard(problem=answer.problem, hint=hint)
        if answer.code in _NOT_RUN:
            return Heard(problem=f"{node_check.PROGRAM} is not installed on the node", hint=LAY)
        if answer.code == _USAGE:
            return Heard(
                problem=f"{node_check.PROGRAM} on the node is from another omconf version", hint=LAY
            )
        if answer.code not in (0, 1):
            return Heard(problem=f"{node_check.PROGRAM} ended with {answer.code}")
        try:
            said = self._kept(answer.out)
        except ValueError as error:
            if first := reader.printed(node_check.before(answer.out)):
                return Heard(problem=f"its login shell prints text: {first}", hint=reader.PRINTS)
            return Heard(problem=str(error))
        name, wanted = said.fact("node"), node.name.value
        former = node.renamed_from.value if node.renamed_from else wanted
        if name not in (None, wanted) and not (self.renamed and name == former):
            other = name if name and re.fullmatch("[a-z0-9-]{1,63}", name) else "another one"
            hint = (
                "Apply the spec, which renames the node."
                if name == former
                else f"Check where `nodes.{wanted}.ssh`, or its host in the inventory, leads, and which"
                " bundle was deployed there."
            )
            return Heard(problem=f"that host is the node {other}, not {wanted}", hint=hint)
        return Heard(said, answer.started, answer.answered)

    def _kept(self, output: bytes) -> Said:
        """Read an answer within the budget of all of them; raises ValueError."""
        with self.budget.parsing:
            said = node_check.read(output, self.known)
            new = [values for values in said.facts.values() if values not in self.same]
            # No check's text is one that a cluster has in common.
            size = sum(_OBJECT + len(check.text) for check in said.checks)
            for values in new:
                size += sum(_POINTER if v in self.known else _OBJECT + len(v) for v in values)
            if refused := Account(self.budget).keep(size):
                raise ValueError(f"its response is discarded: {refused}")
            facts = {name: self.same.setdefault(v, v) for name, v in said.facts.items()}
            return Said(said.checks, facts)
