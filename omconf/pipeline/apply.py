"""The rooms of `omconf apply` put together: a plan, the node program, the journal."""

from __future__ import annotations

import os
import shlex
import time
from contextlib import suppress
from dataclasses import field, replace
from typing import TYPE_CHECKING

from omconf import interrupts
from omconf.actions import Manual
from omconf.apply.events import Outcome
from omconf.dataclass import dataclass
from omconf.diagnostics import Diagnostic, Severity, has_errors
from omconf.pipeline import recorded
from omconf.pipeline.apply_input import Prepared
from omconf.pipeline.bundle_secrets import unresolved
from omconf.rules import NOT_APPLIED, OVERRULED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from omconf.actions import Step
    from omconf.apply.cluster_watch import ClusterWatch
    from omconf.apply.journal import About
    from omconf.apply.node import Node
    from omconf.apply.nodes import Nodes, People
    from omconf.apply.states import State
    from omconf.apply.targets import Target, Targets
    from omconf.pipeline.apply_input import Options, Show
    from omconf.pipeline.compiled import Compiled
    from omconf.pipeline.connected import Connected
    from omconf.pipeline.sources import Asked


@dataclass(slots=True)
class Result:
    """How it ended."""

    outcome: Outcome
    id: str = ""
    why: str = ""
    diagnostics: list[Diagnostic] = field(default_factory=list)
    seconds: float = 0.0
    stands: bool = False
    """Whether something was written that can be taken back."""
    states: list[State] = field(default_factory=list)
    """What each node has then, where anything was begun."""


def prepare(
    compiled: Compiled, asked: Asked, *, strict: bool = False
) -> Prepared | list[Diagnostic]:
    """Plan what is to be applied; diagnostics where that is refused."""
    from omconf.apply import journal, told
    from omconf.pipeline import plan as plans
    from omconf.views import document

    if compiled.failed or compiled.cluster is None:
        return compiled.diagnostics
    source, _ = asked.sources(compiled.cluster)
    made = plans.make(
        compiled,
        source,
        only=asked.only,
        strict=strict,
        require_secrets=True,
        bound=True,
        further=journal.places,
    )
    if isinstance(made, list):
        return made
    drawn = document.of_saved_plan(made.plan)
    wanted = told.wanted(made.plan.binding)
    waited = {
        name: journal.read(files.around, made.plan.cluster).told(wanted)
        for name, files in made.snapshot.nodes.items()
    }
    prepared = Prepared(compiled, made, drawn, asked, recorded.digest_of(drawn), waited)
    refused = _refusal(prepared, len(compiled.cluster.nodes)) or _without_secrets(prepared)
    if not refused:
        return prepared
    # Where nothing is applied, nobody has the plan's mask but this.
    mask, found = made.plan.mask, [*made.plan.diagnostics, *refused]
    return [mask.diagnostic(d) for d in found] if mask else found


def waiting(prepared: Prepared, seconds: int) -> Prepared:
    """Return the plan with this many seconds for a node to become healthy, in its document too."""
    from omconf.views import document

    plan = prepared.made.plan
    steps = tuple(step.waiting(seconds) for step in plan.rollout.steps)
    plan = replace(plan, rollout=replace(plan.rollout, steps=steps))
    made = replace(prepared.made, plan=plan)
    return replace(prepared, made=made, document=document.of_saved_plan(plan))


def _refusal(prepared: Prepared, nodes: int) -> list[Diagnostic]:
    plan, asked = prepared.made.plan, prepared.asked
    if not plan.complete or has_errors(plan.diagnostics):
        hint = "Fix what the plan reports, then plan again."
        return [NOT_APPLIED.at(None, "The plan has errors or is incomplete.", hint=hint)]
    if any(d.rule is OVERRULED for d in plan.diagnostics):
        message = "The plan would have no effect: other settings override what it writes."
        return [
            NOT_APPLIED.at(
                None, message, hint=f"See {OVERRULED.id}: delete the other setting first."
            )
        ]
    some = bool(asked.only) and len(asked.only) < nodes
    if str(plan.rollout.disruption) == "all" and some and not asked.tree:
        message = "All nodes must stop for this plan, but it does not include all nodes."
        return [NOT_APPLIED.at(None, message, hint="Plan and apply all nodes together with --ssh.")]
    if asked.local is not None and not asked.tree and os.geteuid() != 0 and plan.has_changes:
        message = "Only root can apply a plan to this host."
        return [NOT_APPLIED.at(None, message, hint="Run it with sudo, or use --root with a copy.")]
    return []


def _without_secrets(prepared: Prepared) -> list[Diagnostic]:
    """Read the secrets of the files that change; say which cannot be."""
    bundle, secrets = prepared.compiled.bundle, prepared.made.secrets
    changing = {(c.node, c.path) for c in prepared.made.plan.changes}
    for node in bundle.nodes if bundle else ():
        for artifact in node.artifacts:
            for placeholder in artifact.placeholders:
                if (node.node, artifact.path) in changing:
                    secrets.get(placeholder.name)
    return unresolved(secrets, Severity.ERROR, prepared.compiled.document)


