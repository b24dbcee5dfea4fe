"""`omconf apply`: carries out a plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omconf import interrupts
from omconf.cli import applying, output, planned

if TYPE_CHECKING:
    from omconf.diagnostics import Diagnostic
    from omconf.pipeline.apply_input import Options, Prepared
    from omconf.pipeline.connections import Connections

SET = "A saved plan already sets --root, --sudo, --node and --strict-format."
NO_TERMINAL = "--confirm-each needs a terminal and does not work with --json."


def apply(
    what: Annotated[
        Path,
        typer.Argument(
            metavar="SPEC | PLANFILE",
            parser=output.spec,
            help="The cluster spec with --ssh, --ansible or --local; otherwise a plan saved by"
            " `omconf plan --out`.",
        ),
    ] = output.DEFAULT_SPEC,
    ssh: applying.Ssh = False,
    ansible: applying.Ansible = False,
    inventory: applying.Inventory = None,
    keep: applying.Keep = None,
    sudo: applying.Sudo = False,
    seconds: applying.Timeout = None,
    local: applying.Local = None,
    root: Annotated[
        Path | None,
        typer.Option(
            "--root",
            metavar="DIR",
            parser=output.path,
            help="With --local: write to a copy of its root.",
        ),
    ] = None,
    node: applying.Only = None,
    yes: applying.Yes = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Run all checks on the nodes without changing anything."),
    ] = False,
    no_undo: Annotated[
        bool, typer.Option("--no-undo", help="Keep the changes made so far when a step fails.")
    ] = False,
    drain: Annotated[
        str | None,
        typer.Option(
            "--drain",
            metavar="DURATION",
            parser=output.given,
            help="Before a node stops, wait at most this long (90s, 30m, 2h) for its"
            " users to disconnect.",
        ),
    ] = None,
    confirm_each: Annotated[
        bool, typer.Option("--confirm-each", help="Ask before each node stops or restarts.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Proceed although a node that does not change is unhealthy."),
    ] = False,
    health_timeout: Annotated[
        int,
        typer.Option(
            "--health-timeout",
            metavar="SECONDS",
            min=1,
            max=86400,
            help="How long a node may take to become healthy.",
        ),
    ] = 300,
    reason: applying.Reason = "",
    lock_timeout: applying.LockTimeout = 0,
    break_lock: applying.BreakLock = None,
    strict_format: Annotated[
        bool,
        typer.Option("--strict-format", help="Rewrite files that differ only in formatting."),
    ] = False,
    as_json: applying.AsJson = False,
    no_color: output.NoColor = False,
) -> None:
    """Apply a plan: write files, reload or restart services, and wait for health, node by node."""
    from omconf.apply.events import Outcome
    from omconf.pipeline import apply as applies
    from omconf.pipeline import apply_saved
    from omconf.pipeline.apply import Result
    from omconf.pipeline.apply_input import Options
    from omconf.pipeline.compiled import compile_spec
    from omconf.pipeline.connections import Connections

    if no_color:
        output.colourless()
    saved = local is None and not ssh and not ansible
    if saved and any((root, strict_format, sudo, seconds is not None, node)):
        raise typer.BadParameter(SET)
    if confirm_each and (as_json or not applying.somebody()):
        raise typer.BadParameter(NO_TERMINAL)
    applying.require_ansible(None, keep, ansible=ansible)
    draining = applying.duration(drain)
    options = Options(reason, dry_run, no_undo, lock_timeout, break_lock or "", health_timeout)
    options = replace(options, drain=draining, confirm=confirm_each, unhealthy=force)
    approved = yes or saved or dry_run
    with Connections() as connections:
        # While somebody thinks about the plan, nothing is connected.
        lasting = connections if approved else None
        with applying.preparing(as_json=as_json):
            if saved:
                prepared = apply_saved.of_file(str(what), inventory, lasting)
            else:
                asked = applying.asked_of(
                    local,
                    root,
                    ssh=ssh,
                    ansible=ansible,
                    inventory=inventory,
                    sudo=sudo,
                    seconds=seconds,
                    only=node or (),
                )
                asked = replace(asked, connections=lasting)
                prepared = applies.prepare(compile_spec(str(what)), asked, strict=strict_format)
        if interrupts.stopped():
            return
        with applying.Show(as_json) as show:
            if isinstance(prepared, list):
                applying.leave(Result(Outcome.REFUSED, diagnostics=prepared), show)
                return
            prepared = applies.waiting(prepared, health_timeout)
            show.mask = prepared.made.plan.mask
            _show(prepared, show)
            if keep is not None and (unkept := _kept(prepared, keep, what)):
                applying.leave(Result(Outcome.REFUSED, diagnostics=unkept), show)
                return
            _carry_out(prepared, show, options, approved=approved, connections=connections)


def _carry_out(
    prepared: Prepared,
    show: applying.Show,
    options: Options,
    *,
    approved: bool,
    connections: Connections,
) -> None:
    """Ask whether to apply a plan unless that is approved, apply it, and exit as it ended."""
    from omconf.apply.events import Outcome
    from omconf.pipeline import apply as applies
    from omconf.pipeline import remembered, stops
    from omconf.pipeline.apply import Result

    if not prepared.steps:
        remembered.alone(prepared, dry=options.dry_run)
        applying.leave(Result(Outcome.UNCHANGED), show)
        return
    if not approved and applying.somebody() and not prepared.asked.tree:
        output.write(applying.counted(stops.connected(prepared)))
    refused = applying.approve("Apply this plan?", show, yes=approved, saved=True)
    if refused:
        applying.leave(refused, show)
        return
    show.go_on()
    people = applying.Terminal(show)
    # A signal ends it after the current step, and after the result was reported.
    with interrupts.deferred():
        result = applies.carry_out(prepared, show, people, options)
        connections.end()
        undo = f"To undo it: {applies.undo_command(prepared)}" if result.stands else ""
        show.end()
        applying.leave(result, show, undo)


def _show(prepared: Prepared, show: applying.Show) -> None:
    from omconf.views import events

    if show.as_json:
        show.document(events.of_plan(prepared.document))
    else:
        show.pause()
        planned.show(prepared.document)


def _kept(prepared: Prepared, folder: Path, spec: Path) -> list[Diagnostic]:
    """Write the plan as an Ansible project; returns what is in the way."""
    from omconf.pipeline import kept
    from omconf.views.typed import typed

    document, cluster, asked = prepared.document, prepared.cluster, prepared.asked
    return kept.keep(str(folder), document, cluster, asked, [typed(str(spec))])
