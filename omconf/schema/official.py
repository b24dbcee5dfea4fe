"""Hazelcast's own XSD, out of a jar that the user points at: the last word on a hazelcast.xml.

libxml2 validates. Its messages may quote a value, so omconf words them itself.
"""

from __future__ import annotations

import lzma
import re
import zipfile
import zlib

from lxml import etree

from omconf.files import read
from omconf.schema.xsd import Fault, parse

MAX_XSD = 4 << 20
"""Bytes of an XSD; the real ones have a tenth of that."""
_SAYS = {
    "SCHEMAV_ELEMENT_CONTENT": "it is not allowed here, or something is missing in it",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": "it has an attribute that is not allowed",
    "SCHEMAV_CVC_COMPLEX_TYPE_4": "it lacks an attribute",
    "SCHEMAV_CVC_IDC": "it has a duplicate",
}
_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
"""What damaged archives make of themselves."""
_OTHER_FILES = ("include", "import", "redefine")
_VALUE = "its value is not allowed"


def schema(jar: str, version: str) -> etree.XMLSchema | str:
    """Read `hazelcast-config-VERSION.xsd` out of a Hazelcast jar; a text says why that cannot be."""
    name = f"hazelcast-config-{version}.xsd"
    try:
        with read.stream(jar) as file, zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            found = sorted(n for n in names if "hazelcast-config-" in n and n.endswith("xsd"))
            if name not in found:
                known = f": it has {', '.join(found[:20])}" if found else ""
                return f"{jar} has no {name}{known}."
            with archive.open(name) as member:
                data = member.read(MAX_XSD + 1)
    except _UNREADABLE as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not a jar"
        return f"{jar} cannot be read: {why}."
    root = parse(data)
    if isinstance(root, Fault):
        return f"{name} of {jar} is not XML: {root.reason}."
    if any(root.find(f"{{*}}{name}[@schemaLocation]") is not None for name in _OTHER_FILES):
        return f"{name} of {jar} refers to other files, which are not read."
    try:
        return etree.XMLSchema(root)
    except etree.XMLSchemaParseError:
        return f"{name} of {jar} is not a schema."


def faults(engine: etree.XMLSchema, data: bytes) -> list[Fault]:
    """Validate a document; each fault by its line, its element, and what is wrong."""
    root = parse(data)
    if isinstance(root, Fault):
        return [root]
    engine.validate(root)
    return [
        Fault(entry.line, _element(entry.message), _SAYS.get(entry.type_name, _VALUE))
        for entry in engine.error_log  # type: ignore[attr-defined]
    ]


def _element(message: str) -> str:
    """The element's name at the beginning of a message."""
    found = re.match(r"Element '(?:\{[^}]*\})?([\w.-]+)'", message)
    return found[1] if found else "hazelcast"
