"""`ignore:` in the spec: warnings that are known and accepted, each with the reason why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.rules import POINTLESS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from omconf.cluster.model import Ignore
    from omconf.diagnostics import Diagnostic


def in_spec(ignore: Ignore) -> bool:
    """Tell whether a rule is about the spec; those from OM300 on are about what is deployed."""
    return ignore.rule.value < "OM3"


def silence(
    found: Iterable[Diagnostic], ignores: Iterable[Ignore], applies: Callable[[Ignore], bool]
) -> list[Diagnostic]:
    """Leave out the warnings that are ignored; errors stay.

    An ignore that silences nothing is a warning itself, where `applies` says that it could have.
    """
    found = list(found)
    kept = found
    for ignore in ignores:
        matching = {id(d) for d in found if _matches(ignore, d)}
        silenced = {id(d) for d in found if id(d) in matching and not d.is_error}
        kept = [d for d in kept if id(d) not in silenced]
        if not silenced and applies(ignore):
            kept.append(_pointless(ignore, found, error=bool(matching)))
    return kept


def _pointless(ignore: Ignore, found: list[Diagnostic], *, error: bool) -> Diagnostic:
    """Report an entry of `ignore` that matches no finding; the hint corrects it."""
    rule = ignore.rule.value
    others = [d for d in found if d.rule.id == rule and not d.is_error]
    elsewhere = next((d for d in others if _is_of(ignore, d)), next(iter(others), None))
    if error:
        message, hint = f"`{rule}` is an error in this spec.", "Only warnings can be ignored."
    elif elsewhere and ignore.node and not ignore.path:
        message = f"There is an `{rule}`, but not for `{ignore.node.value}`."
        node = elsewhere.node
        hint = f"Write `node: {node}`." if node else "Remove `node`, or name another node."
    elif elsewhere and ignore.path and _is_of(ignore, elsewhere):
        message = f"There is an `{rule}`, but not for `{ignore.path.value[:80]}`."
        path = elsewhere.path
        hint = f"Write `path: {path}`." if path else "Remove `path`."
    else:
        message, hint = f"There is no `{rule}` to ignore.", "Remove it."
    return POINTLESS.at(ignore.rule.span, message, hint=hint)


def _matches(ignore: Ignore, d: Diagnostic) -> bool:
    if d.rule.id != ignore.rule.value:
        return False
    if ignore.path and d.path != ignore.path.value:
        return False
    return _is_of(ignore, d)


def _is_of(ignore: Ignore, d: Diagnostic) -> bool:
    """Tell whether a finding is of the node that an entry names, if it names one."""
    if ignore.node is None or d.node == ignore.node.value:
        return True
    # A finding in the spec is a node's when it stands in what the spec says of the node.
    place = ignore.place
    return bool(
        place
        and d.span
        and d.span.file == place.file
        and (place.line, place.column) <= (d.span.line, d.span.column)
        and (d.span.line, d.span.column) < (place.end_line, place.end_column)
    )
