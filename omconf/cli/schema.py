"""`omconf schema`: the spec's JSON Schema, for editors."""

from __future__ import annotations

from typing import Annotated

import typer

from omconf.cli import output


def schema(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a table of all keys for people.")
    ] = False,
) -> None:
    """Print the JSON Schema of the spec; editors complete and check cluster.yaml with it."""
    from omconf.spec.schema import spec_reference, spec_schema

    if markdown:
        output.write(spec_reference())
    else:
        output.print_json(spec_schema())
