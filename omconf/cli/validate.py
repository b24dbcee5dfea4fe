"""`omconf validate`: checks the spec and the cluster that it describes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omconf.cli import output

if TYPE_CHECKING:
    from omconf.pipeline.compiled import Compiled


class Format(StrEnum):
    """The output format of findings."""

    HUMAN = "human"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"
    CODEQUALITY = "codequality"


def validate(
    specs: Annotated[
        list[Path],
        typer.Argument(
            metavar="SPEC",
            parser=output.spec,
            help="Cluster specs; `-` is standard input.",
            show_default=True,
        ),
    ] = [output.DEFAULT_SPEC],  # noqa: B006 - typer does not change it
    form: Annotated[
        Format, typer.Option("--format", help="The output format of findings.")
    ] = Format.HUMAN,
    hazelcast_jar: output.HazelcastJar = None,
    strict: output.Strict = False,
    no_color: output.NoColor = False,
) -> None:
    """Check the spec and the cluster that it describes; exit 1 when there is an error."""
    from omconf.views import document

    if no_color:
        output.colourless()
    every = [_checked(str(spec), hazelcast_jar, strict=strict) for spec in specs]
    found = document.of_diagnostics([d for each in every for d in each.diagnostics])
    match form:
        case Format.HUMAN:
            for spec, compiled in zip(specs, every, strict=True):
                _tell(compiled, str(spec))
        case Format.JSON:
            output.print_json(found)
        case Format.GITHUB:
            from omconf.views import github

            output.write(github.commands(found))
        case Format.SARIF:
            from omconf.rules import all_rules
            from omconf.views import sarif

            output.print_json(sarif.log(found, all_rules()))
        case Format.CODEQUALITY:
            from omconf.views import codequality

            output.print_json(codequality.report(found))
    if any(compiled.failed for compiled in every):
        raise typer.Exit(1)


def _checked(spec: str, hazelcast_jar: Path | None, *, strict: bool) -> Compiled:
    from omconf.diagnostics import in_order, strictly
    from omconf.pipeline.compiled import compile_spec
    from omconf.pipeline.validate import by_xmlschema, validate_by_jar

    compiled = compile_spec(spec)
    if compiled.bundle is not None:
        found = by_xmlschema(compiled.bundle)
        if hazelcast_jar:
            found += validate_by_jar(compiled, str(hazelcast_jar))
        compiled.diagnostics = in_order([*compiled.diagnostics, *found])
    if strict:
        compiled.diagnostics = strictly(compiled.diagnostics)
    return compiled


def _tell(compiled: Compiled, spec: str) -> None:
    """Print the findings of a spec, or that it is valid."""
    output.say(compiled.diagnostics)
    if compiled.cluster is not None and not compiled.failed:
        nodes = len(compiled.cluster.nodes)
        release = compiled.cluster.openmeetings.release.value.name
        warnings = len(compiled.diagnostics)
        more = f"; warnings: {warnings}" if warnings else ""
        name = compiled.file or spec
        output.tell(f"{name} is valid: nodes: {nodes}, OpenMeetings {release}{more}.")
