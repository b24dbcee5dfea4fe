"""`omconf completion`: a completion script for the shell, and the values that it offers."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from omconf.cli import output

VARIABLE = "_OMCONF_COMPLETE"
"""The environment variable with which the scripts ask omconf for values."""


class Shell(StrEnum):
    """The shells that omconf writes a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh, or fish.")],
    no_color: output.NoColor = False,
) -> None:
    """Print a shell script that completes commands, options, nodes, rules, and releases.

    bash: add `source <(omconf completion bash)` to ~/.bashrc. zsh: add `source <(omconf completion
    zsh)` to ~/.zshrc, after `compinit`. fish: `omconf completion fish >
    ~/.config/fish/completions/omconf.fish`.
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    if no_color:
        output.colourless()
    script = get_completion_script(prog_name="omconf", complete_var=VARIABLE, shell=shell.value)
    output.write(f"{script}\n")


def answer() -> None:
    """Let typer answer the script of `omconf completion`."""
    from typer.completion import completion_init  # type: ignore[attr-defined]

    completion_init()


def nodes(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of the spec's nodes; none if the spec has errors."""
    from omconf.pipeline.compiled import check_spec

    # The words before an option whose value is yet to be typed belong to no parameter.
    named = next(filter(None, [*ctx.args, ctx.params.get("spec"), ctx.params.get("what")]), None)
    spec = Path(named) if named else output.spec(output.DEFAULT_SPEC)
    # Completion never waits for standard input.
    cluster = None if output.is_read_once(spec) else check_spec(str(spec)).cluster
    names = [node.name.value for node in cluster.nodes] if cluster else []
    return [name for name in names if name.startswith(incomplete)]


def rules(incomplete: str) -> list[str]:
    """Return the ids of rules, in lower case if the first letter typed is."""
    from omconf.rules import all_rules

    ids = [name.lower() if incomplete[:1].islower() else name for name in all_rules()]
    return [name for name in ids if name.startswith(incomplete)]


def releases(incomplete: str) -> list[str]:
    """Return the supported OpenMeetings releases."""
    from omconf.releases import RELEASES

    return [name for name in RELEASES if name.startswith(incomplete)]
