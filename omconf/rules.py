"""All rules of omconf, found where they are declared."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import omconf
from omconf.diagnostics import Rule


def all_rules() -> dict[str, Rule]:
    """Collect the rules by id, in the order of their ids; each is declared in one module only.

    Raises ValueError when two rules share an id.
    """
    found: dict[str, Rule] = {}
    for module in pkgutil.walk_packages(omconf.__path__, "omconf."):
        if module.name.endswith("__main__"):
            continue
        for value in vars(import_module(module.name)).values():
            if isinstance(value, Rule) and found.setdefault(value.id, value) is not value:
                raise ValueError(f"two rules are called {value.id}")
    return dict(sorted(found.items()))
