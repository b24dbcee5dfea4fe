"""Loads a spec: turns its text into a validated model, and every error into a diagnostic."""

from __future__ import annotations

from dataclasses import field
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from omconf.dataclass import dataclass
from omconf.diagnostics import Diagnostic, in_order
from omconf.rules import LIMIT, UNKNOWN_KEY, WRONG_VALUE
from omconf.spec import constraints, errors, keys, members
from omconf.spec.document import MAX_FOUND, Document, Path, enough
from omconf.spec.models import Spec
from omconf.spec.parse import parse

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


MAX_NODES = 10_000
"""More nodes than any OpenMeetings cluster; a bound for hostile files."""

PLAN = (
    "`omconf show FILE` prints a saved plan; `omconf apply FILE`, without --ssh, --ansible or --local,"
    " carries it out."
)
_STAND_INS: dict[Path, Any] = {
    ("omconf",): 1,
    ("cluster",): "conference",
    ("openmeetings", "release"): "9.1.0",
    ("database", "kind"): "postgresql",
    ("database", "host"): "192.0.2.1",
    ("database", "user"): "openmeetings",
    ("database", "password"): {"env": "OM_DB_PASSWORD"},
}
"""Correct values with which a spec is checked further if its own are missing or wrong."""


@dataclass(slots=True)
class Loaded:
    """A loaded spec file; `spec` is None if its errors leave nothing to resolve."""

    document: Document
    spec: Spec | None
    diagnostics: list[Diagnostic] = field(default_factory=list)
    left_out: tuple[Path, ...] = ()
    """Paths missing from the spec because their value is wrong or their key is misspelled."""
    stood_in: bool = False
    """True if the spec has stand-ins for required values: it may only be checked."""


def load(data: bytes, file: str) -> Loaded:
    """Read a spec from a file's bytes; diagnostics show the file's name."""
    document, diagnostics = parse(data, file)
    if document.data is None and diagnostics:
        return Loaded(document, None, diagnostics)
    if not isinstance(document.data, dict):
        empty = document.data is None  # of `---` alone, the value stands behind the last line
        found = WRONG_VALUE.at(
            document.at(1, 1) if empty else document.span(()),
            "The spec must be a mapping of keys.",
            hint="Start with `omconf: 1`, or run `omconf init` to create a spec.",
        )
        return _finished(document, None, [*diagnostics, found])
    if "format_version" in document.data and "omconf" not in document.data:
        place = document.key_span(("format_version",))
        message = "This is a document that omconf wrote, such as a saved plan, not a spec."
        found = UNKNOWN_KEY.at(place, message, hint=PLAN)
        return _finished(document, None, [*diagnostics, found])
    nodes = document.data.get("nodes")
    if isinstance(nodes, dict) and len(nodes) > MAX_NODES:
        found = LIMIT.at(
            document.key_span(("nodes",)),
            f"The spec has {len(nodes):,} nodes; at most {MAX_NODES:,} are allowed.",
            hint="Write one spec per cluster.",
        )
        return _finished(document, None, [*diagnostics, found])
    spec, details, stood_in = _validate(document.data)
    misspelt = {keys.intended(tuple(e["loc"])) for e in details if e["type"] == "extra_forbidden"}
    found_here = chain(
        errors.translate(document, details, misspelt),
        constraints.nodes(document, misspelt),
        constraints.storage(document, misspelt),
        members.check(document),
    )
    diagnostics += islice(found_here, MAX_FOUND)
    if len(diagnostics) >= MAX_FOUND:
        last = in_order(diagnostics)[-1].span
        return _finished(document, None, [*diagnostics, enough(last)])
    if spec and not all(constraints.is_complete(spec, name) for name in spec.nodes):
        spec = None  # without its wrong values, a node lacks an address or a URL
    finished = _finished(document, spec, diagnostics)
    finished.stood_in = bool(stood_in)
    finished.left_out = (
        *stood_in,
        *document.skipped,
        *(tuple(e["loc"]) for e in details),
        *filter(None, misspelt),
    )
    return finished


def _finished(document: Document, spec: Spec | None, diagnostics: list[Diagnostic]) -> Loaded:
    shown = [d.shown_with(document.source(d.span.line)) if d.span else d for d in diagnostics]
    return Loaded(document, spec, in_order(shown))


_HOSTS = ("database", "host")


def _validate(data: dict[str, Any]) -> tuple[Spec | None, list[ErrorDetails], set[Path]]:
    """Validate the data; if it makes sense without the wrong parts, the rest is still resolved.

    Also returns the required values that have a stand-in.
    """
    try:
        return Spec.model_validate(data), [], set()
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    for found in details:
        if found["loc"][:2] == _HOSTS != found["loc"] and not isinstance(
            data["database"]["host"], list
        ):
            found["loc"] = _HOSTS  # one host, not a list
    if len(details) > MAX_FOUND:
        return None, details[:MAX_FOUND], set()
    rest = data
    stood_in: set[Path] = set()
    for found in details:
        path = tuple(part for part in found["loc"] if part != "[key]")
        if path[:2] in _STAND_INS:
            stood_in.add(path[:2])
        elif found["type"] == "missing":
            return None, details, set()
        rest = _without(rest, path)
    for path in stood_in:
        rest = _with(rest, path, _STAND_INS[path])
    try:
        return Spec.model_validate(rest), details, stood_in
    except ValidationError:
        return None, details, set()


def _without(data: Any, path: Path) -> Any:
    """Copy the mappings on a path without the key at its end (of a list, the whole list)."""
    key = path[0]
    if not isinstance(data, dict) or key not in data:
        return data
    copy = dict(data)
    if len(path) > 1 and isinstance(copy[key], dict):
        copy[key] = _without(copy[key], path[1:])
    else:
        del copy[key]
    return copy


def _with(data: Any, path: Path, value: Any) -> Any:
    """Copy the mappings on a path, and set its end; all of them are there."""
    key, *inner = path
    return {**data, key: _with(data[key], tuple(inner), value) if inner else value}
