"""What the journals of nodes say together: what was applied, and what an undo of the last would do."""

from __future__ import annotations

import os
from dataclasses import field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from omconf.actions import Manual, Put
from omconf.apply import journal
from omconf.apply.written import Written, digest
from omconf.artifacts import by_name
from omconf.dataclass import dataclass
from omconf.deployed.snapshot import NodeFiles, Request
from omconf.diagnostics import Diagnostic, Finding
from omconf.formats import block
from omconf.ownership import OWNED
from omconf.pipeline import nodes as by_node
from omconf.plan import members
from omconf.rules import BROKEN, FORGOTTEN, NO_UNDO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from omconf.actions import Action
    from omconf.apply.journal import Changed, Entry, Journal
    from omconf.artifacts.model import Kind
    from omconf.cluster.model import Cluster
    from omconf.ownership.model import Owned
    from omconf.pipeline.compiled import Compiled
    from omconf.pipeline.sources import Asked

ONLY_FORWARD = "An undo would restore only a part of the files: apply the earlier spec instead."
TAKE_BACK = (
    "Add `removed: {{{name}: {{ssh: DESTINATION}}}}` to the spec to undo it there too."
    f" If the host no longer exists, `ignore` {FORGOTTEN.id}."
)


@dataclass(frozen=True, slots=True)
class Log:
    """The journals of nodes, and what is wrong with them; nodes that cannot be read are missing."""

    cluster: str
    journals: Mapping[str, Journal]
    asked: int
    """How many nodes were asked."""
    diagnostics: tuple[Diagnostic, ...] = ()
    former: Mapping[str, str] = field(default_factory=dict)
    """The addresses of nodes that they remember and the spec no longer has, by name."""


class Taken(NamedTuple):
    """A step that is taken back: its number, the actions, and where."""

    number: int
    undo: tuple[Action, ...]
    bars: bool
    """Whether nothing before it is taken back until people have done their part of it."""
    did: tuple[tuple[str, str], ...] = ()
    """What people did in it, each with what takes it back."""
    nodes: tuple[str, ...] = ()

    @property
    def by_hand(self) -> list[Manual]:
        """What people do without whom nothing before it is taken back."""
        return [a for a in self.undo if self.bars and isinstance(a, Manual)]


@dataclass(frozen=True, slots=True)
class Back:
    """What is taken back on one node: the entries, the oldest first, and what was written."""

    entries: tuple[Entry, ...]
    """The apply, and those before it that it went on with."""
    written: tuple[Written, ...]
    manifest: bytes

    @property
    def steps(self) -> Iterator[tuple[str, Taken]]:
        """The steps that were begun, the last one first, with their apply."""
        paths = {written.path for written in self.written}
        for entry in reversed(self.entries):
            for step in reversed(entry.about.steps):
                undo = tuple(journal.action(action) for action in step.undo)
                wrote = any(isinstance(a, Put) and paths & set(a.paths) for a in undo)
                if step.step in entry.begun or (wrote and not entry.begun):
                    yield entry.about.id, Taken(step.step, undo, step.bars, tuple(step.by_hand))

    @property
    def files(self) -> list[Written]:
        """The files that are not as they were, or cannot be brought back."""
        return [w for w in self.written if w.before != w.after or w.conflict or w.anew]


@dataclass(frozen=True)
class Prepared:
    """An apply that may be taken back, by node: what was written, and what is to be run."""

    cluster: Cluster
    asked: Asked
    nodes: Mapping[str, Back]
    former: Mapping[str, str] = field(default_factory=dict)
    """Nodes that any of them remembers and the spec no longer has."""

    @property
    def entry(self) -> Entry:
        """The apply that is taken back, as one of its nodes remembers it."""
        return next(iter(self.nodes.values())).entries[-1]

    @cached_property
    def steps(self) -> list[Taken]:
        """The steps of all nodes, the last one first."""
        moments = {
            (entry.about.when, entry.about.id): entry.about.id
            for back in self.nodes.values()
            for entry in back.entries
        }
        order = [moments[key] for key in sorted(moments)]
        order.remove(self.entry.about.id)
        order.append(self.entry.about.id)
        found: dict[tuple[int, int], dict[Taken, list[str]]] = {}
        for name, back in self.nodes.items():
            for own, step in back.steps:
                its = found.setdefault((order.index(own), step.number), {})
                its.setdefault(step, []).append(name)
        return [
            step._replace(nodes=tuple(names))
            for _, groups in sorted(found.items(), reverse=True)
            for step, names in groups.items()
        ]


