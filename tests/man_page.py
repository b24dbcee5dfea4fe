"""The man page: `python -m tests.man_page` prints docs/omconf.1 from the commands themselves."""

from __future__ import annotations

import re
import sys
from enum import StrEnum
from typing import Any

from typer.main import get_command

from omconf import __version__
from omconf.cli.app import application
from tests.command import ROOT

PAGE = ROOT / "docs/omconf.1"
CHANGES = (
    "changes: plan and show with --detailed-exitcode, build with --check; or an import that leaves"
    " differences"
)
EXIT = (("0", "success"), ("1", "an error, including a wrong command line"), ("2", CHANGES))
ENVIRONMENT = (
    ("NO_COLOR", "Never use colour."),
    ("FORCE_COLOR", "Use colour although the output is not a terminal."),
    ("OMCONF_DEBUG", "Show the traceback of an unforeseen error, which may quote secrets."),
)
FILES = (
    ("cluster.yaml", "The spec if none is named; or the only omconf.yaml or *.omconf.yaml."),
    ("/etc/omconf/CLUSTER/", "On a node: the manifest and what the node check needs."),
    ("/var/lib/omconf/CLUSTER/", "On a node, for root only: the lock, the journal, backups."),
)


def page() -> str:
    """Write the page in man(7)."""
    root: Any = get_command(application())
    lines = [
        f'.TH OMCONF 1 "" "omconf {__version__}" "User Commands"',
        ".SH NAME",
        f"omconf \\- {_escaped(_short(root.help)[0].lower() + _short(root.help)[1:].rstrip('.'))}",
        ".SH SYNOPSIS",
        ".B omconf",
        "COMMAND [OPTIONS] [ARGUMENTS]",
        ".SH COMMANDS",
    ]
    for name, command in root.commands.items():
        lines += [f".SS {_escaped(' '.join([name, *_arguments(command)]))}"]
        for number, paragraph in enumerate(re.split(r"\n\s*\n", command.help)):
            lines += [".PP"] if number else []
            lines.append(_escaped(" ".join(paragraph.split())))
        for option in command.params:
            if option.opts[0].startswith("-"):
                lines += _option(option)
    for title, entries in (
        ("EXIT STATUS", EXIT),
        ("ENVIRONMENT", ENVIRONMENT),
        ("FILES", FILES),
    ):
        lines.append(f".SH {title}")
        for name, text in entries:
            lines += [".TP", f".B {_escaped(name)}", _escaped(text)]
    return "\n".join(lines) + "\n"


def _short(text: str) -> str:
    return " ".join(text.split("\n\n", maxsplit=1)[0].split())


def _arguments(command: Any) -> list[str]:
    shown = []
    for argument in command.params:
        if not argument.opts[0].startswith("-"):
            name = argument.metavar or argument.name.upper()
            shown.append(name if argument.required else f"[{name}]")
    return shown


def _option(option: Any) -> list[str]:
    names = ", ".join(sorted(option.opts, key=len))
    value = "" if option.is_flag else f" {option.metavar or _choices(option)}"
    return [".TP", f".B {_escaped(names + value)}", _escaped(" ".join((option.help or "").split()))]


def _choices(option: Any) -> str:
    kind = type(option.default)
    return "|".join(kind) if issubclass(kind, StrEnum) else "VALUE"


def _escaped(text: str) -> str:
    """Escape what groff reads as a request, an escape or a typographic dash."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga")
    return re.sub(r"^([.'])", r"\\&\1", text)


if __name__ == "__main__":
    sys.stdout.write(page())
