"""The document of a plan: what is written, described, checked and read back is the same."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Iterator
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from omconf import actions
from omconf.actions import Action, Health, Manual, Put, Remove, Run, Service, Step
from omconf.planfile import model, store
from omconf.rollout import document as steps
from omconf.views import document
from tests.command import ROOT, omconf
from tests.plan.documents import DOCUMENTS_2, STEP_ACTIONS
from tests.rollout.triples import triples

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "schemas/plan.schema.json").read_text())
)
CASE = ROOT / "tests/plan/format1/changes.json"
SAMPLES: list[Action] = [
    Put(("/etc/exports", "/etc/fstab")),
    Remove(("/etc/omconf/conference/check.conf",)),
    Run(("exportfs", "-ra")),
    Service("restart", "openmeetings.service"),
    Service("start", "openmeetings.service", apart=0.5),
    Health(),
    Manual("database", "Let the nodes in.", ("database/pg_hba.conf",), Run(("psql", "-l")), True),
    Manual("admin", "Start OpenMeetings."),
]
"""One action of each type, with all that it may have, and with nothing that it need not."""


def read_back(written: dict[str, Any]) -> dict[str, Any]:
    return model.Plan.model_validate(written).model_dump(exclude_unset=True)


@given(DOCUMENTS_2)
def test_any_document_comes_back_as_it_was(written: dict[str, Any]) -> None:
    SCHEMA.validate(written)
    assert read_back(written) == written


@settings(max_examples=25, deadline=None)
@given(triples().map(lambda triple: document.of_plan(triple.plan(triple.world()))))
def test_the_document_of_any_plan_comes_back_as_it_was(written: dict[str, Any]) -> None:
    SCHEMA.validate(written)
    found = read_back(written)
    assert found == written
    # What `show --json` prints is what `plan --json` printed, to the order of the keys.
    assert json.dumps(found) == json.dumps(written)
    assert store.parse(json.dumps(written).encode(), "plan") == written


def test_no_plan_is_a_document_too() -> None:
    written = document.no_plan([])
    SCHEMA.validate(written)
    assert read_back(written) == written


@pytest.mark.parametrize("action", SAMPLES, ids=lambda action: type(action).__name__)
def test_every_action_can_be_written_and_says_all_that_it_holds(action: Action) -> None:
    written = steps.step(1, Step(("om1",), "why", (action,), (action,)))
    assert model.Step.model_validate(written).model_dump(exclude_unset=True) == written
    (one,), (back,) = written["actions"], written["undo"]
    assert one == back
    assert one["type"] == type(action).__name__.lower()
    for name, value in dataclasses.asdict(action).items():
        if value is None:
            assert name not in one
        elif name == "check":
            assert one[name] == {"type": "run", **json.loads(json.dumps(value))}
        else:
            assert one[name] == (list(value) if isinstance(value, tuple) else value)


def test_no_type_of_action_is_forgotten() -> None:
    types = {kind.__name__ for kind in get_args(actions.Action)}
    assert {type(action).__name__ for action in SAMPLES} == types
    assert {name.capitalize() for name in STEP_ACTIONS} == types
    described = model.schema()["$defs"]["Step"]["properties"]["actions"]["items"]["oneOf"]
    assert {ref["$ref"].rpartition("/")[2] for ref in described} == types


FULL: dict[str, Any] = {
    **document.no_plan([]),
    "cluster": "conference",
    "source": {
        "kind": "local",
        "nodes": ["om1"],
        "node": "om1",
        "root": "/",
        "sudo": True,
        "inventory": "hosts",
    },
    "changes": [
        {
            "node": "om1",
            "path": "/etc/fstab",
            "kind": "fstab",
            "ownership": "block",
            "action": "update",
            "items": [
                {
                    "key": "a",
                    "action": "update",
                    "before": "1",
                    "after": "2",
                    "hint": "h",
                    "cause": "spec",
                },
                {"key": "b", "action": "update", "secret": "different"},
            ],
            "digests": {"before": "absent", "after": "a" * 64},
            "effect": {
                "action": "mount",
                "scope": "node",
                "rolling": True,
                "why": "w",
                "decided_by": ["/a"],
            },
            "notes": ["n"],
            "cause": "drift",
        }
    ],
    "rollout": [steps.step(1, Step(("om1",), "why", tuple(SAMPLES), tuple(SAMPLES)))],
    "secrets": [{"node": "om1", "path": "/x", "key": "password", "secret": "equal"}],
    "diagnostics": [
        {
            "rule": "OM301",
            "severity": "error",
            "node": "om1",
            "path": "/x",
            "line": 1,
            "column": 1,
            "end_line": 1,
            "end_column": 2,
            "message": "m",
            "hint": "h",
            "source": "s",
        }
    ],
    "topology": {
        "discovery": "multicast",
        "nodes": [{"title": "om1", "lines": ["10.1.1.1"]}],
        "servers": [{"title": "Database", "lines": ["postgresql"], "role": "database"}],
        "links": [{"nodes": [0], "server": 0, "label": "JDBC", "runs": False}],
    },
    "binding": {
        "folder": "../..",
        "spec": {"path": "cluster.yaml", "sha256": "a" * 64},
        "bundle": {"sha256": "b" * 64},
        "strict_format": False,
        "deployed": {"om1": {"/etc/fstab": "absent"}},
        "secrets": {
            "database.password": {"env": "P"},
            "storage.password": {"file": "/p"},
            "key": {"command": "pass"},
        },
    },
}
"""A plan in which every key of the format stands."""
MAPS = {("binding", "deployed"), ("binding", "deployed", "om1"), ("binding", "secrets")}
"""Where the keys are names of the cluster's."""


