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
    from omconf.plan.mask import Mask
    from omconf.views.text import Paint


def given(value: str) -> str:
    """Refuse the empty string, which would name what was never typed: raises BadParameter."""
    if not value:
        raise typer.BadParameter("it must not be empty")
    return value


def path(value: str | Path) -> Path:
    """Read a path of the command line (or a default); raises BadParameter where it is empty.

    Typer's own type would take that for the current folder. It would also refuse a file that cannot
    be read, as a wrong command line and without the document that `--json` promises.
    """
    return value if isinstance(value, Path) else Path(given(value))


def spec(value: str | Path) -> Path:
    """Read the path of a spec; the default (a Path) may have another name: `default_spec`."""
    if not isinstance(value, Path) or os.path.exists(value):
        return path(value)
    from omconf.pipeline.compiled import default_spec

    return Path(default_spec())


def is_read_once(spec: Path) -> bool:
    """Tell whether a spec is standard input, a pipe or a device, which cannot be read again."""
    from omconf.pipeline.compiled import STDIN

    is_there = os.path.exists(spec) and not (os.path.isfile(spec) or os.path.isdir(spec))
    return is_there or str(spec) == STDIN


Spec = Annotated[
    Path,
    typer.Argument(metavar="SPEC", parser=spec, help="The cluster spec.", show_default=True),
]
NewSpec = Annotated[
    Path,
    typer.Argument(metavar="SPEC", parser=path, help="The cluster spec.", show_default=True),
]
Strict = Annotated[bool, typer.Option("--strict", help="Count every warning as an error.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Never use colour.")]
HazelcastJar = Annotated[
    Path | None,
    typer.Option(
        "--hazelcast-jar",
        metavar="JAR",
        parser=path,
        help="Also validate each hazelcast.xml against the schema in this Hazelcast jar.",
    ),
]
DEFAULT_SPEC = Path("cluster.yaml")


def colourless() -> None:
    """Use no colour from here on, as with NO_COLOR in the environment."""
    os.environ["NO_COLOR"] = "1"


def paint(stream: IO[str]) -> Paint:
    """Return the paint for a stream."""
    from omconf.views.text import Paint

    return Paint(colour=_coloured(stream))


def _coloured(stream: IO[str]) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def write(drawn: str, *, err: bool = False) -> None:
    """Print what a view has drawn: the only way to either stream.

    What cannot be seen, and would act on a terminal, is printed as an escape, even where a view
    forgot it; line breaks are left, and our own colours where there are any.
    """
    stream = sys.stderr if err else sys.stdout
    if stream is None:
        return
    # None: as the terminal has it.
    typer.echo(screened(drawn, stream), nl=False, err=err, color=_coloured(stream) or None)


def screened(drawn: str, stream: IO[str]) -> str:
    """Escape what would act on a terminal, save for our own colours where the stream has them."""
    if _plain(drawn):
        return drawn
    from omconf.views.visible import lines

    return lines(drawn, colour=_coloured(stream))


def tell(line: str, *, err: bool = False) -> None:
    """Print one line of plain text, which may quote anything: a path of the command line, a name."""
    if not _plain(line) or "\n" in line:
        from omconf.views.visible import visible

        line = visible(line)
    write(line + "\n", err=err)


def _plain(text: str) -> bool:
    """Tell whether a text is printable ASCII and line breaks: most of what is printed is."""
    return text.isascii() and text.replace("\n", "").isprintable()


def wrong_usage(error: Exception, words: Iterable[str], command: str = "") -> None:
    """Print what is wrong with a command line, which may quote anything of its words.

    `command` is the one that it names, for errors that do not know theirs.
    """
    from itertools import takewhile

    from omconf.cli.usage import told
    from omconf.views.visible import visible

    # Without any argument the error's message is the help, its own lines and all.
    if type(error).__name__ == "NoArgsIsHelpError":
        write(f"{error}\n", err=True)
        return
    # No command has run, which would have taken the option.
    if "--no-color" in takewhile(lambda word: word != "--", words):
        colourless()
    message, hint = (visible(text) for text in told(error, command))
    colours = paint(sys.stderr)
    end = "" if message.endswith((".", "?")) else "."
    head = f"{colours('error:', 'red', 'bold')} {message}{end}"
    write(f"{head}\n  {colours('hint:', 'bold')} {hint}\n", err=True)


def say(found: Iterable[Diagnostic], mask: Mask | None = None) -> None:
    """Print findings to stderr, without the values of secrets that `mask` knows."""
    found = list(found)
    if found:
        from omconf.views import document
        from omconf.views import text as text_view
        from omconf.views.mask_document import mask_document

        documents = [mask_document(document.diagnostic(d), mask) for d in found]
        drawn = text_view.diagnostics(documents, paint(sys.stderr))
        write(drawn, err=True)


def print_json(document: dict[str, Any] | list[dict[str, Any]]) -> None:
    """Print a JSON document to stdout."""
    write(json_text(document))


def json_text(document: dict[str, Any] | list[dict[str, Any]]) -> str:
    """Return the text of a JSON document, in ASCII: no text in it acts on a terminal."""
    import json

    return json.dumps(document, indent=2) + "\n"
