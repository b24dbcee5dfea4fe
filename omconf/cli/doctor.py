"""`omconf doctor`: checks what omconf's commands need on this machine."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from omconf.cli import applying, output


def doctor(
    spec: output.Spec = output.DEFAULT_SPEC,
    ssh: applying.Ssh = False,
    ansible: applying.Ansible = False,
    inventory: applying.Inventory = None,
    sudo: applying.Sudo = False,
    seconds: applying.Timeout = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
    no_color: output.NoColor = False,
) -> None:
    """Check programs, secrets and, with --ssh or --ansible, whether the nodes answer."""
    from omconf.pipeline.compiled import compile_spec
    from omconf.pipeline.doctor import examine
    from omconf.views import doctor as view

    if no_color:
        output.colourless()
    applying.require_ansible(inventory, ansible=ansible)
    asked = None
    if ssh and ansible:
        raise typer.BadParameter("--ssh and --ansible cannot be used together.")
    if ssh or ansible:
        asked = applying.asked_of(
            None, None, ssh=ssh, ansible=ansible, inventory=inventory, sudo=sudo, seconds=seconds
        )
    elif sudo or seconds is not None:
        raise typer.BadParameter("--sudo and --timeout require --ssh or --ansible.")
    compiled = compile_spec(str(spec))
    document = examine(compiled, asked)
    if as_json:
        output.print_json(document)
    else:
        output.say(compiled.diagnostics)
        output.write(view.drawn(document, output.paint(sys.stdout)))
    if not document["well"]:
        raise typer.Exit(1)
