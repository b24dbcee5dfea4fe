"""Reads XML that may be hostile: the one reader of deployed files, compiled files and releases.

Nothing is fetched or expanded, and what is larger or more nested than any file of ours is refused.
"""

from __future__ import annotations

import re
from typing import Any, Final

from lxml import etree

from omconf.dataclass import dataclass
from omconf.formats.xml import local
from omconf.regex import regex

MAX_BYTES: Final = 4 * 1024 * 1024
"""Larger files are refused unread. The files read here are a few kilobytes long."""

MAX_ELEMENTS: Final = 20_000
"""Files with more are refused as well: ten thousand nodes need half as many, and libxml2's search
for repeated names grows with the square of theirs."""

MAX_ATTRIBUTES: Final = 100
"""An element with more is refused for the same reason; the widest of ours has three."""

MAX_PATH: Final = 500
"""Characters of the names that lead to an element; the longest of ours has 60. Each item below the
element has all of them in its key, so that more would multiply."""


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
    "ERR_ATTRIBUTE_REDEFINED": "an element has a duplicate attribute",
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
_DOCTYPE: Final = regex(r"\ufeff?(?:\s++|<\?.*?\?>|<!--.*?-->)*+<!DOCTYPE", re.DOTALL)


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
    """Return the first fault of a document that exceeds a limit of size; None if it does not."""
    number = 0
    above = [(root, 0)]
    while above:
        element, length = above.pop()
        number += 1
        tag, names = element.tag, element.keys()
        length += len(tag) - tag.rfind("}")
        if names:
            length += len(element.get("name", ""))
        if number > MAX_ELEMENTS:
            return Fault(1, "", f"the file has more than {MAX_ELEMENTS} elements")
        if length > MAX_PATH:
            line: Any = element.sourceline
            names = f"the names of an element and those around it have over {MAX_PATH:,} characters"
            return Fault(line or 1, "", names)
        if len(names) > MAX_ATTRIBUTES:
            return fault(element, root, f"it has more than {MAX_ATTRIBUTES} attributes")
        if len(element):
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
    return Fault(line, "", "there is a DOCTYPE, which is not read here; remove it")


def fault(
    element: etree._Element, document: etree._Element, reason: str, attribute: str = ""
) -> Fault:
    """Return a fault at an element of a document, or at its attribute, with line and path."""
    line: Any = element.sourceline
    place = path(element, document)
    return Fault(line or 0, f"{place}/@{attribute}" if attribute else place, reason)


_SHOWN_NAME: Final = regex(r"[\w.:*-]{1,80}", re.ASCII)


def path(element: etree._Element, document: etree._Element) -> str:
    """Return the path from the root to an element; one of several has its name or number in it."""
    if element is document:
        return local(element)
    steps = []
    for step in (element, *element.iterancestors()):
        if step is document:
            break
        name = step.get("name", "")
        place = 1 + sum(1 for _ in step.itersiblings(step.tag, preceding=True))
        if _SHOWN_NAME.fullmatch(name):
            steps.append(f"{local(step)}[{name}]")
        elif place > 1 or next(step.itersiblings(step.tag), None) is not None:
            steps.append(f"{local(step)}[{place}]")
        else:
            steps.append(local(step))
    return "/".join(reversed(steps))
