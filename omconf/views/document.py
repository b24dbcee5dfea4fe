"""The versioned JSON documents. Every other view is drawn from them, so the two cannot part."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from omconf.formats import utf8
from omconf.formats.node_check import Status
from omconf.plan.model import Action
from omconf.rollout import document as steps
from omconf.views.mask_document import mask_document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omconf.diagnostics import Diagnostic
    from omconf.formats.node_check import Check
    from omconf.plan.model import ArtifactChange, ItemChange, Plan
    from omconf.topology.model import Box, Topology
    from omconf.verify.model import NodeReport, Verification

FORMAT_VERSION = "1.0"
PLAN_VERSION = "2.0"

Document = dict[str, Any]


def of_diagnostics(diagnostics: Iterable[Diagnostic]) -> Document:
    """The document of `omconf validate`."""
    found = [diagnostic(d) for d in diagnostics]
    count = Counter(d["severity"] for d in found)
    return {
        "format_version": FORMAT_VERSION,
        "valid": count["error"] == 0,
        "summary": {"errors": count["error"], "warnings": count["warning"]},
        "diagnostics": found,
    }


def diagnostic(d: Diagnostic) -> Document:
    """One finding; `path` is the spec's or, with `node`, the deployed file's."""
    result: Document = {"rule": d.rule.id, "severity": str(d.severity)}
    if d.node is not None:
        result["node"] = d.node
    path = d.path if d.path is not None else d.span.file if d.span else None
    if path:
        result["path"] = path
    if d.span:
        result["line"] = d.span.line
        if d.path is None:
            result["column"] = d.span.column
            result["end_line"] = d.span.end_line
            result["end_column"] = d.span.end_column
    result["message"] = utf8.replaced(d.message)
    if d.hint:
        result["hint"] = utf8.replaced(d.hint)
    if d.source is not None:
        result["source"] = d.source
    return result


def of_plan(plan: Plan) -> Document:
    """The document of `omconf plan`; no value of a secret that was read for it is in it."""
    return mask_document(_plan(plan), plan.mask)


def _plan(plan: Plan) -> Document:
    count = Counter(str(change.action) for change in plan.changes)
    touched = {change.node for change in plan.changes if plan.counts(change.action)}
    return {
        "format_version": PLAN_VERSION,
        "cluster": plan.cluster,
        "source": {"kind": plan.source, **plan.options, "nodes": list(plan.nodes)},
        "has_changes": plan.has_changes,
        "complete": plan.complete,
        "summary": {
            **{action: count[action] for action in ("create", "update", "delete", "reformat")},
            "nodes_changed": len(touched),
            "nodes": len(plan.nodes),
            "disruption": str(plan.rollout.disruption),
        },
        "changes": [_change(change) for change in plan.changes],
        "rollout": [steps.step(n, step) for n, step in enumerate(plan.rollout.steps, 1)],
        "secrets": [
            {"node": s.node, "path": s.path, "key": utf8.replaced(s.key), "secret": str(s.state)}
            for s in plan.secrets
        ],
        "diagnostics": [diagnostic(d) for d in plan.diagnostics],
        **({"topology": _topology(plan.topology)} if plan.topology else {}),
    }


def _topology(topology: Topology) -> Document:
    return {
        "discovery": topology.discovery,
        "nodes": [_box(box) for box in topology.nodes],
        "servers": [{**_box(box), "role": str(box.role)} for box in topology.servers],
        "links": [
            {
                "nodes": list(link.nodes),
                "server": link.server,
                "label": link.label,
                "runs": link.runs,
            }
            for link in topology.links
        ],
    }


def _box(box: Box) -> Document:
    return {"title": box.title, "lines": list(box.lines)}


def of_saved_plan(plan: Plan) -> Document:
    """The document of a plan with what it is bound to: digests, and references of secrets.

    Of a command only the program is named: its arguments may be anything.
    """
    bound = plan.binding
    document = of_plan(plan)
    if bound is not None:
        document["binding"] = {
            **({"folder": bound.folder} if bound.folder else {}),
            "spec": {"path": bound.spec, "sha256": bound.spec_digest},
            "bundle": {"sha256": bound.bundle_digest},
            "strict_format": plan.strict,
            "deployed": {node: dict(files) for node, files in bound.deployed.items()},
            "secrets": {
                name: {ref.source: utf8.replaced(ref.argument[0])}
                for name, ref in bound.secrets.items()
            },
        }
    return document


def no_plan(diagnostics: Iterable[Diagnostic]) -> Document:
    """The document of a plan that could not be made: complete as JSON, with the reasons."""
    counts = ("create", "update", "delete", "reformat", "nodes_changed", "nodes")
    summary = {**dict.fromkeys(counts, 0), "disruption": "none"}
    return {
        "format_version": PLAN_VERSION,
        "cluster": None,
        "source": None,
        "has_changes": False,
        "complete": False,
        "summary": summary,
        "changes": [],
        "rollout": [],
        "secrets": [],
        "diagnostics": [diagnostic(d) for d in diagnostics],
    }


def of_verification(found: Verification, diagnostics: Iterable[Diagnostic] = ()) -> Document:
    """The document of `omconf verify`."""
    count = Counter(str(check.status) for check in found.checks)
    return {
        "format_version": FORMAT_VERSION,
        "cluster": found.cluster,
        "source": {"kind": found.source},
        "healthy": found.healthy,
        "complete": found.complete,
        "summary": {
            **{status: count[status] for status in map(str, Status)},
            "nodes": len(found.nodes),
            "unreachable": sum(bool(node.problem) for node in found.nodes),
        },
        "nodes": [_node(node) for node in found.nodes],
        "together": [_check(check) for check in found.together],
        "diagnostics": [diagnostic(d) for d in diagnostics],
    }


def no_verification(diagnostics: Iterable[Diagnostic]) -> Document:
    """The document of a verification that could not be made, with the reasons."""
    return {
        "format_version": FORMAT_VERSION,
        "cluster": None,
        "source": None,
        "healthy": False,
        "complete": False,
        "summary": dict.fromkeys((*map(str, Status), "nodes", "unreachable"), 0),
        "nodes": [],
        "together": [],
        "diagnostics": [diagnostic(d) for d in diagnostics],
    }


def _node(report: NodeReport) -> Document:
    result: Document = {"node": report.node, "reached": not report.problem}
    if report.problem:
        result["problem"] = utf8.replaced(report.problem)
    if report.hint:
        result["hint"] = report.hint
    result["checks"] = [_check(check) for check in report.checks]
    seen = report.members
    result["members"] = seen and {
        "sees": list(seen.sees),
        "misses": list(seen.misses),
        "strangers": list(seen.strangers),
    }
    return result


def _check(check: Check) -> Document:
    return {"check": check.name, "status": str(check.status), "text": check.text}


def _change(change: ArtifactChange) -> Document:
    result: Document = {
        "node": change.node,
        "path": change.path,
        "kind": change.kind,
        "ownership": change.ownership,
        "action": str(change.action),
        "items": [_item(item) for item in change.items],
        "digests": {"before": change.before, "after": change.after},
    }
    if change.effect and change.action is not Action.REFORMAT:
        e = change.effect
        result["effect"] = {
            "action": e.action,
            "scope": e.scope,
            "rolling": e.rolling,
            "why": e.why,
        }
        deciding = set(e.decided_by)
        keys = [utf8.replaced(item.key) for item in change.items if item.key in deciding]
        if keys and (not e.rolling or len(keys) < len(change.items)):
            result["effect"]["decided_by"] = keys
    if change.notes:
        result["notes"] = [utf8.replaced(note) for note in change.notes]
    if change.cause:
        result["cause"] = str(change.cause)
    return result


def _item(item: ItemChange) -> Document:
    result: Document = {"key": utf8.replaced(item.key), "action": str(item.action)}
    if item.secret is not None:
        result["secret"] = str(item.secret)
    else:
        if item.before is not None:
            result["before"] = utf8.replaced(item.before)
        if item.after is not None:
            result["after"] = utf8.replaced(item.after)
    if item.hint:
        result["hint"] = item.hint
    if item.cause:
        result["cause"] = str(item.cause)
    return result
