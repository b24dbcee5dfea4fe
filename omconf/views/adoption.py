"""An import for people and programs: the drift first, what still differs, secrets, what to do next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from omconf.secrets import masked
from omconf.views import document as documents
from omconf.views import folding
from omconf.views import text as text_view
from omconf.views.mask_document import mask_document
from omconf.views.typed import typed
from omconf.views.visible import visible

if TYPE_CHECKING:
    from omconf.adopt.result import Imported
    from omconf.views.document import Document
    from omconf.views.text import Paint

FORMAT = "1.0"
_MAX_DIFFERENCES = 40
"""Differences that are printed for people."""


def of_import(result: Imported, written: dict[str, str]) -> Document:
    """Return the document of an import; `written` are the paths of the files that were written."""
    plan = None if result.plan is None else documents.of_plan(result.plan)["summary"]
    spoken = {found.finding for found in result.drift}
    mask = result.plan.mask if result.plan else result.hidden
    document = {
        "format_version": FORMAT,
        "proved": result.proved,
        "complete": not result.failed,
        "nodes": list(result.nodes),
        "missing": [{"name": name, "why": why} for name, why in result.gaps.items()],
        "spec": result.text,
        "files": dict(result.files),
        "written": list(written.values()),
        "drift": [
            {
                "node": found.node,
                "kind": found.kind,
                "key": masked(found.key),
                **documents.diagnostic(found.finding),
            }
            for found in result.drift
        ],
        "differences": [
            {
                "node": each.node,
                "path": each.path,
                "kind": each.kind,
                "action": each.action,
                "reason": each.reason,
                **(_item(each.item) if each.item is not None else {}),
            }
            for each in result.differences
        ],
        "secrets": [
            {"key": each.key, "variable": each.variable, "state": each.state}
            for each in result.secrets
        ],
        "plan": plan,
        "diagnostics": [
            documents.diagnostic(found) for found in result.diagnostics if found not in spoken
        ],
    }
    # What one file has in the place of a secret may stand in any other one.
    told = ("drift", "differences", "diagnostics", "missing")
    return document | mask_document({key: document[key] for key in told}, mask)


def _item(item: Any) -> Document:
    return {
        "key": item.key,
        **({"secret": str(item.secret)} if item.secret else {}),
        **({"before": item.before} if item.before is not None else {}),
        **({"after": item.after} if item.after is not None else {}),
    }


def report(document: Document, paint: Paint, spec: str, *, unwritten: bool = False) -> str:
    """Draw the report; `spec` is the path that the next commands name, empty for the default.

    Where the spec was to be written and is not (`unwritten`), there are no next commands.
    """
    parts: list[str] = []
    if document["drift"]:
        count = len(document["drift"])
        title = (
            "The nodes differ in 1 setting"
            if count == 1
            else f"The nodes differ in {count} settings"
        )
        parts.append(_section(f"{title}; the spec uses the majority's value:", paint))
        parts.append(text_view.diagnostics(document["drift"], paint))
    if document["differences"]:
        drawn = _alike(document["differences"])
        count = len(drawn)
        what = "1 difference remains" if count == 1 else f"{count} differences remain"
        parts.append(_section(f"{what} between the spec and the nodes:", paint))
        shown = drawn[:_MAX_DIFFERENCES]
        for each, following in zip(shown, [*shown[1:], None], strict=True):
            parts.append(_difference(each))
            # Of a file's items with one reason, the last one says it.
            if not following or any(each[k] != following[k] for k in ("node", "path", "reason")):
                parts.append(f"      {each['reason']}\n")
        if count > _MAX_DIFFERENCES:
            parts.append(f"  and {count - _MAX_DIFFERENCES} more: see --json\n")
    if document["secrets"]:
        parts.append(_section("Secrets referenced by the spec:", paint))
        width = max(len(each["variable"]) for each in document["secrets"])
        parts += [
            f"  {each['variable']:{width}}  {each['key']}: {_state(each)}\n"
            for each in document["secrets"]
        ]
    if document["missing"]:
        parts.append(_section("Missing from the spec:", paint))
        parts += [f"  {visible(m['name'])}: {visible(m['why'])}\n" for m in document["missing"]]
    if document["spec"]:
        parts.append("\n" + _result(document) + "\n")
        parts.append("" if unwritten else _next(document, spec))
    return "".join(parts)


_STATES = {
    "equal": "set, same as the deployed value",
    "different": "set, different from the deployed value",
    "unknown": "not set; set it to the deployed value",
}


def _state(each: Document) -> str:
    if each["variable"].startswith("$"):
        return "set this system property in each node's JVM to the deployed value"
    return _STATES[each["state"]]


def _section(title: str, paint: Paint) -> str:
    return f"\n{paint(title, 'bold')}\n"


def _alike(differences: list[Document]) -> list[Document]:
    """Put the same difference of several nodes into one, where the first node's stands."""
    alike: dict[str, tuple[Document, dict[str, None]]] = {}
    for each in differences:
        rest = repr(sorted((key, value) for key, value in each.items() if key != "node"))
        alike.setdefault(rest, (each, {}))[1][each["node"]] = None
    return [{**each, "node": folding.names([*nodes])} for each, nodes in alike.values()]


