"""`omconf help`: how a command is used."""

from __future__ import annotations

from typing import Annotated

import typer

from omconf.cli import output
from omconf.cli.app import COMMANDS


def _starting(incomplete: str) -> list[str]:
    return [name for name in COMMANDS if name.startswith(incomplete)]


def help_(
    verb: Annotated[
        str | None,
        typer.Argument(metavar="COMMAND", help="A command.", autocompletion=_starting),
    ] = None,
    no_color: output.NoColor = False,
) -> None:
    """Show how a command is used, as `omconf COMMAND --help` does."""
    from omconf.cli import run_command

    if no_color:
        output.colourless()
    raise typer.Exit(run_command([*filter(None, [verb]), "--help"]))
