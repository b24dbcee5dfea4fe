"""The artifact kinds: each other module or package in here is a kind, found by itself."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omconf.artifacts.model import Kind


_NO_KINDS = ("contents", "effect", "model", "reading")
"""Modules that the kinds are made of."""


@cache
def kinds() -> tuple[Kind, ...]:
    """Return every kind: the `KIND` of each module here, ordered by the kinds' names."""
    names = [m.name for m in pkgutil.iter_modules(__path__) if m.name not in _NO_KINDS]
    found: list[Kind] = [import_module(f"{__name__}.{name}").KIND for name in names]
    return tuple(sorted(found, key=lambda kind: kind.name))


@cache
def by_name() -> dict[str, Kind]:
    """Return every kind by its name."""
    return {kind.name: kind for kind in kinds()}
