"""The artifact kinds, one module each; a new module in this package is a new kind."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omconf.artifacts.model import Kind


@cache
def kinds() -> tuple[Kind, ...]:
    """Find every kind: each module here but the model has one as `KIND`."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name != "model")
    return tuple(import_module(f"{__name__}.{name}").KIND for name in names)


@cache
def by_name() -> dict[str, Kind]:
    """Give every kind by its name."""
    return {kind.name: kind for kind in kinds()}
