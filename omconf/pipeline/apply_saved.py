"""A saved plan made anew, so that it may be carried out: nothing of the file itself is."""

from __future__ import annotations

import json
import os
import shlex
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from omconf.diagnostics import Diagnostic
from omconf.pipeline.apply import prepare
from omconf.rules import NOT_APPLIED

if TYPE_CHECKING:
    from collections.abc import Collection

    from omconf.pipeline.apply_input import Prepared
    from omconf.pipeline.compiled import Compiled
    from omconf.pipeline.connections import Connections
    from omconf.views.document import Document

A_SPEC = "Apply a spec with --ssh, --ansible or --local NODE; a saved plan needs neither."
SAVE = "`omconf plan --ssh --out FILE` saves a plan."
NEEDED = {"local": ("node", "root"), "ssh": ("nodes", "sudo"), "ansible": ("nodes", "sudo")}
"""What a saved plan has to say of each source that can be applied to."""
MOVED = {
    "binding.spec.sha256": "the spec",
    "binding.bundle": "what it compiles to",
    "binding.deployed": "deployed files",
    "cluster": "the cluster",
    "has_changes": "whether there are changes",
    "complete": "whether all could be read",
    "summary": "the summary",
    "changes": "what changes",
    "rollout": "the roll-out",
    "secrets": "secrets",
    "diagnostics": "the findings",
    "topology": "the topology",
}
"""What is compared of a saved plan and one that is made anew, in words: all that was approved."""


def of_file(
    path: str, inventory: Path | None = None, connections: Connections | None = None
) -> Prepared | list[Diagnostic]:
    """Plan again what a saved plan says, and refuse unless it comes to the same.

    Nothing that the file says is carried out. An `inventory` may be a program, or name some: the file
    does not choose it.
    """
    from omconf.pipeline.compiled import compile_spec
    from omconf.pipeline.sources import Asked
    from omconf.planfile import store

    saved = store.read(path, to_apply=True)
    if isinstance(saved, Diagnostic):
        spec = path.endswith((".yaml", ".yml"))
        return [replace(saved, hint=A_SPEC) if spec else saved]
    source = saved.get("source") or {}
    if unusable := _unusable(path, saved, inventory):
        return [unusable]
    bound = saved["binding"]
    base = _base(path, bound, source.get("root", "."))
    if isinstance(base, Diagnostic):
        return [base]
    compiled = compile_spec(os.path.join(base, bound["spec"]["path"]))
    if source["kind"] == "local":
        asked = Asked.of_local(source["node"], Path(os.path.join(base, source["root"])))
    else:
        asked = Asked.of_nodes(
            sudo=source["sudo"],
            only=_only(compiled, source["nodes"]),
            ansible=source["kind"] == "ansible",
            inventory=inventory,
        )
        asked = replace(asked, connections=connections)
    strict = bound["strict_format"]
    prepared = prepare(compiled, asked, strict=strict)
    if isinstance(prepared, list):
        return prepared
    now = json.loads(json.dumps(prepared.document))
    if "topology" not in saved:  # as in plans that an earlier omconf saved
        now.pop("topology", None)
    moved = [words for key, words in MOVED.items() if _of(saved, key) != _of(now, key)]
    if moved:
        again = _command(path, prepared, strict=strict)
        if before := _applied(saved, prepared, again):
            return [before]
        message = f"The saved plan is stale: {', '.join(moved)} changed since."
        return [NOT_APPLIED.at(None, message, hint=f"Plan again: {again}")]
    return prepared


def _command(path: str, prepared: Prepared, *, strict: bool) -> str:
    """Return the command line that makes a saved plan anew, quoted for a shell."""
    from omconf.views.typed import typed

    spec, asked = prepared.compiled.document, prepared.asked
    words = ["omconf", "plan", typed(spec.file) if spec else "", *asked.options]
    words += [word for node in asked.nodes for word in ("--node", node)]
    words += ["--strict-format"] if strict else []
    return shlex.join([*words, "--out", typed(path)])


