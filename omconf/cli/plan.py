"""`omconf plan`: what is deployed now, and what would change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omconf.cli import applying, completion, output, planned, sources

if TYPE_CHECKING:
    from omconf.diagnostics import Diagnostic
    from omconf.pipeline.sources import Asked
    from omconf.plan.model import Plan


def plan(
    spec: output.Spec = output.DEFAULT_SPEC,
    deployed: sources.Deployed = None,
    local: applying.Local = None,
    root: sources.Root = None,
    ssh: Annotated[bool, typer.Option("--ssh", help="Read the nodes by ssh.")] = False,
    ansible: Annotated[
        bool, typer.Option("--ansible", help="Read the nodes by your own ansible-playbook.")
    ] = False,
    inventory: applying.Inventory = None,
    keep: applying.Keep = None,
    sudo: applying.Sudo = False,
    seconds: applying.Timeout = None,
    git: Annotated[
        str | None,
        typer.Option(
            "--git",
            metavar="REV",
            help="The bundles of -o as committed at REV; with another source: the applied state.",
        ),
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            parser=output.path,
            help="With --git: the bundle directory.",
        ),
    ] = None,
    as_json: planned.AsJson = False,
    markdown: planned.AsMarkdown = False,
    max_chars: planned.MaxChars = None,
    page: planned.AsPage = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only errors and the summary line.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            parser=output.path,
            help="Save the plan for `omconf apply` and `omconf show`.",
        ),
    ] = None,
    detailed_exitcode: planned.DetailedExitcode = False,
    node: Annotated[
        list[str] | None,
        typer.Option(
            "--node",
            metavar="NODE",
            autocompletion=completion.nodes,
            help="Only this node; repeatable.",
        ),
    ] = None,
    strict_format: Annotated[
        bool,
        typer.Option(
            "--strict-format", help="Count files that differ only in formatting as changes."
        ),
    ] = False,
    require_secrets: Annotated[
        bool,
        typer.Option("--require-secrets", help="Report a secret that cannot be read as an error."),
    ] = False,
    strict: output.Strict = False,
    no_color: output.NoColor = False,
) -> None:
    """Compare the compiled spec with the deployed files, without changing anything."""
    from omconf.diagnostics import strictly
    from omconf.pipeline.sources import Asked
    from omconf.views import document

    if no_color:
        output.colourless()
    planned.require_one_form(as_json=as_json, markdown=markdown, most=max_chars)
    if quiet and (as_json or markdown):
        raise typer.BadParameter("--quiet cannot be used with --json or --markdown.")
    if out and output.is_read_once(spec):
        raise typer.BadParameter("--out needs a spec in a file: `omconf apply` reads it again.")
    only = node or ()
    asked = Asked(
        deployed, local, root, ssh, sudo, seconds, git, directory, only, ansible, inventory
    )
    applying.require_ansible(None, keep, ansible=ansible)
    saved_as = str(out) if out else None
    made = _made(
        spec, asked, strict=strict_format, require=require_secrets, saved_as=saved_as, keep=keep
    )
    if strict:
        made = (
            strictly(made)
            if isinstance(made, list)
            else replace(made, diagnostics=tuple(strictly(made.diagnostics)))
        )
    drawn = document.no_plan(made) if isinstance(made, list) else document.of_plan(made)
    planned.show(drawn, as_json=as_json, markdown=markdown, most=max_chars, page=page, quiet=quiet)
    planned.leave(drawn, detailed=detailed_exitcode)


def _made(
    spec: Path,
    asked: Asked,
    *,
    strict: bool,
    require: bool,
    saved_as: str | None,
    keep: Path | None,
) -> Plan | list[Diagnostic]:
    from omconf.pipeline import plan as plans
    from omconf.pipeline.compiled import compile_spec

    if mistake := asked.mistake():
        return [mistake]
    compiled = compile_spec(str(spec))
    if compiled.failed or compiled.cluster is None:
        return compiled.diagnostics
    source, base = asked.sources(compiled.cluster)
    made = plans.plan(
        compiled,
        source,
        base=base,
        only=asked.only,
        strict=strict,
        require_secrets=require,
        saved_as=saved_as,
    )
    if keep is None or isinstance(made, list):
        return made
    from omconf.pipeline import kept
    from omconf.views import document
    from omconf.views.typed import typed

    drawn = document.of_plan(made)
    words = [typed(str(spec)), *(["--strict-format"] if strict else [])]
    failed = kept.keep(str(keep), drawn, compiled.cluster, asked, words)
    return replace(made, diagnostics=(*made.diagnostics, *failed))
