"""`omconf rules`: lists all rules."""

from __future__ import annotations

from typing import Annotated

import typer

from omconf.cli import output


def rules(
    as_json: Annotated[bool, typer.Option("--json", help="Print the rules as JSON.")] = False,
    no_color: output.NoColor = False,
) -> None:
    """List every rule: its id, whether it is an error or a warning, and what it catches."""
    from omconf.rules import all_rules

    if no_color:
        output.colourless()
    every = all_rules().values()
    if as_json:
        listed = [{"id": r.id, "severity": str(r.severity), "title": r.title} for r in every]
        output.print_json({"format_version": "1.0", "rules": listed})
        return
    for rule in every:
        output.tell(f"{rule.id}  {rule.severity:7}  {rule.title}")
