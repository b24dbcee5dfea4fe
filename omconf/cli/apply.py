"""`omconf apply`: carries out a plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omconf import interrupts
from omconf.cli import applying, output, planned

if TYPE_CHECKING:
    from omconf.diagnostics import Diagnostic
    from omconf.pipeline.apply import Prepared


def apply(
    what: Annotated[
        Path,
        typer.Argument(
            metavar="[SPEC] | PLANFILE",
            help="With --local the cluster spec, else what `omconf plan --out` saved.",
        ),
    ] = output.DEFAULT_SPEC,
    local: applying.Local = None,
    root: Annotated[
        Path | None,
        typer.Option("--root", metavar="DIR", help="With --local: write to a copy of its root."),
    ] = None,
    yes: applying.Yes = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look at the node, and change nothing.")
    ] = False,
    no_undo: Annotated[
        bool, typer.Option("--no-undo", help="Leave what is done when a step fails.")
    ] = False,
    health_timeout: Annotated[
        int,
        typer.Option(
            "--health-timeout",
            metavar="SECONDS",
            min=1,
            max=86400,
            help="How long the node may take to become healthy.",
        ),
    ] = 300,
    reason: applying.Reason = "",
    lock_timeout: applying.LockTimeout = 0,
    break_lock: applying.BreakLock = "",
    strict_format: Annotated[
        bool,
        typer.Option("--strict-format", help="Write files anew that only look different."),
    ] = False,
    as_json: applying.AsJson = False,
    no_color: output.NoColor = False,
) -> None:
    """Carry out a plan on this host: write its files, run what reads them, wait for health."""
    from omconf.apply.events import Outcome
    from omconf.pipeline import apply as applies
    from omconf.pipeline import apply_saved, health
    from omconf.pipeline.apply import Options, Result
    from omconf.views import events

    if no_color:
        output.colourless()
    saved = local is None
    if saved and (root is not None or strict_format):
        raise typer.BadParameter("A saved plan says itself what --root and --strict-format say.")
    prepared = (
        apply_saved.of_file(str(what))
        if local is None
        else _of_spec(what, local, root, strict=strict_format)
    )
    options = Options(reason, dry_run, no_undo, lock_timeout, break_lock, health_timeout)
    with applying.Show(as_json) as show:
        if isinstance(prepared, list):
            applying.leave(Result(Outcome.REFUSED, diagnostics=prepared), show)
            return
        show.mask = prepared.made.plan.mask
        if as_json:
            show.document(events.of_plan(prepared.document))
        else:
            show.pause()
            planned.show(prepared.document)
        if not prepared.steps:
            applying.leave(Result(Outcome.UNCHANGED), show)
            return
        refused = applying.approve("Apply this plan?", show, yes=yes or saved or dry_run)
        if refused:
            applying.leave(refused, show)
            return
        show.go_on()
        cluster = prepared.compiled.cluster
        assert cluster is not None  # noqa: S101 - there is a plan
        people = applying.Terminal(show, health.local(cluster))
        # A signal ends it after the step in hand, and after it was said how it ended.
        with interrupts.deferred():
            result = applies.carry_out(prepared, show, people, options)
            undo = f"To take it back: {applies.undo_command(prepared)}" if result.stands else ""
            show.end()
            applying.leave(result, show, undo)


def _of_spec(
    spec: Path, local: str, root: Path | None, *, strict: bool
) -> Prepared | list[Diagnostic]:
    from omconf.pipeline import apply as applies
    from omconf.pipeline.compiled import compile_spec
    from omconf.pipeline.sources import Asked

    return applies.prepare(compile_spec(str(spec)), Asked.of_local(local, root), strict=strict)
