"""The rooms of `omconf apply` put together: a plan, the node program, the journal."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from omconf import interrupts
from omconf.actions import HEALTH_SECONDS
from omconf.apply.events import Event, Outcome
from omconf.diagnostics import OVERRULED, Diagnostic, Rule, Severity, has_errors
from omconf.pipeline.secrets import unresolved

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from omconf.actions import Health, Step
    from omconf.apply.carrier import Program
    from omconf.apply.journal import About
    from omconf.apply.node import Node, People
    from omconf.pipeline.compiled import Compiled
    from omconf.pipeline.plan import Made
    from omconf.pipeline.sources import Asked
    from omconf.plan.masking import Mask
    from omconf.views.document import Document

if TYPE_CHECKING:
    Healthy = Callable[[str, Health], str]
    """Waits until a node is healthy; otherwise says why it is not."""

REFUSED = Rule("OM601", Severity.ERROR, "a plan that is not carried out")
LOCKED = Rule("OM602", Severity.ERROR, "a node that another apply holds")
POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """How an apply or an undo is carried out; times are in seconds."""

    reason: str = ""
    dry_run: bool = False
    keep: bool = False
    """Nothing is taken back when a step fails: `--no-undo`."""
    wait: float = 0
    """How long a lock of somebody else is waited for."""
    force: str = ""
    """The lock that is broken."""
    health: int = HEALTH_SECONDS
    """How long a node may take to become healthy."""


class Show(Protocol):
    """Who is told what happens; `mask` hides secrets."""

    mask: Mask | None

    def event(self, event: Event) -> None:
        """Show an event."""


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


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan that may be carried out on one node, and its document as people see it."""

    compiled: Compiled
    made: Made
    document: Document
    node: str
    root: str
    """The tree that is written to; empty for this host itself."""
    told: frozenset[str] = frozenset()
    """What people were told to do when the last apply waited for them."""

    @property
    def whole(self) -> bool:
        """Whether all nodes stop for it."""
        return str(self.made.plan.rollout.disruption) == "all"

    @property
    def steps(self) -> list[tuple[int, Step]]:
        """The steps in which the node has a part, with their numbers."""
        steps = enumerate(self.made.plan.rollout.steps, 1)
        return [(number, step) for number, step in steps if self.node in step.nodes]


def prepare(
    compiled: Compiled, asked: Asked, *, strict: bool = False
) -> Prepared | list[Diagnostic]:
    """Plan what is to be applied; diagnostics where that is refused."""
    from omconf.apply import journal
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
    assert asked.local is not None  # noqa: S101 - `Asked.mistake` was asked
    drawn = document.of_saved_plan(made.plan)
    told = journal.read(made.snapshot.nodes[asked.local].around, made.plan.cluster).told
    prepared = Prepared(compiled, made, drawn, asked.local, asked.tree, told)
    refused = _refusal(prepared, len(compiled.cluster.nodes)) or _without_secrets(prepared)
    return [*made.plan.diagnostics, *refused] if refused else prepared


def _refusal(prepared: Prepared, nodes: int) -> list[Diagnostic]:
    plan = prepared.made.plan
    if not plan.complete or has_errors(plan.diagnostics):
        hint = "Mend what the plan says, and plan again."
        return [REFUSED.at(None, "The plan has errors, or is not complete.", hint=hint)]
    if any(d.rule is OVERRULED for d in plan.diagnostics):
        message = "What the plan would write cannot count: something else overrules it."
        return [REFUSED.at(None, message, hint=f"See {OVERRULED.id}: delete that first.")]
    if str(plan.rollout.disruption) == "all" and nodes > 1 and not prepared.root:
        message = "All nodes must stop for this plan, and this is one of them."
        return [REFUSED.at(None, message, hint="Plan and apply all nodes together.")]
    if not prepared.root and os.geteuid() != 0 and plan.has_changes:
        message = "Only root can apply a plan to this host."
        return [REFUSED.at(None, message, hint="Run it by sudo, or with --root on a copy.")]
    return []


