"""YAML text to plain data, with the place of every key and value kept.

PyYAML's C parser composes the tree; scalars are resolved as YAML 1.2's core schema has it (so `no`
and `on` are text and `0644` is 644), which PyYAML's own resolver (YAML 1.1) does not do.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from omconf.diagnostics import Diagnostic
from omconf.origin import Span
from omconf.regex import regex
from omconf.rules import DUPLICATE_KEY, LIMIT, NOT_YAML
from omconf.spec.document import MAX_FOUND, Document, Float, Integer, Path, enough, place_of
from omconf.spec.lines import Lines
from omconf.spec.mistakes import TEMPLATE
from omconf.spec.not_yaml import not_yaml

START = "`omconf init` writes a spec to start from."
MAX_BYTES = 4 * 1024 * 1024
"""Bytes of a spec."""
MAX_DEPTH = 100
"""Levels of nesting."""
MAX_VALUES = 250_000
"""Keys and values of a file, aliases written out: 10,000 nodes with ten keys each need 220,000."""
MAX_TEXT = 128 * 1024
"""Characters of one key or value: Linux passes no longer argument to a program (MAX_ARG_STRLEN)."""
MAX_LISTED = 1000
"""Entries of a list or a mapping other than that of the nodes."""

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
# What libyaml (YAML 1.1) takes for the end of a line, and nothing that shows the file does.
_STRANGE_BREAK = regex("[\r\x85\u2028\u2029](?!(?<=\r)\n)")


class _TooMuch(Exception):  # noqa: N818 - a signal out of the C parser, not an error of ours
    def __init__(self, why: str, inside: yaml.Node | None) -> None:
        self.why = why
        self.mark = inside.start_mark if inside is not None else None


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
            raise _TooMuch(f"it is nested more than {MAX_DEPTH} levels deep", current_node)
        if self.count > MAX_VALUES:
            why = f"it holds more than {MAX_VALUES:,} keys and values"
            raise _TooMuch(why, current_node)

    def ascend_resolver(self) -> None:
        self.depth -= 1


class _Stop(Exception):  # noqa: N818 - a signal out of the builder, not an error of ours
    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


def parse(data: bytes, file: str) -> tuple[Document, list[Diagnostic]]:
    """Read YAML; with an error the document's data is None, or lacks what could not be read."""
    document = Document(file, data.decode("utf-8-sig", "replace"))
    node, diagnostic = _compose(document, data)
    if diagnostic:
        span = diagnostic.span
        # Not parsed, a line may be the rest of a secret that starts above it: it is not drawn then.
        if span and _near_a_secret(Lines(document.text), span.line):
            return document, [diagnostic]
        return document, [_with_source(document, diagnostic)]
    builder = _Builder(document)
    try:
        document.data = builder.build(node, (), ())
    except _Stop as stop:
        builder.diagnostics.append(stop.diagnostic)
    return document, [_with_source(document, d) for d in builder.diagnostics]


def _near_a_secret(lines: Lines, number: int) -> bool:
    """Tell whether a line that is not YAML may be, or go on, a secret in plain text."""
    from omconf.spec import keys

    return lines.after_a_secret(number) or keys.misspells_a_secret(lines.up_to(number))


def _with_source(document: Document, diagnostic: Diagnostic) -> Diagnostic:
    span = diagnostic.span
    return diagnostic.shown_with(document.source(span.line) if span else None)


def _compose(document: Document, data: bytes) -> tuple[Any, Diagnostic | None]:
    text = _decoded(document, data)
    if isinstance(text, Diagnostic):
        return None, text
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except _TooMuch as error:
        message = f"This file is not a cluster spec: {error.why}."
        place = document.place(error.mark) if error.mark else (1, 1)
        return None, LIMIT.at(document.at(*place), message, hint=START)
    except yaml.reader.ReaderError as error:
        message = "There is a control character here, which YAML does not allow."
        # libyaml counts bytes.
        before = text.encode()[: error.position].decode(errors="ignore")
        return None, NOT_YAML.at(document.at(*place_of(text, len(before))), message)
    except yaml.MarkedYAMLError as error:
        return None, not_yaml(error, document)
    except yaml.YAMLError:
        return None, NOT_YAML.at(document.at(1, 1), "This file is not YAML.")
    finally:
        if loader is not None:
            loader.dispose()
    if node is None:
        return None, NOT_YAML.at(document.at(1, 1), "This file is empty.", hint=START)
    return node, None


