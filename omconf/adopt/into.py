"""Adds nodes to an existing spec; every other byte of it stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omconf.adopt import reasons, write
from omconf.adopt.drift import FACTS
from omconf.adopt.fold import HOME, INTERFACE, alike, fold
from omconf.adopt.model import ABSENT, Fact
from omconf.adopt.names import ONLY_NEW
from omconf.adopt.result import Difference
from omconf.dataclass import dataclass
from omconf.origin import Value
from omconf.rules import DRIFT, MISSING_SETTING
from omconf.secrets import masked, quoted
from omconf.spec.references import node_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from omconf.adopt.fold import Facts
    from omconf.adopt.model import Path, Seen
    from omconf.cluster.model import Cluster
    from omconf.diagnostics import Diagnostic
    from omconf.origin import Span
    from omconf.spec.document import Document

_NOT_COMPARED = frozenset({"cluster", "secrets"})
_SERVERS = frozenset({("storage", "server"), ("database", "host")})
_SHARED = {
    "home": ("openmeetings", "home"),
    "interface": INTERFACE,
    "kurento_url": ("kurento", "url"),
}
"""Keys of a node that follow one of the whole cluster, unless the node or `node_defaults` sets them."""


@dataclass(frozen=True, slots=True)
class Existing:
    """A spec without errors that nodes are added to."""

    document: Document
    cluster: Cluster

    @property
    def names(self) -> frozenset[str]:
        """The nodes that it has."""
        return frozenset(self.document.data["nodes"])

    @property
    def _lists_members(self) -> bool:
        """Whether its nodes find each other by a member list."""
        return (self.document.data.get("discovery") or {}).get("kind") == "tcp-ip"

    def twins(self, nodes: Sequence[Seen]) -> list[Diagnostic]:
        """Report nodes that have the address of one in the spec: they are this one."""
        listed = self.document.data["nodes"]
        owners = {
            own["address"]: name
            for name, own in listed.items()
            if isinstance(own, dict) and isinstance(own.get("address"), str)
        }
        found = []
        for node in nodes:
            address = node.fact("nodes", "*", "address")
            name = owners.get(address.value) if address else None
            if address and name is not None:
                mine = quoted(node.survey.label)
                message = f"`{mine}` is in the spec already: `{name}` has its address."
                found.append(MISSING_SETTING.at(None, message, hint=ONLY_NEW))
        return found

    def own(self, nodes: Sequence[Seen]) -> tuple[Facts, list[Diagnostic], list[Difference]]:
        """Return the new nodes' own facts, and what differs from the spec.

        That is diagnostics, and the differences of which no item of a plan tells.
        """
        every = fold(nodes, explicit=True, patterns=False)
        known = {each: n.name.value for n in self.cluster.nodes for each in n.known_as}
        known |= {str(f.value): path[1] for path, f in every.items() if path[2:] == ("address",)}
        apart: list[Diagnostic] = []
        beside: list[Difference] = []
        own: Facts = {}
        for path, fact in every.items():
            if path[0] == "nodes":
                if path[2] == "member" and not self._lists_members:
                    continue
                if not self._by_default(path, fact, every):
                    own[path] = fact
            elif path[0] not in _NOT_COMPARED and (found := self._apart(path, fact, known)):
                apart.append(found)
                why = reasons.beside_files(FACTS, ".".join(path))
                same = [f for node in nodes if (f := node.fact(*path)) and alike(f, fact)]
                places = [each.place for each in same if why and each.place]
                beside += [Difference(p.node, p.path, FACTS, None, "update", why) for p in places]
        return own, apart, beside

    def _by_default(self, path: Path, fact: Fact, every: Facts) -> bool:
        """Tell whether a value for all nodes gives the node the same one."""
        name, key = path[1:]
        usual = self.document.value(("node_defaults", key))
        if usual is None and key in _SHARED:
            usual = self.document.value(_SHARED[key]) or (HOME if key == "home" else None)
        if not isinstance(usual, str):
            return False
        address = every.get(("nodes", name, "address"))
        return node_text(usual, name, str(address.value) if address else "") == str(fact.value)

    def _apart(self, path: Path, fact: Fact, known: Mapping[str, str]) -> Diagnostic | None:
        """Report a value that differs from the spec's; `known` are nodes by names and addresses."""
        written = self.document.value(path) if path in self.document.values else ABSENT
        forms = [each for each in (written, self._resolved(path)) if each is not ABSENT]
        forms = [each for each in forms or [fact.default] if each is not ABSENT]
        if path in _SERVERS:
            alike = not forms or _servers(fact.value, known) == _servers(written, known)
        else:
            plain = not any(isinstance(each, dict) for each in (fact.value, *forms))
            alike = not forms or not plain or str(fact.value) in map(str, forms)
        if alike:
            return None
        said = quoted(masked(str(fact.value)))
        message = f"`{'.'.join(path)}` is `{said}` on the nodes, which differs from the spec."
        span = self.document.span(path) if path in self.document.values else None
        node = fact.place.node if fact.place else None
        hint = f"{fact.said}." if fact.said else ""
        return DRIFT.at(span, message, hint=hint, node=None if span else node)

    def _resolved(self, path: Path) -> Any:
        """Return a value as the spec resolves it, by default too; ABSENT if it has another form."""
        section, _, key = ".".join(path).partition(".")
        found = getattr(getattr(self.cluster, section, None), key, ABSENT)
        if isinstance(found, Value):
            return found.value
        if isinstance(found, tuple) and all(isinstance(each, Value) for each in found):
            return [each.value for each in found]
        return None if found is None else ABSENT

    def text(self, facts: Facts) -> str:
        """Return the spec with the new nodes after its own."""
        text = self.document.text
        new: dict[str, dict[str, Fact]] = {}
        for path, fact in facts.items():
            new.setdefault(path[1], {})[path[2]] = fact
        start, *inner, end = _nodes(text, self.document.values["nodes",])
        # Only what a block ends with, or an empty value, has no characters of its own.
        last = max(
            each.end_mark.index for each in inner if each.end_mark.index > each.start_mark.index
        )
        newline = "\r\n" if "\r\n" in text else "\n"
        if start.flow_style:
            first = self.document.keys["nodes", next(iter(self.document.data["nodes"]))]
            at = end.end_mark.index - 1
            return _in_braces(text, (last, at), write.flow(new), first.column - 1, newline)
        column = _column(text, start.start_mark.index)
        at = text[:last].rstrip().count("\n") + 1
        lines = text.split("\n")
        added = write.body(new).rstrip("\n").split("\n")
        block = "".join(f"{' ' * column}{line}{newline}" for line in added)
        before = "\n".join(lines[:at])
        if at == len(lines):  # the last line, which nothing ends
            return before + newline + block.removesuffix(newline)
        return f"{before}\n{block}" + "\n".join(lines[at:])


