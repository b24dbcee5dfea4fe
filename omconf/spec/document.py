"""YAML text to plain data, with the place of every key and value kept.

PyYAML's C parser composes the tree; scalars are resolved as YAML 1.2's core schema has it (so `no`
and `on` are text and `0644` is 644), which PyYAML's own resolver (YAML 1.1) does not do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from omconf.diagnostics import Diagnostic, Rule, Severity
from omconf.origin import Span
from omconf.secrets import SECRET_NAME, WORDS
from omconf.secrets import masked as masked_inside

NOT_YAML = Rule("OM101", Severity.ERROR, "the spec is not YAML")
DUPLICATE_KEY = Rule("OM102", Severity.ERROR, "a key stands twice in one mapping")
LIMIT = Rule("OM107", Severity.ERROR, "the file is not UTF-8, too large, too deep or an alias bomb")

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 100
MAX_VALUES = 250_000
"""Keys and values of a file, aliases written out: 10,000 nodes with ten keys each need 220,000."""

Path = tuple[str | int, ...]

_STR = "tag:yaml.org,2002:str"
_MAP = "tag:yaml.org,2002:map"
_SEQ = "tag:yaml.org,2002:seq"
_PLAIN = "plain"
_CORE = re.compile(
    r"(?P<null>~|null|Null|NULL|)"
    r"|(?P<true>true|True|TRUE)|(?P<false>false|False|FALSE)"
    r"|(?P<int>[-+]?[0-9]{1,300})|0o(?P<oct>[0-7]{1,300})|0x(?P<hex>[0-9a-fA-F]{1,300})"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<inf>[-+]?\.(?:inf|Inf|INF))|(?P<nan>\.(?:nan|NaN|NAN))"
)
_SECRET_LINE = re.compile(
    rf"(?i)((?:{WORDS}|remember_me)[\w.-]{{0,60}}[\"']?\s{{0,9}}[:=]\s{{0,9}})(?![\s{{]|$)(.+)"
)
_SECRET_BEFORE = re.compile(rf"(?i)(?:{WORDS}|remember_me)[\w.-]{{0,60}}[\"']?\s{{0,9}}:(?!\s*\{{)")
_COMMENT = re.compile(r"\s#.*")
LINES_BACK = 30
MASK = "********"


@dataclass(slots=True)
class Document:
    """A YAML file read: its data, and where each key and value of it stands."""

    file: str
    text: str
    data: Any = None
    keys: dict[Path, Span] = field(default_factory=dict)
    values: dict[Path, Span] = field(default_factory=dict)
    masked: set[int] = field(default_factory=set)
    """Lines that hold a secret in plain text although no key on them says so."""

    def span(self, path: Path) -> Span:
        """Return the place of the value at a path, or of the nearest thing above it."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path) or Span(self.file, 1, 1, 1, 1)

    def key_span(self, path: Path) -> Span:
        """Return the place of the key at a path; of the value where there is no key."""
        return self.keys.get(path) or self.span(path)

    def source(self, line: int) -> str | None:
        """Return a line of the file as it may be shown: what looks like a plain secret is masked."""
        return shown_line(self.text, line, self.masked)

    def mask(self, path: Path) -> None:
        """Never show the value at this path: it is a secret in plain text."""
        span = self.span(path)
        self.masked.update(range(span.line, span.end_line + 1))


def shown_line(text: str, line: int, masked: set[int] | None = None) -> str | None:
    """Return one line of a text (from 1) with secrets in plain text masked; None past its end."""
    lines = text.split("\n", line)
    if not 1 <= line <= len(lines):
        return None
    shown = lines[line - 1].rstrip("\r")
    if SECRET_NAME.search(shown):
        shown = _COMMENT.sub("", shown)
    hidden = masked_inside(_SECRET_LINE.sub(lambda m: m.group(1) + MASK, shown))
    if masked and line in masked and hidden == shown:
        return MASK
    return hidden if len(hidden) <= 500 else hidden[:500] + " ..."