def _difference(each: Document) -> str:
    where = f"{each['node']}: {each['path']}" if each["node"] else "all nodes"
    what = f" {visible(each['key'])}" if "key" in each else ""
    change = ""
    if "secret" in each:
        change = " (sensitive value)"
    elif "before" in each and "after" in each:
        before, after = text_view.values(each)
        change = f": {before} -> {after}"
    elif "before" in each or "after" in each:
        before, after = (visible(_short(_named(each.get(k)))) for k in ("before", "after"))
        change = f": {before} -> {after}"
    return f"  {visible(where)}{what}{change}\n"


def _named(value: str | None) -> str:
    return "nothing" if value is None else value or "an empty value"


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."


def _result(document: Document) -> str:
    count = len(document["nodes"])
    nodes = "1 node" if count == 1 else f"{count} nodes"
    if document["plan"] is None:
        return f"Imported {nodes}. The spec has errors, so the import is not verified."
    return _verified(document, nodes) + _restarts(document) + _not_compared(document)


def _restarts(document: Document) -> str:
    """Return whether an apply restarts nodes, and how many at once, as a sentence; empty if none."""
    match document["plan"]["disruption"]:
        case "none":
            return ""
        case _ if len(document["nodes"]) == 1:
            return " The node restarts for these changes: see the plan."
        case "all":
            return " All nodes stop for these changes: see the plan."
        case _:
            return " Nodes restart one by one for these changes: see the plan."


def _not_compared(document: Document) -> str:
    """Return how many secrets were not compared, as a sentence; empty if none."""
    unknown = (each["variable"] for each in document["secrets"] if each["state"] == "unknown")
    count = sum(not name.startswith("$") for name in unknown)  # others are differences
    if not count:
        return ""
    return " 1 secret is not compared." if count == 1 else f" {count} secrets are not compared."


def _verified(document: Document, nodes: str) -> str:
    summary = document["plan"]
    new = summary["create"]
    files = "1 omconf file" if new == 1 else f"{new or 'no'} omconf files"
    if document["proved"]:
        verified = f"Imported {nodes}. Verified: a plan"
        if not (more := summary["update"]):
            return f"{verified} updates and deletes nothing; it adds {files}."
        told = f"{verified} changes and deletes no setting; it adds {files}"
        each = "1 existing file, which it counts as an update"
        several = f"{more} existing files, which it counts as updates"
        return f"{told}, and lines to {each if more == 1 else several}."
    if document["differences"]:
        return f"Imported {nodes}. A plan against the same nodes is not empty: see above."
    if document["complete"]:
        return f"Imported {nodes}. The import is not verified: see the errors above."
    return f"Imported {nodes}. Missing or unreadable settings are not verified: see above."


def _next(document: Document, spec: str) -> str:
    named = f" {shlex.quote(typed(spec))}" if spec else ""
    lines = ["Next:"]
    if any(each["state"] != "equal" for each in document["secrets"]):
        lines.append("  set the secrets above")
    if document["plan"] is None:
        lines.append(f"  fix the errors in the spec: omconf validate{named}")
    lines.append(f"  omconf plan{named} ...   shows what an apply would do")
    lines.append(f"  omconf apply{named} ...  adds omconf's files")
    return "\n".join(lines) + "\n"
