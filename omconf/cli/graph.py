"""`omconf graph`: a picture of the cluster."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from omconf.cli import output


class Format(StrEnum):
    """The output format."""

    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"


def graph(
    spec: output.Spec = output.DEFAULT_SPEC,
    form: Annotated[Format, typer.Option("--format", help="The output format.")] = Format.MERMAID,
    no_color: output.NoColor = False,
) -> None:
    """Draw the nodes, how they discover each other, and the database and data server they share."""
    from omconf.diagnostics import has_errors
    from omconf.pipeline.compiled import check_spec
    from omconf.pipeline.graph import graph

    if no_color:
        output.colourless()
    checked = check_spec(str(spec))
    output.say(checked.diagnostics)
    if checked.cluster is None or has_errors(checked.diagnostics):
        raise typer.Exit(1)
    output.write(graph(checked.cluster, form))
