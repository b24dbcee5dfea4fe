"""Reads further Hazelcast elements from a file next to the spec, without those that omconf writes.

The clustering page allows any further Hazelcast configuration. The file is read as safely as a
deployed one; every finding points into it.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.findings import plain_property
from omconf.formats.xml import children, flatten, local, trimmed
from omconf.hazelcast.items import pairs, unknown_attributes
from omconf.origin import FromSpec, Span
from omconf.regex import regex
from omconf.releases import HAZELCAST_NAMESPACE, StockElement, hazelcast_elements
from omconf.rules import BAD_EXTRA, CONTRADICTION, UNCARRIABLE
from omconf.schema import xsd
from omconf.secrets import SECRET_NAME, in_plain, masked, quoted
from omconf.spec.checks import PLACEHOLDER

if TYPE_CHECKING:
    from lxml.etree import _Element

    from omconf.cluster.model import ExtraFile
    from omconf.diagnostics import Diagnostic, Rule
    from omconf.releases import Release


SCHEMA = "hazelcast-deployed.xsd"
MAX_EXTRA = 1 << 20
"""The largest file, in bytes."""
MAX_FOUND = 100
"""Errors of the file that are reported at most."""
_MAX_LOOKED_AT = 2000
"""Characters of a line that are searched for secrets; 500 of them are shown."""
SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
CONTAINERS = ("network", "member-attributes")
"""Elements that omconf writes too: only further elements inside them are kept."""
_START_TAG = regex(r"<([^\s<>/!?=\"']++)")
_OWNED = {
    "cluster-name": "`hazelcast.cluster_name`",
    "instance-name": "the node's name or its `instance_name`",
    "properties": "`hazelcast.properties`",
    "advanced-network": "`hazelcast.port` and `discovery`, as <network>",
    "network/port": "`hazelcast.port`",
    "network/join": "`discovery`",
    "network/interfaces": "the node's `address`",
    "network/public-address": "the node's `public_address`",
    "member-attributes/attribute[name]": "the node's name or its `instance_name`",
    "member-attributes/attribute[server.url]": "the node's `url`",
}


@dataclass(frozen=True, slots=True)
class Further:
    """One further element, and where it is."""

    element: StockElement
    origin: FromSpec


@dataclass(slots=True)
class Extra:
    """The further elements by parent element; those of the root under ``."""

    elements: dict[str, list[Further]] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def read(file: ExtraFile, release: Release) -> Extra:
    """Read the file for the release's Hazelcast; the stock maps are written by omconf."""
    return _Reader(file, release).read()