def _decoded(document: Document, data: bytes) -> str | Diagnostic:
    """Decode a spec that is small enough, and whose lines are those that an editor counts."""
    if len(data) > MAX_BYTES:
        document.text = ""
        most = MAX_BYTES // 1024 // 1024
        message = f"This file is larger than {most} MiB, the limit for a spec."
        return LIMIT.at(document.at(1, 1), message)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        return LIMIT.at(
            document.at(line, column),
            f"Byte 0x{data[error.start]:02x} is not UTF-8 text.",
            hint="Save the file as UTF-8.",
        )
    # To compile the pattern takes longer than to read a small spec.
    usual = text.isascii() and "\r" not in text
    if found := None if usual else _STRANGE_BREAK.search(text):
        return NOT_YAML.at(
            document.at(*place_of(text, found.start())),
            f"There is a line break here that editors do not count (U+{ord(found[0]):04X}).",
            hint="Remove it; end lines with a line feed, or a carriage return and a line feed.",
        )
    return text


def _much(span: Span, why: str) -> _Stop:
    message = f"The aliases of this file expand too much: {why}."
    return _Stop(LIMIT.at(span, message, hint="Write the values out, or use fewer aliases."))


class _Builder:
    """Turns composed nodes into plain data, noting spans and mistakes on the way."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.diagnostics: list[Diagnostic] = []
        self.count = 0
        self.length = 0
        self.last_line = document.last()[0]

    def span(self, node: yaml.Node) -> Span:
        start, end = node.start_mark, node.end_mark
        # A block ends where the next token starts; an error is shown on its first line.
        if end.line < self.last_line:
            return Span(
                self.document.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1
            )
        return Span(self.document.file, *self.document.place(start), *self.document.place(end))

    def say(self, diagnostic: Diagnostic) -> None:
        self.diagnostics.append(diagnostic)
        if len(self.diagnostics) >= MAX_FOUND:
            raise _Stop(enough(diagnostic.span))

    def build(self, node: Any, path: Path, above: tuple[int, ...]) -> Any:
        span = self.document.values[path] = self.span(node)
        self.count += 1
        if self.count > MAX_VALUES:
            raise _much(span, f"more than {MAX_VALUES:,} keys and values")
        if id(node) in above:
            raise _much(span, "a value holds itself")
        if isinstance(node, yaml.ScalarNode):
            self.measure(node, span)
            return self.scalar(node, span)
        above = (*above, id(node))
        if len(above) > MAX_DEPTH:
            raise _much(span, f"nested more than {MAX_DEPTH} levels deep")
        if node.tag not in (_MAP, _SEQ):
            self.tagged(node, span)
        if len(node.value) > MAX_LISTED and path != ("nodes",):
            message = f"There are {len(node.value):,} entries here; the limit is {MAX_LISTED:,}."
            hint = "Remove entries; only `nodes:` may have more."
            raise _Stop(LIMIT.at(span, message, hint=hint))
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, i), above) for i, item in enumerate(node.value)]
        return self.mapping(node, path, above)

    def measure(self, node: yaml.ScalarNode, span: Span) -> None:
        """Add a key or a value to the length of all; without aliases, it is below MAX_BYTES."""
        length = len(node.value)
        if length > MAX_TEXT:
            message = f"There are {length:,} characters here; the limit is {MAX_TEXT:,}."
            raise _Stop(LIMIT.at(span, message, hint="Write a shorter text."))
        self.length += length
        if self.length > MAX_BYTES:
            raise _much(span, f"more than {MAX_BYTES:,} characters")

    def mapping(self, node: Any, path: Path, above: tuple[int, ...]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in node.value:
            place = self.span(key)
            if not isinstance(key, yaml.ScalarNode):
                hint = TEMPLATE if isinstance(key, yaml.MappingNode) else ""
                self.say(NOT_YAML.at(place, "A key must be plain text.", hint=hint))
                continue
            self.measure(key, place)
            name = key.value
            inner = (*path, name)
            if name in result:
                first = self.document.keys[inner].line
                self.document.skipped.append(inner)
                self.say(
                    DUPLICATE_KEY.at(
                        place,
                        f"The key `{name}` is a duplicate.",
                        hint=f"It is already on line {first}; keep only one of them.",
                    )
                )
                continue
            self.document.keys[inner] = place
            result[name] = self.build(value, inner, above)
            if isinstance(value, yaml.ScalarNode) and value.start_mark.index < key.start_mark.index:
                # An alias has no place of its own, so its key's is shown.
                self.document.anchored[inner] = self.document.values[inner]
                self.document.values[inner] = place
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
        self.say(
            NOT_YAML.at(
                span,
                "There is a tag here, which is not supported.",
                hint="A spec needs no tags; write only the value.",
            )
        )
