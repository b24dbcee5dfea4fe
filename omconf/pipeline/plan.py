"""The rooms of `omconf plan` put together: bundle, deployed files, plan, its file."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omconf.dataclass import dataclass
from omconf.diagnostics import Diagnostic, Severity, in_order
from omconf.pipeline import nodes as by_name
from omconf.pipeline.bundle_secrets import secrets_of, unresolved

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from omconf.deployed.snapshot import Snapshot, Source
    from omconf.pipeline.compiled import Compiled
    from omconf.plan.model import Plan
    from omconf.secret_sources import Secrets
    from omconf.secrets import Secret


@dataclass(frozen=True, slots=True)
class Made:
    """A plan, and what it was made from."""

    plan: Plan
    snapshot: Snapshot
    secrets: Secrets


def plan(
    compiled: Compiled,
    source: Source,
    *,
    base: Source | None = None,
    only: Collection[str] = (),
    strict: bool = False,
    require_secrets: bool = False,
    saved_as: str | None = None,
) -> Plan | list[Diagnostic]:
    """Plan the compiled cluster against what a source holds; save the plan if requested."""
    made = make(
        compiled,
        source,
        base=base,
        only=only,
        strict=strict,
        require_secrets=require_secrets,
        bound=saved_as is not None,
    )
    if isinstance(made, list):
        return made
    return made.plan if saved_as is None else _saved(made.plan, saved_as)


def make(
    compiled: Compiled,
    source: Source,
    *,
    base: Source | None = None,
    only: Collection[str] = (),
    strict: bool = False,
    require_secrets: bool = False,
    bound: bool = False,
    further: Callable[[str], tuple[str, ...]] | None = None,
    known: Mapping[str, Secret] | None = None,
) -> Made | list[Diagnostic]:
    """Plan the compiled cluster against what a source holds; `bound` to what it was made from.

    `base` is what was deployed last, where that is known from elsewhere: it tells a change of the
    spec from one made by hand. `further` names, for a cluster, more files around to be read.
    `known` are secrets by the names of their places, which are not read then.
    """
    from omconf.check.ignored import in_spec, silence
    from omconf.plan.compare import compare
    from omconf.plan.requests import requests

    cluster, bundle, spec = compiled.cluster, compiled.bundle, compiled.document
    if cluster is None or bundle is None or spec is None:
        return compiled.diagnostics
    if unknown := by_name.unknown(cluster, only):
        return unknown
    asked = requests(cluster, only, further(cluster.name.value) if further else ())
    snapshot = source.read(asked, whole=not only)
    before = base.read(asked, whole=not only) if base else None
    for failed in (snapshot, before):
        if isinstance(failed, Diagnostic):
            return in_order([*compiled.diagnostics, failed])
    assert not isinstance(snapshot, Diagnostic)  # noqa: S101 - for the type checker
    assert not isinstance(before, Diagnostic)  # noqa: S101
    secrets = secrets_of(bundle, known)
    made = compare(cluster, bundle, snapshot, secrets, base=before, strict=strict)
    severity = Severity.ERROR if require_secrets else Severity.WARNING
    read = (*snapshot.findings, *(before.findings if before else ()))
    found = [*read, *made.diagnostics, *unresolved(secrets, severity, spec)]
    whole = made.complete and not only
    found = silence(found, cluster.ignores, lambda i: whole and not in_spec(i))
    made = replace(made, diagnostics=tuple(in_order((*compiled.diagnostics, *found))))
    if bound:
        from omconf.plan.binding import bind

        binding = bind((spec.file, spec.text), cluster, bundle, snapshot, made)
        made = replace(made, binding=binding)
    return Made(made, snapshot, secrets)


def _saved(plan: Plan, path: str) -> Plan:
    """Save a plan; the one that is returned says so when that failed."""
    from omconf.planfile import store
    from omconf.views import document

    if plan.binding is not None:
        plan = replace(plan, binding=replace(plan.binding, folder=_above(path)))
    failed = store.write(path, document.of_saved_plan(plan))
    return replace(plan, diagnostics=(*plan.diagnostics, failed)) if failed else plan


def _above(path: str) -> str:
    """Return the current folder relative to the file's (`../..`); empty if the file is not below."""
    found = os.path.relpath(".", os.path.realpath(os.path.dirname(path)))
    return found if set(found.split("/")) <= {".", ".."} else ""


def saved(path: str) -> dict[str, Any] | Diagnostic:
    """Read a saved plan, as the document that the views draw from."""
    from omconf.planfile import store

    document = store.read(path)
    if isinstance(document, dict):
        document.pop("binding", None)  # which is `apply`'s business, and nobody's to look at
    return document


def save_page(path: str, document: dict[str, Any]) -> Diagnostic | None:
    """Write the page of a plan's document; gives OM330 for what is in the way."""
    from omconf.planfile import place
    from omconf.views import html

    page = html.plan(document).encode()
    return place.put(path, page, start=html.START, what="page of a plan")
