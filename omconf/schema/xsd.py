"""Validate XML: read it safely, and report what violates one of the project's own schemas.

Two engines know the schemas. libxml2's answers first, in a tenth of a millisecond; when it accepts,
nothing else is loaded. xmlschema is the reference: it explains every refusal, and validates alone where
time does not matter. omconf words the findings itself, with the sentences from the schemas'
documentation, because an engine's own message may quote a password.
"""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from omconf.formats.xml import local
from omconf.formats.xml_reader import MAX_BYTES, Fault, fault, parse
from omconf.regex import regex
from omconf.resources import schema_path
from omconf.schema.vocabulary import Shape, Vocabulary, known, vocabulary
from omconf.secrets import masked

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xmlschema

__all__ = ["MAX_BYTES", "Fault", "accepts", "by_xmlschema", "faults", "known", "parse", "refusal"]

MAX_FAULTS: Final = 100
"""So many faults of one file are told; a file that has more is not what it should be at all."""

MAX_EXPLAINED: Final = 5_000
"""Elements of a refused file that xmlschema still explains; its time grows with their square."""

_MAX_SHOWN: Final = 60
"""Characters of a value that a message quotes."""


# Validation


def faults(document: etree._Element, schema: str) -> list[Fault]:
    """Validate a document by `schemas/SCHEMA`, fast when it is good; an empty list is a yes.

    Each fault that is found has its place and is told once, in the order of the lines; a file of
    more than MAX_EXPLAINED elements gets the short reasons of `refusal`. Never raises for what
    stands in the document.
    """
    if accepts(document, schema):
        return []
    if next(islice(document.iter(), MAX_EXPLAINED, None), None) is not None:
        return refusal(document, schema)
    # Should xmlschema see no fault, the engines disagree; a refusal still is one.
    return by_xmlschema(document, schema) or refusal(document, schema)


def accepts(document: etree._Element, schema: str) -> bool:
    """Tell whether a document is valid by `schemas/SCHEMA`, and no more; as fast as it can be told."""
    return _libxml2(schema).validate(document)


def by_xmlschema(document: etree._Element, schema: str) -> list[Fault]:
    """Validate a document by xmlschema alone; otherwise as `faults`. Loads xmlschema: 0.2 seconds."""
    errors = _xmlschema(schema).iter_errors(document, use_location_hints=False)
    words = vocabulary(schema)
    return _in_order(_explained(error, document, words) for error in islice(errors, MAX_FAULTS))


def refusal(document: etree._Element, schema: str) -> list[Fault]:
    """Validate a document by libxml2 alone; otherwise as `faults`, but reasons are short."""
    engine = _libxml2(schema)
    if engine.validate(document):
        return []
    log: Any = engine.error_log
    tree: Any = document.getroottree()
    found: dict[str, Fault] = {}  # the first of each place: a wrong value is followed by a second
    for entry in islice(log, MAX_FAULTS):
        place = (tree.xpath(entry.path) if entry.path else [document])[0]
        reason = _REFUSALS.get(entry.type_name, f"{local(place)} has an invalid value")
        found.setdefault(entry.path, fault(place, document, reason))
    return _in_order(found.values())


_ROOT: Final = "the root element is not the one in the schema"
_SURPLUS_ATTRIBUTE: Final = "there is an attribute that is not allowed here"
_TEXT: Final = "there is text where none is allowed"
_ELEMENT_IN_TEXT: Final = "there is an element where only text is allowed"
_TWICE: Final = "there is a duplicate of something that is allowed once"

_REFUSALS: Final = {
    "SCHEMAV_CVC_ELT_1": _ROOT,
    "SCHEMAV_ELEMENT_CONTENT": "an element is missing or not allowed here",
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


_OF_ATTRIBUTE: Final = regex(r"attribute ([^\s=]+)=")
_OF_CONSTRAINT: Final = regex(r"for XsdUnique\(name='(?:[^':]*:)?([^']*)'\)$")
_OF_FIELD: Final = regex(r"XsdFieldSelector\(path='(?:[^':]*:)?([^']*)'\)")


def _explained(error: Any, document: etree._Element, words: Vocabulary) -> Fault:
    """Return an error of xmlschema as a fault in omconf's words, at the element to correct."""
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
        return fault(element, document, _wrong(element, name, says, element.get(name)), name)
    elif found := _OF_FIELD.match(told):
        again = [child for child in element if local(child) == found[1]]
        element = again[1] if again[1:] else element
        reason = f"{found[1]} is a duplicate"
    elif found := _OF_CONSTRAINT.search(told):
        reason = words.constraints.get(found[1]) or _TWICE
    elif element is document and shape == Shape():
        reason = _ROOT
    elif isinstance(by, v.XsdElement) and len(element):
        reason = _ELEMENT_IN_TEXT
    elif isinstance(by, v.XsdGroup | v.XsdElement):
        reason = _TEXT
    else:
        reason = _wrong(element, local(element), shape.says, element.text)
    return fault(element, document, reason)


def _explained_children(
    error: Any, element: etree._Element, document: etree._Element, shape: Shape
) -> Fault:
    expected = " or ".join(tag.rpartition(":")[2] for tag in error.expected_tags)
    child = error.invalid_child
    if child is None:
        return fault(element, document, f"{expected or 'an element'} is missing in it")
    name = local(child)
    inner = shape.children.get(name)
    again = next(child.itersiblings(child.tag, preceding=True), None) is not None
    if again and inner and not inner.many:
        reason = f"{name} is a duplicate"
    elif expected and inner:
        reason = f"{name} is in the place of {expected}"
    else:
        reason = f"{name} is not allowed here"
    return fault(child, document, reason)


def _explained_attributes(element: etree._Element, shape: Shape) -> str:
    missing = [n for n, a in shape.attributes.items() if a.required and n not in element.attrib]
    if missing:
        return f"the attribute {missing[0]} is missing"
    surplus = [str(n) for n in element.attrib if n not in shape.attributes]
    if not surplus or local(element) == "property":
        return _SURPLUS_ATTRIBUTE
    return f"the attribute {etree.QName(surplus[0]).localname} is not allowed here"


def _wrong(element: etree._Element, name: str, says: str, value: str | None) -> str:
    """Return what a value must be, and what it is unless that could reveal a secret."""
    reason = f"{name} must be {says}" if says else f"{name} has an invalid value"
    shown = " ".join((value or "").split())
    if not shown or len(shown) > _MAX_SHOWN or not shown.isprintable():
        return reason
    return reason if local(element) == "property" else f"{reason}, but is {masked(shown)}"


def _in_order(found: Iterable[Fault]) -> list[Fault]:
    return sorted(dict.fromkeys(found), key=lambda fault: fault.line)
