"""`omconf plan`: what is deployed now, and what would change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omconf.cli import output, planned
from omconf.diagnostics import Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Collection

    from omconf.diagnostics import Diagnostic
    from omconf.plan.model import Plan

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
    as_json: planned.AsJson = False,
    markdown: planned.AsMarkdown = False,
    max_chars: planned.MaxChars = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only errors and the last line.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Save the plan, for `omconf show`."),
    ] = None,
    detailed_exitcode: planned.DetailedExitcode = False,
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
    from omconf.views import document

    if no_color:
        output.colourless()
    planned.require_one_form(as_json=as_json, markdown=markdown, most=max_chars)
    if quiet and (as_json or markdown):
        raise typer.BadParameter("--quiet goes with neither --json nor --markdown.")
    made = _made(spec, deployed, out, node or (), strict=strict_format, require=require_secrets)
    drawn = document.no_plan(made) if isinstance(made, list) else document.of_plan(made)
    planned.show(drawn, as_json=as_json, markdown=markdown, most=max_chars, quiet=quiet)
    planned.leave(drawn, detailed=detailed_exitcode)


def _made(
    spec: Path,
    deployed: Path | None,
    out: Path | None,
    nodes: Collection[str],
    *,
    strict: bool,
    require: bool,
) -> Plan | list[Diagnostic]:
    from omconf import pipeline

    if deployed is None:
        return [NO_SOURCE.at(None, "A plan needs the deployed files.", hint=SOURCES)]
    compiled = pipeline.compile_spec(str(spec))
    if compiled.failed:
        return compiled.diagnostics
    return pipeline.plan_directory(
        compiled,
        str(deployed),
        only=nodes,
        strict=strict,
        require_secrets=require,
        saved_as=None if out is None else str(out),
    )
