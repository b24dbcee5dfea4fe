"""`omconf verify`: whether the running cluster is healthy."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from omconf.cli import applying, output
from omconf.rules import NO_NODES

if TYPE_CHECKING:
    from omconf.diagnostics import Diagnostic

WAYS = """Use one of these sources:
    omconf verify --local om1    this host is the node om1
    omconf verify --ssh          all nodes, by ssh; --node om1 for some of them
    omconf verify --ansible      all nodes, by your own Ansible"""


def verify(
    spec: output.Spec = output.DEFAULT_SPEC,
    local: applying.Local = None,
    ssh: Annotated[bool, typer.Option("--ssh", help="Check the nodes by ssh.")] = False,
    ansible: Annotated[
        bool, typer.Option("--ansible", help="Check the nodes by your own ansible-playbook.")
    ] = False,
    inventory: applying.Inventory = None,
    sudo: applying.Sudo = False,
    node: applying.Only = None,
    seconds: Annotated[
        float,
        typer.Option(
            "--timeout", metavar="SECONDS", min=1, max=3600, help="How long a node may take."
        ),
    ] = 90,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also show the checks that passed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    no_color: output.NoColor = False,
) -> None:
    """Check the running cluster on its nodes; exit 1 unless every node is healthy."""
    from omconf.pipeline import verify as verification
    from omconf.pipeline.compiled import check_spec
    from omconf.pipeline.sources import Asked
    from omconf.views import document, text

    if no_color:
        output.colourless()
    applying.require_ansible(inventory, ansible=ansible)
    if ssh + ansible + (local is not None) != 1 or (local is not None and (node or sudo)):
        _fail([NO_NODES.at(None, _mistake(local), hint=WAYS)], as_json=as_json)
    compiled = check_spec(str(spec))
    if local is not None:
        asked = Asked.of_local(local, None)
    else:
        asked = Asked.of_nodes(sudo=sudo, only=node or (), ansible=ansible, inventory=inventory)
    made = verification.verify(compiled, asked, seconds=seconds)
    if isinstance(made, list):
        _fail(made, as_json=as_json)
        return
    drawn = document.of_verification(made, compiled.diagnostics)
    if as_json:
        output.print_json(drawn)
    else:
        output.say(compiled.diagnostics)
        shown = text.verification(drawn, output.paint(sys.stdout), verbose=verbose)
        output.write(shown)
    if not made.healthy:
        raise typer.Exit(1)


def _mistake(local: str | None) -> str:
    if local is not None:
        return "--local checks this host only: no --ssh, --ansible, --node or --sudo can be added."
    return "A verify needs one of --ssh, --ansible and --local."


def _fail(found: list[Diagnostic], *, as_json: bool) -> None:
    from omconf.views import document

    if as_json:
        output.print_json(document.no_verification(found))
    else:
        output.say(found)
    raise typer.Exit(1)
