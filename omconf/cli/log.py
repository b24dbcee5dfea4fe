"""`omconf log`: what was applied on the nodes."""

from __future__ import annotations

from typing import Annotated

import typer

from omconf.cli import applying, output


def log(
    spec: output.Spec = output.DEFAULT_SPEC,
    ssh: applying.Ssh = False,
    ansible: applying.Ansible = False,
    inventory: applying.Inventory = None,
    sudo: applying.Sudo = False,
    seconds: applying.Timeout = None,
    local: applying.Local = None,
    root: applying.Root = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    no_color: output.NoColor = False,
) -> None:
    """List what was applied on each node: when, by whom, why, and with which outcome."""
    from omconf.pipeline import journals
    from omconf.pipeline.compiled import check_spec
    from omconf.views import log as view

    if no_color:
        output.colourless()
    asked = applying.asked_of(
        local,
        root,
        ssh=ssh,
        ansible=ansible,
        inventory=inventory,
        sudo=sudo,
        seconds=seconds,
    )
    compiled = check_spec(str(spec))
    found = journals.log(compiled, asked)
    if isinstance(found, list):
        document = view.no_log(found)
    else:
        document = view.of_log(found.cluster, found.journals, found.diagnostics)
    if as_json:
        output.print_json(document)
    else:
        output.say(found if isinstance(found, list) else found.diagnostics)
        output.write(view.drawn(document))
    if isinstance(found, list) or len(found.journals) < found.asked:
        raise typer.Exit(1)
