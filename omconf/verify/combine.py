"""Answers to a verification: each node's own checks, and what only all of them together show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.formats.node_check import Check, Status
from omconf.verify.model import Members, NodeReport, Verification

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from omconf.cluster.model import Cluster
    from omconf.verify.rounds import Heard, Rounds

MAX_CLOCK_OFFSET = 2.0
"""Seconds between two nodes' clocks; OpenMeetings orders what happens by them."""

_MOMENT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
_OFFSET = re.compile(r"[+-][0-9]{4}")
_ADDRESS = re.compile(r"[0-9A-Za-z.:_-]{1,255}")


def verification(cluster: Cluster, rounds: Rounds, source: str = "ssh") -> Verification:
    """Put both rounds' answers together; `source` is how the nodes were asked."""
    reports = tuple(report(cluster, name, heard) for name, heard in rounds.first.items())
    checks: list[Check] = []
    if len(reports) > 1:
        checks = [*_folder(rounds), *_clock(rounds.second), *_time_zone(rounds.first)]
    return Verification(cluster.name.value, source, reports, tuple(checks))


def of_one(cluster: Cluster, name: str, heard: Heard) -> Verification:
    """Put one node's own answer."""
    return Verification(cluster.name.value, "local", (report(cluster, name, heard),))


def report(cluster: Cluster, name: str, heard: Heard) -> NodeReport:
    """What one node says of itself and of the members that it sees."""
    if heard.problem:
        return NodeReport(name, problem=heard.problem, hint=heard.hint)
    addresses = frozenset(heard.said.facts.get("member", ()))
    members = None
    if addresses:
        # As the nodes see each other, which is what `rounds` told them.
        nodes = {n.seen_at.value: n.name.value for n in cluster.nodes}
        others = {a: n for a, n in nodes.items() if n != name}
        members = Members(
            sees=tuple(n for a, n in others.items() if a in addresses),
            misses=tuple(n for a, n in others.items() if a not in addresses),
            strangers=tuple(
                a for a in sorted(addresses - nodes.keys())[:20] if _ADDRESS.fullmatch(a)
            ),
        )
    return NodeReport(name, tuple(heard.said.checks), members)


def listed(names: Sequence[str]) -> str:
    """Join names for people; of many, the first and how many more."""
    if len(names) > 10:
        names = [*names[:10], f"{len(names) - 10} more"]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _folder(rounds: Rounds) -> Iterable[Check]:
    """Check that all nodes share one data folder.

    Of two nodes that share it at least one sees the other's file, whatever the order: each takes
    its own away only after it has looked.
    """
    writers = [n for n, heard in rounds.first.items() if heard.said.fact("left") == rounds.token]
    seen = {name: set(heard.said.facts.get("sees", ())) for name, heard in rounds.second.items()}
    # Who does not even see its own file did not look.
    seen_by: dict[str, list[str]] = {}
    for name in writers:
        for other in seen[name]:
            seen_by.setdefault(other, []).append(name)
    known = dict.fromkeys(name for name in writers if name in seen_by)
    for name in rounds.first:
        if name not in known:
            text = f"whether {name} has the same data folder could not be determined"
            # What is wrong with a first answer is shown with the node.
            if not rounds.first[name].problem and (problem := rounds.second[name].problem):
                text += f": {problem}"
            yield Check(Status.UNKNOWN, "same-folder", text)
    groups: list[list[str]] = []
    group_of: dict[str, int] = {}
    for name in sorted(known, key=lambda n: n not in seen[n]):
        linked = (group_of[n] for n in (*seen[name], *seen_by[name]) if n in group_of)
        number = group_of[name] = min(linked, default=len(groups))
        if number == len(groups):
            groups.append([])
        groups[number].append(name)
    if len(groups) == 1 and len(known) > 1:
        yield Check(Status.OK, "same-folder", f"{listed(list(known))} share one data folder")
    elif len(groups) > 1:
        text = f"{len(groups)} different data folders: {'; '.join(map(listed, groups))}"
        yield Check(Status.FAIL, "same-folder", text)


def _clock(second: dict[str, Heard]) -> Iterable[Check]:
    """Compare clocks: a node's offset to ours lies between two bounds, as far as answers took time."""
    bounds = {}
    for name, heard in second.items():
        moment = heard.said.fact("time")
        if moment and (found := _MOMENT.fullmatch(moment)):
            cut_off = 0.0 if found[1] else 1.0
            low, high = float(moment) - heard.answered, float(moment) + cut_off - heard.started
            bounds[name] = (low, high)
    if len(bounds) < 2:
        yield Check(Status.UNKNOWN, "same-clock", "fewer than two nodes reported their time")
        return
    ahead = max(bounds, key=lambda name: bounds[name][0])
    behind = min(bounds, key=lambda name: bounds[name][1])
    apart = bounds[ahead][0] - bounds[behind][1]
    lows, highs = zip(*bounds.values(), strict=True)
    if apart > MAX_CLOCK_OFFSET:
        text = f"the clock of {ahead} is {apart:.0f} seconds or more ahead of that of {behind}"
        yield Check(Status.FAIL, "same-clock", text)
    elif max(highs) - min(lows) > MAX_CLOCK_OFFSET:
        text = "the nodes responded too slowly to compare their clocks"
        yield Check(Status.UNKNOWN, "same-clock", text)
    elif silent := [name for name in second if name not in bounds]:
        text = f"{listed(silent)} did not report the time"
        yield Check(Status.UNKNOWN, "same-clock", text)
    else:
        text = f"no two clocks are more than {MAX_CLOCK_OFFSET:g} seconds apart"
        yield Check(Status.OK, "same-clock", text)


def _time_zone(first: dict[str, Heard]) -> Iterable[Check]:
    by_offset: dict[str, list[str]] = {}
    for name, heard in first.items():
        offset = heard.said.fact("utc-offset")
        if offset and _OFFSET.fullmatch(offset):
            by_offset.setdefault(offset, []).append(name)
    if len(by_offset) > 1:
        said = "; ".join(f"{offset}: {listed(by_offset[offset])}" for offset in sorted(by_offset))
        yield Check(Status.FAIL, "same-timezone", f"nodes' time zones differ: {said}")
    elif by_offset:
        ((offset, names),) = by_offset.items()
        known = set(names)
        if silent := [name for name in first if name not in known]:
            text = f"{listed(silent)} did not report the time zone; others are at {offset}"
            yield Check(Status.UNKNOWN, "same-timezone", text)
        else:
            yield Check(Status.OK, "same-timezone", f"all are at {offset}")
