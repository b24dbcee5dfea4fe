"""Judge XML: read it safely, and say what in it breaks one of the project's own schemas.

Two engines know the schemas. libxml2's answers first, in a tenth of a millisecond; when it accepts,
nothing else is loaded. xmlschema is the authority: it explains every refusal, and it alone judges
where time does not matter. What either finds is said in our own words, with the sentences that
stand as documentation in the schemas, because an engine's own message may quote a password.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from omconf.check.vocabulary import Shape, Vocabulary, known, vocabulary
from omconf.resources import schema_path
from omconf.secrets import masked

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xmlschema

__all__ = ["Fault", "authority", "faults", "known", "parse", "refusal"]

MAX_BYTES: Final = 4 * 1024 * 1024
"""Larger files are refused unread. The files judged here are a few kilobytes long."""

MAX_ELEMENTS: Final = 20_000
"""Files with more are refused as well: ten thousand nodes need half as many, and libxml2's search
for repeated names grows with the square of theirs."""

MAX_ATTRIBUTES: Final = 100
"""An element with more is refused for the same reason; the widest of ours has three."""

MAX_PATH: Final = 500
"""Characters of the names that lead to an element; the longest of ours has 60. Each item below the
element has all of them in its key, so that more would multiply."""

MAX_FAULTS: Final = 100
"""So many faults of one file are told; a file that has more is not what it should be at all."""

MAX_EXPLAINED: Final = 5_000
"""Elements of a refused file that xmlschema still explains; its time grows with their square."""

_MAX_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a document.

    `line` counts from 1 and is where the start tag of the element ends; it is 0 only beyond line
    65535 of a copy, where libxml2 forgets it. `path` leads from the root element, which is not
    named, to the element (`network/port`, `map[ROOMS_KEY]/near-cache`) or its attribute
    (`network/port/@port-count`); for the root it is the root's name, for a file that is no XML it
    is empty. `reason` is one sentence without a full stop; it never holds the value of a property.
    """

    line: int
    path: str
    reason: str


# Reading


_MALFORMED: Final = {
    "ERR_DOCUMENT_EMPTY": "the file is empty or does not begin with an element",
    "ERR_DOCUMENT_END": "something follows the end of the root element",
    "ERR_INVALID_CHAR": "there is a character that XML does not allow",
    "ERR_INVALID_ENCODING": "there are bytes that are wrong in the encoding of the file",
    "ERR_UNSUPPORTED_ENCODING": "the encoding that the file declares is not known",
    "ERR_UNKNOWN_ENCODING": "the encoding that the file declares is not known",
    "ERR_UNDECLARED_ENTITY": "there is an entity that XML does not know; & is written &amp;",
    "ERR_ENTITYREF_SEMICOL_MISSING": "there is an & by itself; it is written &amp;",
    "ERR_NAME_REQUIRED": "there is an & or a < by itself; they are written &amp; and &lt;",
    "ERR_LT_IN_ATTRIBUTE": "there is a < inside an attribute; it is written &lt;",
    "ERR_ATTRIBUTE_NOT_STARTED": "the value of an attribute is not in quotes",
    "ERR_ATTRIBUTE_NOT_FINISHED": "the quotes around the value of an attribute are not closed",
    "ERR_ATTRIBUTE_WITHOUT_VALUE": "there is an attribute without a value",
    "ERR_ATTRIBUTE_REDEFINED": "an element has the same attribute twice",
    "ERR_SPACE_REQUIRED": "white space is missing between two attributes; a quote inside a value is"
    " written &quot;, and a file must be in the encoding that it declares",
    "ERR_RESERVED_XML_NAME": "the XML declaration is not at the very beginning",
    "ERR_GT_REQUIRED": "a tag is not closed with >",
    "ERR_TAG_NAME_MISMATCH": "an end tag does not match the start tag before it",
    "ERR_TAG_NOT_FINISHED": "the file ends inside an element",
    "ERR_HYPHEN_IN_COMMENT": "there is -- inside a comment",
    "ERR_COMMENT_NOT_FINISHED": "a comment is not closed",
    "ERR_CDATA_NOT_FINISHED": "a CDATA section is not closed",
    "ERR_RESOURCE_LIMIT": "elements are nested too deeply",
    "ERR_NAME_TOO_LONG": "there is a name that is too long",
    "NS_ERR_UNDEFINED_NAMESPACE": "there is a prefix that no xmlns declares",
}

# What may stand before a DOCTYPE. Possessive, so that no input makes it try again.
_DOCTYPE: Final = re.compile(r"\ufeff?(?:\s++|<\?.*?\?>|<!--.*?-->)*+<!DOCTYPE", re.DOTALL)


