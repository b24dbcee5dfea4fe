"""The rooms of `omconf import` put together: a source, facts, one spec, and its proof."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from omconf.adopt import words
from omconf.adopt.fold import fold, settle, spread
from omconf.adopt.gather import gather
from omconf.adopt.hazelcast import EXTRA, file_of
from omconf.adopt.model import Fact, diagnostic
from omconf.adopt.result import Difference, Imported, ToSet
from omconf.artifacts.hazelcast import KIND as HAZELCAST
from omconf.artifacts.persistence import KIND as PERSISTENCE
from omconf.cluster import places
from omconf.dataclass import dataclass
from omconf.diagnostics import Finding, has_errors, in_order
from omconf.rules import BY_HAND, MISSING_KEY, NOT_A_FILE, NOT_KEPT, UNREADABLE
from omconf.secret_sources import SecretRef, resolve
from omconf.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omconf.adopt.fold import Facts
    from omconf.adopt.gather import Gathered
    from omconf.adopt.into import Existing
    from omconf.adopt.model import Path
    from omconf.adopt.sources import Origin
    from omconf.diagnostics import Diagnostic
    from omconf.pipeline.compiled import Compiled
    from omconf.pipeline.plan import Made
    from omconf.plan.model import ArtifactChange

EXTRA_FILE = "hazelcast-extra.xml"
PRINTED = "<stdout>"
"""What a spec is called that no file holds."""
_ROUNDS = 40
"""Values that the spec's own checks may refuse, one after the other."""
_THERE = frozenset({HAZELCAST.name, PERSISTENCE.name})
"""Kinds of which every OpenMeetings has a file: a plan that creates one has another folder."""
_NEEDED = {
    ("cluster",),
    ("openmeetings", "release"),
    ("database", "kind"),
    ("database", "host"),
    ("database", "user"),
    ("database", "password"),
    ("storage", "kind"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says of an import."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Names by what the source calls a node."""
    release: str | None = None
    only: tuple[str, ...] = ()
    explicit: bool = False
    into: str | None = None
    """An existing spec that nodes are added to."""
    file: str = PRINTED
    """What the spec is called where it is spoken of."""


def adopt(origin: Origin, asked: Asked) -> Imported:
    """Import the nodes of a source."""
    from omconf.adopt import drift, reasons

    base: Existing | None = None
    taken, result = frozenset[str](), Imported()
    if asked.into is not None:
        from omconf.adopt import into
        from omconf.pipeline.compiled import check_spec

        checked = check_spec(asked.into)
        existing = into.read(checked.document, checked.cluster, checked.diagnostics)
        if isinstance(existing, list):
            return Imported(diagnostics=existing)
        base, result.before = existing, existing.document.text
        taken = base.names
    gathered = gather(
        origin, said=asked.names, release_said=asked.release, only=asked.only, taken=taken
    )
    result.gaps, result.hidden = gathered.gaps, gathered.hidden
    result.diagnostics = list(gathered.found)
    if gathered.release is None or not gathered.nodes:
        return result
    if base is not None and (twins := base.twins(gathered.nodes)):
        result.diagnostics = twins
        return result
    result.nodes = tuple(node.name for node in gathered.nodes)
    result.drift = drift.outliers(gathered.nodes)
    for node in gathered.nodes:
        if (destination := origin.ssh(node.survey.label)) and destination != node.name:
            node.tell(("nodes", "*", "ssh"), destination, guess="by --host")
    if base is not None:
        facts, apart, result.differences = base.own(gathered.nodes)
        result.diagnostics += apart
    else:
        facts = fold(gathered.nodes, explicit=asked.explicit)
        settle(facts, explicit=asked.explicit)
    writer = _Writer(asked, gathered, facts, base)
    compiled = writer.compile()
    result.text, result.files = writer.text, writer.files
    result.diagnostics += writer.left_out
    result.differences += writer.moves
    result.differences += [
        Difference(node.name, path, "", None, "update", why)
        for node in gathered.nodes
        for path, why in node.absent.items()
    ]
    result.differences += [
        Difference(found.node, found.place.path, found.kind, None, "update", why)
        for found in result.drift
        if (why := reasons.beside_files(found.kind, found.key))
    ]
    result.diagnostics += _new(writer.at_source(compiled), writer.facts, gathered)
    if not compiled.failed:
        _prove(result, compiled, origin, gathered, writer.facts, into=base is not None)
    result.text = writer.finished(result)
    result.diagnostics = in_order(result.diagnostics)
    return result


def _new(found: Sequence[Diagnostic], facts: Facts, gathered: Gathered) -> list[Diagnostic]:
    """Leave out that a spec lacks its database or nodes, where a node's finding says why."""
    if not has_errors(gathered.found):
        return list(found)
    given = {path[0] for path in facts}
    lacking = [f"`{key}` is missing" for key in ("database", "nodes") if key not in given]
    lacking.append(".address` is missing")
    return [
        d
        for d in found
        if d.rule is not MISSING_KEY or not any(words in d.message for words in lacking)
    ]


class _Writer:
    """Writes the spec, and leaves out one after the other what the spec's own checks refuse."""

    def __init__(
        self, asked: Asked, gathered: Gathered, facts: Facts, base: Existing | None
    ) -> None:
        self.asked, self.gathered, self.facts, self.base = asked, gathered, facts, base
        self.left_out: list[Diagnostic] = []
        self.moves: list[Difference] = []
        """What leaving a value out would change without any file that shows it."""
        self.text = ""
        self.files: dict[str, str] = {}

    def write(self, tail: Sequence[str] = ()) -> str:
        """Write the spec; only `tail` may be added later: findings count its lines with the head's."""
        from omconf.adopt import write

        facts = dict(self.facts)
        elements = {path[2]: facts.pop(path) for path in list(facts) if path[:2] == EXTRA}
        self.files = {}
        if elements:
            self.files[EXTRA_FILE] = file_of({key: str(f.value) for key, f in elements.items()})
            first = next(iter(elements.values()))
            facts[EXTRA] = Fact(EXTRA, EXTRA_FILE, first.place)
        if self.base is not None:
            return self.base.text(facts)
        return write.spec(facts, words.head(self.gathered), self.gathered.gaps, tail)

    def compile(self) -> Compiled:
        from omconf.pipeline.compiled import compile_text

        for _ in range(_ROUNDS):
            self.text = self.write()
            beside = {n: t.encode("utf-8", "surrogateescape") for n, t in self.files.items()}
            data = self.text.encode("utf-8", "surrogateescape")
            compiled = compile_text(data, self.asked.file, beside)
            refused = self._refused(compiled)
            if not refused and not self._spread(compiled):
                break
            for path, found in refused.items():
                self._drop(path, found)
        return compiled

    def _refused(self, compiled: Compiled) -> dict[Path, Diagnostic]:
        """Find the values that errors of the compiled spec speak of, where it can do without."""
        result: dict[Path, Diagnostic] = {}
        lines = self._lines(compiled)
        for found in compiled.diagnostics:
            if not found.is_error or found.span is None:
                continue
            own = found.span.file == self.asked.file
            about = lines.get(found.span.line) if own else EXTRA if self.files else None
            if about and about not in _NEEDED and about[-1] not in ("address", "url"):
                result.setdefault(EXTRA if about[:2] == EXTRA else about, found)
        return result

    def _spread(self, compiled: Compiled) -> bool:
        """Write a refused pattern out, so that an error is about one node; return whether it helps."""
        lines = self._lines(compiled)
        wrong = {
            path
            for found in compiled.diagnostics
            if found.is_error and found.span and found.span.file == self.asked.file
            if (path := lines.get(found.span.line)) and path[0] == "node_defaults"
        }
        for path in wrong:
            spread(self.facts, self.gathered.nodes, path[1])
        return bool(wrong)

    def _lines(self, compiled: Compiled) -> dict[int, Path]:
        """Return the facts by the lines of the spec in which they are."""
        document = compiled.document
        lines: dict[int, Path] = {}
        for path in self.facts:
            place = EXTRA if path[:2] == EXTRA else path
            if document is not None and place in document.values:
                lines.setdefault(document.values[place].line, path)
                lines.setdefault(document.keys[place].line, path)  # `? KEY` has a line of its own
        return lines

    def at_source(self, compiled: Compiled) -> list[Diagnostic]:
        """Return the findings of the spec; errors, which prevent writing it, at their sources."""
        lines = self._lines(compiled)
        result = []
        for found in compiled.diagnostics:
            own = found.is_error and found.span and found.span.file == self.asked.file
            path = lines.get(found.span.line) if own and found.span else None
            place = self.facts[path].place if path else None
            if place and place.line:
                finding = Finding(found.rule, place.line, found.message, found.hint)
                result.append(diagnostic(place.node, place.path, finding))
            else:
                result.append(found)
        return result

    def _drop(self, path: Path, found: Diagnostic) -> None:
        gone = [p for p in self.facts if p[: len(path)] == path]
        if path == ("storage", "server"):
            gone = [p for p in self.facts if p[:1] == ("storage",)]
        if path == ("openmeetings", "data_dir"):
            by_default = "no JVM option says -DDATA_DIR. " if self.facts[path].guess else ""
            why = (
                f"{by_default}{found.message} An apply would have OpenMeetings look for its data in"
                f" {places.DEFAULT_DATA_DIR}: copy them there first, or set openmeetings.data_dir"
            )
            self.moves.append(Difference("", "", "", None, "update", why))
        for each in gone:
            fact = self.facts.pop(each)
            if each == ("openmeetings", "data_dir"):
                continue  # said among the differences
            message = f"`{'.'.join(each)}` is left out: {found.message}"
            left, at = NOT_KEPT.at(None, message, hint=found.hint), fact.place
            if at:
                left = diagnostic(at.node, at.path, Finding(NOT_KEPT, at.line, message, left.hint))
            self.left_out.append(left)
        if path[0] == "storage" and path[1] == "server":
            why = "what serves the folder is not known"
            self.facts["storage", "kind"] = Fact(("storage", "kind"), "mounted", guess=why)

    def finished(self, result: Imported) -> str:
        """Write the imported spec, with the remaining work as comments at its end."""
        if self.base is not None:
            return self.text
        return self.write(words.tail(result.diagnostics))


def _prove(
    result: Imported,
    compiled: Compiled,
    origin: Origin,
    gathered: Gathered,
    facts: Facts,
    *,
    into: bool,
) -> None:
    """Plan the spec against the same source.

    The secrets of a spec that existed before have values (`into`): what is deployed is not taken for
    them.
    """
    from omconf.adopt import reasons
    from omconf.pipeline import plan as plans
    from omconf.plan.model import Action

    known = _secrets(result, facts) if not into else {}
    if any(path[:2] == EXTRA for path in facts):
        named = {f"${{{p}}}": key for n in gathered.nodes for p, key in n.properties.items()}
        result.secrets += [ToSet(key, name, "unknown") for name, key in named.items()]
    labels = gathered.labels
    made = plans.make(compiled, origin.source(labels), only=tuple(labels), known=known)
    if isinstance(made, list):
        result.diagnostics += made
        return
    result.plan = made.plan
    # Options that are set by hand are what is imported: the first apply adopts them.
    said = [found for found in made.plan.diagnostics if found.rule is not BY_HAND]
    # A file around that cannot be read is named as one that an import leaves out.
    left = {(d.node, d.path) for d in result.diagnostics if d.rule is NOT_KEPT and d.span is None}
    unread = (NOT_A_FILE, UNREADABLE)
    said = [d for d in said if d.rule not in unread or (d.node, d.path) not in left]
    result.diagnostics = list(dict.fromkeys([*result.diagnostics, *result.moves(said)]))
    drifting = {place for found in result.drift for place in reasons.drifting(found)}
    why = {(n.name, *item): reason for n in gathered.nodes for item, reason in n.why.items()}
    broken = {node.name for node in gathered.nodes if node.survey.label in gathered.gaps}
    homes = {n.name: f"{n.home}/webapps/{n.webapp}" for n in gathered.nodes if n.name not in broken}
    for change in made.plan.changes:
        if change.items or change.node not in broken:  # of a broken file, its error says it
            result.differences += _differences(change, drifting, why, into=into)
        if change.action is Action.CREATE and change.kind in _THERE and change.node in homes:
            reason = reasons.ELSEWHERE.format(homes[change.node])
            result.differences.append(
                Difference(change.node, change.path, change.kind, None, "create", reason)
            )
    result.differences.sort(key=lambda each: each.reason != reasons.ALONE)
    if into:
        _not_compared(result, made)
    several = len(result.nodes) > 1  # of one node, every restart stops all
    if several and str(made.plan.rollout.disruption) == "all" and not result.differences:
        stops = "the plan stops all nodes at once"
        result.differences.append(Difference("", "", "", None, "update", stops))


def _not_compared(result: Imported, made: Made) -> None:
    """Add the secrets of an existing spec that cannot be read, and where they are deployed."""
    from omconf.adopt import reasons
    from omconf.plan.model import Action, ItemChange, SecretState

    for name in made.secrets.unresolved:
        ref = made.secrets.ref(name)
        shown = ref.argument[0] if ref.source == "env" else str(ref)
        result.secrets.append(ToSet(name, shown, "unknown"))
    for check in made.plan.secrets:
        if check.state is SecretState.UNKNOWN:
            item = ItemChange(check.key, Action.UPDATE, secret=check.state)
            reason = reasons.NOT_COMPARED
            result.differences.append(
                Difference(check.node, check.path, "", item, "update", reason)
            )


def _differences(
    change: ArtifactChange,
    drifting: set[tuple[str, str, str]],
    why: Mapping[tuple[str, str, str], str],
    *,
    into: bool,
) -> list[Difference]:
    """Return what a change updates or deletes; additions of omconf count only on an outlier."""
    from omconf.adopt import reasons
    from omconf.plan.model import Action

    if change.action in (Action.NO_OP, Action.REFORMAT):
        return []
    adds = change.action is Action.CREATE or change.ownership == "block"
    found = []
    for item in change.items:
        here = {(change.node, change.kind, key) for key in (item.key, "*")}
        alone = reasons.ALONE if here & drifting else ""
        known = alone or why.get((change.node, change.kind, item.key))
        if adds and item.action is Action.CREATE and not known:
            continue
        reason = known or reasons.of(
            change.kind, item.key, item.before, item.after or "", into=into
        )
        found.append(
            Difference(change.node, change.path, change.kind, item, str(item.action), reason)
        )
    if not found and change.action in (Action.UPDATE, Action.DELETE) and not change.items:
        reason = reasons.of(change.kind, "", into=into)
        action = str(change.action)
        found.append(Difference(change.node, change.path, change.kind, None, action, reason))
    return found


def _secrets(result: Imported, facts: Facts) -> dict[str, Secret]:
    """Compare the secrets that can be read now; the others are given to the proof as found."""
    known: dict[str, Secret] = {}
    for path, fact in facts.items():
        if not (isinstance(fact.value, dict) and fact.value.keys() & {"env", "file"}):
            continue
        variable = fact.value.get("env") or fact.value["file"]
        # A file beside the spec is still to be made.
        now = resolve(SecretRef("env", (variable,))) if "env" in fact.value else None
        state = "unknown"
        if isinstance(now, Secret) and fact.secret is not None:
            state = "equal" if now == fact.secret else "different"
        elif fact.secret is not None:
            known[".".join(path)] = fact.secret
        result.secrets.append(ToSet(".".join(path), variable, state))
    return known
