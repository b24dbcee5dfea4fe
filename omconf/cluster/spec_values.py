"""The values of a spec, each with its origin, and the nodes that its servers are."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from omconf.diagnostics import meant
from omconf.formats import names
from omconf.origin import FromDefault, FromSpec, Origin, Value
from omconf.regex import regex
from omconf.rules import EXPORT_PATH, WRONG_VALUE
from omconf.secret_sources import SecretRef
from omconf.spec import defaults
from omconf.spec.checks import label

if TYPE_CHECKING:
    from omconf.cluster.model import Node
    from omconf.diagnostics import Diagnostic
    from omconf.origin import Span
    from omconf.spec.document import Document, Path
    from omconf.spec.models import Spec
    from omconf.spec.models.section import Section
    from omconf.spec.references import HostRef

T = TypeVar("T")

_LOOPBACK = regex(r"127\.[0-9.]+")


class Key(str):
    """A name that the user chose, as a property's, with its place in the spec."""

    span: Span | None

    def __new__(cls, name: str, span: Span | None) -> Key:
        """Make a text with a place."""
        key = super().__new__(cls, name)
        key.span = span
        return key


class SpecValues:
    """The values of one spec; what is wrong with a server that it names goes to `diagnostics`.

    `base` is the folder that secrets' file paths start from.
    """

    def __init__(self, document: Document, spec: Spec, base: str) -> None:
        self.document = document
        self.spec = spec
        self.base = base
        self.diagnostics: list[Diagnostic] = []
        self.addresses = Counter(node.address for node in spec.nodes.values())

    def origin(self, path: Path) -> Origin:
        """Return where the value of a key comes from: the spec, or omconf's default."""
        key = ".".join(map(str, path))
        if path in self.document.values:
            return FromSpec(key, self.document.values[path])
        return FromDefault(key, defaults.WHY.get(key, ""))

    def value(self, section: Section, path: Path) -> Value[Any]:
        """The value of a key that has a default in its model."""
        return Value(getattr(section, str(path[-1])), self.origin(path))

    def maybe(self, section: Section, path: Path) -> Value[Any] | None:
        """The value of a key that may be left out."""
        value = getattr(section, str(path[-1]))
        return None if value is None else Value(value, self.origin(path))

    def items(self, values: list[str], path: Path) -> tuple[Value[str], ...]:
        """Resolve a list, each item with its own origin."""
        # A single value may stand for a list of one.
        places = [(*path, i) for i in range(len(values))]
        found = (place if place in self.document.values else path for place in places)
        return tuple(Value(v, self.origin(p)) for v, p in zip(values, found, strict=True))

    def mapping(self, values: dict[str, T], path: Path) -> dict[str, Value[T]]:
        """Values by names that the user chose, in their order."""
        return {
            Key(k, self.document.keys.get((*path, k))): Value(values[k], self.origin((*path, k)))
            for k in sorted(values)
        }

    def secret(self, ref: SecretRef, path: Path) -> Value[SecretRef]:
        """A secret's place to be read from; a file's path starts from the spec's folder."""
        return Value(replace(ref, base=self.base), self.origin(path))

    def secrets(self, section: Section, path: Path) -> dict[str, Value[SecretRef]]:
        """Return the secrets that a section sets, by key."""
        return {
            key: self.secret(ref, (*path, key))
            for key, ref in section
            if isinstance(ref, SecretRef)
        }

    def server(
        self, host: HostRef, path: Path, nodes: tuple[Node, ...], attribute: str
    ) -> tuple[Value[str], str | None] | None:
        """Return a server's address (a node's `attribute`) or name, and which node it is, if any.

        An unknown one is reported in `diagnostics`, and taken for no node. None if it is one of
        several nodes, or a node whose name is wrong, which was reported.
        """
        origin = self.origin(path)
        for node in nodes:
            named = host.form != "host" and host == node.name.value
            if named or host in (node.address.value, node.storage_address.value):
                if not named and not self.one(host, path, nodes):
                    return None
                return Value(getattr(node, attribute).value, origin), node.name.value
        outside = host.form == "host" or (host.form == "name" and "." in host)
        own = host.lower() in names.LOOPBACK or _LOOPBACK.fullmatch(host)
        if path[0] == "storage" and own:
            hint = "Write the data server's address"
            hint += (
                f"; if it runs on a node, write `server: {nodes[0].name.value}`." if nodes else "."
            )
            message = f"`{host}` is a different host on each node."
            self.diagnostics.append(EXPORT_PATH.at(self.document.span(path), message, hint=hint))
            return Value(str(host), origin), None
        if outside or (own and path[0] == "database"):
            return Value(str(host), origin), None
        if self.said_of(host):
            return None
        first = ", ".join(n.name.value for n in nodes[:10])
        near = meant(host, self.document.data["nodes"])
        known = f"Did you mean `{near}`?" if near else f"Use one of: {first}."
        self.diagnostics.append(
            EXPORT_PATH.at(
                self.document.span(path),
                f"`{host}` is not a node of this cluster.",
                hint=f"{known} For an external server, write its address, "
                f"a dotted name, or `{{host: {host}}}`.",
            )
        )
        return Value(str(host), origin), None

    def one(self, host: str, path: Path, nodes: tuple[Node, ...]) -> bool:
        """Tell whether an address is that of one node: behind NAT of their own, several may have it."""
        there = [n for n in nodes if n.public_address and n.address.value == host]
        if len(there) < 2 or self.addresses[host] > len(there):
            return True  # without a public one, they have the same address by mistake
        first, second = (n.name.value for n in there[:2])
        message = f"`{host}` is the address of `{first}` and of `{second}`."
        hint = f"Name one node: `{first}`, for example."
        self.diagnostics.append(WRONG_VALUE.at(self.document.span(path), message, hint=hint))
        return False

    def said_of(self, name: str) -> bool:
        """Tell whether a reported error concerns a node of this name, misspelled or not."""
        nodes = self.document.data["nodes"]
        return name in nodes or any(label(key) == name for key in nodes)
