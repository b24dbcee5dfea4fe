"""The artifact kinds, one module each; a new module in this package is a new kind."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omconf.artifacts.model import Kind


_NO_KINDS = ("effect", "model")
"""What the kinds are made of."""


@cache
def kinds() -> tuple[Kind, ...]:
    """Find every kind: each other module here has one as `KIND`."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in _NO_KINDS)
    return tuple(import_module(f"{__name__}.{name}").KIND for name in names)


@cache
def by_name() -> dict[str, Kind]:
    """Give every kind by its name."""
    return {kind.name: kind for kind in kinds()}
