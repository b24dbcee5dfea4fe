"""The nodes' answers put together: who shares the folder, whose clock differs, who sees whom."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

import pytest

from omconf.cluster.model import Node
from omconf.deployed.reader import PRINTS
from omconf.formats.node_check import Check, Status
from omconf.process import Answer
from omconf.verify.combine import of_one, verification
from omconf.verify.model import Members, Verification
from omconf.verify.rounds import LAY, ask_all, ask_one
from tests.clusters import cluster_of, simple, spec_of

ELSEWHERE = (
    "Check where `nodes.om2.ssh`, or its host in the inventory, leads, and which bundle was deployed"
    " there."
)
Speak = Callable[[str, str], str]
"""What a node prints in one of the rounds, after its name and round (`--leave` or `--collect`)."""


class Nodes:
    """Nodes that answer; what they share, when their clocks stand, what they say besides."""

    def __init__(self, count: int = 3) -> None:
        self.cluster = simple(count)
        self.folder = {node.name.value: "shared" for node in self.cluster.nodes}
        self.ahead = dict.fromkeys(self.folder, 0.0)
        self.offset = dict.fromkeys(self.folder, "+0000")
        self.more = dict.fromkeys(self.folder, "")
        self.instead: dict[tuple[str, str], Answer] = {}
        self.slow = 0.0
        self.files: dict[str, set[str]] = {}
        self.asked: list[tuple[str, str]] = []

    def __call__(self, node: Node, words: Sequence[str], stdin: bytes) -> Answer:
        name = node.name.value
        program, *options = words
        assert program == "/usr/local/sbin/omconf-node-check"
        assert options[:4] == ["--cluster", "conference", "--nodes", "-"]
        assert stdin.decode().split("\n") == [
            *(f"{n.name.value} {n.seen_at.value}" for n in self.cluster.nodes),
            "",
        ]
        options = options[2:]
        self.asked.append((name, options[2]))
        here = self.files.setdefault(self.folder[name], set())
        lines = [f"fact\tnode\t{name}"]
        if options[2] == "--collect":
            lines += [f"fact\tsees\t{n}" for n in sorted(here)]
            lines.append(f"fact\ttime\t{time.time() + self.ahead[name]:.3f}")
            here.discard(name)
        else:
            here.add(name)
            lines += [
                f"fact\tutc-offset\t{self.offset[name]}",
                "ok\tfiles\tfine",
                "ok\thealth\tit is",
            ]
            lines += [f"fact\tleft\t{options[3]}"] if options[2] == "--leave" else []
        if self.more[name]:
            lines.append(self.more[name])
        now = time.time()
        answer = Answer(0, "\n".join([*lines, ""]).encode(), "", "", now - self.slow, now)
        return self.instead.get((name, options[2]), answer)

    def verify(self) -> Verification:
        return verification(self.cluster, ask_all(self.cluster, self.cluster.nodes, self))


def together(found: Verification) -> dict[str, list[tuple[str, str]]]:
    result: dict[str, list[tuple[str, str]]] = {}
    for check in found.together:
        result.setdefault(check.name, []).append((str(check.status), check.text))
    return result


def test_all_is_well() -> None:
    nodes = Nodes()
    found = nodes.verify()
    assert found.healthy
    assert [node.node for node in found.nodes] == ["om1", "om2", "om3"]
    well = (Check(Status.OK, "files", "fine"), Check(Status.OK, "health", "it is"))
    assert all(node.checks == well for node in found.nodes)
    # Whatever order the second round came in: each takes its own file away after it looked.
    assert together(found) == {
        "same-folder": [("ok", "om1, om2 and om3 share one data folder")],
        "same-clock": [("ok", "no two clocks are more than 2 seconds apart")],
        "same-timezone": [("ok", "all are at +0000")],
    }


def test_nodes_that_do_not_share_the_folder() -> None:
    nodes = Nodes(5)
    nodes.folder |= {"om2": "another", "om5": "another", "om4": "its own"}
    found = nodes.verify()
    assert not found.healthy
    text = "3 different data folders: om1 and om3; om2 and om5; om4"
    assert together(found)["same-folder"] == [("fail", text)]


def test_a_node_that_could_not_write_is_not_checked() -> None:
    nodes = Nodes()
    nodes.instead["om2", "--leave"] = Answer(1, b"fact\tnode\tom2\nfail\tfolder\tread-only\n")
    nodes.files["shared"] = set()
    nodes.folder["om2"] = "nowhere"
    found = nodes.verify()
    assert together(found)["same-folder"] == [
        ("unknown", "whether om2 has the same data folder could not be determined"),
        ("ok", "om1 and om3 share one data folder"),
    ]


def test_a_lost_second_answer_is_no_other_folder() -> None:
    nodes = Nodes()
    nodes.folder["om3"] = "another"
    nodes.instead["om3", "--collect"] = Answer(problem="no response in 5 seconds")
    found = together(nodes.verify())
    unknown = "whether om3 has the same data folder could not be determined"
    assert found["same-folder"] == [
        ("unknown", f"{unknown}: no response in 5 seconds"),
        ("ok", "om1 and om2 share one data folder"),
    ]
    assert found["same-clock"] == [("unknown", "om3 did not report the time")]


def test_clocks() -> None:
    nodes = Nodes()
    nodes.ahead |= {"om2": -100.0, "om3": 3.0}
    ((status, text),) = together(nodes.verify())["same-clock"]
    assert status == "fail"
    assert re.fullmatch("the clock of om3 is 10[23] seconds or more ahead of that of om2", text), (
        text
    )
    # An answer that took long says little of the clock.
    nodes.ahead = dict.fromkeys(nodes.folder, 0.0)
    nodes.slow = 10
    ((status, text),) = together(nodes.verify())["same-clock"]
    assert (status, text) == ("unknown", "the nodes responded too slowly to compare their clocks")
    nodes.instead = {(n, "--collect"): Answer(problem="gone") for n in ("om1", "om2")}
    ((status, text),) = together(nodes.verify())["same-clock"]
    assert (status, text) == ("unknown", "fewer than two nodes reported their time")


def test_time_zones() -> None:
    nodes = Nodes()
    nodes.offset["om2"] = "+0100"
    text = "nodes' time zones differ: +0000: om1 and om3; +0100: om2"
    assert together(nodes.verify())["same-timezone"] == [("fail", text)]
    nodes.offset["om2"] = "of Java alone"
    text = "om2 did not report the time zone; others are at +0000"
    assert together(nodes.verify())["same-timezone"] == [("unknown", text)]


def test_who_sees_whom() -> None:
    nodes = Nodes()
    nodes.more["om1"] = "\n".join(f"fact\tmember\t10.1.1.{n}" for n in (1, 2, 9))
    nodes.more["om2"] = "fact\tmember\t\x1b[31m"
    found = nodes.verify()
    assert [node.members for node in found.nodes] == [
        Members(("om2",), ("om3",), ("10.1.1.9",)),
        Members((), ("om1", "om3"), ()),
        None,
    ]


def test_behind_nat_members_have_their_public_addresses() -> None:
    nodes = Nodes()
    data = spec_of(3, discovery={"kind": "tcp-ip"})
    for number, node in enumerate(data["nodes"].values(), 1):
        node["public_address"] = f"203.0.113.{number}"
    nodes.cluster = cluster_of(data)
    nodes.more["om1"] = "\n".join(f"fact\tmember\t203.0.113.{n}" for n in (1, 2, 5))
    assert nodes.verify().nodes[0].members == Members(("om2",), ("om3",), ("203.0.113.5",))
    for number, node in enumerate(data["nodes"].values(), 1):
        node["public_address"] = f"203.0.113.7:1570{number}"
    nodes.cluster = cluster_of(data)
    nodes.more["om1"] = "\n".join(f"fact\tmember\t203.0.113.7{n}" for n in (":15701", ":15702", ""))
    assert nodes.verify().nodes[0].members == Members(("om2",), ("om3",), ("203.0.113.7",))


@pytest.mark.parametrize(
    ("answer", "problem", "hint"),
    [
        (Answer(problem="Host key verification failed."), "Host key verification failed.", ""),
        (Answer(127), "/usr/local/sbin/omconf-node-check is not installed on the node", LAY),
        (
            Answer(64),
            "/usr/local/sbin/omconf-node-check on the node is from another omconf version",
            LAY,
        ),
        (Answer(137), "/usr/local/sbin/omconf-node-check ended with 137", ""),
        (Answer(0, b"Welcome!\n"), "its response is not from omconf-node-check", ""),
        (
            Answer(0, b"\x1b[1mWelcome\x1b[0m\nfact\tnode\tom1\n"),
            "its login shell prints text: Welcome",
            PRINTS,
        ),
        (
            Answer(1, b"\x01om1> fail\tfiles\tgone\n"),
            "its response is not from omconf-node-check",
            "",
        ),
        (
            Answer(1, b"om1> fail\tfiles\tgone\n"),
            "its login shell prints text: om1>",
            PRINTS,
        ),
        (
            Answer(0, b"fact\tnode\tom1\nok\tfiles\tfine\n"),
            "that host is the node om1, not om2",
            ELSEWHERE,
        ),
        (
            Answer(0, b"fact\tnode\t\x1b[31m\n"),
            "that host is the node another one, not om2",
            ELSEWHERE,
        ),
    ],
)
def test_a_node_without_an_answer(answer: Answer, problem: str, hint: str) -> None:
    nodes = Nodes(2)
    nodes.instead["om2", "--leave"] = answer
    found = nodes.verify()
    assert not found.healthy
    assert not found.complete
    one, two = found.nodes
    assert (two.problem, two.hint, two.checks) == (problem, hint, ())
    assert not one.problem


def test_a_rename_that_is_not_applied_yet() -> None:
    spec = spec_of(2)
    spec["nodes"]["om3"] = {**spec["nodes"].pop("om2"), "renamed_from": "om2"}
    cluster = cluster_of(spec)
    answer = Answer(0, b"fact\tnode\tom2\nok\tfiles\tfine\n")
    heard = ask_one(cluster, cluster.nodes[1], lambda *_: answer)
    assert heard.problem == "that host is the node om2, not om3"
    assert heard.hint == "Apply the spec, which renames the node."


def test_an_interrupted_run_takes_its_files_away() -> None:
    nodes = Nodes()

    def interrupted(node: Node, words: Sequence[str], stdin: bytes) -> Answer:
        answer = nodes(node, words, stdin)
        if node.name.value == "om2" and "--leave" in words:
            raise KeyboardInterrupt
        return answer

    with pytest.raises(KeyboardInterrupt):
        ask_all(nodes.cluster, nodes.cluster.nodes, interrupted)
    assert {name for name, how in nodes.asked if how == "--collect"} == {"om1", "om2", "om3"}
    assert nodes.files["shared"] == set()


def test_one_node_alone() -> None:
    nodes = Nodes()
    (first, *_) = nodes.cluster.nodes
    found = of_one(nodes.cluster, "om1", ask_one(nodes.cluster, first, nodes))
    assert found.healthy
    assert (found.source, found.together) == ("local", ())
    assert nodes.asked == [("om1", "--facts")]
