"""A step of the database administrator is done when the database's port answers."""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from omconf.actions import Manual, Step
from omconf.apply import database
from omconf.apply.events import Outcome
from omconf.apply.node import Node
from omconf.apply.nodes import Nodes
from omconf.apply.wire import Reply
from omconf.artifacts import node_check
from tests.clusters import simple
from tests.needs import needs, program


def targets(host: str, port: int) -> Any:
    cluster = simple(2, database={"host": host, "port": port})
    artifacts = node_check.KIND.render(cluster, cluster.nodes[0])
    return SimpleNamespace(artifacts={a.path: a for a in artifacts})


@pytest.mark.parametrize(
    "tools",
    [pytest.param(tools, marks=needs(tools), id=tools) for tools in ("nc", "bash", "curl")],
)
def test_the_port_is_asked_for_by_what_is_there(tools: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        tempfile.TemporaryDirectory() as name,
    ):
        folder = Path(name)
        port = server.getsockname()[1]
        for word in ("sh", "grep", "timeout"):
            (folder / word).symlink_to(f"/bin/{word}")
        (folder / tools).symlink_to(program(tools))
        assert asked(port, folder) == 0
        server.close()
        assert asked(port, folder) != 0


@needs("busybox")
@pytest.mark.parametrize("there", ["sh", "sh grep timeout nc"])
def test_where_nothing_can_tell_it_is_not_asked(tmp_path: Path, there: str) -> None:
    """BusyBox's nc often has no -z."""
    for word in there.split():
        (tmp_path / word).symlink_to(program("busybox"))
    if " " in there and "-z" in subprocess.run([tmp_path / "nc", "--help"], **PIPES).stderr:
        pytest.skip("this nc of BusyBox's has -z")
    assert asked(1, tmp_path) == 0


def asked(port: int, folder: Path) -> int:
    probe = database.probe(targets("10.1.1.250", port))
    assert probe is not None
    *words, server = probe.argv
    assert server == f"10.1.1.250 {port}"
    # On loopback, by nothing but what is in the folder.
    command = [*words, f"127.0.0.1 {port}"]
    return subprocess.run(command, env={"PATH": str(folder)}, capture_output=True).returncode


PIPES: dict[str, Any] = {"capture_output": True, "text": True}


class People:
    there = True

    def __init__(self, *answers: bool) -> None:
        self.answers = [*answers]
        self.heard: list[str] = []

    def does(self, nodes: Sequence[str], manual: Manual) -> bool:
        self.heard.append(manual.text)
        return self.answers.pop(0)

    def agrees(self, question: str) -> bool:
        raise AssertionError(question)


class Line:
    """A node on which the database begins to answer some time."""

    def __init__(self, *answers: bool) -> None:
        self.answers = [*answers]

    def ask(self, *fields: bytes | str, seconds: float = 60) -> Reply:
        return Reply(self.answers.pop(0), ("exit", "1"))

    def said(self) -> str:
        return ""


def carried_out(people: People, line: Line, manual: Manual) -> tuple[Outcome, str]:
    tell: Any = lambda *_: None  # noqa: E731
    node = Node("om1", cast(Any, line), targets("10.1.1.250", 5432), cast(Any, None), tell)
    run = Nodes({"om1": node}, people, whole=False)
    return run.carry_out([(1, Step(("om1",), "", (manual,)))])


def test_somebody_is_asked_until_the_port_answers() -> None:
    """The answers: the step begins, the port is closed, then open, it is noted, the step ends."""
    people, step = People(True, True), Manual("database", "Copy the data.")
    assert carried_out(people, Line(True, False, True, True, True), step) == (Outcome.APPLIED, "")
    closed = "Port 5432 of 10.1.1.250 does not answer from om1 yet."
    assert people.heard == ["Copy the data.", f"Copy the data. {closed}"]
    waits = carried_out(People(False), Line(True), step)
    assert waits == (Outcome.WAITING, "Copy the data.")


def test_other_steps_of_people_do_not_ask_for_it() -> None:
    people = People(True)
    assert carried_out(people, Line(True, True, True), Manual("admin", "Sit down."))[0].well
    assert people.heard == ["Sit down."]
