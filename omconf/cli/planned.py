"""What `plan` and `show` have in common: their options, how a plan is printed, the exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omconf.cli import output

if TYPE_CHECKING:
    from omconf.views.document import Document

AsJson = Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")]
AsMarkdown = Annotated[
    bool, typer.Option("--markdown", help="Print the plan as Markdown for a merge request.")
]
MaxChars = Annotated[
    int | None,
    typer.Option(
        "--max-chars",
        metavar="N",
        min=1000,
        help="Cut the Markdown at N characters.  [default: 60000]",
    ),
]
AsPage = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        parser=output.path,
        help="Also write the plan to FILE as an HTML page; the output stays the same.",
    ),
]
DetailedExitcode = Annotated[
    bool, typer.Option("--detailed-exitcode", help="Exit 2 when there are changes.")
]


def require_one_form(*, as_json: bool, markdown: bool, most: int | None) -> None:
    """Refuse options that cannot be used together."""
    if as_json and markdown:
        raise typer.BadParameter("--json and --markdown cannot be used together.")
    if most is not None and not markdown:
        raise typer.BadParameter("--max-chars requires --markdown.")


def show(
    document: Document,
    *,
    as_json: bool = False,
    markdown: bool = False,
    most: int | None = None,
    page: Path | None = None,
    quiet: bool = False,
) -> None:
    """Print a plan: as a document alone, or for people with what is wrong on stderr.

    It is written as a `page` before; a page that cannot be is a finding of the document then.
    """
    if page:
        from omconf.pipeline.plan import save_page
        from omconf.views.document import diagnostic

        if failed := save_page(str(page), document):
            document["diagnostics"].append(diagnostic(failed))
    if as_json:
        output.print_json(document)
    elif markdown:
        from omconf.views import markdown as view

        output.write(view.plan(document, most or view.MAX_COMMENT))
    else:
        _text(document, quiet=quiet)


def _text(document: Document, *, quiet: bool) -> None:
    from omconf.views import folding
    from omconf.views import text as text_view

    found = [d for d in document["diagnostics"] if not quiet or d["severity"] == "error"]
    drawn = text_view.diagnostics(folding.findings(found), output.paint(sys.stderr))
    output.write(drawn, err=True)
    if document["cluster"] is None:  # no plan could be made
        return
    paint = output.paint(sys.stdout)
    text = (
        text_view.summary(document, paint)[-1] + "\n" if quiet else text_view.plan(document, paint)
    )
    output.write(text)


def leave(document: Document, *, detailed: bool) -> None:
    """Exit with 1 when anything is wrong or could not be read, with 2 for changes if asked."""
    wrong = any(d["severity"] == "error" for d in document["diagnostics"])
    if wrong or not document["complete"]:
        raise typer.Exit(1)
    if detailed and document["has_changes"]:
        raise typer.Exit(2)
