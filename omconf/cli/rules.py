"""`omconf rules`: what is checked."""

from __future__ import annotations

import typer


def rules() -> None:
    """List every rule: its id, whether it is an error or a warning, and what it catches."""
    from omconf.rules import all_rules

    for rule in all_rules().values():
        typer.echo(f"{rule.id}  {rule.severity:7}  {rule.title}")
