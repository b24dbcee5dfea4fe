"""Applies a plan's mask to the texts of a finished document: the last thing that is done to one.

What a text may show depends on where it stands; plan/mask.py knows the values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omconf.plan.mask import Mask

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
        "role",
        "rule",
        "scope",
        "secret",
        "severity",
        "status",
    }
)
"""Keys whose values are omconf's own words. What a plan is bound to is names and digests."""
_SPECIAL = frozenset({"before", "key", "message", "path"})
"""Keys whose values are, or may be, texts of deployed files, and paths, which stay absolute."""


def mask_document(document: dict[str, Any], mask: Mask | None) -> dict[str, Any]:
    """Hide the values of secrets in all texts of a new document; modifies and returns it."""
    if mask is not None:
        _mapping(document, mask)
    return document


def _mapping(found: dict[str, Any], mask: Mask) -> None:
    text, special = mask.text, _SPECIAL
    for key, value in found.items():
        if type(value) is str:
            if key in special:
                found[key] = _special(found, key, value, mask)
            elif key not in _FIXED:
                found[key] = text(value)
        elif value and key not in _FIXED:
            _inside(value, mask)


def _inside(found: object, mask: Mask) -> None:
    if type(found) is dict:
        _mapping(found, mask)
    elif type(found) is list:
        if type(found[0]) is str:
            found[:] = map(mask.text, found)
        else:
            for value in found:
                _inside(value, mask)


def _special(of: dict[str, Any], key: str, value: str, mask: Mask) -> str:
    match key:
        case "message":
            return mask.message(value)
        case "path" if value.startswith("/"):
            return "/" + mask.text(value[1:])
        case "before":
            return mask.value(value)
        case "key" if of.get("action") == "delete":
            return mask.value(value)
        case _:
            return mask.text(value)
