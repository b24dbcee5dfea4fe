"""`omconf show`: a saved plan again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from omconf.cli import output, planned


def show(
    plan_file: Annotated[
        Path,
        typer.Argument(
            metavar="PLANFILE", parser=output.path, help="A plan saved by `omconf plan --out`."
        ),
    ],
    as_json: planned.AsJson = False,
    markdown: planned.AsMarkdown = False,
    max_chars: planned.MaxChars = None,
    page: planned.AsPage = None,
    detailed_exitcode: planned.DetailedExitcode = False,
    no_color: output.NoColor = False,
) -> None:
    """Show a saved plan as `plan` printed it, without reading anything else."""
    from omconf.pipeline import plan as plans
    from omconf.views import document

    if no_color:
        output.colourless()
    planned.require_one_form(as_json=as_json, markdown=markdown, most=max_chars)
    saved = plans.saved(str(plan_file))
    drawn = saved if isinstance(saved, dict) else document.no_plan([saved])
    planned.show(drawn, as_json=as_json, markdown=markdown, most=max_chars, page=page)
    planned.leave(drawn, detailed=detailed_exitcode)