def _servers(said: Any, known: Mapping[str, str]) -> list[str]:
    """Return servers by the names of nodes that they are, and others as they are written."""
    names = []
    for each in said if isinstance(said, list) else [said]:
        alone = isinstance(each, dict) and len(each) == 1
        name = str(next(iter(each.values())) if alone else each)
        names.append(known.get(name.lower(), name))
    return names


def _nodes(text: str, span: Span) -> list[Any]:
    """Return the events of PyYAML for the nodes of a valid spec, which start at `span`."""
    import yaml

    taken: list[Any] = []
    depth = 0
    event: Any
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        mark = event.start_mark
        here = (mark.line + 1, mark.column + 1) == (span.line, span.column)
        if taken or (here and isinstance(event, yaml.MappingStartEvent)):
            taken.append(event)
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth == 0:
                break
    return taken


def _column(text: str, start: int) -> int:
    """Return the column, from 0, of a block mapping's keys; an anchor may be before these."""
    import yaml

    tokens: Iterator[Any] = iter(yaml.scan(text, Loader=yaml.CSafeLoader))
    marks = (each.start_mark for each in tokens if isinstance(each, yaml.BlockMappingStartToken))
    return next(int(mark.column) for mark in marks if mark.index >= start)


def _in_braces(
    text: str, gap: tuple[int, int], entries: list[str], column: int, newline: str
) -> str:
    """Add entries to a mapping in braces; `gap` is from its last entry to its closing brace.

    They follow on the line of the brace, or stand on lines of their own if the brace does.
    """
    at, close = gap
    end, comma = at, False
    while at < close:
        if text[at] == "#":
            at = text.index("\n", at)
        elif not text[at].isspace():
            end, comma = at + 1, text[at] == ","
        at += 1
    head = text[:end] + ("" if comma else ",")
    tail = "," if comma else ""
    if "\n" not in text[end:close]:
        return f"{head} {', '.join(entries)}{tail}{text[end:]}"
    own = text.rindex("\n", 0, close) + 1
    added = f",{newline}".join(" " * column + entry for entry in entries)
    return f"{head}{text[end:own]}{added}{tail}{newline}{text[own:]}"


def read(
    document: Document | None, cluster: Cluster | None, found: list[Diagnostic]
) -> Existing | list[Diagnostic]:
    """Accept a spec; return its diagnostics if it has errors."""
    if document is None:
        return found
    if cluster is None or any(d.is_error for d in found):
        message = "The spec has errors, so no node is added."
        return [
            *found,
            MISSING_SETTING.at(None, message, hint="Fix the errors first; run `omconf validate`."),
        ]
    return Existing(document, cluster)
