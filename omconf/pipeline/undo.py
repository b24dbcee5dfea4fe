"""The rooms of `omconf undo` and `omconf log` put together: what the nodes' journals say."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from omconf import interrupts
from omconf.actions import Put, Service
from omconf.apply import journal
from omconf.apply.events import Outcome
from omconf.apply.node import Written, digest
from omconf.artifacts import by_name
from omconf.deployed.snapshot import NodeFiles, Request
from omconf.diagnostics import Diagnostic, Rule, Severity
from omconf.ownership import OWNED
from omconf.pipeline import apply
from omconf.pipeline import nodes as by_node

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from omconf.actions import Action
    from omconf.apply.journal import Changed, Entry, Journal
    from omconf.apply.node import Node
    from omconf.apply.nodes import Nodes, People
    from omconf.cluster.model import Cluster
    from omconf.pipeline.apply import Options, Result, Show
    from omconf.pipeline.compiled import Compiled
    from omconf.pipeline.connected import Connected
    from omconf.pipeline.sources import Asked

NO_UNDO = Rule("OM604", Severity.ERROR, "an apply that is not taken back")
BROKEN = Rule("OM605", Severity.WARNING, "a journal that makes no sense")


@dataclass(frozen=True, slots=True)
class Log:
    """The journals of nodes, and what is wrong with them; nodes that cannot be read are missing."""

    cluster: str
    journals: Mapping[str, Journal]
    asked: int
    """How many nodes were asked."""
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Back:
    """What is taken back on one node: the entries, the oldest first, and what was written."""

    entries: tuple[Entry, ...]
    """The apply, and those before it that it went on with."""
    written: tuple[Written, ...]
    manifest: bytes

    @property
    def steps(self) -> Iterator[tuple[str, int, tuple[Action, ...]]]:
        """The steps that were begun, the last one first, with their apply and what takes each back."""
        paths = {written.path for written in self.written}
        for entry in reversed(self.entries):
            for step in reversed(entry.about.steps):
                undo = tuple(journal.action(action) for action in step.undo)
                wrote = any(isinstance(a, Put) and paths & set(a.paths) for a in undo)
                if step.step in entry.begun or (wrote and not entry.begun):
                    yield entry.about.id, step.step, undo

    @property
    def files(self) -> list[Written]:
        """The files that are not as they were, or cannot be brought back."""
        return [w for w in self.written if w.before != w.after or w.conflict or w.anew]


@dataclass(frozen=True, slots=True)
class Prepared:
    """An apply that may be taken back, by node: what was written, and what is to be run."""

    cluster: Cluster
    asked: Asked
    nodes: Mapping[str, Back]

    @property
    def entry(self) -> Entry:
        """The apply that is taken back, as one of its nodes remembers it."""
        return next(iter(self.nodes.values())).entries[-1]

    @property
    def steps(self) -> list[tuple[int, tuple[Action, ...], list[str]]]:
        """The steps of all nodes, the last one first: its number, what takes it back, and where."""
        moments = {
            (entry.about.when, entry.about.id): entry.about.id
            for back in self.nodes.values()
            for entry in back.entries
        }
        order = [moments[key] for key in sorted(moments)]
        order.remove(self.entry.about.id)
        order.append(self.entry.about.id)
        found: dict[tuple[int, int], dict[tuple[Action, ...], list[str]]] = {}
        for name, back in self.nodes.items():
            for own, number, undo in back.steps:
                its = found.setdefault((order.index(own), number), {})
                its.setdefault(undo, []).append(name)
        return [
            (number, undo, names)
            for (at, number), groups in sorted(found.items(), reverse=True)
            for undo, names in groups.items()
        ]

    @property
    def stops(self) -> bool:
        """Whether OpenMeetings stops or restarts."""
        verbs = ("stop", "restart")
        actions = (action for _, undo, _ in self.steps for action in undo)
        return any(isinstance(a, Service) and a.do in verbs for a in actions)


def log(compiled: Compiled, asked: Asked) -> Log | list[Diagnostic]:
    """Read the journals of nodes."""
    cluster = compiled.cluster
    if cluster is None:
        return compiled.diagnostics
    if unknown := by_node.unknown(cluster, asked.only):
        return unknown
    name = cluster.name.value
    patterns = journal.places(name)
    places = _places(cluster, asked)
    read = _read(
        cluster, asked, {n: Request((), name, ssh, around=patterns) for n, ssh in places.items()}
    )
    if isinstance(read, Diagnostic):
        return [read]
    journals = {n: journal.read(f.around, name) for n, f in read.items() if not f.problem}
    wrong = [
        BROKEN.at(None, "It is left out of the journal: it makes no sense.", node=node, path=path)
        for node, found in journals.items()
        for path in found.broken
    ]
    silent = [
        f.problem.rule.at(None, f.problem.message, node=n) for n, f in read.items() if f.problem
    ]
    return Log(name, journals, len(read), (*wrong, *silent))


def _places(cluster: Cluster, asked: Asked) -> dict[str, str]:
    """Give the nodes that are asked, with their OpenSSH destinations."""
    return cluster.destinations if asked.local is None else {asked.local: ""}


def _read(
    cluster: Cluster, asked: Asked, requests: Mapping[str, Request]
) -> Mapping[str, NodeFiles] | Diagnostic:
    source, _ = asked.sources(cluster)
    snapshot = source.read(requests, whole=False)
    return snapshot if isinstance(snapshot, Diagnostic) else snapshot.nodes


def prepare(
    compiled: Compiled, asked: Asked, wanted: str = ""
) -> Prepared | list[Diagnostic] | None:
    """Find the last apply that stands, and what takes it back; None where none stands."""
    found = log(compiled, asked)
    if isinstance(found, list):
        return found
    cluster = compiled.cluster
    assert cluster is not None  # noqa: S101 - there is a log
    if found.diagnostics:
        hint = "See what stands there; of two entries the later one has to be taken back first."
        message = "Not every journal can be read: which apply was the last is not known."
        return [*found.diagnostics, NO_UNDO.at(None, message, hint=hint)]
    chains = {node: its.last for node, its in found.journals.items() if its.last}
    if not chains:
        return None
    last = _last(found.journals)
    if wanted and last != wanted:
        message = f"{wanted} is not the last apply that stands: that is {last}."
        return [NO_UNDO.at(None, message, hint="Take that back first; `omconf log` lists all.")]
    if asked.local is not None and not asked.tree and os.geteuid() != 0:
        message = "Only root can take back what was applied to this host."
        return [NO_UNDO.at(None, message, hint="Run it by sudo.")]
    name = cluster.name.value
    chains = {node: entries for node, entries in chains.items() if entries[-1].about.id == last}
    places = _places(cluster, asked)
    requests = {
        node: Request(
            tuple(dict.fromkeys(changed.path for each in entries for changed in each.changed)),
            name,
            places[node],
            around=tuple(journal.backups(name, each.number) for each in entries),
        )
        for node, entries in chains.items()
    }
    read = _read(cluster, asked, requests)
    if isinstance(read, Diagnostic):
        return [read]
    if silent := [
        f.problem.rule.at(None, f.problem.message, node=n) for n, f in read.items() if f.problem
    ]:
        return silent
    return Prepared(
        cluster,
        asked,
        {
            node: _back(name, entries, requests[node], read[node])
            for node, entries in chains.items()
        },
    )


def _last(journals: Mapping[str, Journal]) -> str:
    """Name the apply that is the last one on every node on which it stands; of several, the latest."""
    below = {e.about.id for its in journals.values() for e in its.standing[:-1]}
    tops = [its.standing[-1].about for its in journals.values() if its.standing]
    return max((about.id not in below, about.when, about.id) for about in tops)[2]


def _back(cluster: str, entries: tuple[Entry, ...], request: Request, files: NodeFiles) -> Back:
    written = [_written(cluster, entries, path, files) for path in request.paths]
    own = files.files.get(request.manifest)
    return Back(entries, tuple(written), own.data if own and own.data else b"{}")


def _written(cluster: str, entries: Sequence[Entry], path: str, files: NodeFiles) -> Written:
    """Say what a file was, is, and shall be again: edits of others since then stay."""
    every = [(e, changed) for e in entries for changed in e.changed if changed.path == path]
    first, entry = every[0][1], every[0][0]
    file = files.files.get(path)
    now = file.data if file else None
    made = max(changed.made for _, changed in every)
    held = _held(cluster, entry, first, files)
    what = entry.about.files[path]
    kind = by_name().get(what.kind)
    shared = kind is not None and not OWNED[kind.ownership].whole
    written = Written(path, held, now, first.access, made, shared)
    if file and file.problem:
        return replace(written, conflict=file.problem.message)
    if digest(now) == first.before:
        anew = not shared and any(c.before == c.after for _, c in every)
        return replace(written, before=now, anew=anew)
    if digest(held) != first.before:
        return replace(written, conflict="its backup is not what it was")
    if digest(now) in {state for _, c in every for state in (c.before, c.after)}:
        return written
    if kind is None or now is None:
        return replace(written, conflict="it was edited since")
    before = None if held is None else held.decode("utf-8", "surrogateescape")
    text = now.decode("utf-8", "surrogateescape")
    try:
        restored = OWNED[kind.ownership].restored(kind, cluster, before, text, what.keys)
    except ValueError as error:
        return replace(written, conflict=str(error))
    data = None if restored is None else restored.encode("utf-8", "surrogateescape")
    return replace(written, before=data)


def _held(cluster: str, entry: Entry, first: Changed, files: NodeFiles) -> bytes | None:
    if first.before == "absent":
        return None
    folder = journal.backups(cluster, entry.number).rpartition("/")[0]
    backup = files.around.get(f"{folder}/{first.key}.b{entry.number}")
    return (backup.data or b"") if backup else b""


Again = Callable[[], Prepared | list[Diagnostic] | None]


def take_back(
    prepared: Prepared, show: Show, people: People, options: Options, again: Again
) -> Result:
    """Take an apply back: restore its files, and run what reads them.

    `again` prepares it once more, when nobody else can change anything: it has to come to the same.
    """
    from omconf.apply.wire import LostError
    from omconf.pipeline.connected import connect

    started = time.monotonic()
    apply_id = os.urandom(4).hex()
    with interrupts.deferred():
        try:
            with connect(prepared.cluster, prepared.asked, prepared.nodes) as lines:
                who = f"undo {apply_id} by {apply.whoever()} since {apply.moment()}"
                refused = lines.refused() or lines.lock(who, options)
                if not refused and again() != prepared:
                    message = "What is to be taken back has changed since it was shown."
                    refused = [NO_UNDO.at(None, message)]
                if refused:
                    result = apply.Result(Outcome.REFUSED, diagnostics=refused)
                else:
                    result = _on(prepared, lines, apply_id, show, people, options)
        except LostError as error:
            result = apply.Result(Outcome.REFUSED, apply_id, f"{error}.")
    result.seconds = time.monotonic() - started
    return result


def _on(
    prepared: Prepared,
    lines: Connected,
    apply_id: str,
    show: Show,
    people: People,
    options: Options,
) -> Result:
    from omconf.apply import preflight
    from omconf.apply.gate import Gate
    from omconf.apply.node import Node
    from omconf.apply.nodes import Nodes
    from omconf.pipeline import stops

    real = not prepared.asked.tree
    units = stops.units_of(action for _, undo, _ in prepared.steps for action in undo)
    gate = Gate(prepared.cluster, lines.programs, units, options.health)
    nodes: dict[str, Node] = {}
    for name, back in prepared.nodes.items():
        node = Node(name, lines.programs[name], None, gate, show.event, real)
        node.written += back.written
        nodes[name] = node

    def look(name: str) -> list[str]:
        return preflight.of_undo(lines.programs[name], prepared.nodes[name].files)

    if found := lines.problems(look, nodes, show, NO_UNDO):
        return apply.Result(Outcome.REFUSED, diagnostics=found)
    if real and units:
        gate.survey([])
    began = lines.each(lambda name: _begin(prepared, nodes[name], apply_id, options.reason), nodes)
    if not all(began.values()):
        full = apply.REFUSED.at(None, "The journal cannot be written.")
        return apply.Result(Outcome.REFUSED, diagnostics=[full])
    run = Nodes(nodes, people, whole=True)
    failed: dict[str, list[str]] = {name: [] for name in nodes}
    why: list[str] = []
    for number, undo, names in prepared.steps:
        for name, texts in run.undo(number, names, undo).items():
            failed[name] += texts
        if interrupts.stopped():
            why += [] if any(failed.values()) else ["it was interrupted"]
            break
    return _ended(run, apply_id, failed, why)


def _begin(prepared: Prepared, node: Node, apply_id: str, reason: str) -> bool:
    back = prepared.nodes[node.name]
    about = _about(back.entries[-1], node.name, apply_id, reason)
    node.began = node.line.ask("begin", about.text, back.manifest).ok
    return node.began


def _ended(
    run: Nodes,
    apply_id: str,
    wrong: Mapping[str, Sequence[str]],
    why: list[str],
) -> Result:
    """Say in the journal of each node how it ended there."""
    from omconf.apply.wire import LostError

    why += [text for texts in wrong.values() for text in texts]
    outcome = Outcome.PARTIAL if why else Outcome.UNDONE
    said = "; ".join(dict.fromkeys((*why, *run.left_to_people)))
    for name, node in run.nodes.items():
        own = (
            Outcome.PARTIAL if why and (wrong[name] or not any(wrong.values())) else Outcome.UNDONE
        )
        end = journal.End(outcome=own, when=apply.moment(), why=said[:2000])
        if name in run.lost:
            continue
        try:
            well = node.line.ask("end", end.text, "own" if own is Outcome.PARTIAL else "all").ok
        except LostError:
            well = False
        if not well:
            outcome, said = Outcome.PARTIAL, f"the journal of {name} does not say how it ended"
    return apply.Result(outcome, apply_id, said)


def _about(entry: Entry, node: str, apply_id: str, reason: str) -> journal.About:
    return journal.About(
        format=1,
        id=apply_id,
        what="undo",
        of=entry.about.id,
        node=node,
        by=apply.whoever(),
        reason=apply.written(reason),
        when=apply.moment(),
        plan=entry.about.plan,
        steps=[],
        files=entry.about.files,
    )
