"""The node programs of one apply or undo: one connection to each node, for its whole time."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import field
from typing import TYPE_CHECKING, TypeVar

from omconf import interrupts
from omconf.apply import carrier
from omconf.apply.events import Event
from omconf.apply.wire import LEASE_SECONDS, UNWRITABLE, LostError, Reply, lost
from omconf.dataclass import dataclass
from omconf.deployed.ssh import CONNECT_SECONDS
from omconf.formats import printf
from omconf.rules import SILENT
from omconf.secrets import masked
from omconf.side_by_side import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from omconf.apply.program import Program
    from omconf.cluster.model import Cluster
    from omconf.diagnostics import Diagnostic, Rule
    from omconf.pipeline.apply_input import Options, Show
    from omconf.pipeline.sources import Asked

Result = TypeVar("Result")

POLL_SECONDS = 1.0
_SHARED = "/var/lib/omconf on this node belongs to another user, or others can change it."
_CLOSE = (
    "Check the journal there, then give /var/lib/omconf and the folders in it to the user that omconf"
    " runs as (root, except for a copy), with mode 0700."
)
_TWICE = "Its host is another node of the cluster, too: this run has locked it already."
_APART = (
    "Give each node a host of its own: check where `nodes.{node}.ssh`, or its host in the inventory,"
    " leads."
)
# People copy either of these to a command line.
_NUMBER = re.compile("[1-9][0-9]{0,8}")
_KNOWN = re.compile("(?:apply|undo) ([0-9a-f]{8}) by ")
"""How a holder of a lock begins that has an id (pipeline/apply.py, pipeline/undo.py)."""


class UnreachedError(LostError):
    """Raised when no node can be reached; `found` says why."""

    def __init__(self, found: Diagnostic) -> None:
        super().__init__(found.message)
        self.found = found


def refusal(error: LostError, rule: Rule) -> Diagnostic:
    """Report why nothing was begun, as what is wrong with Ansible, or by a rule."""
    return error.found if isinstance(error, UnreachedError) else rule.at(None, f"{error}.")


@dataclass(slots=True)
class Connected:
    """The programs by node; `needed` are those that something is done on, `silent` do not answer."""

    needed: tuple[str, ...]
    programs: dict[str, Program] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    marks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What earlier applies left on each node, when it was locked: names of files (journal.MARKS)."""

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
            reply = _locked(program, who, node, end, options.force)
            if not isinstance(reply, Reply):
                return [reply]
            self.marks[node] = reply.words[1:]
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
        return [
            rule.at(None, f"{text.removesuffix('.')}.", node=node)
            for node, texts in found.items()
            for text in texts
        ]


@contextmanager
def connect(cluster: Cluster, asked: Asked, needed: Iterable[str]) -> Iterator[Connected]:
    """Connect to the nodes: by ssh or Ansible to all of the cluster, whatever is planned of them."""
    made = Connected(tuple(needed))
    name = cluster.name.value
    own = {node.name.value for node in cluster.nodes}
    places = {n: ssh for n, ssh in cluster.destinations.items() if n in own or n in made.needed}
    seconds = asked.seconds or CONNECT_SECONDS * 2

    def by_ssh(node: str) -> Program:
        if (program := asked.connected(node)) is not None:
            # The connection may have been cut since the plan.
            with suppress(LostError):
                program.ask("program", "sh")
                return program
            program.drop()
        return carrier.by_ssh(name, places[node], sudo=asked.sudo, seconds=seconds)

    with ExitStack() as stack:
        stack.callback(lambda: side_by_side(lambda each: each.close(), made.programs.values()))
        if asked.local is not None:
            made.programs[asked.local] = carrier.local(name, asked.tree)
        elif asked.ssh:
            _start(made, places, by_ssh)
        else:
            _start(made, places, _relayed(stack, asked, cluster, places, seconds))
        yield made


def _start(made: Connected, places: Mapping[str, str], start: Callable[[str], Program]) -> None:
    def one(node: str) -> None:
        try:
            made.programs[node] = start(node)
        except LostError as error:
            made.silent[node] = str(error)

    side_by_side(one, places)
    made.programs = {node: made.programs[node] for node in places if node in made.programs}


def _relayed(
    stack: ExitStack, asked: Asked, cluster: Cluster, places: Mapping[str, str], seconds: float
) -> Callable[[str], Program]:
    """Begin a playbook that reaches all nodes; raises UnreachedError."""
    from omconf.ansible.session import PlaybookError
    from omconf.apply.relayed import Relayed

    try:
        run = stack.enter_context(asked.reach(cluster).session(places))
    except PlaybookError as error:
        raise UnreachedError(error.found) from error
    return lambda node: Relayed.start(run, node, cluster.name.value, seconds=seconds)


def _locked(program: Program, who: str, node: str, end: float, force: str) -> Reply | Diagnostic:
    """Take a node's lock, waiting for it until a moment; say who holds it otherwise."""
    from omconf.rules import LOCKED, NOT_APPLIED

    lease, broken = LEASE_SECONDS + 1, force
    while True:
        try:
            reply = program.lock(who, broken)
        except LostError as error:
            return SILENT.at(None, f"It does not respond: {error}.", node=node)
        if reply.ok:
            return reply
        if reply.word(0) == "state":
            return NOT_APPLIED.at(None, f"{UNWRITABLE}.", node=node)
        if reply.word(0) == "shared":
            return NOT_APPLIED.at(None, _SHARED, hint=_CLOSE, node=node)
        holder = _holder(reply)
        number = reply.word(1) if _NUMBER.fullmatch(reply.word(1)) else ""
        known, own = _KNOWN.match(holder), _KNOWN.match(who)
        if known and own and known[1] == own[1]:
            return NOT_APPLIED.at(None, _TWICE, hint=_APART.format(node=node), node=node)
        # On each node the lock may have another number: what holds it has one name everywhere.
        if known and known[1] == force == broken and number:
            broken = number
            continue
        # A lock with a lease may be that of an apply that was killed: who is there makes it longer.
        left = int(reply.word(2)) if re.fullmatch("[0-9]{1,3}", reply.word(2)) else 0
        ends = 0 < left < lease
        if interrupts.stopped() or (time.monotonic() >= end and not ends):
            break
        lease = left
        time.sleep(POLL_SECONDS)
    message = f"Another apply has locked this node: {holder[:300] or 'it has just started'}."
    name = known[1] if known else number
    way = f"; if it hangs, use --break-lock {name}" if name else ""
    hint = f"Wait for it (--lock-timeout){way}."
    return LOCKED.at(None, message, hint=hint, node=node)


def _holder(reply: Reply) -> str:
    """Return what whoever holds a lock said when it took it: hostile text, masked."""
    said = printf.meaning("|".join(reply.words[3:]).encode())
    return masked(said.decode("utf-8", "replace"))
