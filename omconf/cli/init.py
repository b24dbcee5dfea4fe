"""`omconf init`: a commented spec to start from, and the schema that editors check it with."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import NoReturn

import typer

from omconf.cli import output
from omconf.rules import EXISTS

SCHEMA = "cluster.schema.json"
MODELINE = f"# yaml-language-server: $schema={SCHEMA}\n"
"""Tells editors where the schema is, from the folder of the spec."""
STARTER = """\
# An OpenMeetings cluster. `omconf validate` checks this file, `omconf build -o bundles` compiles it.
# All other keys have defaults; `omconf schema --markdown` explains them.
omconf: 1                        # format version of this file
cluster: conference              # also Hazelcast's cluster-name

openmeetings:
  release: "9.1.0"               # `omconf releases` lists the supported ones
  # home: /opt/om                # where OpenMeetings is installed
  # data_dir: /opt/omdata        # the data folder that all nodes share

database:
  kind: postgresql               # postgresql | mysql | mssql | oracle | db2
  host: 10.1.1.10                # an address or a host name; a node's name if it runs on a node
  user: openmeetings
  password: {env: OM_DB_PASSWORD}   # or {file: PATH} or {command: [pass, show, om/db]}

storage:
  kind: nfs
  server: om1                    # the node with the data; an external server: an address or {host: nas}

# discovery:
#   kind: multicast              # or tcp-ip, if the network has no multicast
#   group: 224.2.2.3
#   port: 54327

nodes:
  om1: {address: 10.1.1.1, url: "https://om1.example.org:5443/openmeetings"}
  om2: {address: 10.1.1.2, url: "https://om2.example.org:5443/openmeetings"}
"""


def init(spec: output.NewSpec = output.DEFAULT_SPEC, no_color: output.NoColor = False) -> None:
    """Write a commented spec to start from, and beside it the JSON Schema for editors.

    An existing file is never overwritten. `-` prints the spec alone.
    """
    from omconf.pipeline.compiled import STDIN
    from omconf.views.typed import typed

    if no_color:
        output.colourless()
    if str(spec) == STDIN:
        output.write(STARTER)
        return
    if os.path.lexists(spec) or spec.name == SCHEMA:
        _refuse(spec, "it already exists" if spec.name != SCHEMA else "the schema is called so")
    schema, told = spec.with_name(SCHEMA), shlex.quote(typed(str(spec)))
    own = not os.path.isfile(schema)
    if own:
        from omconf.spec.schema import spec_schema

        _create(schema, output.json_text(spec_schema()))
    try:
        _create(spec, MODELINE + STARTER)
    except typer.Exit:
        if own:
            schema.unlink(missing_ok=True)
        raise
    written = f"{spec} and {schema}" if own else f"{spec}"
    named = "" if spec == Path("cluster.yaml") else f" {told}"
    output.tell(f"Wrote {written}. Edit {spec}, then run: omconf validate{named}")


def _create(path: Path, text: str) -> None:
    """Write a new file, or report why not and exit."""
    from omconf.files.write import create
    from omconf.views.typed import typed

    try:
        create(str(path), text.encode())
    except FileNotFoundError as error:
        # A folder that is there, and yet takes no file, was removed: the current one.
        gone = os.path.isdir(path.parent)
        hint = f"Run: mkdir -p {shlex.quote(typed(str(path.parent)))}"
        _refuse(path, error.strerror, "Change to another folder." if gone else hint)
    except OSError as error:
        _refuse(path, "it already exists" if isinstance(error, FileExistsError) else error.strerror)


def _refuse(
    path: Path, why: str | None, hint: str = "Name another file: omconf init OTHER.yaml"
) -> NoReturn:
    output.say([EXISTS.at(None, f"{path} is not written: {why}.", hint=hint)])
    raise typer.Exit(1) from None