def _unusable(path: str, saved: Document, inventory: Path | None) -> Diagnostic | None:
    """Refuse a plan that does not say all that is needed, or not the same as the command."""
    source = saved.get("source") or {}
    needed = NEEDED.get(source.get("kind", ""), ())
    bound = saved.get("binding")
    if bound is None or not {"kind", *needed} <= source.keys() or "\0" in bound["spec"]["path"]:
        return NOT_APPLIED.at(None, f"{path} does not record what it was made from.", hint=SAVE)
    if not needed:
        what = f"A plan from --{'deployed' if source['kind'] == 'directory' else source['kind']}"
        message = f"{what} cannot be applied: it was not made from nodes."
        return NOT_APPLIED.at(None, message, hint="Plan with --ssh, --ansible or --local NODE.")
    planned = source.get("inventory")
    if planned is None and inventory is not None:
        return NOT_APPLIED.at(None, f"{path} was planned without an inventory.", hint="Plan again.")
    if planned is not None and inventory is None:
        message = f"{path} was planned with an inventory, which a saved plan does not choose."
        return NOT_APPLIED.at(None, message, hint=f"Name it: --inventory {shlex.quote(planned)}")
    return None


def _applied(saved: Document, prepared: Prepared, again: str) -> Diagnostic | None:
    """Refuse a saved plan that a node's journal says was applied already; None if none does.

    `again` is the command that makes it anew.
    """
    from omconf.apply import journal
    from omconf.pipeline import recorded

    wanted, cluster = recorded.digest_of(saved), prepared.made.plan.cluster
    found = [
        entry
        for files in prepared.made.snapshot.nodes.values()
        for entry in journal.read(files.around, cluster).entries
        if entry.about.what == "apply" and entry.about.plan == wanted
    ]
    if not found:
        return None
    last = max(found, key=lambda entry: entry.about.when)
    about, outcome = last.about, last.end.outcome if last.end else "unfinished"
    message = (
        f"This plan has already been applied: {about.when} by {about.by}, {outcome}, as {about.id} in"
        " `omconf log`."
    )
    return NOT_APPLIED.at(None, message, hint=f"See what differs now: {again}")


def _only(compiled: Compiled, nodes: Collection[str]) -> tuple[str, ...]:
    """Return the nodes that were planned; empty if these are all of the spec."""
    own = {node.name.value for node in compiled.cluster.nodes} if compiled.cluster else set()
    return () if own <= {*nodes} else tuple(sorted(own & {*nodes}))


def _base(path: str, bound: Document, root: str) -> str | Diagnostic:
    """Find the folder where a plan's relative paths begin: where it was made, else the current one.

    It was made there if the very spec is there. A folder in which everybody may put a spec is no such
    place: what it names is read, and its commands run.
    """
    above, spec = bound.get("folder", ""), bound["spec"]["path"]
    base = os.path.realpath(os.path.join(os.path.realpath(os.path.dirname(path)), above))
    if not above or base == os.path.realpath("."):
        return ""
    wanted = bound["spec"]["sha256"]
    if os.path.isdir(os.path.join(base, root)) and _is(os.path.join(base, spec), wanted):
        return base
    if os.path.exists(spec):
        return ""
    message = f"{spec} is not there, and the one in {base} is no longer the spec of the saved plan."
    hint = "Plan again, or run the command in the folder where the plan was made."
    return NOT_APPLIED.at(None, message, hint=hint)


def _is(spec: str, wanted: str) -> bool:
    """Tell whether a file is the very spec, where only some people can write."""
    from omconf.files import read
    from omconf.plan.binding import digest_of
    from omconf.spec.parse import MAX_BYTES

    try:
        if os.stat(os.path.dirname(spec)).st_mode & stat.S_IWOTH:
            return False
        text = read.contents(spec, MAX_BYTES).data.decode("utf-8-sig")
    except (OSError, ValueError):
        return False
    return digest_of(text) == wanted


def _of(document: Document, key: str) -> object:
    found: object = document
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