def log(compiled: Compiled, asked: Asked) -> Log | list[Diagnostic]:
    """Read the journals of nodes."""
    cluster = compiled.cluster
    if cluster is None:
        return compiled.diagnostics
    if unknown := by_node.unknown(cluster, asked.only):
        return unknown
    name = cluster.name.value
    patterns = (*journal.places(name), members.place(name))
    places = _places(cluster, asked)
    read = _read(
        cluster, asked, {n: Request((), name, ssh, around=patterns) for n, ssh in places.items()}
    )
    if isinstance(read, Diagnostic):
        return [read]
    problems = {n: f.problem or journal.hidden(f.around, name) for n, f in read.items()}
    journals = {n: journal.read(f.around, name) for n, f in read.items() if not problems[n]}
    wrong = [
        BROKEN.at(None, "The entry is ignored because it is inconsistent.", node=node, path=path)
        for node, found in journals.items()
        for path in found.broken
    ]
    silent = _silent(problems)
    former = members.addresses(cluster, read)
    return Log(name, journals, len(read), (*wrong, *silent), former)


def _silent(problems: Mapping[str, Finding | None]) -> list[Diagnostic]:
    """Report the nodes that cannot be read."""
    return [p.rule.at(None, p.message, hint=p.hint, node=n) for n, p in problems.items() if p]


def _places(cluster: Cluster, asked: Asked) -> dict[str, str]:
    """Return the nodes that are asked, with their OpenSSH destinations."""
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
        hint = "Check the journal there; of two entries, the later one must be undone first."
        message = "Not every journal can be read: it is unknown which apply was the last."
        return [*found.diagnostics, NO_UNDO.at(None, message, hint=hint)]
    chains = {node: its.last for node, its in found.journals.items() if its.last}
    if not chains:
        return None
    last = _last(found.journals)
    if wanted and last != wanted:
        message = f"{wanted} is not the last apply: that is {last}."
        return [NO_UNDO.at(None, message, hint="Undo that one first; `omconf log` lists all.")]
    parted = [n for n, its in found.journals.items() if its.cut and its.last[-1].about.id == last]
    if parted:
        message = f"{last} continued unfinished applies that the journal no longer has."
        return [NO_UNDO.at(None, message, hint=ONLY_FORWARD, node=node) for node in parted]
    if asked.local is not None and not asked.tree and os.geteuid() != 0:
        message = "Only root can undo an apply on this host."
        return [NO_UNDO.at(None, message, hint="Run it with sudo.")]
    name = cluster.name.value
    chains = {node: entries for node, entries in chains.items() if entries[-1].about.id == last}
    if asked.local is None and (gone := unreached(cluster, chains)):
        return gone
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
    if silent := _silent({n: f.problem for n, f in read.items()}):
        return silent
    return Prepared(
        cluster,
        asked,
        {
            node: _back(name, entries, requests[node], read[node])
            for node, entries in chains.items()
        },
        found.former,
    )


def _last(journals: Mapping[str, Journal]) -> str:
    """Return the apply that is the last one on each of its nodes; of several, the latest."""
    below = {e.about.id for its in journals.values() for e in its.standing[:-1]}
    tops = [its.standing[-1].about for its in journals.values() if its.standing]
    return max((about.id not in below, about.when, about.id) for about in tops)[2]


def unreached(cluster: Cluster, chains: Mapping[str, Sequence[Entry]]) -> list[Diagnostic]:
    """Report the nodes that have a part in the apply and that the spec no longer reaches.

    Who `ignore`s such nodes says that their hosts no longer exist.
    """
    if members.ignored(cluster):
        return []
    every = {name for entries in chains.values() for e in entries for name in e.about.nodes}
    gone = sorted(every - cluster.destinations.keys() - members.earlier(cluster))
    message = "{name} is part of it too, but is neither in `nodes` nor in `removed`."
    return [
        NO_UNDO.at(None, message.format(name=name), hint=TAKE_BACK.format(name=name))
        for name in gone[: members.MAX_NAMED]
    ]


