"""The rooms put together: spec, cluster, bundle, deployed files, plan. Nothing else joins them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from omconf.diagnostics import PLAIN_PROPERTY, Diagnostic, Rule, Severity, has_errors, in_order

if TYPE_CHECKING:
    from collections.abc import Collection

    from omconf.bundle.directory import Checked
    from omconf.bundle.model import Bundle
    from omconf.bundle.writer import Written
    from omconf.cluster.model import Cluster
    from omconf.plan.model import Plan
    from omconf.secrets import Secrets
    from omconf.spec.document import Document

NO_SPEC = Rule("OM100", Severity.ERROR, "the spec file cannot be read")
UNKNOWN_NODE = Rule("OM303", Severity.ERROR, "a node that the spec does not have")
NOTHING_THERE = Rule("OM305", Severity.WARNING, "a deployed directory without any node's folder")
NO_SECRET = Rule("OM322", Severity.WARNING, "a secret that cannot be read now")
IN_GIT = Rule("OM406", Severity.ERROR, "secrets would be written into a git work tree")


@dataclass(slots=True)
class Compiled:
    """A spec, as far as it could be compiled: with errors there is no bundle."""

    cluster: Cluster | None = None
    bundle: Bundle | None = None
    diagnostics: list[Diagnostic] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """True when nothing may be built from it."""
        return self.bundle is None or has_errors(self.diagnostics)


def compile_spec(path: str) -> Compiled:
    """Read a spec, check it, resolve it, render it, and hold the result against the schemas."""
    from omconf.bundle.compile import compile_bundle, judge

    compiled = check_spec(path)
    if compiled.cluster is not None and not has_errors(compiled.diagnostics):
        compiled.bundle = compile_bundle(compiled.cluster)
        compiled.diagnostics += judge(compiled.bundle)
    return compiled


def check_spec(path: str) -> Compiled:
    """Read a spec and check it alone and as a cluster; nothing is rendered."""
    from omconf.check.rules import check
    from omconf.cluster.resolve import resolve
    from omconf.spec.load import load

    try:
        data = Path(path).read_bytes()
    except OSError as error:
        hint = (
            "`omconf init` writes a spec to start from."
            if isinstance(error, FileNotFoundError)
            else ""
        )
        found = NO_SPEC.at(None, f"{path}: {error.strerror}.", hint=hint)
        return Compiled(diagnostics=[found])
    loaded = load(data, path)
    if loaded.spec is None:
        return Compiled(diagnostics=loaded.diagnostics)
    cluster, found_here = resolve(loaded.document, loaded.spec, str(Path(path).parent))
    if cluster is not None:
        found_here += check(cluster)
    diagnostics = loaded.diagnostics + _new(loaded.document, loaded.diagnostics, found_here)
    return Compiled(cluster, diagnostics=in_order(diagnostics))


def _new(document: Document, known: list[Diagnostic], found: list[Diagnostic]) -> list[Diagnostic]:
    """Of later findings, those that say something new: one a place and rule, none where one was."""
    places = {d.span for d in known if d.is_error}
    seen: set[tuple[str, object]] = set()
    result = []
    for d in found:
        if (d.span and d.span in places) or (d.span and (d.rule.id, d.span) in seen):
            continue
        seen.add((d.rule.id, d.span))
        if d.rule is PLAIN_PROPERTY and d.span:
            document.masked.add(d.span.line)
            # Where the secret ends says how long it is.
            d = replace(d, span=replace(d.span, end_column=d.span.column + 1))  # noqa: PLW2901
        result.append(d.shown_with(document.source(d.span.line) if d.span else None))
    return result


def authority(bundle: Bundle) -> list[Diagnostic]:
    """Hold every compiled XML file against xmlschema itself, whatever libxml2 says."""
    from omconf.bundle.compile import judge

    return judge(bundle, authority=True)


def secrets_of(bundle: Bundle) -> Secrets:
    """The secrets that the bundle has places for."""
    from omconf.secrets import Secrets

    return Secrets(
        {p.name: p.ref for n in bundle.nodes for a in n.artifacts for p in a.placeholders}
    )


def write_bundle(bundle: Bundle, directory: str) -> Written | list[Diagnostic]:
    """Write the bundle directory, secrets as placeholders."""
    from omconf.bundle.compile import files
    from omconf.bundle.writer import write

    return write(files(bundle), Path(directory))


def write_revealed(bundle: Bundle, directory: str) -> Written | list[Diagnostic]:
    """Write a staging copy with the secrets filled in: never inside a git work tree."""
    from omconf.bundle.compile import files
    from omconf.bundle.writer import write
    from omconf.spec.checks import UNQUOTABLE

    inside = _work_tree(Path(directory))
    if inside:
        message = f"{directory} is inside the git work tree {inside}: secrets would be committed."
        return [
            IN_GIT.at(None, message, hint="Choose a folder outside of it, and delete it after use.")
        ]
    secrets = secrets_of(bundle)
    values = secrets.all()
    if secrets.unresolved:
        return unresolved(secrets, Severity.ERROR)
    try:
        contents = files(bundle, values)
    except ValueError as error:
        return [UNQUOTABLE.at(None, f"A secret cannot be written where it belongs: {error}.")]
    return write(contents, Path(directory), private=True)


def _work_tree(directory: Path) -> Path | None:
    """Find the git work tree that a (perhaps not yet existing) folder really lies in."""
    real = Path(os.path.realpath(directory))
    return next((p for p in (real, *real.parents) if os.path.lexists(p / ".git")), None)


def unresolved(secrets: Secrets, severity: Severity) -> list[Diagnostic]:
    """Say which of the secrets that were asked for could not be read, and why."""
    return [
        NO_SECRET.at(None, f"The secret `{name}` cannot be read: {found.why}.", severity=severity)
        for name, found in secrets.unresolved.items()
    ]


def check_directory(bundle: Bundle, directory: str) -> Checked | list[Diagnostic]:
    """Compare the bundle directory with what the spec compiles to; nothing is written."""
    from omconf.bundle.compile import files
    from omconf.bundle.directory import check

    return check(files(bundle), Path(directory))


def sensitive_paths(bundle: Bundle) -> set[str]:
    """The files of the bundle directory that have places for secrets."""
    from omconf.bundle.compile import place

    return {place(n.node, a) for n in bundle.nodes for a in n.artifacts if a.sensitive}


def plan_directory(
    compiled: Compiled,
    directory: str,
    *,
    only: Collection[str] = (),
    strict: bool = False,
    require_secrets: bool = False,
) -> Plan | list[Diagnostic]:
    """Plan the compiled cluster against a directory of deployed trees."""
    from omconf.deployed import directory as source
    from omconf.deployed.snapshot import UNREADABLE
    from omconf.plan.compare import compare, manifests, wanted

    cluster, bundle = compiled.cluster, compiled.bundle
    if cluster is None or bundle is None:
        return compiled.diagnostics
    names = {node.name.value for node in cluster.nodes}
    strangers = sorted(set(only) - names)
    if strangers:
        message = f"The spec has no node {', '.join(f'`{name}`' for name in strangers)}."
        hint = f"Nodes are: {', '.join(sorted(names)[:10])}."
        return [UNKNOWN_NODE.at(None, message, hint=hint)]
    try:
        applied = source.read(directory, manifests(cluster, only))
        snapshot = source.read(directory, wanted(cluster, applied))
    except OSError as error:
        message = f"The deployed directory {directory} cannot be read: {error.strerror}."
        hint = "It holds a folder for each node, which is that node's root tree."
        return [UNREADABLE.at(None, message, hint=hint)]
    nowhere: list[Diagnostic] = []
    if not any((Path(directory) / name).is_dir() for name in snapshot.nodes):
        message = f"{directory} holds no folder of any node: everything is taken for new."
        hint = "A node's folder is called by its name, and is its root tree."
        nowhere = [NOTHING_THERE.at(None, message, hint=hint)]
    secrets = secrets_of(bundle)
    plan = compare(cluster, bundle, snapshot, secrets, strict=strict)
    severity = Severity.ERROR if require_secrets else Severity.WARNING
    said = (*compiled.diagnostics, *nowhere, *plan.diagnostics, *unresolved(secrets, severity))
    return replace(plan, diagnostics=tuple(in_order(said)))
