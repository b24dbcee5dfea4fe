"""All rules of omconf, found where they are declared, and the page of each."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import omconf
from omconf.bundle.locate import NOT_FOUND
from omconf.diagnostics import Diagnostic, Rule
from omconf.resources import rule_page


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


def page(name: str) -> tuple[Rule, str] | Diagnostic:
    """Return the rule that a user names (`OM221`, `om221`, `221`), and its page in Markdown."""
    rules = all_rules()
    number = name.upper().removeprefix("OM")
    rule = rules.get(f"OM{number}")
    if rule is not None:
        return rule, rule_page(rule.id).read_text("utf-8")
    asked = int(number[:9])
    near = sorted(rules.values(), key=lambda rule: abs(int(rule.id[2:]) - asked))[:3]
    named = "; ".join(f"{rule.id}, {rule.title}" for rule in near)
    hint = f"The nearest: {named}. `omconf rules` lists all."
    return NOT_FOUND.at(None, f"There is no rule OM{number}.", hint=hint)
