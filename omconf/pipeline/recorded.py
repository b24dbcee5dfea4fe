"""What the journals of nodes are told of an apply or an undo: what it is, and how it ended."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omconf.apply.events import Outcome
    from omconf.apply.journal import About, Entry
    from omconf.apply.node import Node
    from omconf.apply.nodes import Nodes
    from omconf.pipeline.apply import Prepared
    from omconf.views.document import Document


def of_apply(prepared: Prepared, node: str, apply_id: str, reason: str) -> About:
    """Say in the journal of a node what is applied."""
    from omconf.apply import told
    from omconf.apply.journal import MAX_TEXT, About, File, Step
    from omconf.apply.targets import keys_of
    from omconf.artifacts.contents import Ownership
    from omconf.cluster import places
    from omconf.planfile.model import Plan as Model

    plan = prepared.made.plan
    parsed = Model.model_validate(prepared.document)
    of = dict(prepared.steps)
    steps = [
        Step(
            step=s.step,
            why=s.why[:MAX_TEXT],
            undo=s.undo,
            bars=of[s.step].bars,
            by_hand=[pair for pair in of[s.step].by_hand if max(map(len, pair)) <= MAX_TEXT],
        )
        for s in parsed.rollout
        if node in s.nodes
    ]
    bundle = prepared.compiled.bundle
    assert bundle is not None  # noqa: S101 - there is a plan
    files = {c.path: File(kind=c.kind) for c in plan.changes if c.node == node}
    for artifact in (a for n in bundle.nodes if n.node == node for a in n.artifacts):
        block = artifact.sha256 if artifact.ownership is Ownership.BLOCK else None
        files[artifact.path] = File(kind=artifact.kind, keys=keys_of(artifact), block=block)
    files[places.manifest(plan.cluster)] = File(kind="")
    return About(
        format=1,
        id=apply_id,
        what="apply",
        node=node,
        by=whoever(),
        reason=written(reason),
        when=moment(),
        plan=prepared.digest,
        wanted=told.wanted(plan.binding),
        nodes=sorted({name for s in parsed.rollout for name in s.nodes}),
        steps=steps,
        files=files,
    )


def digest_of(plan: Document) -> str:
    """Digest a plan's document as the journal knows it: without what it was made from, and how."""
    without = ("binding", "diagnostics", "source")
    document = {k: v for k, v in plan.items() if k not in without}
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def of_undo(entry: Entry, node: str, apply_id: str, reason: str) -> About:
    """Say in the journal of a node what is taken back."""
    from omconf.apply.journal import About

    return About(
        format=1,
        id=apply_id,
        what="undo",
        of=entry.about.id,
        node=node,
        by=whoever(),
        reason=written(reason),
        when=moment(),
        plan=entry.about.plan,
        steps=[],
        files=entry.about.files,
    )


def begin(node: Node, about: About, listing: bytes) -> bool:
    """Have a node remember what begins; False where it cannot, or does not answer any more."""
    from omconf.apply.wire import LostError

    try:
        node.began = node.line.ask("begin", about.text, listing).ok
    except LostError:
        return False
    return node.began


def end(run: Nodes, name: str, outcome: Outcome, why: str, over: str, *, idle: bool = False) -> str:
    """Say in the journal of a node how it ended there; returns what is wrong with that.

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
