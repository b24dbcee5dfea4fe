"""`omconf validate`: the spec alone, and as a cluster."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from omconf.cli import output


class Format(StrEnum):
    """How findings are printed."""

    HUMAN = "human"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def validate(
    spec: output.Spec = output.DEFAULT_SPEC,
    form: Annotated[
        Format, typer.Option("--format", help="How findings are printed.")
    ] = Format.HUMAN,
    hazelcast_jar: output.HazelcastJar = None,
    no_color: output.NoColor = False,
) -> None:
    """Check the spec and the cluster that it describes; exit 1 when there is an error."""
    from omconf.diagnostics import has_errors, in_order
    from omconf.pipeline.compiled import compile_spec
    from omconf.pipeline.validate import authority, judge_by_jar
    from omconf.views import document

    if no_color:
        output.colourless()
    compiled = compile_spec(str(spec))
    if compiled.bundle is not None:
        judged = authority(compiled.bundle)
        if hazelcast_jar:
            judged += judge_by_jar(compiled, str(hazelcast_jar))
        compiled.diagnostics = in_order([*compiled.diagnostics, *judged])
    found = document.of_diagnostics(compiled.diagnostics)
    match form:
        case Format.HUMAN:
            output.say(compiled.diagnostics)
            if compiled.cluster is not None and not has_errors(compiled.diagnostics):
                nodes = len(compiled.cluster.nodes)
                release = compiled.cluster.openmeetings.release.value.name
                warnings = found["summary"]["warnings"]
                more = f"; warnings: {warnings}" if warnings else ""
                output.tell(f"{spec} is valid: nodes: {nodes}, OpenMeetings {release}{more}.")
        case Format.JSON:
            output.print_json(found)
        case Format.GITHUB:
            from omconf.views import github

            output.write(github.commands(found))
        case Format.SARIF:
            from omconf.rules import all_rules
            from omconf.views import sarif

            output.print_json(sarif.log(found, all_rules()))
    if has_errors(compiled.diagnostics):
        raise typer.Exit(1)
