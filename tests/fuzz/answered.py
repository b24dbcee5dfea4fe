"""Runs a case of what nodes send, as `plan --ssh` and `verify --ssh` would.

A stand-in for ssh hands the mutated tar streams and check output of a case to the real readers. It
holds that these stay within their budget and return only files that were asked for; what is shown goes
to the oracle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from omconf.cluster.model import Node
from omconf.deployed import answer
from omconf.deployed.budget import POOL, Account, Budget
from omconf.deployed.snapshot import NodeFiles, Request, Snapshot
from omconf.pipeline import plan as plans
from omconf.plan.model import Plan
from omconf.process import MAX_ERROR, Answer
from omconf.verify.combine import verification
from omconf.verify.rounds import Rounds, _Asking
from omconf.views import document
from omconf.views import text as text_view
from tests.fuzz import oracle
from tests.fuzz.bases import Base
from tests.fuzz.cases import Case
from tests.fuzz.oracle import Broken

TOKEN = "0123456789abcdef"


@dataclass
class _Sent:
    """The nodes of a case: each sends its stream, and lines on stderr."""

    files: Mapping[str, bytes | str]

    def read(self, requests: Mapping[str, Request], *, whole: bool) -> Snapshot:
        budget: Budget = Budget()
        same: dict[bytes, bytes] = {}
        nodes = {}
        for node, request in requests.items():
            account = Account(budget)
            nodes[node] = answer.read(
                request,
                self.of(f"{node}/stream"),
                self.of(f"{node}/stderr")[:MAX_ERROR].decode("utf-8", "replace"),
                account,
                same,
            )
            _held(nodes[node], request, budget)
        return Snapshot("ssh", nodes)

    def of(self, path: str) -> bytes:
        content = self.files[path]
        assert isinstance(content, bytes)
        return content


def _held(files: NodeFiles, request: Request, budget: Budget) -> None:
    if not 0 <= budget.left <= POOL:
        raise Broken("the budget", str(budget.left))
    if files.problem is not None and files.files:
        raise Broken("an unknown node with files", str([*files.files]))
    if not files.files.keys() <= {*files.asked} or not {*request.paths} <= {*files.asked}:
        raise Broken("files that were not asked for", str([*files.files]))


def stream(base: Base, case: Case, *, full: bool) -> tuple[list[str], str]:
    """Plan with what the nodes of a case sent."""
    assert base.compiled is not None
    nodes = sorted({path.partition("/")[0] for path in case.files})
    sent = _Sent(case.files)

    def planned() -> Plan:
        assert base.compiled is not None
        made = plans.plan(base.compiled, sent, only=nodes)
        if not isinstance(made, Plan):
            raise Broken("no plan", str(made))
        return made

    read = replace(case, files=_read(base, sent, nodes))
    plan = planned()
    oracle._placed(plan.diagnostics, base, read)
    shown = oracle._planned_views(plan, full=full)
    oracle._secret(shown, read)
    if full and shown != oracle._planned_views(planned(), full=full):
        raise Broken("not the same again", shown)
    return [d.rule.id for d in plan.diagnostics], shown


def _read(base: Base, sent: _Sent, nodes: Sequence[str]) -> dict[str, bytes | str]:
    """The files that a plan saw, as in a folder of root trees."""
    from omconf.plan.requests import requests

    assert base.compiled is not None
    assert base.compiled.cluster is not None
    snapshot = sent.read(requests(base.compiled.cluster, nodes), whole=False)
    return {
        f"deployed/{node}{path}": file.data
        for node, files in snapshot.nodes.items()
        for path, file in files.files.items()
        if file.data is not None
    }


def check(base: Base, case: Case) -> tuple[list[str], str]:
    """Verify with what the nodes of a case printed; none of their texts is taken for a secret."""
    assert base.compiled is not None
    cluster = base.compiled.cluster
    assert cluster is not None
    sent = _Sent(case.files)

    def ask(node: Node, words: Sequence[str], stdin: bytes) -> Answer:
        mode = "first" if "--leave" in words else "second"
        out = sent.of(f"{node.name.value}/{mode}").replace(b"TOKEN", TOKEN.encode())
        return Answer(0, out, "", "", 1_700_000_000.0, 1_700_000_001.0)

    asking = _Asking(cluster, ask)
    names = [node.name.value for node in cluster.nodes]
    first = {n.name.value: asking.heard(n, "--leave", TOKEN) for n in cluster.nodes}
    second = {n.name.value: asking.heard(n, "--collect", TOKEN) for n in cluster.nodes}
    found = verification(cluster, Rounds(TOKEN, first, second))
    if [report.node for report in found.nodes] != names:
        raise Broken("other nodes", str(found.nodes))
    made = document.of_verification(found)
    error = next(oracle._validator("verify.schema.json").iter_errors(made), None)
    if error is not None:
        raise Broken("verify's JSON is not as its schema says", error.message)
    text = text_view.verification(made, oracle.PLAIN, verbose=True)
    return [], oracle._readable(text) + oracle._json(made)
