"""A spec compiled: what every verb begins with."""

from __future__ import annotations

import glob
import os
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.diagnostics import Diagnostic, has_errors, in_order
from omconf.rules import NO_SPEC, PLAIN_PROPERTY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.bundle.model import Bundle
    from omconf.cluster.model import Cluster
    from omconf.spec.document import Document


DEFAULT = "cluster.yaml"
"""The spec that is read where none is named."""
OTHERS = ("omconf.yaml", "*.omconf.yaml")
"""What it may be called instead, where only one file is."""
STDIN = "-"
_SERVER = ("storage", "server")
WHICH = "Name the one that is meant."


@dataclass(slots=True)
class Compiled:
    """A spec, as far as it could be compiled: with errors there is no bundle."""

    cluster: Cluster | None = None
    bundle: Bundle | None = None
    diagnostics: list[Diagnostic] = field(default_factory=list)
    document: Document | None = None

    @property
    def file(self) -> str:
        """The path of the spec, for messages; empty where it could not be read."""
        return self.document.file if self.document else ""

    @property
    def failed(self) -> bool:
        """True when nothing may be built from it."""
        return self.bundle is None or has_errors(self.diagnostics)


def compile_spec(path: str) -> Compiled:
    """Read a spec, check it, resolve it, render it, and hold the result against the schemas."""
    return _rendered(check_spec(path))


def compile_text(data: bytes, path: str, beside: Mapping[str, bytes] | None = None) -> Compiled:
    """Compile a spec that was read: `path` is what it is called, `beside` are files beside it."""
    return _rendered(check_text(data, path, beside))


def _rendered(compiled: Compiled) -> Compiled:
    from omconf.bundle.compile import compile_bundle, validate

    if compiled.cluster is not None and not has_errors(compiled.diagnostics):
        compiled.bundle = compile_bundle(compiled.cluster)
        compiled.diagnostics += validate(compiled.bundle)
    return compiled


def check_spec(path: str) -> Compiled:
    """Read a spec and check it alone and as a cluster; nothing is rendered."""
    from omconf.files import read
    from omconf.spec.parse import MAX_BYTES

    if path == DEFAULT and not os.path.exists(path) and len(named := _others()) > 1:
        message = f"There is no {DEFAULT}, and there are {' and '.join(named[:5])}."
        return Compiled(diagnostics=[NO_SPEC.at(None, message, hint=WHICH)])
    try:
        # A pipe too: `omconf validate /dev/stdin`, or of a shell's <(...).
        data = (
            read.standard_input(MAX_BYTES + 1)
            if path == STDIN
            else read.start(path, MAX_BYTES + 1, pipe=True).data
        )
    except OSError as error:
        hint = _instead(path) if isinstance(error, FileNotFoundError) else ""
        found = NO_SPEC.at(None, f"{error.strerror}.", hint=hint, path=path)
        return Compiled(diagnostics=[found])
    return check_text(data, path)


def default_spec() -> str:
    """Return the spec that is read where none is named: `DEFAULT`, or the only one of `OTHERS`."""
    named = [] if os.path.exists(DEFAULT) else _others()
    return named[0] if len(named) == 1 else DEFAULT


def _others() -> list[str]:
    return sorted(glob.glob(OTHERS[0]) + glob.glob(OTHERS[1]))


def _instead(path: str) -> str:
    """Advise on a spec that is not there: one with YAML's other suffix, or a new one."""
    stem, suffix = os.path.splitext(path)
    same = stem + {".yaml": ".yml", ".yml": ".yaml"}.get(suffix, suffix)
    others = _others() if path == DEFAULT else []
    if other := next((name for name in (same, *others) if os.path.exists(name)), None):
        return f"Name {other}, which exists, or rename it to {path}."
    return "`omconf init` writes a spec to start from."


def check_text(data: bytes, path: str, beside: Mapping[str, bytes] | None = None) -> Compiled:
    """Check a spec that was read; see `compile_text`."""
    from omconf.check import check
    from omconf.check.premature import held_back
    from omconf.cluster.resolve import resolve
    from omconf.spec.load import load

    base = str(Path(path).parent)
    loaded = load(data, path)
    if loaded.spec is None:
        return Compiled(diagnostics=loaded.diagnostics, document=loaded.document)
    cluster, found_here = resolve(loaded.document, loaded.spec, base, beside)
    unresolved = has_errors(found_here)
    left_out = list(loaded.left_out)
    if any(d.span == loaded.document.span(_SERVER) for d in found_here):
        left_out.append(_SERVER)
    if cluster is not None:
        found_here += check(cluster)
    diagnostics = loaded.diagnostics + _new(loaded.document, loaded.diagnostics, found_here)
    if cluster is not None and cluster.ignores:
        # With the right value instead of a stand-in, an `ignore` may have its finding.
        diagnostics = _silenced(loaded.document, cluster, diagnostics, whole=not loaded.stood_in)
    diagnostics = held_back(loaded.document, diagnostics, left_out)
    # What was resolved with errors, or with stand-ins, is no cluster that exists.
    usable = None if unresolved or loaded.stood_in else cluster
    return Compiled(usable, diagnostics=in_order(diagnostics), document=loaded.document)


def _silenced(
    document: Document, cluster: Cluster, found: list[Diagnostic], *, whole: bool
) -> list[Diagnostic]:
    """Return the findings in the spec that its `ignore` leaves; `whole` if these are all."""
    from omconf.check import ignored
    from omconf.rules import WRONG_VALUE, all_rules

    rules = all_rules()
    unknown = [
        WRONG_VALUE.at(
            i.rule.span, f"There is no rule `{i.rule.value}`.", hint="`omconf rules` lists all."
        )
        for i in cluster.ignores
        if i.rule.value not in rules
    ]
    known = [i for i in cluster.ignores if i.rule.value in rules]
    left = [*unknown, *ignored.silence(found, known, lambda i: whole and ignored.in_spec(i))]
    shown = {id(d) for d in found}
    return [
        d.shown_with(document.source(d.span.line)) if d.span and id(d) not in shown else d
        for d in left
    ]


def _new(document: Document, known: list[Diagnostic], found: list[Diagnostic]) -> list[Diagnostic]:
    """Of later findings, those that say something new: one a place and rule, none where one was."""
    places = {d.span for d in known if d.is_error}
    seen: set[tuple[str, object]] = set()
    result = []
    for d in found:
        span = d.span
        if span and (span in places or (d.rule.id, span) in seen):
            continue
        if span is None or span.file != document.file:
            result.append(d)
            continue
        seen.add((d.rule.id, span))
        if d.rule is PLAIN_PROPERTY:
            document.masked.add((span.line, span.line))
            # Where the secret ends says how long it is.
            d = replace(d, span=replace(span, end_line=span.line, end_column=span.column + 1))  # noqa: PLW2901
        result.append(d.shown_with(document.source(span.line)))
    return result
