"""A rule's page, and why the lines of a bundle are there: as documents, and as text drawn from them."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from omconf.origin import FromDefault, FromPage, FromRelease, FromSpec
from omconf.spec.lines import Lines
from omconf.views.document import FORMAT_VERSION, diagnostic
from omconf.views.text import excerpt
from omconf.views.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omconf.artifacts.contents import Line
    from omconf.bundle.locate import Explained
    from omconf.diagnostics import Diagnostic, Rule
    from omconf.origin import Origin
    from omconf.views.document import Document
    from omconf.views.text import Paint


def of_rule(rule: Rule, page: str) -> Document:
    """The document of a rule's page."""
    return {
        "format_version": FORMAT_VERSION,
        "rule": rule.id,
        "severity": str(rule.severity),
        "title": rule.title,
        "page": page,
        "diagnostics": [],
    }


def of_lines(explained: Explained) -> Document:
    """The document of a line, or of all lines, of a bundle's file."""
    located, texts = explained.located, explained.texts
    numbered = list(enumerate(located.lines, 1))
    if located.line is not None:
        numbered = [numbered[located.line - 1]]
    said: dict[object, list[Document]] = {}
    for d in explained.of_spec:
        said.setdefault(d.span, []).append(diagnostic(d))
    document: Document = {"format_version": FORMAT_VERSION, "file": located.place}
    if located.node is not None:
        document["node"] = located.node
    return document | {
        "path": located.path,
        "lines": [_line(number, line, texts, said) for number, line in numbered],
        "diagnostics": [diagnostic(d) for d in explained.diagnostics],
    }


def nothing(diagnostics: Iterable[Diagnostic]) -> Document:
    """The document of what could not be explained, with the reasons."""
    return {
        "format_version": FORMAT_VERSION,
        "diagnostics": [diagnostic(d) for d in diagnostics],
    }


def _line(
    number: int, line: Line, texts: Mapping[str, str], said: Mapping[object, list[Document]]
) -> Document:
    origins = [_origin(origin, texts, said) for origin in line.origins]
    return {"line": number, "text": line.text, "origins": origins}


def _origin(
    origin: Origin, texts: Mapping[str, str], said: Mapping[object, list[Document]]
) -> Document:
    match origin:
        case FromSpec(key, span):
            result: Document = {
                "from": "spec",
                "key": key,
                "path": span.file,
                "line": span.line,
                "column": span.column,
                "end_line": span.end_line,
                "end_column": span.end_column,
            }
            source = Lines(texts.get(span.file, "")).shown(span.line, secret=False)
            if source is not None:
                result["source"] = source
            if span in said:
                result["diagnostics"] = said[span]
            return result
        case FromRelease(release, file):
            return {"from": "release", "release": release, "file": file}
        case FromDefault(key, why):
            return {"from": "default", "key": key, "why": why}
        case FromPage(step):
            return {"from": "page", "step": step}
        case _:
            return {"from": "format", "what": origin.what}


def page(document: Document, paint: Paint) -> str:
    """Draw a rule's page: its Markdown, with headings set off on a terminal."""
    code = False
    lines = []
    for text in document["page"].splitlines():
        code ^= text.startswith("```")
        heading = text.startswith("#") and not code
        lines.append(paint(text, "bold") if heading else text)
    return "\n".join(lines) + "\n"


def lines(document: Document, paint: Paint) -> str:
    """Draw one line with all of its origins, or all lines with theirs in short."""
    name = f"{document['node']}:{document['path']}" if "node" in document else document["path"]
    if len(document["lines"]) == 1:
        return _one(name, document["lines"][0], paint)
    width = len(str(len(document["lines"])))
    drawn = [paint(visible(name), "bold")]
    for origins, group in groupby(document["lines"], key=lambda line: line["origins"]):
        drawn += [
            f"  {paint(str(line['line']).rjust(width), 'blue')} {visible(line['text'])}".rstrip()
            for line in group
        ]
        drawn += [f"  {' ' * width}   {paint(f'= {_short(o)}', 'dim')}" for o in origins]
    return "\n".join(drawn) + "\n"


def _one(name: str, line: Document, paint: Paint) -> str:
    place = f"{visible(name)}:{line['line']}"
    drawn = [f"{paint(place, 'bold')}: {visible(line['text'].strip())}"]
    for origin in line["origins"]:
        drawn += ["", f"  {_short(origin)}"]
        if "source" in origin:
            drawn += excerpt(origin, origin["source"], paint, "green")
        for d in origin.get("diagnostics", ()):
            label = paint(f"{d['severity']}[{d['rule']}]", "yellow", "bold")
            drawn.append(f"  {label}: {visible(d['message'])}")
    return "\n".join(drawn) + "\n"


def _short(origin: Document) -> str:
    match origin["from"]:
        case "spec":
            place = f"{origin['path']}:{origin['line']}:{origin['column']}"
            text = f"spec: {place} {origin['key']}"
        case "release":
            text = f"release: OpenMeetings {origin['release']}, its {origin['file']}"
        case "default":
            why = f": {origin['why']}" if origin["why"] else ""
            text = f"default: {origin['key']}{why}"
        case "page":
            text = f"clustering page: {origin['step']}"
        case _:
            text = f"format: {origin['what']}"
    return visible(text)
