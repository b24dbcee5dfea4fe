"""`omconf schema`: the spec's JSON Schema, for editors."""

from __future__ import annotations

from omconf.cli import output


def schema() -> None:
    """Print the JSON Schema of the spec; editors complete and check cluster.yaml with it."""
    from omconf.spec.schema import spec_schema

    output.print_json(spec_schema())
