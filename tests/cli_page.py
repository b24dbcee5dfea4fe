"""The reference of the command line: `python -m tests.cli_page` prints docs/cli.md.

It is made from the commands themselves, as the man page is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from typer.main import get_command

from omconf.cli.app import application
from omconf.formats import markdown
from tests import man_page
from tests.command import ROOT

PAGE = ROOT / "docs/cli.md"
APPLY = ("For the exit codes of `apply` and `undo`, see [how it ended](apply.md#how-it-ended).",)


def page() -> str:
    """Write the page: each command with its options, the exit codes, the environment."""
    root: Any = get_command(application())
    lines = [
        "# The command line",
        "",
        "`make schemas` generates this page from the commands, as it does the man page (`man omconf`).",
        "`omconf help COMMAND` prints the part of one command.",
        "",
        "SPEC is `cluster.yaml` if none is named, or the only `omconf.yaml` or `*.omconf.yaml` beside",
        "it; `-` is standard input.",
    ]
    for name, command in root.commands.items():
        lines += ["", f"## omconf {name}", ""]
        usage = " ".join(["omconf", name, *man_page._arguments(command), "[OPTIONS]"])
        lines += [f"`{usage}`", ""]
        paragraphs = [" ".join(part.split()) for part in command.help.split("\n\n")]
        lines.append("\n\n".join(paragraphs))
        options = [o for o in command.params if o.opts[0].startswith("-")]
        lines += table("option", [(_option(o), o.help or "") for o in options]) if options else []
    lines += ["", "## Exit codes", *table("code", man_page.EXIT), "", *APPLY]
    lines += ["", "## Environment", *table("variable", man_page.ENVIRONMENT)]
    lines += ["", "## Files", *table("file", man_page.FILES)]
    return "\n".join(lines) + "\n"


def sentence(text: str) -> str:
    """Write a sentence for a table's cell, in which `<` would begin HTML."""
    return markdown.cell(" ".join(text.split()).replace("<", "\\<"))


def table(head: str, rows: Iterable[tuple[str, str]]) -> list[str]:
    """Write rows of a name and its meaning."""
    lines = ["", f"| {head} | meaning |", "| --- | --- |"]
    for name, text in rows:
        lines.append(f"| `{markdown.cell(name)}` | {sentence(text)} |")
    return lines


def _option(option: Any) -> str:
    names = ", ".join(sorted(option.opts, key=len))
    return names if option.is_flag else f"{names} {option.metavar or man_page._choices(option)}"


if __name__ == "__main__":
    sys.stdout.write(page())