def _without_secrets(prepared: Prepared) -> list[Diagnostic]:
    """Read the secrets of the files that change; say which cannot be."""
    bundle, secrets = prepared.compiled.bundle, prepared.made.secrets
    changing = {c.path for c in prepared.made.plan.changes if c.node == prepared.node}
    for node in bundle.nodes if bundle else ():
        for artifact in node.artifacts if node.node == prepared.node else ():
            for placeholder in artifact.placeholders if artifact.path in changing else ():
                secrets.get(placeholder.name)
    return unresolved(secrets, Severity.ERROR)


def undo_command(prepared: Prepared) -> str:
    """Say what takes an apply back."""
    spec = prepared.compiled.document
    words = ["omconf", "undo", spec.file if spec else "", "--local", prepared.node]
    return shlex.join([*words, *(["--root", prepared.root] if prepared.root else [])])


def carry_out(prepared: Prepared, show: Show, people: People, options: Options) -> Result:
    """Carry a plan out on its node: look, write, run, remember; take it back where a step fails."""
    from omconf.apply import carrier
    from omconf.apply.node import Node
    from omconf.apply.targets import Targets
    from omconf.apply.wire import LostError
    from omconf.plan import owed
    from omconf.plan.masking import Mask

    started = time.monotonic()
    if not prepared.steps:
        return Result(Outcome.UNCHANGED)
    node: Node | None = None
    with interrupts.deferred():
        name = prepared.made.plan.cluster
        try:
            with carrier.local(name, prepared.root) as program:
                about = about_plan(prepared, options.reason)
                if refused := lock(program, about, prepared.node, options):
                    return Result(Outcome.REFUSED, diagnostics=[refused])
                bundle = prepared.compiled.bundle
                assert bundle is not None  # noqa: S101 - there is a plan
                files = prepared.made.snapshot.nodes[prepared.node]
                kinds = {c.path: c.kind for c in prepared.made.plan.changes}
                # Of files that are new, no plan reads the secrets.
                known = [*prepared.made.secrets.all().values()]
                show.mask = Mask(known) if known else show.mask
                targets = Targets(bundle, prepared.node, files, prepared.made.secrets, kinds)
                node = Node(prepared.node, program, targets, people, show.event, not prepared.root)
                node.told = prepared.told
                node.owed = frozenset(owed.read(files.around, name, {}).before)
                node.health = options.health
                mask = show.mask
                node.hide = mask.message if mask else str
                result = _on(node, prepared, about, options)
        except LostError as error:
            began = node is not None and node.began
            why = f"{prepared.node} does not answer: {error}"
            result = Result(Outcome.PARTIAL if began else Outcome.REFUSED, why=why)
        result.seconds = time.monotonic() - started
        return result


def _on(node: Node, prepared: Prepared, about: About, options: Options) -> Result:
    """Look at the node, begin, and carry the steps out."""
    from omconf.apply import preflight

    steps = [step for _, step in prepared.steps]
    node.tell(Event("check", "started", node.name))
    user = os.geteuid() != 0
    wrong = preflight.problems(node, steps, people=node.people.there, user=user)
    node.tell(Event("check", "failed" if wrong else "done", node.name))
    if wrong:
        found = [REFUSED.at(None, f"{text}.", node=node.name, path=None) for text in wrong]
        return Result(Outcome.REFUSED, diagnostics=found)
    if options.dry_run:
        return Result(Outcome.CHECKED)
    assert node.targets is not None  # noqa: S101 - given above
    if not node.line.ask("begin", about.text, node.targets.listing).ok:
        return Result(
            Outcome.REFUSED, diagnostics=[REFUSED.at(None, "The journal cannot be written.")]
        )
    node.began = True
    return finish(node, prepared.steps, about, options, whole=prepared.whole)


