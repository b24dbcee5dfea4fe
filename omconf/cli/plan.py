"""`omconf plan`: what is deployed now, and what would change."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omconf.cli import output
from omconf.diagnostics import Rule, Severity, has_errors

if TYPE_CHECKING:
    from omconf.diagnostics import Diagnostic

NO_SOURCE = Rule("OM304", Severity.ERROR, "a plan without something to compare with")
SOURCES = """one of these four:
    omconf plan --deployed trees       trees/<node>/ is that node's root tree
    omconf plan --local om1            this host is the node om1 (not supported yet)
    omconf plan --ssh                  the nodes themselves (not supported yet)
    omconf plan --git HEAD -o bundles  bundles as committed (not supported yet)"""


def plan(
    spec: output.Spec = output.DEFAULT_SPEC,
    deployed: Annotated[
        Path | None,
        typer.Option("--deployed", metavar="DIR", help="DIR/<node>/ is that node's root tree."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 2 when there are changes.")
    ] = False,
    node: Annotated[
        list[str] | None, typer.Option("--node", metavar="NODE", help="Only this node; repeatable.")
    ] = None,
    strict_format: Annotated[
        bool,
        typer.Option("--strict-format", help="Count files that only look different as changes."),
    ] = False,
    require_secrets: Annotated[
        bool, typer.Option("--require-secrets", help="A secret that cannot be read is an error.")
    ] = False,
    no_color: output.NoColor = False,
) -> None:
    """Compare what the spec compiles to with what is deployed; nothing is changed anywhere."""
    from omconf import pipeline
    from omconf.views import document, human

    if no_color:
        output.colourless()
    if deployed is None:
        _fail(
            [NO_SOURCE.at(None, "A plan needs the deployed files.", hint=SOURCES)], as_json=as_json
        )
        return
    compiled = pipeline.compile_spec(str(spec))
    if compiled.failed:
        _fail(compiled.diagnostics, as_json=as_json)
    made = pipeline.plan_directory(
        compiled,
        str(deployed),
        only=node or (),
        strict=strict_format,
        require_secrets=require_secrets,
    )
    if isinstance(made, list):
        _fail(made, as_json=as_json)
        return
    drawn = document.of_plan(made)
    if as_json:
        output.print_json(drawn)
    else:
        output.say(made.diagnostics)
        typer.echo(human.plan(drawn, output.paint(sys.stdout)), nl=False)
    if has_errors(made.diagnostics) or not made.complete:
        raise typer.Exit(1)
    if detailed_exitcode and made.has_changes:
        raise typer.Exit(2)


def _fail(found: list[Diagnostic], *, as_json: bool) -> None:
    from omconf.views import document

    if as_json:
        output.print_json(document.no_plan(found))
    else:
        output.say(found)
    raise typer.Exit(1)