def _inside(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    yield place, value
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from _inside(inner, (*place, key))


def _with(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The plan with another value at a place."""
    result = copy.deepcopy(FULL)
    inside: Any = result
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return result


def _accepted(written: dict[str, Any]) -> bool:
    try:
        model.Plan.model_validate(written)
    except ValidationError:
        return False
    return True


def test_every_key_of_the_format_stands_in_the_full_plan() -> None:
    """So that the tests below reach all of it."""
    assert read_back(FULL) == FULL
    found = {key for _, value in _inside(FULL) if isinstance(value, dict) for key in value}
    parts = [part for part in model.Part.__subclasses__() if part.__module__ == model.__name__]
    assert {name for part in parts for name in part.model_fields} <= found


def test_an_unknown_key_is_refused_wherever_it_stands() -> None:
    for place, value in _inside(FULL):
        if isinstance(value, dict) and place not in MAPS:
            spoilt = _with((*place, "extra"), "x")
            assert not _accepted(spoilt), place
            assert not SCHEMA.is_valid(spoilt), place


def test_null_is_refused_wherever_it_stands() -> None:
    for place, _ in _inside(FULL):
        if place and place not in {("cluster",), ("source",)}:
            spoilt = _with(place, None)
            assert not _accepted(spoilt), place
            assert not SCHEMA.is_valid(spoilt), place


@settings(max_examples=300)
@given(
    st.sampled_from([place for place, _ in _inside(FULL) if place]),
    st.sampled_from(
        [
            True,
            0,
            -1,
            1,
            10**10,
            1.5,
            "",
            "x",
            "/x",
            "OM1",
            "2.0",
            "absent",
            "a" * 64,
            [],
            ["x"],
            {},
        ]
    ),
)
def test_the_schema_takes_what_the_model_takes(place: tuple[Any, ...], value: Any) -> None:
    changed = _with(place, value)
    assert _accepted(changed) is SCHEMA.is_valid(changed), place


def test_the_schema_in_the_repository_is_the_models() -> None:
    assert SCHEMA.schema == json.loads(json.dumps(model.schema()))


def test_a_plan_of_format_1_is_shown_and_never_written(tmp_path: Any) -> None:
    """As the last omconf that wrote that format saved it."""
    shown = omconf("show", str(CASE), "--no-color", cwd=tmp_path)
    assert (shown.code, shown.err) == (0, (CASE.with_suffix(".err")).read_text())
    assert shown.out == CASE.with_suffix(".txt").read_text()
    assert omconf("show", str(CASE), "--markdown", cwd=tmp_path).code == 0
    again = omconf("show", str(CASE), "--json", cwd=tmp_path)
    assert json.loads(again.out) == json.loads(CASE.read_text())
    assert not SCHEMA.is_valid(json.loads(CASE.read_text()))
