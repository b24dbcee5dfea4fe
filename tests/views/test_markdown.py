"""The plan for a merge request: well-formed, never too long, and never what a file wants it to be."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.cli import planned
from omconf.views import markdown
from omconf.views import text as text_view
from tests.command import EXAMPLES, omconf
from tests.plan.documents import DOCUMENTS, HOSTILE, a_thousand
from tests.views.markdown import require_well_formed

PLAN = json.loads((EXAMPLES / "clustering-page/plan.json").read_text())


@given(DOCUMENTS, st.integers(markdown.LEAST, 8_000))
def test_whatever_the_document_holds(document: dict[str, Any], most: int) -> None:
    drawn = markdown.plan(document, most)
    assert len(drawn) <= most
    inside = require_well_formed(drawn)
    assert all(line.isprintable() and len(line) <= markdown._MAX_STEP for line in inside)
    shown = drawn.count("<details>")
    cut = drawn.rpartition("**Cut to ")[2] if "**Cut to " in drawn else ""
    left = re.search(r"Left out: (\d+) nodes? with (\d+) change", cut)
    nodes = {change["node"] for change in document["changes"]}
    assert shown + (int(left[1]) if left else 0) <= len(nodes)
    assert bool(cut) is (drawn != markdown.plan(document, 10**9))
    if not cut:
        assert "more lines" not in "".join(inside) or "more lines" in json.dumps(document)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_anywhere(text: str) -> None:
    document = json.loads(json.dumps(PLAN), object_hook=lambda found: _everywhere(found, text))
    require_well_formed(markdown.plan(document))


def _everywhere(part: dict[str, Any], text: str) -> dict[str, Any]:
    free = ("node", "path", "key", "before", "after", "hint", "why", "message", "cluster")
    for key in free:
        if key in part:
            part[key] = text
    for key in ("nodes", "run", "notes"):
        if isinstance(part.get(key), list):
            part[key] = [text]
    return part


@pytest.mark.parametrize("name", ["new", "by-hand", "one-changed"])
def test_a_thousand_nodes_fit_a_comment(name: str) -> None:
    document = a_thousand(name)
    drawn = markdown.plan(document)
    require_well_formed(drawn)
    assert len(drawn.splitlines()) - len(text_view.rollout(document)) < 60
    assert "Cut to" not in drawn


def test_what_is_left_out_is_said() -> None:
    changes = [
        {**PLAN["changes"][0], "node": f"n{i}", "path": f"/{'x' * (i + 1)}"} for i in range(200)
    ]
    document = {**PLAN, "changes": changes * 2, "rollout": []}
    drawn = markdown.plan(document, 5_000)
    require_well_formed(drawn)
    shown = drawn.count("<details>")
    assert 0 < shown < 200
    assert f"Left out: {200 - shown} nodes with {2 * (200 - shown)} changes." in drawn


def test_what_fits_is_not_cut() -> None:
    whole = markdown.plan(PLAN)
    assert "Cut to" not in whole
    assert markdown.plan(PLAN, len(whole)) == whole
    assert "Cut to" in markdown.plan(PLAN, len(whole) - 1)


def test_one_more_line_is_one_line() -> None:
    found = [
        {"rule": "OM301", "severity": "error", "node": f"n{i}", "message": "x" * 350}
        for i in range(5)
    ]
    document = {**PLAN, "changes": [], "rollout": [], "diagnostics": found}
    drawn = markdown.plan(document, len(markdown.plan(document)) - 1)
    assert "\n... 1 more line\n" in drawn


def test_what_is_wrong_and_what_to_do_have_room_beside_many_nodes() -> None:
    change = PLAN["changes"][0]
    changes = [{**change, "node": f"n{i}", "path": f"/{i}{'x' * 300}"} for i in range(500)]
    found = [{"rule": "OM302", "severity": "error", "node": "n1", "message": "Permission denied."}]
    drawn = markdown.plan({**PLAN, "changes": changes, "diagnostics": found}, 10_000)
    require_well_formed(drawn)
    assert "error[OM302]: Permission denied." in drawn
    assert text_view.rollout(PLAN)[1] in drawn


def test_a_reader_of_a_cut_plan_learns_of_its_errors() -> None:
    warnings = [
        {"rule": "OM310", "severity": "warning", "node": f"a{i}", "message": "w" * 300}
        for i in range(20)
    ]
    error = {"rule": "OM311", "severity": "error", "node": "n1", "message": "Twice there."}
    drawn = markdown.plan({**PLAN, "diagnostics": [*warnings, error]}, 3_000)
    assert "error[OM311]: Twice there." in drawn
    assert "\n\n1 error: see the findings.\n\n" in drawn.partition("<p>Cluster")[0]


def test_findings_take_the_room_that_nodes_do_not_need() -> None:
    found = [
        {"rule": "OM301", "severity": "error", "node": "n1", "message": f"{i}{'x' * 300}"}
        for i in range(100)
    ]
    drawn = markdown.plan({**PLAN, "changes": [], "diagnostics": found})
    assert "Cut to" not in drawn
    assert len(drawn) > 30_000


def test_fewer_characters_than_a_summary_takes_are_a_wrong_command_line() -> None:
    option = planned.MaxChars.__metadata__[0]  # type: ignore[attr-defined]
    assert option.min == markdown.LEAST
    few = omconf("show", "x", "--markdown", "--max-chars", str(markdown.LEAST - 1))
    assert (few.code, few.out) == (1, "")
    assert "--max-chars" in few.err
