"""The header comment of every whole file: it names the cluster whose omconf wrote the file."""

from __future__ import annotations

import re

from omconf.origin import Value
from omconf.regex import regex

_NOTE = "Compiled from the cluster spec: change the spec, not this file."
_HEADER = regex(
    rf"^[ \t]*(?:#|<!--) omconf: ([a-z0-9-]{{1,63}})\. {re.escape(_NOTE)}(?: -->)?[ \t\r]*$",
    re.MULTILINE,
)


def text(cluster: Value[str]) -> Value[str]:
    """Return the header's text, without the comment marks of the file's format."""
    return Value(f"omconf: {cluster.value}. {_NOTE}", cluster.origin)


def cluster_of(content: str) -> str | None:
    """Return the cluster that a file's header names, when it has one in its first lines."""
    found = _HEADER.search(content[:1000])
    return found.group(1) if found else None
