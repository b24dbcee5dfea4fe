"""Text, Markdown, JSON and the bundle's README show the same steps, however they are cut or folded."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omconf.bundle import readme
from omconf.bundle.compile import compile_bundle
from omconf.planfile import store
from omconf.rollout import document as written
from omconf.rollout import text
from omconf.rollout.first import first
from omconf.views import document, folding, markdown
from omconf.views import text as text_view
from omconf.views.visible import visible
from tests.clusters import cluster_of
from tests.clusters import specs as any_specs
from tests.command import EXAMPLES, omconf
from tests.plan.documents import DOCUMENTS_2, a_thousand
from tests.rollout.triples import triples

pytestmark = pytest.mark.slow

PAINT = text_view.Paint(colour=False)
MANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
STOP = "All nodes must stop."
PLANS = triples().map(lambda triple: document.of_plan(triple.plan(triple.world())))
Drawn = dict[int, tuple[str, list[str]]]
"""By the number of a step: its head, and the lines below it."""


def expected(action: Mapping[str, Any]) -> list[str]:
    """What people have to see of an action; worked out apart from what draws it."""
    match action["type"]:
        case "put" | "remove":
            return [shlex.quote(path) for path in action["paths"][: text.MAX_PATHS]]
        case "run":
            return [" ".join(map(shlex.quote, action["argv"]))]
        case "service":
            return [f"{action['do']} {action['unit']}"]
        case "health":
            return [f"{action['timeout']} seconds"]
        case "manual":
            check = expected(action["check"]) if "check" in action else []
            return [action["text"], *map(shlex.quote, action["files"]), *check]
    raise AssertionError(action)


def steps_of(lines: list[str]) -> Drawn:
    """Read a drawn roll-out back: a folded step stands for each of its numbers."""
    found: Drawn = {}
    last: list[str] = []
    for line in lines:
        if head := re.match(r"  (\d+)(?:-(\d+))?\. (.*)", line):
            last = []
            for number in range(int(head[1]), int(head[2] or head[1]) + 1):
                found[number] = (head[3], last)
        else:
            last.append(line)
    return found


def same(plan: Mapping[str, Any], drawn: Drawn) -> None:
    """Hold drawn steps against those of a document: every node, reason and action, in order."""
    folded = {
        number: step["nodes"]
        for step in folding.steps(plan["rollout"])
        for number in (int(n) for n in _numbers(step["step"]))
    }
    assert list(drawn) == [step["step"] for step in plan["rollout"]]
    for step in plan["rollout"]:
        head, lines = drawn[step["step"]]
        nodes = folded[step["step"]]
        assert set(step["nodes"]) <= set(nodes)
        names = head.partition(": ")[0]
        for node in step["nodes"] if len(nodes) <= folding.FEW else nodes[:1]:
            assert node in names
        assert head.endswith(f": {visible(step['why'])}")
        at = 0
        for action in step["actions"]:
            for part in expected(action):
                at = next(n for n, line in enumerate(lines) if n >= at and visible(part) in line)
        assert len(lines) == len(list(text.lines(step["actions"])))


def _numbers(step: Any) -> Iterator[int]:
    start, _, end = str(step).partition("-")
    yield from range(int(start), int(end or start) + 1)


def in_markdown(plan: Any) -> list[str]:
    drawn = markdown.plan(plan, 10**7)
    return (
        re.split(r"```+text\n", drawn.partition("**Roll-out**")[2])[1].split("\n```")[0].split("\n")
    )


@MANY
@given(PLANS)
def test_text_markdown_and_json_show_the_same_steps(plan: dict[str, Any]) -> None:
    again = store.parse(json.dumps(plan).encode(), "plan")
    assert isinstance(again, dict)
    same(again, steps_of(text_view.rollout(plan)))
    if plan["rollout"]:
        same(again, steps_of(in_markdown(plan)))
        assert "Roll-out:" in text_view.plan(plan, PAINT)
    for step in plan["rollout"]:
        assert step["undo"] or not any(a["type"] in ("put", "remove") for a in step["actions"])


@pytest.mark.parametrize("name", ["new", "by-hand", "one-changed"])
def test_a_thousand_nodes_lose_no_action(name: str) -> None:
    plan = a_thousand(name)
    same(plan, steps_of(text_view.rollout(plan)))
    same(plan, steps_of(in_markdown(plan)))


@MANY
@given(any_specs())
def test_the_readme_shows_the_steps_of_the_first_roll_out(data: dict[str, Any]) -> None:
    cluster = cluster_of(data)
    bundle = compile_bundle(cluster)
    rollout = first(cluster, {node.node: node.artifacts for node in bundle.nodes})
    forward, back = readme.write(cluster, bundle.nodes, ()).split("\n## ")[-2:]
    for drawn, undo in ((forward, False), (back, True)):
        lines = [line.strip() for line in drawn.split("\n")]
        at = 0
        for step in rollout.steps[:: -1 if undo else 1]:
            number = 0
            steps = written.step(1, step)
            assert undo or any(line.endswith(f": {step.why}") for line in lines)
            for action in steps["undo" if undo else "actions"]:
                for part in expected(action):
                    found = [n for n, line in enumerate(lines) if part in line]
                    assert found, (part, drawn)
                    number = max(number, found[0])
            at = max(at, number)
        assert at or not rollout.steps


@MANY
@given(DOCUMENTS_2, st.integers(markdown.LEAST, 100_000))
def test_that_all_must_stop_is_said_however_it_is_cut(plan: dict[str, Any], most: int) -> None:
    plan["summary"]["disruption"] = "all"
    plan |= {"has_changes": True, "cluster": plan["cluster"] or "conference"}
    assert text_view.plan(plan, PAINT).splitlines()[-1].endswith(STOP)
    assert text_view.summary(plan, PAINT)[-1].endswith(STOP), "what -q prints"
    assert STOP in markdown.plan(plan, most).splitlines()[0]
    for other in ("none", "rolling"):
        plan["summary"]["disruption"] = other
        assert STOP not in text_view.summary(plan, PAINT)[-1]


@pytest.mark.parametrize("name", ["new", "by-hand"])
@pytest.mark.parametrize("most", [markdown.LEAST, 5_000, markdown.MAX_COMMENT])
def test_that_all_must_stop_is_said_of_a_thousand_nodes(name: str, most: int) -> None:
    plan = a_thousand(name)
    plan = {**plan, "summary": {**plan["summary"], "disruption": "all"}}
    assert text_view.plan(plan, PAINT).splitlines()[-1].endswith(STOP)
    assert STOP in markdown.plan(plan, most).splitlines()[0]


def test_that_all_must_stop_is_said_on_the_command_line(tmp_path: Path) -> None:
    """The example's plan is one for which all nodes must stop."""
    spec = EXAMPLES / "clustering-page"
    env = {"OM_DB_PASSWORD": "not-a-real-password"}
    for options, line in (((), -1), (("-q",), -1), (("--markdown", "--max-chars", "1000"), 0)):
        shown = omconf("plan", "--deployed", "deployed", *options, cwd=spec, env=env)
        assert STOP in shown.out.splitlines()[line]
        assert options != ("-q",) or len(shown.out.splitlines()) == 1
