"""`omconf build`: the bundle directory, written, checked, or with its secrets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omconf.cli import output

if TYPE_CHECKING:
    from omconf.bundle.directory import Checked, Difference
    from omconf.diagnostics import Diagnostic


def build(
    directory: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The bundle directory.")
    ],
    spec: output.Spec = output.DEFAULT_SPEC,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit 2 and show a diff when DIR differs."),
    ] = False,
    reveal_secrets: Annotated[
        bool,
        typer.Option("--reveal-secrets", help="Write a private copy with the secrets filled in."),
    ] = False,
    hazelcast_jar: output.HazelcastJar = None,
    no_color: output.NoColor = False,
) -> None:
    """Compile the spec into a bundle for every node; nothing is written when anything is wrong."""
    from omconf.pipeline.build import check_directory, sensitive_paths, write_bundle, write_revealed
    from omconf.pipeline.compiled import compile_spec
    from omconf.pipeline.validate import judge_by_jar

    if no_color:
        output.colourless()
    if check and reveal_secrets:
        raise typer.BadParameter("--check and --reveal-secrets do not go together")
    compiled = compile_spec(str(spec))
    if hazelcast_jar:
        compiled.diagnostics += judge_by_jar(compiled, str(hazelcast_jar))
    output.say(compiled.diagnostics)
    if compiled.failed or compiled.bundle is None:
        raise typer.Exit(1)
    if check:
        checked = check_directory(compiled.bundle, str(directory))
        _check(checked, directory, sensitive_paths(compiled.bundle))
        return
    write = write_revealed if reveal_secrets else write_bundle
    written = write(compiled.bundle, str(directory))
    if isinstance(written, list):
        output.say(written)
        raise typer.Exit(1)
    nodes = len(compiled.bundle.nodes)
    output.tell(
        f"{directory}: nodes: {nodes}; files: {written.created} new, {written.updated} changed,"
        f" {written.removed} removed, {written.unchanged} unchanged."
    )


def _check(checked: Checked | list[Diagnostic], directory: Path, sensitive: set[str]) -> None:
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
            output.write(_diff(difference))
    if checked.unfinished:
        output.tell(f"{directory} is not finished: a build was cut off. Build again.")
    if checked.differences or checked.unfinished:
        raise typer.Exit(2)
    output.tell(f"{directory} is what the spec compiles to.")


def _diff(difference: Difference) -> str:
    from omconf.formats import text_diff
    from omconf.secrets import masked_lines
    from omconf.views.visible import visible

    def lines(data: bytes) -> list[str]:
        return data.decode("utf-8", "replace").splitlines()

    # What the spec compiles to holds no secret; what lies there may have been filled in by hand.
    ours = lines(difference.new)
    theirs = lines(difference.old)
    pairs = zip(theirs, masked_lines(theirs), strict=True)
    known = frozenset(ours)
    before = [line if line in known else shown for line, shown in pairs]
    old = "/dev/null" if difference.kind == "missing" else f"a/{difference.path}"
    new = "/dev/null" if difference.kind == "extra" else f"b/{difference.path}"
    comparison = text_diff.compare(before, ours)
    if not comparison.ranges:
        return visible(f"{difference.path}: {difference.kind}") + "\n"
    if comparison.whole:
        (apart,) = comparison.ranges
        there = text_diff.counted(apart.old_end - apart.old_start)
        here = text_diff.counted(apart.new_end - apart.new_start)
        what = f"from line {apart.old_start + 1} on, {there} instead of {here}"
        return visible(f"{difference.path}: {difference.kind} ({what})") + "\n"
    diff = text_diff.unified(before, ours, comparison.ranges, old, new)
    return "".join([visible(line) + "\n" for line in diff])
