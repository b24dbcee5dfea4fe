"""The answers of all nodes together are held within a budget; it never costs an honest node."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import partialmethod
from pathlib import Path

import pytest

from omconf.cluster.model import Node
from omconf.deployed import reader, ssh
from omconf.deployed.budget import FULL, INCOMING, KEPT, POOL, Account, Budget
from omconf.deployed.snapshot import MAX_BYTES, NodeFiles
from omconf.deployed.tree import Same
from omconf.formats.node_check import MAX_BYTES as MAX_ANSWER
from omconf.process import Answer
from omconf.verify.rounds import _Asking, ask_all
from tests.clusters import simple
from tests.deployed.streams import EXPORTS, FSTAB, MANIFEST, REQUEST, member, packed, received, why

REFUSED = f"Its files are discarded: {FULL}."


def files(fstab: bytes, exports: bytes = b"") -> bytes:
    return packed([member(FSTAB[1:], fstab), member(EXPORTS[1:], exports)])


def held(nodes: Sequence[NodeFiles]) -> int:
    """Bytes of all contents that are in memory."""
    contents = {id(f.data): f.data for n in nodes for f in n.files.values() if f.data is not None}
    return sum(map(len, contents.values()))


@pytest.fixture
def small() -> Budget:
    """A pool of 1 MiB."""
    return Budget(left=1 << 20)


def test_nodes_that_send_much_are_refused_and_the_others_read(small: Budget) -> None:
    same: Same = {}
    dice = random.Random(1)
    nodes = []
    for number in range(40):
        large = number % 2 == 0
        nodes.append(received(files(dice.randbytes(200_000 if large else 60_000)), "", small, same))
    refused = [number for number, node in enumerate(nodes) if node.problem]
    assert refused
    assert all(number % 2 == 0 for number in refused), "a node within its own amount"
    assert {why(nodes[number]) for number in refused} == {REFUSED}
    assert held(nodes) <= (1 << 20) + 40 * KEPT
    assert sum(map(len, same)) == held(nodes), "what was refused is not kept elsewhere"


def test_equal_contents_are_one_object_and_count_once(small: Budget) -> None:
    same: Same = {}
    content = bytes(900_000)
    nodes = [received(files(content, b"%d" % n), "", small, same) for n in range(200)]
    assert [node.problem for node in nodes] == [None] * 200
    assert held(nodes) <= 900_000 + 200 * 3
    one, *others = [node.files[FSTAB].data for node in nodes]
    assert all(other is one for other in others)


def test_a_refused_answer_gives_all_back() -> None:
    whole = Budget()
    account = Account(whole)
    assert account.incoming(INCOMING + 5) == ""
    assert whole.left == POOL - 5
    assert account.incoming(INCOMING + POOL + 1) == FULL
    assert whole.left == POOL - 5, "what came in so far is still held"
    assert account.keep(KEPT + POOL + 1) == FULL
    assert whole.left == POOL
    assert account.keep(KEPT + 7) == ""
    assert whole.left == POOL - 7
    account.drop()
    assert whole.left == POOL


def test_a_manifest_that_lists_too_much_has_nothing_read(small: Budget) -> None:
    paths = ",".join(f'{{"path":"/{n}/fstab","kind":"","ownership":""}}' for n in range(9000))
    listing = f'{{"format_version": "1.0", "files": [{paths}]}}'.encode()
    found = received(packed([member(MANIFEST[1:], listing)]), "", small)
    assert found.asked == (FSTAB, EXPORTS, MANIFEST)


def test_nodes_by_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While answers come in they are held, too: of 16 nodes that send 4 MiB not all fit at once."""
    monkeypatch.setattr(reader, "Budget", lambda: Budget(left=3 * MAX_BYTES))
    (tmp_path / "large").write_bytes(files(bytes(MAX_BYTES)))
    (tmp_path / "small").write_bytes(files(b"small"))
    program = tmp_path / "ssh"  # what it sent is held until it ends
    program.write_text(
        f"#!/bin/sh\ncase $* in *small*) exec cat {tmp_path}/small;; esac\n"
        f"cat {tmp_path}/large\nexec sleep 2\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    requests = {f"n{n}": REQUEST for n in range(16)} | {"s": replace(REQUEST, ssh="small")}
    found = ssh.Ssh(seconds=60).read(requests, whole=True)
    assert found.nodes["s"].files[FSTAB].data == b"small"
    said = [n.problem.message for n in found.nodes.values() if n.problem]
    assert f"It cannot be read by ssh: {FULL}." in said
    assert {*said} <= {f"It cannot be read by ssh: {FULL}.", REFUSED}
    assert held([*found.nodes.values()]) <= 3 * MAX_BYTES + 17 * KEPT


def test_answers_of_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal facts of healthy nodes are one object; a node that says too much is not kept."""
    cluster = simple(30)
    names = [node.name.value for node in cluster.nodes]

    def ask(node: Node, words: Sequence[str], stdin: bytes) -> Answer:
        name = node.name.value
        lines = [f"fact\tnode\t{name}", *(f"fact\tmember\t{n}" for n in names), "ok\tfiles\tfine"]
        if name in ("om3", "om4"):
            lines += [f"fail\tx\t{name} {number:08} {'x' * 900}" for number in range(1000)]
        out = "\n".join([*lines, ""]).encode()
        assert len(out) <= MAX_ANSWER
        return Answer(0, out)

    monkeypatch.setattr(
        _Asking, "__init__", partialmethod(_Asking.__init__, budget=Budget(1_500_000))
    )
    rounds = ask_all(cluster, cluster.nodes, ask)
    heard = [*rounds.first.values(), *rounds.second.values()]
    refused = [h.problem for h in heard if h.problem]
    assert len(refused) == 3
    assert {*refused} == {f"its response is discarded: {FULL}"}
    members = {id(h.said.facts["member"]) for h in heard if not h.problem}
    assert len(members) == 1
