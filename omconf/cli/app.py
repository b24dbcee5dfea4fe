"""The typer application: one module a verb."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from omconf import __version__
from omconf.cli import (
    apply,
    build,
    completion,
    doctor,
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


class Verbs(TyperGroup):
    """The commands; help shows what each does in a whole sentence."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands with the first line of their docstrings, however long."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, str(c.help).partition("\n\n")[0]) for name, c in commands if c]
        with formatter.section("Commands"):
            formatter.write_dl([(name, " ".join(text.split())) for name, text in rows])


app = typer.Typer(
    name="omconf",
    cls=Verbs,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    # As wide as the terminal is.
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": sys.maxsize},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"omconf {__version__}")
        raise typer.Exit


@app.callback()
def omconf(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="Never use colour.")] = False,
) -> None:
    """Compile one cluster spec into the configuration of every node of an OpenMeetings cluster."""
    del version
    if no_color:
        output.colourless()


def _verbs(incomplete: str) -> list[str]:
    names = [command.name or "" for command in app.registered_commands]
    return [name for name in names if name.startswith(incomplete)]


def help_(
    verb: Annotated[
        str | None, typer.Argument(metavar="COMMAND", help="A command.", autocompletion=_verbs)
    ] = None,
) -> None:
    """Show how a command is used, as `omconf COMMAND --help` does."""
    from omconf.cli import run_command

    raise typer.Exit(run_command([*filter(None, [verb]), "--help"]))


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
app.command("doctor")(doctor.doctor)
app.command("completion")(completion.completion)
app.command("help")(help_)
