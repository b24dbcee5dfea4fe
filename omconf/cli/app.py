"""The typer application: one module a verb."""

from __future__ import annotations

from typing import Annotated

import typer

from omconf import __version__
from omconf.cli import (
    apply,
    build,
    explain,
    graph,
    import_,
    init,
    log,
    output,
    plan,
    releases,
    rules,
    schema,
    show,
    undo,
    validate,
    verify,
)

app = typer.Typer(
    name="omconf",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"omconf {__version__}")
        raise typer.Exit


@app.callback()
def omconf(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="Never use colour.")] = False,
) -> None:
    """Compile one cluster spec into the configuration of every node of an OpenMeetings cluster."""
    del version
    if no_color:
        output.colourless()


app.command("init")(init.init)
app.command("validate")(validate.validate)
app.command("build")(build.build)
app.command("plan")(plan.plan)
app.command("apply")(apply.apply)
app.command("undo")(undo.undo)
app.command("log")(log.log)
app.command("show")(show.show)
app.command("import")(import_.import_)
app.command("graph")(graph.graph)
app.command("verify")(verify.verify)
app.command("explain")(explain.explain)
app.command("schema")(schema.schema)
app.command("rules")(rules.rules)
app.command("releases")(releases.releases)
