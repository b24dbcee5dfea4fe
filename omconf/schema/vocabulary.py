"""What a schema of the project knows: its elements and attributes, and its words for their values.

Read from the schema files themselves, so that no list of names stands a second time. It covers
what those files use of XML Schema, not all of it: local elements, named types and groups,
`xs:include`, and the documentation of types, whose text says what a value must be.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import field
from functools import cache
from typing import Final

from lxml import etree

from omconf.dataclass import dataclass
from omconf.resources import schema_path

_XS: Final = "{http://www.w3.org/2001/XMLSchema}"


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute that a schema knows; `says` is what its value must be, in words."""

    says: str
    required: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """An element that a schema knows.

    `says` is what its text must be, in words ("" for any); `many`, that it may be repeated.
    """

    says: str = ""
    many: bool = False
    attributes: dict[str, Attribute] = field(default_factory=dict)
    children: dict[str, Shape] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All that a schema knows, by local names: of one namespace, from its root element down.

    `constraints` says by the name of each `xs:unique` what is wrong when it is broken.
    """

    namespace: str
    roots: dict[str, Shape]
    constraints: dict[str, str]

    def shape(self, element: etree._Element) -> Shape | None:
        """Look an element of a whole document up by the way that leads to it; None if unknown."""
        shapes, shape = self.roots, None
        for step in (*reversed(list(element.iterancestors())), element):
            shape = self.find(step, shapes)
            if shape is None:
                return None
            shapes = shape.children
        return shape

    def find(self, element: etree._Element, shapes: dict[str, Shape]) -> Shape | None:
        """Look an element up among some; None for an unknown one, a comment, an instruction."""
        if not isinstance(element.tag, str):
            return None
        namespace, _, name = element.tag.rpartition("}")
        return shapes.get(name) if namespace[1:] == self.namespace else None


def known(document: etree._Element, schema: str) -> etree._Element:
    """Copy a document without all elements and attributes that `schemas/SCHEMA` does not know.

    Comments, processing instructions and all attributes of another namespace go as well, so that
    the copy can be validated against what the schema does know. Text stays, also that after an element
    that went. Lines of elements stay the same, up to line 65535. A root that is not known stays,
    with all it holds, for the engine to reject.
    """
    words = vocabulary(schema)
    copy = deepcopy(document)
    shape = words.shape(copy)
    stack = [(copy, shape)] if shape else []
    while stack:
        element, shape = stack.pop()
        # In order, so that each one is found at once, however many there are.
        for name in element.keys():  # noqa: SIM118 - a copy
            if name not in shape.attributes:
                del element.attrib[name]
        kept: etree._Element | None = None
        loose: list[str] = []  # text after elements that went
        for child in list(element):
            inner = words.find(child, shape.children)
            if inner is None:
                loose.append(child.tail or "")
                element.remove(child)
                continue
            if loose:
                _append(element, kept, loose)
                loose = []
            stack.append((child, inner))
            kept = child
        if loose:
            _append(element, kept, loose)
    return copy


def _append(element: etree._Element, after: etree._Element | None, texts: list[str]) -> None:
    text = "".join(texts)
    if text and after is None:
        element.text = (element.text or "") + text
    elif text and after is not None:
        after.tail = (after.tail or "") + text


@cache
def vocabulary(schema: str) -> Vocabulary:
    """Read what `schemas/SCHEMA` knows, once."""
    reader = _Reader(schema)
    return Vocabulary(reader.namespace, reader.roots(), reader.constraints())


class _Reader:
    """One schema file and those it includes, seen as one."""

    def __init__(self, schema: str) -> None:
        self._files = [etree.parse(str(schema_path(schema))).getroot()]
        for root in self._files:  # grows while it is walked
            for include in root.iterchildren(f"{_XS}include"):
                self._files.append(
                    etree.parse(str(schema_path(include.get("schemaLocation", "")))).getroot()
                )
        self.namespace = self._files[0].get("targetNamespace", "")
        self._named = {(part.tag, part.get("name")): part for root in self._files for part in root}

    def roots(self) -> dict[str, Shape]:
        """Read the elements that may be the root of a document."""
        found = self._files[0].iterchildren(f"{_XS}element")
        return {element.get("name", ""): self._element(element) for element in found}

    def constraints(self) -> dict[str, str]:
        """Read the documentation of every `xs:unique`."""
        found = [unique for root in self._files for unique in root.iter(f"{_XS}unique")]
        return {unique.get("name", ""): _documentation(unique) for unique in found}

    def _element(self, declared: etree._Element) -> Shape:
        says = self._says(declared)
        attributes: dict[str, Attribute] = {}
        children: dict[str, Shape] = {}
        stack = [declared, *self._type(declared, "type")]
        groups: set[str] = set()
        while stack:
            for part in stack.pop().iterchildren(f"{_XS}*"):
                name = part.get("name", "")
                if part.tag == f"{_XS}element":
                    children[name] = children.get(name) or self._element(part)
                elif part.tag == f"{_XS}attribute":
                    attributes[name] = Attribute(self._says(part), part.get("use") == "required")
                elif part.tag == f"{_XS}group":
                    if (ref := part.get("ref", "")) not in groups:
                        groups.add(ref)
                        stack.append(self._named[part.tag, _local(ref)])
                elif part.tag == f"{_XS}extension":
                    says = self._says(part, "base")
                    stack += [part, *self._type(part, "base")]
                elif part.tag not in (f"{_XS}annotation", f"{_XS}unique"):
                    stack.append(part)
        return Shape(says, "maxOccurs" in declared.attrib, attributes, children)

    def _type(self, part: etree._Element, attribute: str) -> list[etree._Element]:
        """Follow a name to a complex type of these files."""
        found = self._named.get((f"{_XS}complexType", _local(part.get(attribute, ""))))
        return [] if found is None else [found]

    def _says(self, part: etree._Element, attribute: str = "type") -> str:
        """Follow a name to a simple type of these files and return its documentation."""
        prefix, _, name = part.get(attribute, "").rpartition(":")
        if part.nsmap.get(prefix or None) == _XS[1:-1]:
            return ""
        found = self._named.get((f"{_XS}simpleType", name))
        return "" if found is None else _documentation(found)


def _documentation(part: etree._Element) -> str:
    return " ".join(part.findtext(f"{_XS}annotation/{_XS}documentation", "").split())


def _local(name: str) -> str:
    return name.rpartition(":")[2]