def undo_command(prepared: Prepared) -> str:
    """Return the command line that undoes an apply, quoted for a shell."""
    from omconf.views.typed import typed

    spec = prepared.compiled.document
    words = ["omconf", "undo", typed(spec.file) if spec else "", *prepared.asked.options]
    return shlex.join(words)


def carry_out(prepared: Prepared, show: Show, people: People, options: Options) -> Result:
    """Carry a plan out: look at the nodes, write, run, remember; take it back where a step fails."""
    from omconf.apply.wire import LostError
    from omconf.pipeline.connected import connect, refusal
    from omconf.plan.mask import Mask

    started = time.monotonic()
    if not prepared.steps:
        return Result(Outcome.UNCHANGED)
    apply_id = os.urandom(4).hex()
    with interrupts.deferred():
        # Of files that are new, no plan reads the secrets.
        known = [*prepared.made.secrets.all().values()]
        show.mask = Mask(known) if known else show.mask
        try:
            with connect(prepared.cluster, prepared.asked, prepared.nodes) as lines:
                who = f"apply {apply_id} by {recorded.whoever()} since {recorded.moment()}"
                refused = lines.refused() or lines.lock(who, options) or _moved(prepared, lines)
                if refused:
                    result = Result(Outcome.REFUSED, diagnostics=refused)
                else:
                    result = _on(prepared, lines, apply_id, show, people, options)
        except LostError as error:
            result = Result(Outcome.REFUSED, diagnostics=[refusal(error, NOT_APPLIED)])
        result.seconds = time.monotonic() - started
        return result


def _moved(prepared: Prepared, lines: Connected) -> list[Diagnostic]:
    """Report the nodes where another apply or undo ran since they were read, such as one waited for.

    Each file may be as it was planned against, and yet the plan may rest on what is over by now.
    """
    from omconf.apply import journal

    snapshot, cluster = prepared.made.snapshot, prepared.made.plan.cluster
    message = "Another apply or undo ran on this node after the plan was made."
    return [
        NOT_APPLIED.at(None, message, hint="Plan again.", node=name)
        for name, files in {**snapshot.nodes, **snapshot.left}.items()
        if name in lines.marks and journal.moved(files.around, cluster, lines.marks[name])
    ]


def _on(
    prepared: Prepared,
    lines: Connected,
    apply_id: str,
    show: Show,
    people: People,
    options: Options,
) -> Result:
    """Look at the nodes, begin, and carry the steps out."""
    from omconf.apply import preflight
    from omconf.apply.cluster_watch import ClusterWatch
    from omconf.apply.nodes import Nodes
    from omconf.pipeline import remembered, stops

    asked = prepared.asked
    real = not asked.tree
    steps = {name: [s for _, s in prepared.steps if name in s.nodes] for name in prepared.nodes}
    units = stops.units(prepared.made.plan.rollout.steps)
    watch = ClusterWatch(prepared.cluster, lines.programs, units, options.health)
    nodes = {name: _node(prepared, name, lines, watch, show) for name in prepared.nodes}
    for name in () if people.there else nodes:
        nodes[name].alone = True
        nodes[name].told = _told(prepared, nodes[name], steps[name])
    user = asked.local is not None and os.geteuid() != 0

    def look(name: str) -> list[str]:
        return preflight.problems(nodes[name], steps[name], people=people.there, user=user)

    found = lines.problems(look, nodes, show, NOT_APPLIED)
    if not found and real and units:
        found = stops.unhealthy(prepared, lines, watch, force=options.unhealthy)
    if found:
        return Result(Outcome.REFUSED, diagnostics=found)
    if options.dry_run:
        return Result(Outcome.CHECKED)
    abouts = recorded.of_apply(prepared, nodes, apply_id, options.reason)
    began = lines.each(lambda name: _begin(nodes[name], abouts[name], steps[name]), nodes)
    if found := not_begun(lines, began):
        return Result(Outcome.REFUSED, diagnostics=found)
    remembered.begin(prepared, lines)
    run = Nodes(nodes, people, prepared.whole, options.keep)
    run.units, run.reread = units, prepared_again(prepared)
    run.may_stop = stops.asking(prepared, lines, show, people.agrees, options)
    if prepared.whole and real and (unstaged := _stage(run, lines, steps)):
        return ended(run, apply_id, Outcome.UNDONE, unstaged)
    outcome, why = run.carry_out(prepared.steps)
    if outcome is Outcome.APPLIED:
        remembered.end(prepared, lines)
    return ended(run, apply_id, outcome, why)


