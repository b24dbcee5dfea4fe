"""`omconf schema`: the JSON Schema of specs, for editors, and that of plans."""

from __future__ import annotations

from typing import Annotated

import typer

from omconf.cli import output


def schema(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a Markdown table of all keys.")
    ] = False,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Print the schema of plans, as `plan --json` prints them."),
    ] = False,
    events: Annotated[
        bool,
        typer.Option("--events", help="Print the schema of the lines of `apply --json`."),
    ] = False,
    no_color: output.NoColor = False,
) -> None:
    """Print the JSON Schema of the spec, for completion and validation in editors."""
    from omconf.spec.schema import spec_reference, spec_schema

    if no_color:
        output.colourless()
    if markdown + plan + events > 1:
        raise typer.BadParameter("--markdown, --plan and --events cannot be used together.")
    if markdown:
        output.write(spec_reference())
    elif events:
        from omconf.planfile.events import schema as events_schema

        output.print_json(events_schema())
    elif plan:
        from omconf.planfile.model import schema as plan_schema

        output.print_json(plan_schema())
    else:
        output.print_json(spec_schema())
