"""What the journals of nodes are told of an apply or an undo: what it is, and how it ended."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from omconf.apply.events import Outcome
    from omconf.apply.journal import About, Entry
    from omconf.apply.node import Node
    from omconf.apply.nodes import Nodes
    from omconf.pipeline.apply_input import Prepared
    from omconf.views.document import Document


def of_apply(
    prepared: Prepared, nodes: Iterable[str], apply_id: str, reason: str
) -> dict[str, About]:
    """Return what each node's journal records about an apply, by node."""
    from omconf.apply import told
    from omconf.apply.journal import MAX_TEXT, About, File, Step
    from omconf.apply.targets import keys_of
    from omconf.artifacts.contents import Ownership
    from omconf.cluster import places
    from omconf.planfile.model import Plan as Model
    from omconf.planfile.model import Put

    plan, bundle = prepared.made.plan, prepared.compiled.bundle
    assert bundle is not None  # noqa: S101 - there is a plan
    of = dict(prepared.steps)
    steps: dict[str, list[Step]] = {}
    files: dict[str, dict[str, File]] = {}
    for s in Model.model_validate(prepared.document).rollout:
        pairs = [pair for pair in of[s.step].by_hand if max(map(len, pair)) <= MAX_TEXT]
        bars = of[s.step].bars
        step = Step(step=s.step, why=s.why[:MAX_TEXT], undo=s.undo, bars=bars, by_hand=pairs)
        # What a person replaces is kept first, also what omconf does not write.
        kept = [path for undo in s.undo if isinstance(undo, Put) for path in undo.paths]
        for node in s.nodes:
            steps.setdefault(node, []).append(step)
            files.setdefault(node, {}).update((path, File(kind="")) for path in kept)
    for change in plan.changes:
        files.setdefault(change.node, {})[change.path] = File(kind=change.kind)
    for own in bundle.nodes:
        for a in own.artifacts:
            block = a.sha256 if a.ownership is Ownership.BLOCK else None
            file = File(kind=a.kind, keys=keys_of(a), block=block)
            files.setdefault(own.node, {})[a.path] = file
    manifest = {places.manifest(plan.cluster): File(kind="")}
    wanted, when, concerned = told.wanted(plan.binding), moment(), sorted(steps)
    return {
        node: About(
            format=1,
            id=apply_id,
            what="apply",
            node=node,
            by=whoever(),
            reason=written(reason),
            when=when,
            plan=prepared.digest,
            wanted=wanted,
            nodes=concerned,
            steps=steps.get(node, []),
            files={**files.get(node, {}), **manifest},
        )
        for node in nodes
    }


def digest_of(plan: Document) -> str:
    """Digest a plan's document as the journal knows it: without what it was made from, and how."""
    without = ("binding", "diagnostics", "source")
    document = {k: v for k, v in plan.items() if k not in without}
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def of_undo(entries: Sequence[Entry], node: str, apply_id: str, reason: str) -> About:
    """Return what a node's journal records about an undo of an apply and those that it continued.

    `entries` are in the order in which they were applied: the last one names the undo.
    """
    from omconf.apply.journal import About

    about = entries[-1].about
    return About(
        format=1,
        id=apply_id,
        what="undo",
        of=about.id,
        node=node,
        by=whoever(),
        reason=written(reason),
        when=moment(),
        plan=about.plan,
        steps=[],
        files={path: file for each in entries for path, file in each.about.files.items()},
    )


def begin(node: Node, about: About, listing: bytes) -> str:
    """Have a node remember what begins; returns why it does not, or an empty text."""
    from omconf.apply.wire import UNWRITABLE, LostError, lost

    try:
        node.began = node.line.ask("begin", about.text, listing).ok
    except LostError as error:
        return lost(node.name, error)
    return "" if node.began else UNWRITABLE


def end(run: Nodes, name: str, outcome: Outcome, why: str, over: str, *, idle: bool = False) -> str:
    """Record in a node's journal how it ended there; returns why that failed, or an empty text.

    With `over`, nothing remains to be done: of this apply (`own`), or of those before it, too (`all`).
    An `idle` one, which did nothing, is not remembered.
    """
    from omconf.apply.journal import End
    from omconf.apply.wire import LostError

    node = run.nodes[name]
    said = End(outcome=outcome, when=moment(), why=why[:2000])
    try:
        reply = node.line.ask("forget") if idle else node.line.ask("end", said.text, over)
        if reply.ok:
            with suppress(LostError):
                node.unstage()
            return ""
    except LostError as error:
        run.lost[name] = str(error)
    return f"the journal of {name} does not record the outcome"


def written(text: str) -> str:
    """Return a text of the caller's as valid UTF-8 of at most 2,000 characters, for a journal."""
    return text.encode("utf-8", "replace").decode()[:2000]


def whoever() -> str:
    """Return `USER@HOST` of whoever runs omconf; behind sudo, of the user who called it."""
    import getpass
    import socket

    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return written(f"{user[:100]}@{socket.gethostname()[:100]}")


def moment() -> str:
    """Return the current time in UTC, as ISO 8601 with seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
