"""`omconf releases`: lists the supported releases, and compares an unpacked OpenMeetings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from omconf.cli import output


def releases(
    directory: Annotated[
        Path | None,
        typer.Option(
            "--read",
            metavar="DIR",
            parser=output.path,
            help="Compare an unpacked OpenMeetings with what omconf knows, and print the differences.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the releases as JSON.")] = False,
    no_color: output.NoColor = False,
) -> None:
    """List the supported OpenMeetings releases, oldest first."""
    if no_color:
        output.colourless()
    if directory is not None:
        if as_json:
            raise typer.BadParameter("--json and --read cannot be used together.")
        _read(directory)
        return
    from omconf.releases import RELEASES

    if as_json:
        listed = [
            {
                "release": r.name,
                "hazelcast": r.hazelcast_jar,
                "openjpa": r.openjpa,
                "jpa": r.jpa.version,
                "java": r.java,
                "tomcat": r.tomcat,
                "entities": len(r.entities),
            }
            for r in RELEASES.values()
        ]
        output.print_json({"format_version": "1.0", "releases": listed})
        return

    output.tell("release  hazelcast  openjpa  jpa  java  tomcat   entities")
    for r in RELEASES.values():
        hazelcast = r.hazelcast_jar or "unread"
        output.tell(
            f"{r.name:8} {hazelcast:10} {r.openjpa:8} {r.jpa.version:4} {r.java:5} {r.tomcat:8}"
            f" {len(r.entities)}"
        )


def _read(directory: Path) -> None:
    from omconf.releases import inspect

    observed = inspect.read(directory)
    for problem in observed.problems:
        output.tell(f"{problem.path}: {problem.message}", err=True)
    for name in observed.missing:
        output.tell(f"missing: {name}", err=True)
    if observed.release is None and not observed.facts:
        raise typer.Exit(1)
    known = inspect.counterpart(observed)
    found = inspect.differences(observed)
    for difference in found:
        old, new = (
            repr(v) if v is not None else "nothing" for v in (difference.known, difference.found)
        )
        output.tell(f"{difference.what}: known {old}, found {new}")
    if not found:
        output.tell(f"{directory} matches what omconf knows about {known.name}.")
    if observed.problems:
        raise typer.Exit(1)
