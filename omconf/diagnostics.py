"""What omconf says about a user's files: rules with stable ids, and findings that point at a place."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omconf.origin import Span


class Severity(StrEnum):
    """An error stops a build and makes the exit code 1; a warning is only said."""

    ERROR = "error"
    WARNING = "warning"


MAX_TOLD = 1000
"""Characters of a message or a hint: what it quotes may be any long."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that omconf catches. The id never changes its meaning.

    All rules are declared in rules.py.
    """

    id: str
    severity: Severity
    title: str

    def at(
        self,
        span: Span | None,
        message: str,
        *,
        hint: str = "",
        severity: Severity | None = None,
        node: str | None = None,
        path: str | None = None,
    ) -> Diagnostic:
        """Report this rule at a place; `node` and `path` name a deployed file it speaks of."""
        severity = severity or self.severity
        return Diagnostic(self, severity, _cut(message), _cut(hint), span, node, path)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TOLD else text[: MAX_TOLD - 4] + " ..."


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `source` is the offending line, ready to be shown (secrets already masked)."""

    rule: Rule
    severity: Severity
    message: str
    hint: str = ""
    span: Span | None = None
    node: str | None = None
    path: str | None = None
    source: str | None = None

    @property
    def is_error(self) -> bool:
        """True when the finding stops a build."""
        return self.severity is Severity.ERROR

    def shown_with(self, source: str | None) -> Diagnostic:
        """Return the same finding with its offending line."""
        return replace(self, source=source)


def strictly(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Count every warning as an error."""
    return [replace(d, severity=Severity.ERROR) for d in found]


@dataclass(frozen=True, slots=True)
class Finding:
    """What reading a deployed file found wrong, by line of that file (0: the file as a whole)."""

    rule: Rule
    line: int
    message: str
    hint: str = ""


def meant(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a misspelt one most likely means; case does not count."""
    from difflib import get_close_matches

    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(word.lower()[:80], by_lower, n=1)
    return by_lower[near[0]] if near else None


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Tell whether any finding is an error."""
    return any(d.is_error for d in diagnostics)


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sort findings by place, then id, and drop repeats: the order people and golden files see."""

    def place(d: Diagnostic) -> tuple[str, str, str, int, int, str, str]:
        span = d.span
        where = (span.file, span.line, span.column) if span else ("", 0, 0)
        return (d.node or "", d.path or "", *where, d.rule.id, d.message)

    return sorted(dict.fromkeys(diagnostics), key=place)
