"""Where output goes: what was asked for to stdout, findings to stderr, colour only on a terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omconf.diagnostics import Diagnostic
    from omconf.views.human import Paint

Spec = Annotated[
    Path, typer.Argument(metavar="[SPEC]", help="The cluster spec.", show_default=True)
]
NoColor = Annotated[bool, typer.Option("--no-color", help="Never use colour.")]
HazelcastJar = Annotated[
    Path | None,
    typer.Option(
        "--hazelcast-jar",
        metavar="JAR",
        help="Hold each hazelcast.xml against the schema in this Hazelcast jar, too.",
    ),
]
DEFAULT_SPEC = Path("cluster.yaml")


def colourless() -> None:
    """Use no colour from here on, as with NO_COLOR in the environment."""
    os.environ["NO_COLOR"] = "1"


def paint(stream: IO[str]) -> Paint:
    """Return the paint for a stream."""
    from omconf.views.human import Paint

    return Paint(colour=stream.isatty() and not os.environ.get("NO_COLOR"))


def say(found: Iterable[Diagnostic]) -> None:
    """Print findings to stderr."""
    found = list(found)
    if found:
        from omconf.views import document, human

        drawn = human.diagnostics([document.diagnostic(d) for d in found], paint(sys.stderr))
        typer.echo(drawn, nl=False, err=True)


def print_json(document: dict[str, Any]) -> None:
    """Print a JSON document to stdout."""
    import json

    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
