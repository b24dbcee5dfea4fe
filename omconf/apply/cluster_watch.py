"""Watches the cluster during an apply: when a node may start, when it is healthy, whom it has to see.

Members are those that this apply started, and those that were members before it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from omconf import interrupts
from omconf.apply.wire import LostError
from omconf.apply.written import StoppedError
from omconf.artifacts.node_check import program_text
from omconf.dataclass import dataclass
from omconf.formats.node_check import PROGRAM, Status
from omconf.side_by_side import side_by_side
from omconf.verify.combine import report
from omconf.verify.model import NodeReport
from omconf.verify.rounds import ask_one
from omconf.waits import APART_SECONDS, HEALTH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from omconf.actions import Health
    from omconf.apply.wire import Line
    from omconf.cluster.model import Cluster, Node
    from omconf.process import Answer

ONE_LOOK = 90
"""Seconds that a node may take to check itself."""
WANTED = ("listeners", "health")
"""Checks that must be ok: what listens, and what the web application says of itself."""
PORTS = (5080, 5443)
"""Where OpenMeetings listens as it is shipped, beside the port of the node's url."""
LOOK_SECONDS = 15
LONGEST_START = 100
"""Seconds: the longest that a start of OpenMeetings was seen to take."""
_LISTENS = """
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v ports="$1" '
    BEGIN { split(ports, list, " "); for (i in list) wanted[sprintf("%04X", list[i])] = 1 }
    $4 == "0A" { split($2, at, ":"); if (at[2] in wanted) found = 1 }
    END { print found + 0 }'
"""
"""Prints 1 where anything listens (state 0A of /proc/net/tcp) on one of some ports."""
RESTS = 0.5
"""Seconds between two looks at a node that is waited for: a whole check takes longer itself."""


