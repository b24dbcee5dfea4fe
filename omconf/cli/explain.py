"""`omconf explain`: a rule's page, and why a line of a bundle is there."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omconf.cli import completion, output

if TYPE_CHECKING:
    from omconf.diagnostics import Diagnostic

_RULE = re.compile(r"(OM)?[0-9]{3,}", re.IGNORECASE)


def explain(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RULE|FILE[:LINE]",
            autocompletion=completion.rules,
            parser=output.given,
            help="A rule id, a file in a bundle directory, or NODE:/path.",
        ),
    ],
    spec: Annotated[
        Path,
        typer.Option(
            "--spec",
            metavar="SPEC",
            parser=output.spec,
            help="The cluster spec.",
            show_default=True,
        ),
    ] = output.DEFAULT_SPEC,
    as_json: Annotated[bool, typer.Option("--json", help="Print the explanation as JSON.")] = False,
    no_color: output.NoColor = False,
) -> None:
    """Print a rule's page, or explain where a line of a bundle comes from."""
    if no_color:
        output.colourless()
    if _RULE.fullmatch(target):
        _rule(target, as_json=as_json)
    else:
        _file(target, spec, as_json=as_json)


def _rule(name: str, *, as_json: bool) -> None:
    from omconf.pipeline.explain import page
    from omconf.views import explanation

    found = page(name)
    if not isinstance(found, tuple):
        _fail([found], as_json=as_json)
        return
    drawn = explanation.of_rule(*found)
    if as_json:
        output.print_json(drawn)
    else:
        output.write(explanation.page(drawn, output.paint(sys.stdout)))


def _file(target: str, spec: Path, *, as_json: bool) -> None:
    from omconf.pipeline.compiled import compile_spec
    from omconf.pipeline.explain import explain
    from omconf.views import explanation

    compiled = compile_spec(str(spec))
    if compiled.failed:
        _fail(compiled.diagnostics, as_json=as_json)
    found = explain(compiled, target)
    if isinstance(found, list):
        _fail(found, as_json=as_json)
        return
    drawn = explanation.of_lines(found)
    if as_json:
        output.print_json(drawn)
    else:
        output.say(found.diagnostics)
        output.write(explanation.lines(drawn, output.paint(sys.stdout)))


def _fail(found: list[Diagnostic], *, as_json: bool) -> None:
    from omconf.views import explanation

    if as_json:
        output.print_json(explanation.nothing(found))
    else:
        output.say(found)
    raise typer.Exit(1)
