"""A YAML file as plain data, with the place of every key and value."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from omconf.dataclass import dataclass
from omconf.origin import Span
from omconf.rules import LIMIT
from omconf.spec.lines import Lines

if TYPE_CHECKING:
    import yaml

    from omconf.diagnostics import Diagnostic

Path = tuple[str | int, ...]

MAX_FOUND = 1000
"""Mistakes of one file that are told; a file that has more is not what it should be at all."""


@dataclass(slots=True)
class Document:
    """A YAML file read: its data, and where each key and value of it stands."""

    file: str
    text: str
    data: Any = None
    keys: dict[Path, Span] = field(default_factory=dict)
    values: dict[Path, Span] = field(default_factory=dict)
    masked: set[tuple[int, int]] = field(default_factory=set)
    """Lines (first and last) with a secret in plain text although no key on them says so."""
    cut: dict[int, int] = field(default_factory=dict)
    """By line: the column from which it is not shown, as a secret in plain text begins there."""
    anchored: dict[Path, Span] = field(default_factory=dict)
    """Where the values stand that are aliases."""
    skipped: list[Path] = field(default_factory=list)
    """Keys that are duplicates: their values are not in the data."""
    lines: Lines | None = None
    _last: tuple[int, int] | None = None

    def last(self) -> tuple[int, int]:
        """The line and column behind the last character."""
        if self._last is None:
            self._last = place_of(self.text, len(self.text))
        return self._last

    def at(self, line: int, column: int) -> Span:
        """Return the place of one character."""
        return Span(self.file, line, column, line, column + 1)

    def place(self, mark: yaml.Mark) -> tuple[int, int]:
        """Return the line and column of a mark; the parser's own end is a line below the last."""
        return min((mark.line + 1, mark.column + 1), self.last())

    def span(self, path: Path) -> Span:
        """Return the place of the value at a path, or of the nearest thing above it."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path) or Span(self.file, 1, 1, 1, 1)

    def value(self, path: Path) -> Any:
        """Return the value at a path; None where there is none."""
        found = self.data
        for part in path:
            try:
                found = found[part]
            except (LookupError, TypeError):
                return None
        return found

    def key_span(self, path: Path) -> Span:
        """Return the place of the key at a path; of the value where there is no key."""
        return self.keys.get(path) or self.span(path)

    def source(self, line: int) -> str | None:
        """Return a line of the file as it may be shown: what looks like a plain secret is masked."""
        self.lines = self.lines or Lines(self.text)
        secret = any(first <= line <= last for first, last in self.masked)
        return self.lines.shown(line, secret=secret, cut=self.cut.get(line))

    def mask(self, span: Span, *, cut: bool) -> None:
        """Never show what stands there: it is, or with `cut` false includes, a secret in plain text."""
        self.masked.add((span.line, span.end_line))
        if cut:
            self.cut[span.line] = min(span.column, self.cut.get(span.line, span.column))


class Integer(int):
    """A whole number that remembers how it was written: a user may well be called `0123`."""

    text: str


class Float(float):
    """A number that remembers how it was written: `9.10` may be a version."""

    text: str


def enough(span: Span | None) -> Diagnostic:
    """Return the diagnostic that ends a list of `MAX_FOUND` mistakes."""
    message = f"There are more than {MAX_FOUND:,} mistakes: the rest is not reported."
    return LIMIT.at(span, message, hint="Fix those above, then run omconf again.")


def place_of(text: str, position: int) -> tuple[int, int]:
    """Return the line and column of the character at an index; both count from 1."""
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
