"""What is the same on many nodes is drawn once, and no word of it is made up."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given

from omconf.views import folding
from omconf.views import text as text_view
from tests.plan.documents import DOCUMENTS, a_thousand, of_nodes

PAINT = text_view.Paint(colour=False)
FRAME_TEXT = """
Roll-out Plan to create update delete reformat on of nodes items more like it block and where a value
differs by node is one after the other only not rolling file are
All must stop No restarts Nodes restart one by one write delete systemctl check and more
wait until healthy seconds at most the admin database data server administrator files in bundle
at least second after another node these can log in
Secrets compared with the spec not the one shown formatting differ differs s
"""
FRAME = set(FRAME_TEXT.split())


@pytest.mark.parametrize("name", ["new", "by-hand", "one-changed"])
def test_a_thousand_nodes_fit_a_screen(name: str) -> None:
    """The roll-out takes no more lines than that of twenty nodes: each action once."""
    drawn = text_view.plan(a_thousand(name), PAINT)
    rollout = text_view.rollout(a_thousand(name))
    assert len(rollout) == len(text_view.rollout(of_nodes(20, name)))
    assert len(drawn.splitlines()) - len(rollout) <= 35
    assert max(map(len, drawn.splitlines())) < 300


@pytest.mark.parametrize("name", ["new", "by-hand", "one-changed"])
def test_every_word_is_the_documents_or_the_frames(name: str) -> None:
    document = a_thousand(name)
    known = set(_words(json.dumps(document, ensure_ascii=False))) | FRAME
    drawn = text_view.plan(document, PAINT)
    unknown = [word for word in _words(drawn) if word not in known]
    # All that is left is counts, and the numbers of steps that are drawn as one.
    counts = {str(len(c["items"])) for c in document["changes"]}
    counts |= {str(len(group.nodes)) for group in folding.groups(document["changes"])}
    counts |= {str(len(step["nodes"])) for step in folding.steps(document["rollout"])}
    steps = {str(step["step"]) for step in folding.steps(document["rollout"])}
    assert set(unknown) <= counts | steps


def _words(text: str) -> list[str]:
    return re.findall(r"[\w][\w.:/@=+,-]*[\w]|\w", re.sub(r"\\.|[\"']", " ", text))


def change(node: str, *items: tuple[str, str, str], path: str = "/x", **more: Any) -> Any:
    listed = [{"key": k, "action": "update", "before": b, "after": a} for k, b, a in items]
    base = {"node": node, "path": path, "kind": "k", "ownership": "file", "action": "update"}
    return {**base, "items": listed, **more}


def test_equal_changes_are_drawn_together_however_few() -> None:
    one, two, three = (change(n, ("k", "1", b)) for n, b in (("a", "2"), ("b", "3"), ("c", "2")))
    first, second = folding.groups([one, two, three])
    assert (first.nodes, second.nodes) == (("a", "c"), ("b",))
    assert not first.differ


@pytest.mark.parametrize(
    "other",
    [
        {"path": "/y"},
        {"action": "create"},
        {"ownership": "block"},
        {"notes": ["adopted"]},
        {"effect": {"action": "restart", "scope": "node", "rolling": True, "why": ""}},
        {"items": [{"key": "k", "action": "delete", "before": "1"}]},
        {"items": [{"key": "k", "action": "update", "secret": "different"}]},
    ],
)
def test_what_differs_in_more_than_values_is_never_drawn_together(other: dict[str, Any]) -> None:
    nodes = [change(f"n{i}", ("k", "1", "2")) for i in range(20)]
    nodes[5] = {**nodes[5], **other}
    assert [g.nodes for g in folding.groups(nodes) if "n5" in g.nodes] == [("n5",)]


def test_values_that_differ_are_marked_on_many_nodes_and_drawn_apart_on_few() -> None:
    nodes = [
        change(f"n{i}", ("same", "1", "2"), ("own", "x", f"n{i}"), notes=[f"from line {i}", "all"])
        for i in range(folding.FEW + 1)
    ]
    (group,) = folding.groups(nodes)
    assert group.differ
    same, own = group.changes[0]["items"]
    assert "differs" not in same
    assert own["differs"] is True
    assert own["after"] == "n0"
    assert group.changes[0]["notes"] == ["from line 0 (differs by node)", "all"]
    assert "differs" not in json.dumps(nodes), "the document itself stays as it is"
    assert len(folding.groups(nodes[1:])) == folding.FEW


def test_many_items_of_one_value_are_one_and_many_others_are_counted() -> None:
    same = [(f"k{i}", "1", "2") for i in range(50)]
    items, more = folding.items(change("n", *same, ("other", "1", "3")))
    assert [i["key"] for i in items] == ["k0, k1, k2 ... k49 (50 items)", "other"]
    assert more == ""
    items, more = folding.items(change("n", *((f"k{i}", "1", str(i)) for i in range(100))))
    assert len(items) == folding.MAX_ITEMS
    assert more == "... 70 more items: 70 to update"


def deciding(*keys: str) -> dict[str, Any]:
    effect = {"action": "restart", "scope": "cluster", "rolling": False, "why": ""}
    return {"effect": {**effect, "decided_by": list(keys)}}


def test_an_item_that_decides_is_never_left_out_or_folded() -> None:
    same = [(f"k{i:03}", "1", "2") for i in range(50)]
    items, more = folding.items(change("n", *same, **deciding("k040")))
    assert [i["key"] for i in items] == ["k000, k001, k002 ... k049 (49 items)", "k040"]
    assert more == ""
    many = [(f"k{i:03}", "1", str(i)) for i in range(100)]
    items, more = folding.items(change("n", *many, **deciding("k040", "k099")))
    keys = [i["key"] for i in items]
    assert (len(keys), keys[-2:]) == (folding.MAX_ITEMS, ["k040", "k099"])
    assert more == "... 70 more items: 70 to update"
    items, more = folding.items(change("n", *many, **deciding(*(key for key, _, _ in many))))
    assert (len(items), more) == (100, "")


def finding(node: str | None, message: str, **more: Any) -> dict[str, Any]:
    where = {} if node is None else {"node": node}
    return {
        "rule": "OM320",
        "severity": "warning",
        "path": "/p",
        "message": message,
        **where,
        **more,
    }


def test_a_finding_on_a_thousand_nodes_is_one() -> None:
    found = [finding(f"om{i}", "same", line=53) for i in range(1, 1001)]
    (one,) = folding.findings(found)
    assert (one["node"], one["line"]) == ("om1, om2, om3 ... om1000 (1000 nodes)", 53)
    found[7]["line"] = 54
    (one,) = folding.findings(found)
    assert "line" not in one


def test_findings_that_differ_are_cut_and_errors_of_the_spec_never() -> None:
    found = [finding(f"om{i}", f"message {i}") for i in range(100)]
    *first, more = folding.findings(found)
    assert first == found[:3]
    assert more["message"].startswith("... and 97 more of the same")
    of_one_file = [finding("om1", f"message {i}") for i in range(100)]
    assert folding.findings(of_one_file) == of_one_file
    warnings = [finding(None, f"message {i}", line=i + 1) for i in range(100)]
    assert len(folding.findings(warnings)) == 4
    errors = [{**d, "severity": "error"} for d in warnings]
    assert folding.findings(errors) == errors


def test_the_same_step_on_one_node_after_the_other() -> None:
    does = {"actions": [{"type": "run", "argv": ["umount"], "timeout": 30}], "undo": []}
    run: list[dict[str, Any]] = [
        {"step": i, "nodes": [f"om{i}"], "why": "why", **does} for i in range(2, 1001)
    ]
    last = {"step": 1001, "nodes": ["om1", "om2"], "why": "why", **does}
    one, other = folding.steps([*run, last])
    assert (one["step"], len(one["nodes"])) == ("2-1000", 999)
    assert other is last


@given(DOCUMENTS)
def test_no_node_change_or_error_is_lost(document: dict[str, Any]) -> None:
    groups = folding.groups(document["changes"])
    drawn = Counter(node for group in groups for node in group.nodes)
    assert drawn == Counter({change["node"]: 1 for change in document["changes"]})
    assert sum(len(g.nodes) * len(g.changes) for g in groups) == len(document["changes"])
    assert sum(len(s["nodes"]) for s in folding.steps(document["rollout"])) == sum(
        len(step["nodes"]) for step in document["rollout"]
    )
    rules = {(d["rule"], d["severity"]) for d in document["diagnostics"]}
    assert {(d["rule"], d["severity"]) for d in folding.findings(document["diagnostics"])} == rules


@given(DOCUMENTS)
def test_the_text_is_printable_whatever_the_document_holds(document: dict[str, Any]) -> None:
    drawn = text_view.plan(document, PAINT) + text_view.diagnostics(document["diagnostics"], PAINT)
    assert all(c.isprintable() or c == "\n" for c in drawn)
