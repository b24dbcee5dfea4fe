"""`omconf init`: a commented spec to start from."""

from __future__ import annotations

from pathlib import Path

import typer

from omconf.cli import output
from omconf.rules import EXISTS

STARTER = """\
# An OpenMeetings cluster. `omconf validate` checks this file, `omconf build -o bundles` compiles it.
# All other keys have defaults; `omconf schema` prints a JSON Schema of all keys for editors.
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
    """Write a commented spec to start from; an existing file is never overwritten, `-` prints it."""
    from omconf.files.write import create
    from omconf.pipeline.compiled import STDIN

    if str(spec) == STDIN:
        output.write(STARTER)
        return
    try:
        create(str(spec), STARTER.encode())
    except OSError as error:
        what = "it already exists" if isinstance(error, FileExistsError) else error.strerror
        hint = "Name another file: omconf init OTHER.yaml"
        output.say([EXISTS.at(None, f"{spec} is not written: {what}.", hint=hint)])
        raise typer.Exit(1) from None
    named = "" if spec == Path("cluster.yaml") else f" {spec}"
    output.tell(f"Wrote {spec}. Edit it, then run: omconf validate{named}")
