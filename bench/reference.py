"""The least that a program like omconf starts with: a Typer application of two commands.

`first` does nothing; `second` imports what omconf cannot do without, and with `--deepdiff` what a
plan with changes needs too.
"""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo("reference 1")
        raise typer.Exit


@app.callback()
def _reference(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Do next to nothing."""
    del version


@app.command()
def first() -> None:
    """Do nothing."""


@app.command()
def second(deepdiff: Annotated[bool, typer.Option("--deepdiff")] = False) -> None:
    """Import what is large."""
    import lxml.etree
    import yaml
    from pydantic import BaseModel

    class Model(BaseModel):
        value: int = 0

    Model(value=1)
    del lxml, yaml
    if deepdiff:
        import deepdiff as _  # noqa: F401


if __name__ == "__main__":
    app()
