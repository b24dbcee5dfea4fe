"""`omconf init`: a commented spec to start from, and the schema that editors check it with."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from omconf.cli import output
from omconf.rules import EXISTS

SCHEMA = "cluster.schema.json"
MODELINE = f"# yaml-language-server: $schema={SCHEMA}\n"
"""Tells editors where the schema is, from the folder of the spec."""
STARTER = """\
# An OpenMeetings cluster. `omconf validate` checks this file, `omconf build -o bundles` compiles it.
# All other keys have defaults; an editor with YAML support completes and explains them.
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


def init(spec: output.Spec = output.DEFAULT_SPEC) -> None:
    """Write a commented spec to start from, and beside it the JSON Schema for editors.

    An existing file is never overwritten. `-` prints the spec alone.
    """
    from omconf.pipeline.compiled import STDIN
    from omconf.spec.schema import spec_schema

    if str(spec) == STDIN:
        output.write(STARTER)
        return
    _create(spec, MODELINE + STARTER, "Name another file: omconf init OTHER.yaml")
    schema, written = spec.with_name(SCHEMA), f"{spec}"
    if not os.path.lexists(schema):
        _create(schema, output.json_text(spec_schema()), f"Run: omconf schema > {schema}")
        written += f" and {schema}"
    named = "" if spec == Path("cluster.yaml") else f" {spec}"
    output.tell(f"Wrote {written}. Edit {spec}, then run: omconf validate{named}")


def _create(path: Path, text: str, hint: str) -> None:
    """Write a new file, or report why not and exit."""
    from omconf.files.write import create

    try:
        create(str(path), text.encode())
    except OSError as error:
        what = "it already exists" if isinstance(error, FileExistsError) else error.strerror
        output.say([EXISTS.at(None, f"{path} is not written: {what}.", hint=hint)])
        raise typer.Exit(1) from None
