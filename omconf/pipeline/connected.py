"""The node programs of one apply or undo: one connection to each node, for its whole time."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from omconf import interrupts
from omconf.apply import carrier
from omconf.apply.events import Event
from omconf.apply.wire import LostError, lost
from omconf.deployed.ssh import CONNECT_SECONDS, side_by_side
from omconf.formats import printf
from omconf.rules import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from omconf.apply.carrier import Program
    from omconf.cluster.model import Cluster
    from omconf.diagnostics import Diagnostic, Rule
    from omconf.pipeline.apply_input import Options, Show
    from omconf.pipeline.sources import Asked

Result = TypeVar("Result")

POLL_SECONDS = 1.0


@dataclass(slots=True)
class Connected:
    """The programs by node; `needed` are those that something is done on, `silent` do not answer."""

    needed: tuple[str, ...]
    programs: dict[str, Program] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)

    def refused(self) -> list[Diagnostic]:
        """Report the needed nodes that do not answer."""
        return [
            SILENT.at(None, f"It does not respond: {self.silent[node]}.", node=node)
            for node in self.needed
            if node in self.silent
        ]

    def lock(self, who: str, options: Options) -> list[Diagnostic]:
        """Lock all nodes, one after the other: of two that lock at once, one gets all."""
        end = time.monotonic() + options.wait
        for node, program in self.programs.items():
            if refused := _locked(program, who, node, end, options.force):
                return [refused]
        return []

    def each(self, work: Callable[[str], Result], nodes: Iterable[str]) -> dict[str, Result]:
        """Do the same for some nodes side by side; raises what `work` raises."""

        def one(node: str) -> Result:
            try:
                return work(node)
            except LostError as error:
                raise LostError(lost(node, error)) from error

        nodes = list(nodes)
        return dict(zip(nodes, side_by_side(one, nodes), strict=True))

    def problems(
        self, look: Callable[[str], list[str]], nodes: Iterable[str], show: Show, rule: Rule
    ) -> list[Diagnostic]:
        """Look at nodes before the first write; `look` says all that is in the way on one."""

        def one(node: str) -> list[str]:
            show.event(Event("check", "started", node))
            wrong = look(node)
            show.event(Event("check", "failed" if wrong else "done", node))
            return wrong

        found = self.each(one, nodes)
        return [rule.at(None, f"{t}.", node=node) for node, texts in found.items() for t in texts]


@contextmanager
def connect(cluster: Cluster, asked: Asked, needed: Iterable[str]) -> Iterator[Connected]:
    """Connect to the nodes: by ssh to all of the cluster, whatever is planned of them."""
    made = Connected(tuple(needed))
    try:
        _start(made, cluster, asked)
        yield made
    finally:
        side_by_side(lambda program: program.close(), made.programs.values())


def _start(made: Connected, cluster: Cluster, asked: Asked) -> None:
    name = cluster.name.value
    if asked.local is not None:
        made.programs[asked.local] = carrier.local(name, asked.tree)
        return
    own = {node.name.value for node in cluster.nodes}
    places = {n: ssh for n, ssh in cluster.destinations.items() if n in own or n in made.needed}
    seconds = asked.seconds or CONNECT_SECONDS * 2

    def one(node: str) -> None:
        try:
            program = carrier.by_ssh(name, places[node], sudo=asked.sudo, seconds=seconds)
        except LostError as error:
            made.silent[node] = str(error)
        else:
            made.programs[node] = program

    side_by_side(one, places)
    made.programs = {node: made.programs[node] for node in places if node in made.programs}


def _locked(program: Program, who: str, node: str, end: float, force: str) -> Diagnostic | None:
    """Take a node's lock, waiting for it until a moment; say who holds it otherwise."""
    from omconf.rules import LOCKED, NOT_APPLIED

    while True:
        try:
            reply = program.ask("lock", who, force)
        except LostError as error:
            return SILENT.at(None, f"It does not respond: {error}.", node=node)
        if reply.ok:
            return None
        if reply.word(0) == "state":
            message = "omconf cannot write to /var/lib/omconf on this node."
            return NOT_APPLIED.at(None, message, node=node)
        if time.monotonic() >= end or interrupts.stopped():
            break
        time.sleep(POLL_SECONDS)
    holder = printf.meaning("|".join(reply.words[2:]).encode()).decode("utf-8", "replace")
    message = f"Another apply has locked this node: {holder[:300] or 'it has just started'}."
    hint = f"Wait for it (--lock-timeout); if it hangs, use --break-lock {reply.word(1)}."
    return LOCKED.at(None, message, hint=hint, node=node)
