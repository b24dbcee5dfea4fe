"""A saved plan made anew, so that it may be carried out: nothing of the file itself is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from omconf.diagnostics import Diagnostic
from omconf.pipeline.apply import REFUSED, prepare

if TYPE_CHECKING:
    from omconf.pipeline.apply import Prepared
    from omconf.views.document import Document

SAVE = "`omconf plan --local NODE --out FILE` saves a plan."
MOVED = {
    "binding.spec.sha256": "the spec",
    "binding.bundle": "what it compiles to",
    "binding.deployed": "deployed files",
    "changes": "what changes",
    "rollout": "the roll-out",
    "secrets": "secrets",
}
"""What is compared of a saved plan and one that is made anew, in words."""


def of_file(path: str) -> Prepared | list[Diagnostic]:
    """Plan again what a saved plan says, and refuse unless it comes to the same.

    Nothing that the file says is carried out.
    """
    from omconf.pipeline.compiled import compile_spec
    from omconf.pipeline.sources import Asked
    from omconf.planfile import store

    saved = store.read(path)
    if isinstance(saved, Diagnostic):
        return [saved]
    bound, source = saved.get("binding"), saved.get("source") or {}
    if bound is None:
        return [REFUSED.at(None, f"{path} is not bound to what it was made from.", hint=SAVE)]
    if source.get("kind") != "local":
        what = f"A plan from --{'deployed' if source['kind'] == 'directory' else source['kind']}"
        message = f"{what} is not carried out: what it was made from is no node."
        if source["kind"] == "ssh":
            message = f"{what} is not carried out yet."
        return [REFUSED.at(None, message, hint="Plan with --local NODE.")]
    asked = Asked.of_local(source["node"], Path(source["root"]))
    strict = bound["strict_format"]
    prepared = prepare(compile_spec(bound["spec"]["path"]), asked, strict=strict)
    if isinstance(prepared, list):
        return prepared
    moved = [
        words
        for key, words in MOVED.items()
        if _of(saved, key) != _of(json.loads(json.dumps(prepared.document)), key)
    ]
    if moved:
        message = f"The saved plan does not hold any more: {', '.join(moved)} changed since."
        return [REFUSED.at(None, message, hint=f"Plan again. {SAVE}")]
    return prepared


def _of(document: Document, key: str) -> object:
    found: object = document
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
