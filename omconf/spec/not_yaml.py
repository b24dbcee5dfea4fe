"""What is wrong with a text that is not YAML, in words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.regex import regex
from omconf.rules import NOT_YAML
from omconf.secrets import SECRET_NAME
from omconf.spec import mistakes
from omconf.spec.document import place_of
from omconf.spec.lines import MAX_SHOWN, Lines

if TYPE_CHECKING:
    import yaml

    from omconf.diagnostics import Diagnostic
    from omconf.origin import Span
    from omconf.spec.document import Document


_SAYS = (
    (
        "mapping values are not allowed",
        "there is a `: ` where none is allowed",
        "Put text that holds `: ` in quotes; check the indentation of this line.",
    ),
    (
        "expected ',' or ']'",
        "the `[` of line {line} is not closed before this",
        "Write a comma between items, or the `]`.",
    ),
    (
        "expected ',' or '}'",
        "the `{{` of line {line} is not closed before this",
        "Write a comma between keys, or the `}`.",
    ),
    (
        "did not find expected key",
        "a key is missing here, in the mapping of line {line} goes on",
        "Start all keys of a mapping in the same column, and write nothing after a quoted text.",
    ),
    (
        "expected '-' indicator",
        "a `- ` is missing here, in the list of line {line} goes on",
        "Start all items of a list in the same column, and what follows the list further to the left.",
    ),
    ("another document", "a second document begins here", "A spec is one document: remove `---`."),
    ("escape character", "there is an unknown backslash escape", mistakes.BACKSLASH),
    ("expected hex", "the backslash escape before this has too few digits", mistakes.BACKSLASH),
    ("end of stream", "the quote that opens on line {line} is not closed", ""),
    ("undefined alias", "there is an alias without an anchor above it", ""),
)
"""What libyaml says, and the same for people, with a hint; `line` is where that part begins."""


_NO_COLON = regex(r" *+([A-Za-z_][\w-]*+)(?:(:)(?=[^\s:])| ++(?=[^\s:#])| *+(?:#.*)?$)")
"""A key, and what follows it instead of a colon and a space."""
_NO_COLON_FLOW = regex(r" *+[A-Za-z_][\w-]*+ ++[{\[]")
_UNBRACED = regex(r":\s+(?:env|file|command):(?:\s|$)")
_EXPANDED = regex(r"\{\s*env\s*:\s*\$")


def not_yaml(error: yaml.MarkedYAMLError, document: Document) -> Diagnostic:
    """Return what libyaml found, at the place that is to be corrected."""
    mark = error.problem_mark or error.context_mark
    # What is missing at the end of the file is shown behind its last text.
    end = place_of(document.text, len(document.text.rstrip(" \r\n")))
    span = document.at(*min(document.place(mark), end)) if mark else document.at(1, 1)
    problem = error.problem or "it cannot be read"
    if mistake := _mistake(document, span, problem, error.context_mark):
        return mistake
    found = document.text[mark.index : mark.index + 1] if mark else ""
    begun = error.context_mark or mark
    for words, says, advice in _SAYS:
        if words in problem:
            said = says.format(line=begun.line + 1 if begun else 1)
            return NOT_YAML.at(span, f"This is not YAML: {said}.", hint=advice)
    if found == "\t":
        hint = "Indent with spaces, never tabs."
        return NOT_YAML.at(span, "This is not YAML: there is a tab here.", hint=hint)
    if "cannot start any token" in problem:
        what = "a backquote" if found == "`" else f"`{found}`"
        hint = "Put text that starts with such a character in quotes."
        return NOT_YAML.at(span, f"This is not YAML: {what} cannot start a text.", hint=hint)
    if outside := _outside(document, span, problem):
        return outside
    context = f" ({error.context})" if error.context else ""
    return NOT_YAML.at(span, f"This is not YAML: {problem}{context}.")


def _outside(document: Document, span: Span, problem: str) -> Diagnostic | None:
    """Report a directive, or text behind the end of the document."""
    lines = document.lines or Lines(document.text)
    no_start = "document start" in problem
    suspects = (span.line, 1) if no_start else (span.line,)
    if directive := next((n for n in suspects if lines.line(n, 1) == "%"), 0):
        message = "This is not YAML: there is a directive here that cannot be used."
        place = document.at(directive, 1)
        return NOT_YAML.at(place, message, hint="Remove the line: a spec needs no directives.")
    if no_start:
        message = "This is not YAML: there is text after the end of the document."
        return NOT_YAML.at(span, message, hint="Remove the line `...` above, or what follows it.")
    return None


def _mistake(
    document: Document, span: Span, problem: str, begun: yaml.Mark | None
) -> Diagnostic | None:
    """Report a mistake that the parser notices only later: in its line, or in the one before."""
    document.lines = document.lines or Lines(document.text)
    lines = {n: document.lines.line(n, 4 * MAX_SHOWN) or "" for n in (span.line - 1, span.line)}
    for number, line in lines.items():
        if found := mistakes.ODD_SPACE.search(line):
            message = f"This is not YAML: {mistakes.named(found[0])} is not a plain space."
            place = document.at(number, found.start() + 1)
            return NOT_YAML.at(place, message, hint=mistakes.mend(found[0]))
    here = lines[span.line]
    variable = "expected ',' or" in problem and here[: span.column - 1].endswith("$")
    if _EXPANDED.search(here) and "expected ',' or '}'" in problem:
        message = "This is not YAML: a brace is not allowed here."
        return NOT_YAML.at(span, message, hint=mistakes.VARIABLE_ALONE)
    if "{%" in here or "{{" in here or variable:
        return NOT_YAML.at(
            span, "This is not YAML: it looks like a template.", hint=mistakes.TEMPLATE
        )
    not_here = "mapping values are not allowed" in problem
    if not_here and _UNBRACED.search(here):
        message = "This is not YAML: braces are missing around a secret's reference."
        return NOT_YAML.at(span, message, hint="Write `{env: OM_DB_PASSWORD}`, for example.")
    mistakes_of = (_no_colon(document, n) for n in _suspects(span, lines, not_here, problem, begun))
    return next(filter(None, mistakes_of), None)


def _suspects(
    span: Span, lines: dict[int, str], not_here: bool, problem: str, begun: yaml.Mark | None
) -> list[int]:
    """Return the lines whose key may lack its colon: where a text began that goes on into this one."""
    if not_here:
        before, here = (len(line) - len(line.lstrip(" ")) for line in lines.values())
        flow = _NO_COLON_FLOW.match(lines[span.line])
        return [span.line - 1] * (before == here) + [span.line] * bool(flow)
    if "could not find expected ':'" in problem and begun:
        return [begun.line + 1]
    return []


def _no_colon(document: Document, number: int) -> Diagnostic | None:
    """Report a line whose key has no colon, or no space after it."""
    lines = document.lines or Lines(document.text)
    line = lines.line(number, 4 * MAX_SHOWN) or ""
    found = _NO_COLON.match(line)
    if not found or lines.after_a_secret(number):
        return None  # the word may be a secret's rest
    if SECRET_NAME.search(line):
        document.masked.add((number, number))
    key, what = found[1][:80], "a space" if found[2] else "a colon"
    after = "the colon of " if found[2] else ""
    place = document.at(number, found.end(2 if found[2] else 1) + 1)
    message = f"This is not YAML: {what} is missing after {after}`{key}`."
    return NOT_YAML.at(place, message, hint=f"Write `{key}: ...`.")