def _back(cluster: str, entries: tuple[Entry, ...], request: Request, files: NodeFiles) -> Back:
    written = [_written(cluster, entries, path, files) for path in request.paths]
    own = files.files.get(request.manifest)
    return Back(entries, tuple(written), own.data if own and own.data else b"{}")


def _written(cluster: str, entries: Sequence[Entry], path: str, files: NodeFiles) -> Written:
    """Return what a file was, is, and is to become; what others edited since then stays."""
    each = [(e, [c for c in e.changed if c.path == path]) for e in entries]
    each = [(entry, changes) for entry, changes in each if changes]
    (entry, (first, *_)), every = each[0], [c for _, changes in each for c in changes]
    file = files.files.get(path)
    now = file.data if file else None
    made = max(changed.made for changed in every)
    known = (by_name().get(e.about.files[path].kind) for e, _ in each)
    kind = next(filter(None, known), None)
    shared = kind is not None and not OWNED[kind.ownership].whole
    written = Written(path, _held(cluster, entry, first, files), now, first.access, made, shared)
    if file and file.problem:
        return replace(written, conflict=file.problem.message)
    here = digest(now)
    if here == first.before:
        anew = not shared and any(c.before == c.after for c in every)
        return replace(written, before=now, anew=anew)
    before, later = now, False
    try:
        while each:
            before = _before(cluster, kind, each, before, files, later=later)
            later = bool(each.pop())
    except ValueError as error:
        found = "" if here in _states(every) else here
        return replace(written, conflict=str(error), found=found)
    return replace(written, before=before)


def _before(
    cluster: str,
    kind: Kind | None,
    each: Sequence[tuple[Entry, Sequence[Changed]]],
    now: bytes | None,
    files: NodeFiles,
    *,
    later: bool,
) -> bytes | None:
    """Return what a file held before the last of some entries, with all that others changed since.

    `each` has the entries that changed it with these changes, `now` is what it held after the last
    one; `later` tells that this is what a later entry found. Raises ValueError, with a reason for
    people, where that cannot be told apart.
    """
    *older, (entry, changes) = each
    own, others = _states(changes), _states(c for _, of in older for c in of)
    if digest(now) not in own and digest(now) in others:
        return now  # somebody put it back
    backups = [_held(cluster, e, first, files) for e, (first, *_) in each]
    held = backups[-1]
    if digest(held) != changes[0].before:
        raise ValueError("its backup was changed")
    if digest(now) in own or (later and _by_hand(entry, changes[-1])):
        return held
    what = entry.about.files[changes[0].path]
    if kind is None or now is None:
        raise ValueError("it was edited after the apply")
    owned = OWNED[kind.ownership]
    before = None if held is None else held.decode("utf-8", "surrogateescape")
    text = now.decode("utf-8", "surrogateescape")
    if what.block:
        # A former block was never replaced, or is there again since an undo that ended partway.
        former = {_part(owned, cluster, backup) for backup in backups}
        if _part(owned, cluster, now) not in {"", what.block, *former}:
            raise ValueError("omconf's block in it was edited after the apply")
    restored = owned.restored(kind, cluster, before, text, what.keys)
    return None if restored is None else restored.encode("utf-8", "surrogateescape")


def _states(changes: Iterable[Changed]) -> set[str]:
    """Return the digests of what a file held before and after some changes."""
    return {state for c in changes for state in (c.before, c.after)}


def _by_hand(entry: Entry, last: Changed) -> bool:
    """Tell whether a file was only kept, for a person who would replace it in a manual step."""
    ways = [[journal.action(action) for action in step.undo] for step in entry.about.steps]
    manual = [way for way in ways if any(isinstance(action, Manual) for action in way)]
    puts = [action for way in manual for action in way if isinstance(action, Put)]
    return last.before == last.after and any(last.path in put.paths for put in puts)


def _part(owned: Owned, cluster: str, data: bytes | None) -> str:
    """Digest omconf's part of a file as `File.block` does; empty where there is none."""
    part = owned.part(cluster, (data or b"").decode("utf-8", "surrogateescape"))
    return digest(block.as_laid(part).encode()) if part else ""


def _held(cluster: str, entry: Entry, first: Changed, files: NodeFiles) -> bytes | None:
    if first.before == "absent":
        return None
    folder = journal.backups(cluster, entry.number).rpartition("/")[0]
    backup = files.around.get(f"{folder}/{first.key}.b{entry.number}")
    return (backup.data or b"") if backup else b""
