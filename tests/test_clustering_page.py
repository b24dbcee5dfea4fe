"""docs/clustering-page.md: every entry names something that is there, and no step is left out."""

from __future__ import annotations

import inspect
import re
from importlib import import_module

from omconf.artifacts import kinds, node_check
from omconf.origin import FromPage
from omconf.rules import all_rules
from omconf.spec.models import Spec
from omconf.spec.models.node import Node
from omconf.spec.models.section import Section, section_of
from omconf.verify import combine
from tests.command import ROOT

PAGE = (ROOT / "docs/clustering-page.md").read_text()
ROWS = [
    (step.strip(), entries)
    for step, entries in re.findall(r"^\| ([^|*]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
    if ":" in step
]


def named(what: str) -> set[str]:
    return set(re.findall(rf"{what} `([^`]+)`", PAGE))


def keys(model: type[Section] = Spec, prefix: str = "") -> set[str]:
    found = set()
    for name, info in model.model_fields.items():
        found.add(prefix + name)
        child = section_of(info)
        if child:
            found |= keys(child, f"{prefix}{name}.")
    return found | {f"nodes.{key}" for key in (Node.model_fields if not prefix else ())}


def test_every_row_has_entries() -> None:
    assert len(ROWS) > 20
    for step, entries in ROWS:
        assert re.search(r"(artifact|rule|check|key) `", entries), step


def test_entries_point_at_something() -> None:
    assert named("artifact") <= {kind.name for kind in kinds()}
    assert named("rule") <= set(all_rules())
    assert named("key") <= keys()


def test_checks_are_made() -> None:
    program = node_check.TEXT.read_text()
    made = set(re.findall(r"\b(?:say (?:ok|fail|unknown)|check_ports) ([a-z-]+)", program))
    together = inspect.getsource(combine)
    made |= set(re.findall(r'Check\(Status\.\w+, "([a-z-]+)"', together))
    assert named("check") <= made


def test_every_kind_is_on_the_page() -> None:
    helpers = {"node_check"}  # what runs the checks
    assert named("artifact") == {kind.name for kind in kinds()} - helpers


def test_every_step_that_a_bundle_names_is_on_the_page() -> None:
    steps = {
        value.step
        for kind in kinds()
        for value in vars(import_module(type(kind).__module__)).values()
        if isinstance(value, FromPage)
    }
    assert steps
    assert steps <= {step for step, _ in ROWS}
