"""Deployed XML, which is hostile input: parsed without entities, validated by libxml2 with our XSDs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from omconf.diagnostics import Finding
from omconf.formats.xml import local
from omconf.regex import regex
from omconf.rules import UNUSABLE_FILE
from omconf.schema import xsd
from omconf.secrets import quoted

if TYPE_CHECKING:
    from lxml.etree import _Element

_NO_BOOLEAN = regex(r"must be true or false, in lower case, but is (\w+)$")
_NO_NUMBER = regex(r"must be (a whole number[^,]*), but is .*$")
BROKEN = "Correct the XML, or restore the file from a backup."
_MEANT = {"true": ("true", "yes", "on"), "false": ("false", "no", "off")}


def read(text: str, schemas: dict[str, str]) -> tuple[_Element | None, list[Finding]]:
    """Parse and validate a deployed file; `schemas` names the schema for each root namespace.

    What the schema does not know is not validated, only listed by the plan. The document is None when
    it cannot be read at all; with findings it can still be compared.
    """
    document = xsd.parse(text.encode("utf-8", "surrogateescape"))
    if isinstance(document, xsd.Fault):
        return None, [replace(_finding(document), hint=BROKEN)]
    namespace = str(document.tag)[1:].partition("}")[0] if str(document.tag)[0] == "{" else ""
    schema = schemas.get(namespace)
    if schema is None:
        expected = " or ".join(schemas)
        message = f"The root element is not in the namespace {expected}."
        hint = f'Write `<{quoted(local(document))} xmlns="{next(iter(schemas))}">`.'
        return None, [Finding(UNUSABLE_FILE, 1, message, hint)]
    if xsd.accepts(document, schema):
        return document, []  # and so is it without what the schema does not know
    faults = xsd.faults(xsd.known(document, schema), schema)
    return document, [_finding(fault) for fault in faults]


def _finding(fault: xsd.Fault) -> Finding:
    where = f"`{fault.path}`: " if fault.path else ""
    reason = fault.reason[:1].upper() + fault.reason[1:] if not where else fault.reason
    return Finding(UNUSABLE_FILE, fault.line, f"{where}{reason.rstrip('.')}.", _hint(fault.reason))


def _hint(reason: str) -> str:
    """Return a hint with the number or the boolean that is to be written; empty if it is not known.

    Other programs take some words for booleans.
    """
    if number := _NO_NUMBER.search(reason):
        return f"Write {number[1]}."
    found = _NO_BOOLEAN.search(reason)
    word = found[1].lower() if found else ""
    meant = next((boolean for boolean, words in _MEANT.items() if word in words), "")
    return f"Write `{meant}`." if meant else ""
