"""What readers of deployed files, and checks of the spec, report alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.diagnostics import Finding
from omconf.rules import BEYOND_LIMIT, PLAIN_PROPERTY

if TYPE_CHECKING:
    from omconf.diagnostics import Diagnostic
    from omconf.origin import Span

MAX_FINDINGS = 100
"""Findings of one deployed file that are reported."""


def report(findings: list[Finding], finding: Finding) -> None:
    """Add a finding of a deployed file; of the first one too many, that there are more."""
    if len(findings) < MAX_FINDINGS:
        findings.append(finding)
    elif len(findings) == MAX_FINDINGS:
        message = f"There are more than {MAX_FINDINGS} findings: the remaining ones are omitted."
        findings.append(Finding(BEYOND_LIMIT, finding.line, message, "Fix the first errors."))


def plain_property(name: str, span: Span | None, hint: str = "Remove it.") -> Diagnostic:
    """Refuse a property or option whose name says that its value is a secret."""
    message = f"`{name[:80]}` would stand in plain text in every bundle."
    return PLAIN_PROPERTY.at(span, message, hint=hint)
