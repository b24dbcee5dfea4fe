"""Comments in an imported spec: where it is from, and what is left to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.diagnostics import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omconf.adopt.gather import Gathered
    from omconf.diagnostics import Diagnostic

_MAX_TOLD = 20


def head(gathered: Gathered) -> list[str]:
    """Return the comments that describe the spec."""
    count = len(gathered.nodes)
    nodes = "1 node" if count == 1 else f"{count} nodes"
    lines = [f"Imported from {nodes} by `omconf import`; a comment gives the source of each value."]
    lines += [f"{name} was called `{old}` before." for name, old in gathered.before.items()]
    labels = gathered.labels
    lines += [
        f"{name} is `{label}` in the source."
        for name, label in labels.items()
        if label != name and not label.endswith(f"@{name}")
    ]
    return lines


def tail(diagnostics: Iterable[Diagnostic]) -> list[str]:
    """Propose `ignore` entries for known warnings, commented out."""
    warned: dict[str, Diagnostic] = {}
    for found in diagnostics:
        if found.severity is Severity.WARNING and found.node is None and found.span is not None:
            warned.setdefault(found.rule.id, found)
    if not warned:
        return []
    lines = [
        "Warnings of this spec; to accept one, uncomment its entry and give the reason.",
        "ignore:",
    ]
    for rule, found in [*warned.items()][:_MAX_TOLD]:
        lines += [f"  # {found.message}", f"  - {{rule: {rule}, why: ...}}"]
    return lines
