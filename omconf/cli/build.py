"""`omconf build`: the bundle directory, written, checked, or with its secrets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omconf.cli import output

if TYPE_CHECKING:
    from omconf.bundle.comparison import Checked
    from omconf.diagnostics import Diagnostic


def build(
    directory: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", parser=output.path, help="The bundle directory."
        ),
    ],
    spec: output.Spec = output.DEFAULT_SPEC,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; show a diff and exit 2 when DIR differs."),
    ] = False,
    reveal_secrets: Annotated[
        bool,
        typer.Option("--reveal-secrets", help="Write a private copy with the secrets filled in."),
    ] = False,
    hazelcast_jar: output.HazelcastJar = None,
    strict: output.Strict = False,
    no_color: output.NoColor = False,
) -> None:
    """Compile the spec into a bundle for every node; write nothing when there is an error."""
    from omconf.diagnostics import strictly
    from omconf.pipeline.build import check_directory, sensitive_paths, write_bundle, write_revealed
    from omconf.pipeline.compiled import compile_spec
    from omconf.pipeline.validate import validate_by_jar

    if no_color:
        output.colourless()
    if check and reveal_secrets:
        raise typer.BadParameter("--check and --reveal-secrets cannot be used together")
    compiled = compile_spec(str(spec))
    if hazelcast_jar:
        compiled.diagnostics += validate_by_jar(compiled, str(hazelcast_jar))
    if strict:
        compiled.diagnostics = strictly(compiled.diagnostics)
    output.say(compiled.diagnostics)
    if compiled.failed or compiled.bundle is None:
        raise typer.Exit(1)
    if check:
        checked = check_directory(compiled.bundle, str(directory))
        _check(checked, spec, directory, sensitive_paths(compiled.bundle))
        return
    written = (
        write_revealed(compiled.bundle, str(directory), compiled.document)
        if reveal_secrets
        else write_bundle(compiled.bundle, str(directory))
    )
    if isinstance(written, list):
        output.say(written)
        raise typer.Exit(1)
    nodes = len(compiled.bundle.nodes)
    output.tell(
        f"{directory}: nodes: {nodes}; files: {written.created} new, {written.updated} changed,"
        f" {written.removed} removed, {written.unchanged} unchanged."
    )


def _check(
    checked: Checked | list[Diagnostic], spec: Path, directory: Path, sensitive: set[str]
) -> None:
    import shlex

    from omconf.views import difference as view
    from omconf.views.typed import typed

    if isinstance(checked, list):
        output.say(checked)
        raise typer.Exit(1)
    for difference in checked.differences:
        # A file that was filled in by hand holds the secret itself.
        if difference.kind == "extra":
            output.tell(f"{difference.path}: extra")
        elif difference.path in sensitive and difference.kind != "missing":
            output.tell(f"{difference.path}: {difference.kind} (it holds secrets)")
        else:
            output.write(view.draw(difference))
    if checked.unfinished:
        output.tell(f"{directory} is incomplete: a build was interrupted. Build again.")
    if checked.differences:
        # On stderr, below the diff: where the diff is long, the end is what people see.
        count = len(checked.differences)
        differ = "1 file differs" if count == 1 else f"{count} files differ"
        output.tell(f"{directory} does not match the spec: {differ}.", err=True)
        command = shlex.join(["omconf", "build", typed(str(spec)), "-o", typed(str(directory))])
        output.tell(f"  hint: Run: {command}", err=True)
    if checked.differences or checked.unfinished:
        raise typer.Exit(2)
    output.tell(f"{directory} matches the spec.")
