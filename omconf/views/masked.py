"""A finished document without the values of secrets: the last thing that is done to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from omconf.plan.masking import Mask
    from omconf.views.document import Document

_FIXED = frozenset(
    {
        "action",
        "binding",
        "cause",
        "digests",
        "do",
        "type",
        "who",
        "format_version",
        "kind",
        "ownership",
        "rule",
        "scope",
        "secret",
        "severity",
        "status",
    }
)
"""Keys whose values are omconf's own words. What a plan is bound to is names and digests."""


def masked(document: Document, mask: Mask | None) -> Document:
    """Hide the values of secrets in all texts of a new document, in place; returns it."""
    if mask is not None:
        _mapping(document, mask)
    return document


def _mapping(found: dict[str, Any], mask: Mask) -> None:
    for key, value in found.items():
        if key in _FIXED:
            continue
        if isinstance(value, str):
            found[key] = _text(found, key, value, mask)
        else:
            _inside(value, mask)


def _inside(found: object, mask: Mask) -> None:
    if isinstance(found, dict):
        _mapping(found, mask)
    elif isinstance(found, list):
        for number, value in enumerate(found):
            if isinstance(value, str):
                found[number] = mask.text(value)
            else:
                _inside(value, mask)


def _text(of: Document, key: str, value: str, mask: Mask) -> str:
    hide: Callable[[str], str] = mask.text
    if key == "before" or (key == "key" and of.get("action") == "delete"):
        hide = mask.value
    elif key == "message":
        hide = mask.message
    elif key == "path" and value.startswith("/"):
        return "/" + hide(value[1:])
    return hide(value)