class Integer(int):
    """A whole number that remembers how it was written: a user may well be called `0123`."""

    text: str


class Float(float):
    """A number that remembers how it was written: `9.10` may be a version."""

    text: str


class _TooMuch(Exception):  # noqa: N818 - a signal out of the C parser, not an error of ours
    def __init__(self, why: str) -> None:
        self.why = why


class _Loader(CParser, yaml.resolver.BaseResolver):
    """The C parser with a resolver that only tells plain scalars from quoted ones, and counts."""

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        yaml.resolver.BaseResolver.__init__(self)
        self.depth = 0
        self.count = 0

    def resolve(self, kind: type[yaml.Node], _value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit and implicit[0] else _STR
        return _MAP if kind is yaml.MappingNode else _SEQ

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        self.depth += 1
        self.count += 1
        # The parser descends once for a key and once for a value of the same level.
        if self.depth > MAX_DEPTH + 1:
            raise _TooMuch(f"it is nested more than {MAX_DEPTH} levels deep")
        if self.count > MAX_VALUES:
            raise _TooMuch(f"it holds more than {MAX_VALUES:,} keys and values")

    def ascend_resolver(self) -> None:
        self.depth -= 1


def parse(data: bytes, file: str) -> tuple[Document, list[Diagnostic]]:
    """Read YAML; with an error the document's data is None, or lacks what could not be read."""
    document = Document(file, data.decode("utf-8-sig", "replace"))
    node, diagnostic = _compose(document, data)
    if diagnostic:
        span = diagnostic.span
        # Not parsed, a line may be the rest of a secret that starts above it: it is not drawn then.
        above = (
            document.text.split("\n", span.line)[max(0, span.line - LINES_BACK) : span.line - 1]
            if span
            else []
        )
        if any(_SECRET_BEFORE.search(line) for line in above):
            return document, [diagnostic]
        return document, [_with_source(document, diagnostic)]
    builder = _Builder(document)
    try:
        document.data = builder.build(node, (), ())
    except _TooMuch as error:
        span = builder.where
        builder.diagnostics.append(
            LIMIT.at(span, f"The aliases of this file make too much of it: {error.why}.")
        )
        document.data = None
    return document, [_with_source(document, d) for d in builder.diagnostics]


def _with_source(document: Document, diagnostic: Diagnostic) -> Diagnostic:
    span = diagnostic.span
    return diagnostic.shown_with(document.source(span.line) if span else None)


def _compose(document: Document, data: bytes) -> tuple[Any, Diagnostic | None]:
    def at(line: int, column: int) -> Span:
        return Span(document.file, line, column, line, column + 1)

    if len(data) > MAX_BYTES:
        document.text = ""
        mib = len(data) / 1024 / 1024
        return None, LIMIT.at(
            at(1, 1),
            f"This file has {mib:.1f} MiB; a spec may have {MAX_BYTES // 1024 // 1024} MiB.",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        return None, LIMIT.at(
            at(line, column),
            f"Byte 0x{data[error.start]:02x} is not UTF-8 text.",
            hint="Save the file as UTF-8.",
        )
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except _TooMuch as error:
        return None, LIMIT.at(at(1, 1), f"This file is not a cluster spec: {error.why}.")
    except yaml.reader.ReaderError as error:
        before_text = text[: error.position]
        line = before_text.count("\n") + 1
        column = len(before_text) - (before_text.rfind("\n") + 1) + 1
        return None, NOT_YAML.at(
            at(line, column), "A control character stands here; YAML does not allow it."
        )
    except yaml.MarkedYAMLError as error:
        return None, _not_yaml(error, at)
    except yaml.YAMLError:
        return None, NOT_YAML.at(at(1, 1), "This file is not YAML.")
    finally:
        if loader is not None:
            loader.dispose()
    if node is None:
        return None, NOT_YAML.at(
            at(1, 1), "This file is empty.", hint="`omconf init` writes a spec to start from."
        )
    return node, None


def _not_yaml(error: yaml.MarkedYAMLError, at: Any) -> Diagnostic:
    mark = error.problem_mark or error.context_mark
    span = at(mark.line + 1, mark.column + 1) if mark else at(1, 1)
    problem = error.problem or "it cannot be read"
    hint = ""
    if "cannot start any token" in problem or "\\t" in problem or "tab" in problem:
        problem = (
            "a character that cannot start a value stands here (a tab, `@`, a backquote or `%`)"
        )
        hint = (
            "Indent with spaces, never tabs; put text that starts with such a character in quotes."
        )
    elif "mapping values are not allowed" in problem:
        hint = "Put text that holds `: ` in quotes; check the indentation of this line."
    elif "undefined alias" in problem:
        problem = "an alias stands here whose anchor was not found above"
    context = f" ({error.context})" if error.context and "alias" not in problem else ""
    return NOT_YAML.at(span, f"This is not YAML: {problem}{context}.", hint=hint)


class _Builder:
    """Turns composed nodes into plain data, noting spans and mistakes on the way."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.diagnostics: list[Diagnostic] = []
        self.where = Span(document.file, 1, 1, 1, 1)
        self.count = 0

    def span(self, node: yaml.Node) -> Span:
        start, end = node.start_mark, node.end_mark
        # A block ends where the next token starts; an error is shown on its first line.
        return Span(
            self.document.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1
        )

    def build(self, node: Any, path: Path, above: tuple[int, ...]) -> Any:
        span = self.document.values[path] = self.span(node)
        self.count += 1
        if self.count > MAX_VALUES:
            self.where = span
            raise _TooMuch(f"more than {MAX_VALUES:,} keys and values")
        if id(node) in above:
            self.where = span
            raise _TooMuch("a value holds itself")
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, span)
        above = (*above, id(node))
        if len(above) > MAX_DEPTH:
            self.where = span
            raise _TooMuch(f"nested more than {MAX_DEPTH} levels deep")
        if node.tag not in (_MAP, _SEQ):
            self.tagged(node, span)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, i), above) for i, item in enumerate(node.value)]
        return self.mapping(node, path, above)

    def mapping(self, node: Any, path: Path, above: tuple[int, ...]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in node.value:
            place = self.span(key)
            if not isinstance(key, yaml.ScalarNode):
                self.diagnostics.append(NOT_YAML.at(place, "A key must be plain text."))
                continue
            name = key.value
            inner = (*path, name)
            if name in result:
                first = self.document.keys[inner].line
                self.diagnostics.append(
                    DUPLICATE_KEY.at(
                        place,
                        f"The key `{name}` stands here a second time.",
                        hint=f"It stands in line {first} already; keep one of the two.",
                    )
                )
                continue
            self.document.keys[inner] = place
            result[name] = self.build(value, inner, above)
        return result

    def scalar(self, node: Any, span: Span) -> Any:
        text: str = node.value
        tag: str = node.tag
        if tag != _PLAIN:
            if tag not in (_STR, "!"):
                self.tagged(node, span)
            return text
        found = _CORE.fullmatch(text)
        kind = found.lastgroup if found else None
        if found is None or kind is None:
            return text
        match kind:
            case "null":
                return None
            case "true" | "false":
                return kind == "true"
            case "int" | "oct" | "hex":
                base = {"int": 10, "oct": 8, "hex": 16}[kind]
                number: Integer | Float = Integer(int(found[kind], base))
            case "float":
                number = Float(text)
            case _:
                number = Float(text.lower().replace(".", ""))
        number.text = text
        return number

    def tagged(self, node: Any, span: Span) -> None:
        self.diagnostics.append(
            NOT_YAML.at(
                span,
                "A tag stands here, which is not understood.",
                hint="A spec needs no tags; write the value alone.",
            )
        )
