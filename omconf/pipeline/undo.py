"""The rooms of `omconf undo` and `omconf log` put together: the journal of a node, and what it says."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
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
    from omconf.apply.node import Node, People
    from omconf.cluster.model import Cluster
    from omconf.pipeline.apply import Options, Result, Show
    from omconf.pipeline.compiled import Compiled
    from omconf.pipeline.sources import Asked

NO_UNDO = Rule("OM604", Severity.ERROR, "an apply that is not taken back")
BROKEN = Rule("OM605", Severity.WARNING, "a journal that makes no sense")


@dataclass(frozen=True, slots=True)
class Log:
    """The journal of a node, and what is wrong with it."""

    cluster: str
    node: str
    journal: Journal
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """An apply that may be taken back: what was written, and what is to be run, in its order."""

    cluster: str
    node: str
    root: str
    entries: tuple[Entry, ...]
    """The apply, and those before it that it went on with; the oldest first."""
    written: tuple[Written, ...]
    manifest: bytes

    @property
    def entry(self) -> Entry:
        """The apply that is taken back."""
        return self.entries[-1]

    @property
    def steps(self) -> Iterator[tuple[int, tuple[Action, ...]]]:
        """The steps that were begun, the last one first, with what takes each back."""
        paths = {written.path for written in self.written}
        for entry in reversed(self.entries):
            for step in reversed(entry.about.steps):
                undo = tuple(journal.action(action) for action in step.undo)
                wrote = any(isinstance(a, Put) and paths & set(a.paths) for a in undo)
                if step.step in entry.begun or (wrote and not entry.begun):
                    yield step.step, undo

    @property
    def files(self) -> list[Written]:
        """The files that are not as they were."""
        return [w for w in self.written if w.before != w.after]

    @property
    def stops(self) -> bool:
        """Whether OpenMeetings stops or restarts."""
        verbs = ("stop", "restart")
        actions = (action for _, undo in self.steps for action in undo)
        return any(isinstance(a, Service) and a.do in verbs for a in actions)


def log(compiled: Compiled, asked: Asked) -> Log | list[Diagnostic]:
    """Read the journal of a node."""
    cluster = compiled.cluster
    assert asked.local is not None  # noqa: S101 - the command line says it
    if cluster is None:
        return compiled.diagnostics
    if unknown := by_node.unknown(cluster, asked.only):
        return unknown
    name = cluster.name.value
    files = _read(cluster, asked, Request((), name, "", around=journal.places(name)))
    if isinstance(files, Diagnostic):
        return [files]
    found = journal.read(files.around, name)
    wrong = tuple(
        BROKEN.at(
            None, "It is left out of the journal: it makes no sense.", node=asked.local, path=path
        )
        for path in found.broken
    )
    return Log(name, asked.local, found, wrong)


def _read(cluster: Cluster, asked: Asked, request: Request) -> NodeFiles | Diagnostic:
    source, _ = asked.sources(cluster)
    assert asked.local is not None  # noqa: S101 - the command line says it
    snapshot = source.read({asked.local: request}, whole=False)
    if isinstance(snapshot, Diagnostic):
        return snapshot
    files = snapshot.nodes[asked.local]
    if files.problem:
        return files.problem.rule.at(None, files.problem.message, node=asked.local)
    return files


def prepare(
    compiled: Compiled, asked: Asked, wanted: str = ""
) -> Prepared | list[Diagnostic] | None:
    """Find the last apply that stands, and what takes it back; None where none stands."""
    found = log(compiled, asked)
    if isinstance(found, list):
        return found
    cluster = compiled.cluster
    assert cluster is not None  # noqa: S101 - there is a log
    entries = found.journal.last
    if found.journal.broken:
        hint = "See what stands there; of two entries the later one has to be taken back first."
        message = (
            "The journal has entries that make no sense: which apply was the last is not known."
        )
        return [*found.diagnostics, NO_UNDO.at(None, message, hint=hint, node=found.node)]
    if not entries:
        return None
    entry = entries[-1]
    if wanted and entry.about.id != wanted:
        message = f"{wanted} is not the last apply that stands: that is {entry.about.id}."
        return [NO_UNDO.at(None, message, hint="Take that back first; `omconf log` lists all.")]
    if not asked.tree and os.geteuid() != 0:
        message = "Only root can take back what was applied to this host."
        return [NO_UNDO.at(None, message, hint="Run it by sudo.")]
    name = cluster.name.value
    paths = tuple(dict.fromkeys(changed.path for each in entries for changed in each.changed))
    around = tuple(journal.backups(name, each.number) for each in entries)
    files = _read(cluster, asked, Request(paths, name, "", around=around))
    if isinstance(files, Diagnostic):
        return [files]
    written = [_written(name, entries, path, files) for path in paths]
    own = files.files.get(Request((), name, "").manifest)
    manifest = own.data if own and own.data else b"{}"
    assert asked.local is not None  # noqa: S101 - the command line says it
    return Prepared(name, asked.local, asked.tree, entries, tuple(written), manifest)


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
    if digest(held) != first.before:
        return replace(written, conflict="its backup is not what it was")
    if digest(now) == first.before:
        return replace(written, before=now)
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
    from omconf.apply import carrier
    from omconf.apply.node import Node
    from omconf.apply.wire import LostError

    started = time.monotonic()
    about = _about(prepared, options.reason)
    with interrupts.deferred():
        try:
            with carrier.local(prepared.cluster, prepared.root) as program:
                if refused := apply.lock(program, about, prepared.node, options):
                    return apply.Result(Outcome.REFUSED, diagnostics=[refused])
                if again() != prepared:
                    message = "What is to be taken back has changed since it was shown."
                    return apply.Result(Outcome.REFUSED, diagnostics=[NO_UNDO.at(None, message)])
                if not program.ask("begin", about.text, prepared.manifest).ok:
                    full = apply.REFUSED.at(None, "The journal cannot be written.")
                    return apply.Result(Outcome.REFUSED, diagnostics=[full])
                real = not prepared.root
                node = Node(prepared.node, program, None, people, show.event, real)
                node.written += prepared.written
                result = _on(node, prepared, about)
        except LostError as error:
            why = f"{prepared.node} does not answer: {error}"
            result = apply.Result(Outcome.PARTIAL, about.id, why)
    result.seconds = time.monotonic() - started
    return result


def _on(node: Node, prepared: Prepared, about: journal.About) -> Result:
    wrong: list[str] = []
    for number, undo in prepared.steps:
        node.begin_undo(number)
        wrong += node.undo(undo)
        if interrupts.stopped():
            wrong.append("it was interrupted")
            break
    outcome = Outcome.PARTIAL if wrong else Outcome.UNDONE
    why = "; ".join((*wrong, *node.left_to_people))
    end = journal.End(outcome=outcome, when=apply.moment(), why=why[:2000])
    if not node.line.ask("end", end.text, "own" if wrong else "all").ok:
        outcome, why = Outcome.PARTIAL, "how it ended cannot be written to the journal"
    return apply.Result(outcome, about.id, why)


def _about(prepared: Prepared, reason: str) -> journal.About:
    entry = prepared.entry
    return journal.About(
        format=1,
        id=os.urandom(4).hex(),
        what="undo",
        of=entry.about.id,
        node=prepared.node,
        by=apply.whoever(),
        reason=apply.written(reason),
        when=apply.moment(),
        plan=entry.about.plan,
        steps=[],
        files=entry.about.files,
    )
