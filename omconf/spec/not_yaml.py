"""What is wrong with a text that is not YAML, in words for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.diagnostics import Rule, Severity
from omconf.spec.lines import MAX_SHOWN, Lines

if TYPE_CHECKING:
    import yaml

    from omconf.diagnostics import Diagnostic
    from omconf.origin import Span
    from omconf.spec.document import Document

NOT_YAML = Rule("OM101", Severity.ERROR, "the spec is not YAML")

_SAYS = (
    (
        "mapping values are not allowed",
        "a `: ` stands here where none can",
        "Put text that holds `: ` in quotes; check the indentation of this line.",
    ),
    ("expected ',' or ']'", "the `[` of line {line} is not closed before this", ""),
    ("expected ',' or '}'", "the `{{` of line {line} is not closed before this", ""),
    (
        "did not find expected key",
        "no key stands here, though the mapping of line {line} goes on",
        "Keys of one mapping begin in one column, and nothing follows a quoted text.",
    ),
    (
        "expected '-' indicator",
        "no `- ` stands here, though the list of line {line} goes on",
        "Items of one list begin in one column, what comes after the list further to the left.",
    ),
    ("another document", "a second document begins here", "A spec is one document: remove `---`."),
    (
        "escape character",
        "a backslash stands before what it cannot stand for",
        "In single quotes a backslash is only that.",
    ),
    ("end of stream", "the quote that opens in line {line} is never closed", ""),
    ("undefined alias", "an alias stands here whose anchor was not found above", ""),
)
"""What libyaml says, and the same for people, with a hint; `line` is where that part begins."""


_ODD_SPACE = re.compile("[\u00a0\u2000-\u200b\u202f\u205f\u3000\ufeff]")
_NO_COLON = re.compile(r"( *)([A-Za-z_][\w-]*+) +[^\s:#](?:[^:\n]|:(?=\S))*+$")
TEMPLATE = "A spec is no template: write the value, or render the file before omconf reads it."


def not_yaml(error: yaml.MarkedYAMLError, document: Document) -> Diagnostic:
    """Say what libyaml found, at the place where a person would mend it."""
    mark = error.problem_mark or error.context_mark
    span = document.at(*document.place(mark)) if mark else document.at(1, 1)
    problem = error.problem or "it cannot be read"
    if slip := _slip(document, span, problem):
        return slip
    found = document.text[mark.index : mark.index + 1] if mark else ""
    begun = error.context_mark or mark
    for words, says, advice in _SAYS:
        if words in problem:
            said = says.format(line=begun.line + 1 if begun else 1)
            return NOT_YAML.at(span, f"This is not YAML: {said}.", hint=advice)
    if found == "\t":
        hint = "Indent with spaces, never tabs."
        return NOT_YAML.at(span, "This is not YAML: a tab stands here.", hint=hint)
    if "cannot start any token" in problem:
        what = "a backquote" if found == "`" else f"`{found}`"
        hint = "Put text that starts with such a character in quotes."
        return NOT_YAML.at(span, f"This is not YAML: {what} cannot start a text.", hint=hint)
    context = f" ({error.context})" if error.context else ""
    return NOT_YAML.at(span, f"This is not YAML: {problem}{context}.")


def _slip(document: Document, span: Span, problem: str) -> Diagnostic | None:
    """Tell of a mistake that the parser sees only later: in its line, or in the one before."""
    document.lines = document.lines or Lines(document.text)
    lines = {n: document.lines.line(n, 4 * MAX_SHOWN) or "" for n in (span.line - 1, span.line)}
    for number, line in lines.items():
        if found := _ODD_SPACE.search(line):
            message = (
                f"This is not YAML: U+{ord(found[0]):04X} stands here, which is no plain space."
            )
            place = document.at(number, found.start() + 1)
            return NOT_YAML.at(place, message, hint="Write a plain space in its place.")
    before, here = lines.values()
    if "{%" in here or "{{" in here:
        return NOT_YAML.at(span, "This is not YAML: it looks like a template.", hint=TEMPLATE)
    found = _NO_COLON.match(before)
    same = found and len(found[1]) == len(here) - len(here.lstrip(" "))
    if found and same and "mapping values are not allowed" in problem:
        place = document.at(span.line - 1, found.end(2) + 1)
        message = f"This is not YAML: a colon is missing after `{found[2][:80]}`."
        return NOT_YAML.at(place, message, hint=f"Write `{found[2][:80]}: ...`.")
    return None