def parse(data: bytes) -> etree._Element | Fault:
    """Read a document that may be hostile and return its root element, or what stops it.

    Nothing is fetched or expanded: a DOCTYPE is refused, so there are no entities but XML's own
    five. Comments and processing instructions are left out. Never raises.
    """
    if len(data) > MAX_BYTES:
        return Fault(1, "", f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB")
    if line := _doctype_line(data):
        return _doctype_fault(line)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        names = [entry.type_name for entry in parser.error_log]
        name = names[0] if names else ""
        return Fault(max(error.lineno or 1, 1), "", _MALFORMED.get(name, "this is not XML"))
    document: Any = root.getroottree()
    if document.docinfo.doctype:  # in an encoding that the search above does not read
        return _doctype_fault(1)
    return _too_much(root) or root


def _too_much(root: etree._Element) -> Fault | None:
    """Say which limit a document exceeds."""
    number = 0
    above = [(root, 0)]
    while above:
        element, length = above.pop()
        number += 1
        length += len(_local(element)) + len(element.get("name", "")) + 1
        if number > MAX_ELEMENTS:
            return Fault(1, "", f"the file has more than {MAX_ELEMENTS} elements")
        if length > MAX_PATH:
            line: Any = element.sourceline
            names = f"the names of an element and those around it have over {MAX_PATH:,} characters"
            return Fault(line or 1, "", names)
        if len(element.attrib) > MAX_ATTRIBUTES:
            return _fault(element, root, f"it has more than {MAX_ATTRIBUTES} attributes")
        above += [(child, length) for child in element.iterchildren(reversed=True)]
    return None


def _doctype_line(data: bytes) -> int:
    """Find the line of a DOCTYPE before the parser meets it; 0 when there is none."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:2]:
        little = data[:2] == b"\xff\xfe" or data[1:2] == b"\0"
        text = data.decode("utf-16-le" if little else "utf-16-be", "replace")
    else:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    found = _DOCTYPE.match(text)
    return text.count("\n", 0, found.end()) + 1 if found else 0


def _doctype_fault(line: int) -> Fault:
    return Fault(line, "", "there is a DOCTYPE, which is not read here; take it out")


# Judging


def faults(document: etree._Element, schema: str) -> list[Fault]:
    """Judge a document by `schemas/SCHEMA`, fast when it is good; an empty list is a yes.

    Each fault that is found has its place and is told once, in the order of the lines; a file of
    more than MAX_EXPLAINED elements gets the short reasons of `refusal`. Never raises for what
    stands in the document.
    """
    if _libxml2(schema).validate(document):
        return []
    if next(islice(document.iter(), MAX_EXPLAINED, None), None) is not None:
        return refusal(document, schema)
    # Should the authority see no fault, the engines disagree; a refusal still is one.
    return authority(document, schema) or refusal(document, schema)


def authority(document: etree._Element, schema: str) -> list[Fault]:
    """Judge a document by xmlschema alone; otherwise as `faults`. Loads xmlschema: 0.2 seconds."""
    errors = _xmlschema(schema).iter_errors(document, use_location_hints=False)
    words = vocabulary(schema)
    return _in_order(_explained(error, document, words) for error in islice(errors, MAX_FAULTS))


def refusal(document: etree._Element, schema: str) -> list[Fault]:
    """Judge a document by libxml2 alone; otherwise as `faults`, but reasons are short."""
    engine = _libxml2(schema)
    if engine.validate(document):
        return []
    log: Any = engine.error_log
    tree: Any = document.getroottree()
    found: dict[str, Fault] = {}  # the first of each place: a wrong value is followed by a second
    for entry in islice(log, MAX_FAULTS):
        place = (tree.xpath(entry.path) if entry.path else [document])[0]
        reason = _REFUSALS.get(entry.type_name, f"{_local(place)} holds a wrong value")
        found.setdefault(entry.path, _fault(place, document, reason))
    return _in_order(found.values())


_ROOT: Final = "the root element is not the one that the schema describes"
_SURPLUS_ATTRIBUTE: Final = "there is an attribute that does not belong here"
_TEXT: Final = "there is text where none belongs"
_ELEMENT_IN_TEXT: Final = "there is an element where only text belongs"
_TWICE: Final = "there is something twice that may stand here once"

_REFUSALS: Final = {
    "SCHEMAV_CVC_ELT_1": _ROOT,
    "SCHEMAV_ELEMENT_CONTENT": "an element is missing here or does not belong here",
    "SCHEMAV_CVC_COMPLEX_TYPE_4": "an attribute is missing",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": _SURPLUS_ATTRIBUTE,
    "SCHEMAV_CVC_TYPE_3_1_1": _SURPLUS_ATTRIBUTE,
    "SCHEMAV_CVC_COMPLEX_TYPE_2_1": _TEXT,
    "SCHEMAV_CVC_COMPLEX_TYPE_2_3": _TEXT,
    "SCHEMAV_CVC_TYPE_3_1_2": _ELEMENT_IN_TEXT,
    "SCHEMAV_CVC_IDC": _TWICE,
}


@cache
def _libxml2(schema: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(schema_path(schema))))


@cache
def _xmlschema(schema: str) -> xmlschema.XMLSchema10:
    import xmlschema

    return xmlschema.XMLSchema10(str(schema_path(schema)), allow="local")


# Explaining what xmlschema found


_OF_ATTRIBUTE: Final = re.compile(r"attribute ([^\s=]+)=")
_OF_CONSTRAINT: Final = re.compile(r"for XsdUnique\(name='(?:[^':]*:)?([^']*)'\)$")
_OF_FIELD: Final = re.compile(r"XsdFieldSelector\(path='(?:[^':]*:)?([^']*)'\)")


def _explained(error: Any, document: etree._Element, words: Vocabulary) -> Fault:
    """Say an error of xmlschema in our words, at the element that a person would look at."""
    from xmlschema import validators as v

    element: etree._Element = document if error.elem is None else error.elem
    shape = words.shape(element) or Shape()
    told = error.reason or ""
    by = error.validator
    if isinstance(error, v.XMLSchemaChildrenValidationError):
        return _explained_children(error, element, document, shape)
    if isinstance(by, v.XsdAttributeGroup):
        reason = _explained_attributes(element, shape)
    elif found := _OF_ATTRIBUTE.match(told):
        name = found[1]
        says = shape.attributes[name].says if name in shape.attributes else ""
        return _fault(element, document, _wrong(element, name, says, element.get(name)), name)
    elif found := _OF_FIELD.match(told):
        again = [child for child in element if _local(child) == found[1]]
        element = again[1] if again[1:] else element
        reason = f"{found[1]} stands here a second time"
    elif found := _OF_CONSTRAINT.search(told):
        reason = words.constraints.get(found[1]) or _TWICE
    elif element is document and shape == Shape():
        reason = _ROOT
    elif isinstance(by, v.XsdElement) and len(element):
        reason = _ELEMENT_IN_TEXT
    elif isinstance(by, v.XsdGroup | v.XsdElement):
        reason = _TEXT
    else:
        reason = _wrong(element, _local(element), shape.says, element.text)
    return _fault(element, document, reason)


def _explained_children(
    error: Any, element: etree._Element, document: etree._Element, shape: Shape
) -> Fault:
    expected = " or ".join(tag.rpartition(":")[2] for tag in error.expected_tags)
    child = error.invalid_child
    if child is None:
        return _fault(element, document, f"{expected or 'an element'} is missing in it")
    name = _local(child)
    inner = shape.children.get(name)
    again = next(child.itersiblings(child.tag, preceding=True), None) is not None
    if again and inner and not inner.many:
        reason = f"{name} stands here a second time"
    elif expected and inner:
        reason = f"{name} stands where {expected} must stand"
    else:
        reason = f"{name} does not belong here"
    return _fault(child, document, reason)


def _explained_attributes(element: etree._Element, shape: Shape) -> str:
    missing = [n for n, a in shape.attributes.items() if a.required and n not in element.attrib]
    if missing:
        return f"the attribute {missing[0]} is missing"
    surplus = [str(n) for n in element.attrib if n not in shape.attributes]
    if not surplus or _local(element) == "property":
        return _SURPLUS_ATTRIBUTE
    return f"the attribute {etree.QName(surplus[0]).localname} does not belong here"


def _wrong(element: etree._Element, name: str, says: str, value: str | None) -> str:
    """Say what a value must be, and what it is where that cannot give a secret away."""
    reason = f"{name} must be {says}" if says else f"{name} holds a wrong value"
    shown = " ".join((value or "").split())
    if not shown or len(shown) > _MAX_SHOWN or not shown.isprintable():
        return reason
    return reason if _local(element) == "property" else f"{reason}, but is {masked(shown)}"


def _fault(
    element: etree._Element, document: etree._Element, reason: str, attribute: str = ""
) -> Fault:
    line: Any = element.sourceline
    path = _path(element, document)
    return Fault(line or 0, f"{path}/@{attribute}" if attribute else path, reason)


def _in_order(found: Iterable[Fault]) -> list[Fault]:
    return sorted(dict.fromkeys(found), key=lambda fault: fault.line)


_SHOWN_NAME: Final = re.compile(r"[\w.:*-]{1,80}", re.ASCII)


def _path(element: etree._Element, document: etree._Element) -> str:
    """Name the way from the root to an element; one of several is told by its name or its number."""
    if element is document:
        return _local(element)
    steps = []
    for step in (element, *element.iterancestors()):
        if step is document:
            break
        name = step.get("name", "")
        place = 1 + sum(1 for _ in step.itersiblings(step.tag, preceding=True))
        if _SHOWN_NAME.fullmatch(name):
            steps.append(f"{_local(step)}[{name}]")
        elif place > 1 or next(step.itersiblings(step.tag), None) is not None:
            steps.append(f"{_local(step)}[{place}]")
        else:
            steps.append(_local(step))
    return "/".join(reversed(steps))


def _local(element: etree._Element) -> str:
    return str(etree.QName(element).localname)
