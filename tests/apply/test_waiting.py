"""An apply that waits for the lock of another one, whose end changes what its plan rests on."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import IO, Any, cast

import pytest

from omconf.apply.carrier import FIRST, Piped
from omconf.apply.wire import FencedError, LostError, Reply
from omconf.pipeline import apply, recorded
from omconf.pipeline.connected import Connected
from tests.apply.fakes import nodes_of
from tests.apply.trees import SECRET, STATE, Tree
from tests.forked import forks

APPLIED = '{"outcome":"applied","when":"2026-11-29T08:51:24Z","why":""}'
MANIFEST = "/etc/omconf/conference/manifest.json"
JOURNAL = f"{STATE}/conference/journal"


def another(tree: Tree) -> Piped:
    """The node program of another apply, with the lock."""
    words = ["sh", "-c", FIRST, "omconf-node", "conference", str(tree.root)]
    program = Piped.start(words)
    assert program.ask("lock", "apply 0a1b2c3d by a@b since 2026-11-29T08:51:24Z", "").ok
    return program


def begin(tree: Tree, program: Piped) -> None:
    """Begin an apply as the last one did, from its journal."""
    *_, about = sorted((tree.root / JOURNAL).glob("*.about"))
    assert program.ask("begin", about.read_bytes(), tree.read(MANIFEST)).ok


@contextmanager
def waiting(tree: Tree) -> Iterator[tuple[dict[str, Any], IO[str]]]:
    """An apply that has made its plan and waits; gives the plan, and what follows."""
    options = (
        "--local",
        "om1",
        "--root",
        str(tree.root),
        "--yes",
        "--json",
        "--lock-timeout",
        "60",
    )
    words = [str(forks().folder / "omconf"), "apply", str(tree.spec), *options]
    with subprocess.Popen(
        words, env=os.environ | SECRET, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        yield json.loads(running.stdout.readline())["plan"], running.stdout


def entries(tree: Tree) -> list[dict[str, Any]]:
    return [*json.loads(tree.run("log", "--json").out)["entries"]]


@pytest.mark.parametrize("end", [("end", APPLIED, "all"), ("forget",)], ids=["applied", "idle"])
def test_an_apply_that_ends_meanwhile_leaves_nothing_to_record(
    tree: Tree, end: tuple[str, ...]
) -> None:
    """When it is planned, all is written by the other one, which has still to record its end."""
    assert tree.run("apply", "--yes").code == 0
    before = tree.contents()
    with another(tree) as program:
        begin(tree, program)
        with waiting(tree) as (plan, events):
            assert [step["why"] for step in plan["rollout"]] == ["record what was applied"]
            assert program.ask(*end).ok
            program.close()
            *_, last = map(json.loads, events)
    assert last["outcome"] == "refused"
    assert [d["rule"] for d in last["diagnostics"]] == ["OM601"]
    applies = 1 + (end[0] == "end")
    assert [entry["outcome"] for entry in entries(tree)] == ["applied"] * applies
    assert tree.contents() == before
    assert tree.run("undo", "--yes").code == 0


def test_a_service_that_another_apply_stopped_meanwhile(tree: Tree) -> None:
    """It was killed after that: a plan that knows nothing of it would not start the service again."""
    assert tree.run("apply", "--yes").code == 0
    with another(tree) as program:
        begin(tree, program)
        with waiting(tree) as (_, events):
            assert program.ask("stopped", "unit:openmeetings.service", "0" * 64).ok
            program.close()
            *_, last = map(json.loads, events)
    assert last["outcome"] == "refused"


def test_who_only_looked_meanwhile_changes_nothing(tree: Tree) -> None:
    with another(tree) as program, waiting(tree) as (_, events):
        program.close()
        *_, last = map(json.loads, events)
    assert last["outcome"] == "applied"
    assert len(entries(tree)) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (FencedError(), "om1: somebody broke its lock."),
        (LostError("Connection reset by peer"), "om1 does not respond: Connection reset by peer."),
        (Reply(ok=False, words=("write",)), "omconf cannot write to /var/lib/omconf on this node."),
    ],
    ids=["fenced", "lost", "full"],
)
def test_why_a_node_cannot_begin(answer: Any, why: str) -> None:
    """It is what the node says, or what leads to it; the others forget this apply."""
    nodes = nodes_of("om1", "om2")
    first, second = (cast(Any, node.line) for node in nodes.values())

    def says(_: object) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    first.on = says
    about: Any = SimpleNamespace(text="{}")
    began = {name: recorded.begin(node, about, b"{}") for name, node in nodes.items()}
    (found,) = apply.not_begun(Connected((), {"om1": first, "om2": second}), began)
    assert (found.node, found.message) == ("om1", why)
    assert second.asked[-1] == ("forget",)
    assert ("forget",) not in first.asked
