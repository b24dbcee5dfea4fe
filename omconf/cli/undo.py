"""`omconf undo`: takes the last apply back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from omconf import interrupts
from omconf.cli import applying, output

if TYPE_CHECKING:
    from omconf.pipeline.journals import Prepared
    from omconf.views.document import Document


def undo(
    spec: output.Spec = output.DEFAULT_SPEC,
    ssh: applying.Ssh = False,
    ansible: applying.Ansible = False,
    inventory: applying.Inventory = None,
    sudo: applying.Sudo = False,
    seconds: applying.Timeout = None,
    local: applying.Local = None,
    root: applying.Root = None,
    id: Annotated[  # noqa: A002 - the option's name
        str | None,
        typer.Option(
            "--id",
            metavar="ID",
            parser=output.given,
            help="The apply to undo; it must be the last one.",
        ),
    ] = None,
    yes: applying.Yes = False,
    reason: applying.Reason = "",
    lock_timeout: applying.LockTimeout = 0,
    break_lock: applying.BreakLock = None,
    as_json: applying.AsJson = False,
    no_color: output.NoColor = False,
) -> None:
    """Undo the last apply: restore its files, then reload or restart the services that read them."""
    from omconf.apply.events import Outcome
    from omconf.pipeline import journals
    from omconf.pipeline import undo as undoing
    from omconf.pipeline.apply import Result
    from omconf.pipeline.apply_input import Options
    from omconf.pipeline.compiled import check_spec
    from omconf.views import events

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
    wanted = id or ""
    with applying.preparing(as_json=as_json):
        compiled = check_spec(str(spec))
        prepared = journals.prepare(compiled, asked, wanted)
    with applying.Show(as_json) as show:
        if isinstance(prepared, list):
            applying.leave(Result(Outcome.REFUSED, diagnostics=prepared), show)
            return
        if prepared is None:
            applying.leave(Result(Outcome.UNCHANGED, why="There is no apply to undo."), show)
            return
        first = _first(prepared)
        if as_json:
            show.document(first)
        else:
            show.pause()
            output.write(events.undo(first))
        refused = applying.approve("Undo this apply?", show, yes=yes)
        if refused:
            applying.leave(refused, show)
            return
        show.go_on()
        people = applying.Terminal(show)
        options = Options(reason=reason, wait=lock_timeout, force=break_lock or "")
        with interrupts.deferred():
            result = undoing.take_back(
                prepared, show, people, options, lambda: journals.prepare(compiled, asked, wanted)
            )
            show.end()
            applying.leave(result, show, well=result.outcome is Outcome.UNDONE)


def _first(prepared: Prepared) -> Document:
    from omconf.views import events

    files = {name: back.files for name, back in prepared.nodes.items()}
    runs = [(step.nodes, step.undo) for step in prepared.steps]
    return events.of_undo(prepared.entry.about, files, runs)
