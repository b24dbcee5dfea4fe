"""`omconf rules`: what is checked."""

from __future__ import annotations

from omconf.cli import output


def rules() -> None:
    """List every rule: its id, whether it is an error or a warning, and what it catches."""
    from omconf.rules import all_rules

    for rule in all_rules().values():
        output.tell(f"{rule.id}  {rule.severity:7}  {rule.title}")
