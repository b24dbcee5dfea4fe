"""The typer application: one module a command."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from omconf import __version__
from omconf.cli import output

COMMANDS = {
    "init": "init",
    "validate": "validate",
    "build": "build",
    "plan": "plan",
    "apply": "apply",
    "undo": "undo",
    "log": "log",
    "show": "show",
    "import": "import_",
    "graph": "graph",
    "verify": "verify",
    "explain": "explain",
    "schema": "schema",
    "rules": "rules",
    "releases": "releases",
    "doctor": "doctor",
    "completion": "completion",
    "help": "help_",
}
"""Each command, in the order of the help: the module beside this one, and the function there."""


class Verbs(TyperGroup):
    """The commands; help shows what each does in a whole sentence."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands with the first line of their docstrings, however long."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, str(c.help).partition("\n\n")[0]) for name, c in commands if c]
        with formatter.section("Commands"):
            formatter.write_dl([(name, " ".join(text.split())) for name, text in rows])


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"omconf {__version__}")
        raise typer.Exit


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


def application(named: str = "") -> typer.Typer:
    """Make the application; of a command that is named this one alone, which starts sooner.

    Typer takes about a millisecond for each command, and its module has to be imported.
    """
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
    app.callback()(omconf)
    for name in [named] if named in COMMANDS else COMMANDS:
        module = import_module(f"omconf.cli.{COMMANDS[name]}")
        app.command(name)(getattr(module, COMMANDS[name]))
    return app