def finish(
    node: Node,
    steps: Sequence[tuple[int, Step]],
    about: About,
    options: Options,
    *,
    whole: bool,
) -> Result:
    """Carry the steps out, take them back where one fails, and say in the journal how it ended.

    When it is interrupted, what is done stays; with `whole`, where all nodes stop, it is taken back.
    """
    from omconf.apply.journal import End
    from omconf.apply.node import FailedError, StoppedError, WaitingError

    why = ""
    outcome = Outcome.APPLIED
    try:
        node.carry_out([step for _, step in steps], [number for number, _ in steps])
        if len(node.finished) < len(steps):
            raise StoppedError
    except StoppedError:
        outcome, why = Outcome.PARTIAL, "it was interrupted"
        if whole and not options.keep:
            left = node.take_back()
            outcome = Outcome.PARTIAL if left else Outcome.UNDONE
            why = "; ".join((why, *left, *node.left_to_people))
    except WaitingError as error:
        outcome, why = Outcome.WAITING, str(error)
    except FailedError as error:
        outcome, why = Outcome.PARTIAL, str(error)
        if not options.keep:
            left = node.take_back()
            outcome = Outcome.PARTIAL if left else Outcome.UNDONE
            why = "; ".join((why, *left, *node.left_to_people))
    end = End(outcome=outcome, when=moment(), why=why[:2000])
    over = {Outcome.APPLIED: "all", Outcome.UNDONE: "own"}.get(outcome, "")
    if not node.line.ask("end", end.text, over).ok:
        outcome, over = Outcome.PARTIAL, ""
        why = "; ".join(filter(None, (why, "how it ended cannot be written to the journal")))
    return Result(outcome, about.id, why, stands=bool(node.written) and over != "own")


def lock(program: Program, about: About, node: str, options: Options) -> Diagnostic | None:
    """Take the node's lock, after some seconds if need be; say who holds it otherwise."""
    from omconf.formats import printf

    who = f"{about.what} {about.id} by {about.by} since {about.when}"
    end = time.monotonic() + options.wait
    while True:
        reply = program.ask("lock", who, options.force)
        if reply.ok:
            return None
        if reply.word(0) == "state":
            message = "What omconf keeps below /var/lib/omconf cannot be written."
            return REFUSED.at(None, message, node=node)
        if time.monotonic() >= end or interrupts.stopped():
            break
        time.sleep(POLL_SECONDS)
    holder = printf.meaning("|".join(reply.words[2:]).encode()).decode("utf-8", "replace")
    message = f"Another apply holds this node: {holder[:300] or 'it began just now'}."
    hint = f"Wait for it (--lock-timeout), or if it is gone: --break-lock {reply.word(1)}."
    return LOCKED.at(None, message, hint=hint, node=node)


def about_plan(prepared: Prepared, reason: str) -> About:
    """Say in the journal what is applied."""
    from omconf.apply.journal import About, File, Step
    from omconf.apply.targets import keys_of
    from omconf.cluster import places
    from omconf.planfile.model import Plan as Model

    plan = prepared.made.plan
    document = {k: v for k, v in prepared.document.items() if k not in ("binding", "diagnostics")}
    parsed = Model.model_validate(prepared.document)
    steps = [
        Step(step=s.step, why=s.why[:2000], undo=s.undo)
        for s in parsed.rollout
        if prepared.node in s.nodes
    ]
    bundle = prepared.compiled.bundle
    assert bundle is not None  # noqa: S101 - there is a plan
    files = {c.path: File(kind=c.kind) for c in plan.changes if c.node == prepared.node}
    for artifact in (a for n in bundle.nodes if n.node == prepared.node for a in n.artifacts):
        files[artifact.path] = File(kind=artifact.kind, keys=keys_of(artifact))
    files[places.manifest(plan.cluster)] = File(kind="")
    return About(
        format=1,
        id=os.urandom(4).hex(),
        what="apply",
        node=prepared.node,
        by=whoever(),
        reason=written(reason),
        when=moment(),
        plan=hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest(),
        steps=steps,
        files=files,
    )


def written(text: str) -> str:
    """Give a text of the command line as a journal can hold it."""
    return text.encode("utf-8", "replace").decode()[:2000]


def whoever() -> str:
    """Name the user who runs omconf, and the host."""
    import getpass
    import socket

    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user[:100]}@{socket.gethostname()[:100]}"


def moment() -> str:
    """Say when it is, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
