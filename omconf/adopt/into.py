"""Adds nodes to an existing spec; every other byte of it stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omconf.adopt import write
from omconf.adopt.fold import HOME, fold
from omconf.adopt.model import ABSENT, Fact
from omconf.adopt.names import ONLY_NEW
from omconf.dataclass import dataclass
from omconf.rules import DRIFT, MISSING_SETTING
from omconf.secrets import masked, quoted
from omconf.spec.references import node_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omconf.adopt.fold import Facts
    from omconf.adopt.model import Path, Seen
    from omconf.diagnostics import Diagnostic
    from omconf.spec.document import Document

_NOT_COMPARED = frozenset({"cluster", "secrets"})
_INTERFACE = ("network", "interface")
_SHARED = {
    "home": ("openmeetings", "home"),
    "interface": _INTERFACE,
    "kurento_url": ("kurento", "url"),
}
"""Keys of a node that follow one of the whole cluster, unless the node or `node_defaults` sets them."""


@dataclass(frozen=True, slots=True)
class Existing:
    """A spec without errors that nodes are added to."""

    document: Document

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

    def own(self, nodes: Sequence[Seen]) -> tuple[Facts, list[Diagnostic]]:
        """Return the new nodes' own facts, and diagnostics for differences from the spec."""
        every = fold(nodes, explicit=True, patterns=False)
        every.pop(_INTERFACE, None)  # a node can have its own
        for node in nodes:
            if (fact := node.fact(*_INTERFACE)) and fact.value is not None:
                every["nodes", node.name, "interface"] = fact
        apart: list[Diagnostic] = []
        own: Facts = {}
        for path, fact in every.items():
            if path[0] == "nodes":
                if path[2] == "member" and not self._lists_members:
                    continue
                if not self._by_default(path, fact, every):
                    own[path] = fact
            elif path[0] not in _NOT_COMPARED and (found := self._apart(path, fact)):
                apart.append(found)
        return own, apart

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

    def _apart(self, path: Path, fact: Fact) -> Diagnostic | None:
        data: Any = self.document.data
        for key in path:
            data = data.get(key, ABSENT) if isinstance(data, dict) else ABSENT
        here = fact.default if data is ABSENT else data
        plain = not isinstance(fact.value, dict) and not isinstance(here, dict)
        if here is ABSENT or not plain or str(here) == str(fact.value):
            return None
        said = quoted(masked(str(fact.value)))
        message = f"`{'.'.join(path)}` is `{said}` on the nodes, which differs from the spec."
        span = self.document.span(path) if path in self.document.values else None
        node = fact.place.node if fact.place else None
        hint = f"{fact.said}." if fact.said else ""
        return DRIFT.at(span, message, hint=hint, node=None if span else node)

    def text(self, facts: Facts) -> str:
        """Return the spec with the new nodes after its own.

        If its nodes are in braces, ruamel.yaml rewrites the whole spec, with its comments.
        """
        text = self.document.text
        span = self.document.values["nodes",]
        lines = text.split("\n")
        new: dict[str, dict[str, Fact]] = {}
        for path, fact in facts.items():
            new.setdefault(path[1], {})[path[2]] = fact
        if lines[span.line - 1][span.column - 1 : span.column] == "{":
            return _in_braces(text, new)
        at = max(self._end(path, lines) for path in self.document.values if path[:1] == ("nodes",))
        indent = " " * (self.document.keys["nodes", next(iter(self.names))].column - 1)
        added = write.body(new)
        block = [indent + line if line else line for line in added.rstrip("\n").split("\n")]
        return "\n".join([*lines[:at], *block, *lines[at:]])

    def _end(self, path: tuple[str | int, ...], lines: list[str]) -> int:
        """Return the last line of a value; a block mapping ends where its values do."""
        value: Any = self.document.data
        for key in path:
            value = value[key]
        span = self.document.values[path]
        if isinstance(value, dict | list) and lines[span.line - 1][span.column - 1] not in "{[":
            return span.line
        return span.end_line


def _in_braces(text: str, new: dict[str, dict[str, Fact]]) -> str:
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    document = yaml.load(text)
    for name, own in new.items():
        document["nodes"][write.scalar(name)] = write.node_of(
            {key: fact.value for key, fact in own.items()}
        )
    return write.dump(document)


def read(document: Document | None, found: list[Diagnostic]) -> Existing | list[Diagnostic]:
    """Accept a spec; return its diagnostics if it has errors."""
    if document is None:
        return found
    if any(d.is_error for d in found):
        message = "The spec has errors, so no node is added."
        return [
            *found,
            MISSING_SETTING.at(None, message, hint="Fix the errors first; run `omconf validate`."),
        ]
    return Existing(document)