class _Reader:
    def __init__(self, file: ExtraFile, release: Release) -> None:
        self.carried = hazelcast_elements.lines_of(release)
        self.file = file
        self.lines = file.data.decode("utf-8", "replace").split("\n")
        self.tags: dict[int, dict[str, list[int]]] = {}
        stock = {f"map[{name}]": "the release's stock file" for name in release.hazelcast.maps}
        self.owned = _OWNED | stock
        self.extra = Extra()

    def read(self) -> Extra:
        if len(self.file.data) > MAX_EXTRA:
            self.say(BAD_EXTRA, 1, f"the file is larger than {MAX_EXTRA >> 20} MiB.", drawn=False)
            return self.extra
        root = xsd.parse(self.file.data)
        if isinstance(root, xsd.Fault):
            self.say(BAD_EXTRA, root.line, f"{root.reason}.", drawn=False)
            return self.extra
        if local(root) != "hazelcast":
            self.say(
                BAD_EXTRA, 1, f"the root element is `{local(root)[:80]}`.", "Write <hazelcast>."
            )
            return self.extra
        if not self.settled(root):
            return self.extra
        self.placeholders(root)
        for fault in xsd.faults(xsd.known(root, SCHEMA), SCHEMA):
            self.say(BAD_EXTRA, fault.line, f"`{fault.path}`: {fault.reason.rstrip('.')}.")
        places = ((key, line) for key, _, line in flatten(root))
        for part, line in hazelcast_elements.unknown_parts(places, self.carried).items():
            message = f"Hazelcast {self.carried[-1]} does not know `{quoted(part)}`."
            self.say(BAD_EXTRA, line, message, hazelcast_elements.REPLACED.get(part, ""))
        for path, elements in pairs(root):
            for name, line in unknown_attributes(path, elements):
                message = f"Hazelcast does not know the attribute `{quoted(name)}` of `{path}`."
                self.say(BAD_EXTRA, line, message, "Remove the attribute.")
        self.secrets(root)
        self.take(root, "")
        return self.extra

    def settled(self, root: _Element) -> bool:
        """Move all elements to Hazelcast's namespace; refuse other namespaces and mixed text."""
        good = True
        for element in root.iter():
            tag = str(element.tag)
            if tag[:1] == "{" and tag[1:].partition("}")[0] != HAZELCAST_NAMESPACE:
                good = False
                self.say_of(element, BAD_EXTRA, "this element is in another namespace.")
            mixed = (element.tail or "").strip() or (len(element) and (element.text or "").strip())
            if mixed:
                good = False
                self.say(BAD_EXTRA, _line(element), "there is text between elements.", drawn=False)
            spaces = {str(a).partition("}")[0] for a in element.attrib if str(a)[:1] == "{"}
            if spaces - ({f"{{{SCHEMA_INSTANCE}"} if element is root else set()):
                good = False
                self.say_of(element, BAD_EXTRA, "an attribute here is in another namespace.")
            element.tag = f"{{{HAZELCAST_NAMESPACE}}}{local(element)}"
        return good

    def secrets(self, root: _Element) -> None:
        for key, value, line in flatten(root):
            variable = re.fullmatch(r"\$\{[^{}]*\}", value)
            if value and not variable and (in_plain(key, value) or masked(value) != value):
                hint = "Write `${...}`: Hazelcast replaces it by the Java system property of that name."
                self.add(plain_property(key, self.span(line, ""), hint))

    def placeholders(self, root: _Element) -> None:
        """Refuse the text of a secret's placeholder, which would not be filled in here."""
        for element in root.iter():
            if any(PLACEHOLDER in text for text in (element.text or "", *element.attrib.values())):
                message = f"the text `{PLACEHOLDER}` is reserved for secret placeholders."
                self.say_of(element, UNCARRIABLE, message)

    def take(self, parent: _Element, path: str) -> None:
        if surplus := [str(name) for name in parent.attrib if str(name)[:1] != "{"]:
            message = f"<{local(parent)}> has no attribute `{surplus[0][:80]}`."
            self.say_of(parent, BAD_EXTRA, message)
        seen = set()
        for element in children(parent):
            tag, name = local(element), element.get("name")
            named = name is not None and tag in ("map", "attribute")
            key = path + (f"{tag}[{name.strip()}]" if named and name else tag)
            if tag == "import":
                hint = "Copy its content into this file."
                self.say_of(
                    element, CONTRADICTION, "omconf cannot check what would be imported.", hint
                )
            elif key in self.owned:
                message = f"`{key}` is written by omconf: it comes from {self.owned[key]}."
                self.say_of(element, CONTRADICTION, message, "Remove it here.")
            elif not path and tag in CONTAINERS:
                self.take(element, f"{tag}/")
            elif (tag, name) in seen:
                again = "a second time" if name is None else "a second time with this name"
                self.say_of(element, BAD_EXTRA, f"`{tag[:80]}` appears {again}.")
            else:
                origin = FromSpec("hazelcast.extra", self.span(_line(element), tag))
                place = self.extra.elements.setdefault(path.rstrip("/"), [])
                place.append(Further(copied(element), origin))
            seen.add((tag, name))

    def say_of(self, element: _Element, rule: Rule, message: str, hint: str = "") -> None:
        if len(self.extra.diagnostics) > MAX_FOUND:
            return
        before = element.itersiblings(element.tag, preceding=True)
        nth = sum(_line(sibling) == _line(element) for sibling in before)
        self.say(rule, _line(element), message, hint, local(element), nth=nth)

    def say(
        self,
        rule: Rule,
        line: int,
        message: str,
        hint: str = "",
        tag: str = "",
        *,
        nth: int = 0,
        drawn: bool = True,
    ) -> None:
        """Report a finding; text that may be part of a secret is not shown."""
        if len(self.extra.diagnostics) > MAX_FOUND:
            return
        found = rule.at(self.span(line, tag, nth), message[:1].upper() + message[1:], hint=hint)
        source = self.lines[line - 1] if 0 < line <= len(self.lines) else None
        if source is not None:
            source = source[:_MAX_LOOKED_AT]
            # The whole line may be part of a secret.
            source = None if not drawn or SECRET_NAME.search(source) else masked(source)[:500]
        self.add(found.shown_with(source))

    def add(self, found: Diagnostic) -> None:
        """Add an error; beyond the limit, report once that there are more."""
        if len(self.extra.diagnostics) < MAX_FOUND:
            self.extra.diagnostics.append(found)
        elif len(self.extra.diagnostics) == MAX_FOUND:
            message = f"The file has more than {MAX_FOUND} errors: the remaining ones are omitted."
            self.extra.diagnostics.append(
                BAD_EXTRA.at(found.span, message, hint="Fix the first errors.")
            )

    def span(self, line: int, tag: str, nth: int = 0) -> Span:
        """Return the span of the `nth` start tag on its line; else of the line's first word."""
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        tags = self.tags_of(line, text).get(tag, []) if tag else []
        if nth >= len(tags):
            return Span(
                self.file.path, line, len(text) - len(text.lstrip()) + 1, line, len(text) + 1
            )
        at = tags[nth]
        return Span(self.file.path, line, at + 1, line, at + 2 + len(tag))

    def tags_of(self, line: int, text: str) -> dict[str, list[int]]:
        """Find the start tags of a line, by name; cached per line."""
        if line not in self.tags:
            tags: dict[str, list[int]] = {}
            for found in _START_TAG.finditer(text):
                tags.setdefault(found[1], []).append(found.start())
            self.tags[line] = tags
        return self.tags[line]


def _line(element: _Element) -> int:
    line: int | None = element.sourceline  # type: ignore[assignment]
    return line or 1


def copied(element: _Element) -> StockElement:
    """Copy an element, without comments and white space around its text."""
    attributes = tuple((str(name), str(value)) for name, value in element.attrib.items())
    inner = tuple(copied(child) for child in children(element))
    return StockElement(local(element), attributes, trimmed(element.text or ""), inner)