@dataclass(slots=True)
class ClusterWatch:
    """The nodes of one apply, by the connections to them. `units` start OpenMeetings."""

    cluster: Cluster
    lines: Mapping[str, Line]
    units: Collection[str]
    seconds: int = HEALTH_SECONDS
    """How long a node may take to become healthy."""
    up: set[str] = field(default_factory=set)
    """The nodes that run, as far as known."""
    parted: set[str] = field(default_factory=set)
    """Those of them that were no members before, and were not started since."""
    strays: frozenset[str] = frozenset()
    """Those that were no members before; taken back, they are none again."""
    _begun: float = 0.0
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def survey(self, unchanged: Collection[str]) -> list[str]:
        """Find out who runs, before anything is done; returns what is wrong with `unchanged` nodes."""
        own = {node.name.value for node in self.cluster.nodes}
        there = [name for name in self.lines if name in own]
        reports = dict(zip(there, side_by_side(self._looked, there), strict=True))
        self.up = {name for name, said in reports.items() if not _wrong(said, ("listeners",))}
        sees = {name: said.members.sees for name, said in reports.items() if said.members}
        self.up |= {other for name in self.up for other in sees.get(name, ())} - reports.keys()
        main = self._main(sees, [name for name in unchanged if name in self.up])
        self.parted = self.up - main
        self.strays = frozenset(self.parted)
        wrong = [f"{n}: {why}" for n in unchanged if n in reports and (why := _wrong(reports[n]))]
        return wrong + [
            f"{name} is running but is not a member of the cluster"
            for name in unchanged
            if name in self.parted
        ]

    def _main(self, sees: Mapping[str, Iterable[str]], unchanged: Sequence[str]) -> set[str]:
        """The nodes that are members of one cluster; of several, that of a node that stays as it is."""
        groups: list[set[str]] = []
        for name in sorted(self.up):
            # Who cannot say whom it sees counts as one of all.
            seen = {name, *(sees.get(name, self.up))} & self.up
            joined = [group for group in groups if group & seen]
            groups = [group for group in groups if not group & seen]
            groups.append(seen.union(*joined))
        return max(groups, key=lambda g: (bool(g & set(unchanged)), len(g)), default=set())

    def _looked(self, name: str) -> NodeReport:
        try:
            return self.look(name)
        except LostError as error:
            return NodeReport(name, problem=str(error))

    def look(self, name: str) -> NodeReport:
        """Have a node check itself, by the program that omconf brings; raises LostError."""
        (node,) = (node for node in self.cluster.nodes if node.name.value == name)

        def ask(_: Node, words: Sequence[str], stdin: bytes) -> Answer:
            told = ["sh", "-c", program_text(), PROGRAM, "--running", *words[1:]]
            return self.lines[name].output(told, stdin, seconds=ONE_LOOK)

        # A rename is still to come, or was taken back.
        return report(self.cluster, name, ask_one(self.cluster, node, ask, renamed=True))

    def begins(self, node: str, verb: str, unit: str) -> None:
        """Let no two nodes start in the same instant: each would ignore the other's remote commits."""
        if unit not in self.units:
            return
        if verb in ("stop", "restart"):
            self.up.discard(node)
        if verb in ("start", "restart"):
            with self._turn:
                time.sleep(max(0.0, self._begun + APART_SECONDS - time.monotonic()))
                self._begun = time.monotonic()

    def ended(self, node: str, verb: str, unit: str, *, back: bool) -> None:
        """Take note of who runs, and whether as a member."""
        if unit in self.units and verb in ("start", "restart"):
            self.up.add(node)
            self.parted.discard(node)
            if back and node in self.strays:
                self.parted.add(node)

    def healthy(self, node: str, health: Health) -> str:
        """Wait until a node is healthy and sees the members that it should; otherwise say why not.

        Raises StoppedError when omconf is interrupted meanwhile, LostError when the node is lost.
        """
        end = time.monotonic() + self.seconds
        while True:
            said = self.look(node)
            if unknown := _unknown(said):
                return unknown
            why = _wrong(said) or self._missed(node, said)
            if not why:
                return ""
            if interrupts.stopped():
                raise StoppedError
            if time.monotonic() + RESTS > end:
                return why
            interrupts.sleep(RESTS)

    def listens(self, node: str) -> bool:
        """Wait until the web server listens on a node that was no member before omconf came.

        Nothing says how that OpenMeetings was: alone, not yet set up, or not running at all. So it may
        not come to that. Raises StoppedError, LostError as `healthy` does.
        """
        self.parted.add(node)
        ports = web_ports(next((n for n in self.cluster.nodes if n.name.value == node), None))
        words = ["sh", "-c", _LISTENS, "sh", " ".join(map(str, ports))]
        end = time.monotonic() + min(self.seconds, LONGEST_START)
        while self.lines[node].output(words, b"", seconds=LOOK_SECONDS).out != b"1\n":
            if interrupts.stopped():
                raise StoppedError
            if time.monotonic() + RESTS > end:
                return False
            interrupts.sleep(RESTS)
        return True

    def _missed(self, node: str, said: NodeReport) -> str:
        """Return which members a node should see and does not; empty if none, or if it cannot tell."""
        if node in self.parted:
            return ""
        missed = (self.up - self.parted - {node}) & set(said.members.misses if said.members else ())
        return f"it does not see {', '.join(sorted(missed))}" if missed else ""


def web_ports(node: Node | None) -> tuple[int, ...]:
    """Return the ports on which OpenMeetings may serve people on a node."""
    port = urlsplit(node.url.value).port if node else None
    return tuple(dict.fromkeys((*PORTS, *((port,) if port else ()))))


def _unknown(said: NodeReport) -> str:
    """Return which check the node lacks a program for; empty if it can make all."""
    unknown = (c for c in said.checks if c.name in WANTED and c.status is Status.UNKNOWN)
    return next((f"{check.name} is unknown: {check.text}" for check in unknown), "")


def _wrong(said: NodeReport, names: Collection[str] = WANTED) -> str:
    """Return why a node is not healthy, by the checks with these names; empty if it is."""
    if said.problem:
        return said.problem
    checks = [check for check in said.checks if check.name in names]
    if missing := {*names} - {check.name for check in checks}:
        itself = (c.text for c in said.checks if c.status is Status.FAIL)
        return next(itself, f"{', '.join(sorted(missing))} was not checked")
    return next((check.text for check in checks if check.status is not Status.OK), "")