def _stage(run: Nodes, lines: Connected, steps: Mapping[str, Sequence[Step]]) -> str:
    """Stage all files before the first node stops; returns why that failed, or an empty text."""
    from omconf.apply.wire import LostError
    from omconf.apply.written import FailedError

    def stage(name: str) -> None:
        try:
            run.nodes[name].stage(_targets(run.nodes[name], steps[name]))
        except FailedError as error:
            raise FailedError(*run.named(name, [str(error)])) from error

    try:
        lines.each(stage, run.nodes)
    except (FailedError, LostError) as error:
        return str(error)
    return ""


def _targets(node: Node, steps: Sequence[Step]) -> list[Target]:
    from omconf.apply import preflight

    return [target for target in preflight.targets(node, steps) if target.changes]


def _node(prepared: Prepared, name: str, lines: Connected, watch: ClusterWatch, show: Show) -> Node:
    from omconf.apply.node import Node
    from omconf.apply.targets import Targets
    from omconf.plan import owed

    bundle = prepared.compiled.bundle
    assert bundle is not None  # noqa: S101 - there is a plan
    files = prepared.files(name)
    kinds = {c.path: c.kind for c in prepared.made.plan.changes if c.node == name}
    targets = Targets(bundle, name, files, prepared.made.secrets, kinds)
    real = not prepared.asked.tree
    node = Node(name, lines.programs[name], targets, watch, show.event, real)
    node.owed = frozenset(owed.read(files.around, prepared.made.plan.cluster, {}).before)
    node.hide = show.mask.message if show.mask else str
    return node


def _told(prepared: Prepared, node: Node, steps: Sequence[Step]) -> frozenset[str]:
    from omconf.apply import told

    assert node.targets is not None  # noqa: S101 - whoever applies has them
    return told.still(prepared.told.get(node.name, ()), steps, node.targets)


def _begin(node: Node, about: About, steps: Sequence[Step]) -> str:
    from omconf.plan import owed

    assert node.targets is not None  # noqa: S101 - whoever applies has them
    by_hand = [a.text for step in steps for a in step.actions if isinstance(a, Manual)]
    begun = owed.begun(node.targets.listing, by_hand)
    return recorded.begin(node, about, begun)


def not_begun(lines: Connected, began: Mapping[str, str]) -> list[Diagnostic]:
    """Report why nodes cannot begin (`recorded.begin`); then the others forget this apply, too."""
    from omconf.apply.wire import LostError

    failed = {name: why for name, why in began.items() if why}
    for name in began.keys() - failed.keys() if failed else ():
        with suppress(LostError):
            lines.programs[name].ask("forget")
    return [NOT_APPLIED.at(None, f"{why}.", node=name) for name, why in failed.items()]


def prepared_again(prepared: Prepared) -> Callable[[str], tuple[Targets, str] | None]:
    """Return a function that reads a node again, after a person replaced files there.

    It returns the new targets and OpenMeetings' folder, and None for a removed node, of which omconf
    reads its own files alone. It raises FailedError, and StoppedError after a signal.
    """
    from omconf.apply.targets import Targets
    from omconf.apply.written import FailedError, StoppedError
    from omconf.plan.requests import requests

    def reread(name: str) -> tuple[Targets, str] | None:
        own = next((n for n in prepared.cluster.nodes if n.name.value == name), None)
        if own is None:
            return None
        # What goes wrong with this reading is not to end the connections of the apply.
        source, _ = replace(prepared.asked, connections=None).sources(prepared.cluster)
        snapshot = source.read(requests(prepared.cluster, [name], ()), whole=False)
        files = None if isinstance(snapshot, Diagnostic) else snapshot.nodes[name]
        if files is None or files.problem:
            if interrupts.stopped():  # the signal ended the reading, too
                raise StoppedError
            raise FailedError(f"{name} cannot be read again")
        bundle = prepared.compiled.bundle
        assert bundle is not None  # noqa: S101 - there is a plan
        return Targets(bundle, name, files, prepared.made.secrets, {}), own.home.value

    return reread


def ended(run: Nodes, apply_id: str, outcome: Outcome, why: str) -> Result:
    """Record in each node's journal how the apply ended there; returns the result of all."""
    stands = run.stands
    for name, node in run.nodes.items():
        if not node.began or name in run.lost:
            continue
        stays = outcome is Outcome.APPLIED or (node.begun and not node.undone)
        own = outcome if stays else Outcome.UNDONE
        over = {Outcome.APPLIED: "all", Outcome.UNDONE: "own"}.get(own, "")
        idle = own is Outcome.UNDONE and not node.begun
        if wrong := recorded.end(run, name, own, node.hide(why), over, idle=idle):
            outcome, why = Outcome.PARTIAL, "; ".join(filter(None, (why, wrong)))
    return Result(outcome, apply_id, why, stands=stands, states=states_of(run))


def states_of(run: Nodes) -> list[State]:
    """Return the state of each node at the end."""
    from omconf.apply import states

    return [states.of_node(node, run.lost) for node in run.nodes.values()]
