"""Plans for tests: of a cluster in memory, and Hypothesis strategies of hostile documents."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from hypothesis import strategies as st

from omconf.artifacts.contents import Artifact
from omconf.bundle.compile import compile_bundle
from omconf.cluster.model import Cluster
from omconf.deployed.snapshot import DeployedFile, NodeFiles, Snapshot
from omconf.formats import paths
from omconf.pipeline.bundle_secrets import secrets_of
from omconf.plan.compare import compare
from omconf.rollout import text
from omconf.views import document
from tests.clusters import simple

Deployed = Callable[[str, Artifact], bytes | None]


def planned(cluster: Cluster, deployed: Deployed) -> dict[str, Any]:
    """The document of a plan against what `deployed` makes of each artifact (None: not there)."""
    bundle = compile_bundle(cluster)
    nodes = {
        node.node: NodeFiles(
            {
                a.path: DeployedFile(data)
                for a in node.artifacts
                if (data := deployed(node.node, a)) is not None
            }
        )
        for node in bundle.nodes
    }
    plan = compare(cluster, bundle, Snapshot("directory", nodes), secrets_of(bundle))
    return document.of_plan(plan)


def told(plan: dict[str, Any]) -> list[tuple[list[str], list[str]]]:
    """The nodes of each step of a roll-out, and its actions as people read them."""
    return [(step["nodes"], list(text.lines(step["actions"]))) for step in plan["rollout"]]


RECORDED = ["write /etc/omconf/conference/manifest.json"]
"""The last step of every roll-out."""
NODE_RESTARTS = [
    "systemctl restart openmeetings.service",
    "wait until healthy, at most 300 seconds",
]


def by_hand(node: str, artifact: Artifact) -> bytes:
    """A node that was set up by hand, as the clustering page says: values differ by node."""
    text = artifact.text
    if artifact.kind == "hazelcast":
        text = text.replace(">224.2.2.3<", ">224.0.0.0<")
        text = text.replace(f"<instance-name>{node}<", "<instance-name>server-1<")
        text = text.replace(f'name="name">{node}<', 'name="name">server-1<')
    if artifact.kind == "fstab":
        text = text.replace("timeo=50", "timeo=70,intr")
    return text.encode()


def a_thousand(name: str) -> dict[str, Any]:
    """A plan of 1,000 nodes: all `new`, all set up `by-hand`, or `one-changed`."""
    return of_nodes(1000, name)


@cache
def of_nodes(number: int, name: str) -> dict[str, Any]:
    """A plan as `a_thousand` makes it, of 17 nodes or more."""

    def one(node: str, artifact: Artifact) -> bytes:
        return by_hand(node, artifact) if node == "om17" else artifact.data

    deployed: dict[str, Deployed] = {
        "new": lambda node, artifact: None,
        "by-hand": by_hand,
        "one-changed": one,
    }
    return planned(simple(number), deployed[name])


HOSTILE = [
    "```",
    "````\n~~~~",
    "</details>",
    "</code></summary></details><script>alert(1)</script>",
    "<!--",
    "<![CDATA[",
    "@everyone and @octo-org/team",
    "#1 !2 GH-3 https://evil.example/x www.evil.example a@evil.example",
    "[x](javascript:alert(1)) ![y](//evil.example/p.png)",
    "| a | b |\n|---|---|",
    "# Heading\n\n* list\n\n    code",
    "a\r\nb\u2028c\x0bd\x85e",
    "\x1b[31mred\x1b[0m\x00\u202eback",
    "&lt;b&gt; &#64;all &amp;",
    ":tada: *em* **strong** _em_ ~~del~~ `code` $math$",
    "x" * 5000,
    "`" * 3000,
    "ж 漢字 😀",
    "",
    " ",
]
TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(["om1", "om2", "instance-name", "/opt/om/hazelcast.xml"]),
)
_CAUSES = st.sampled_from(["spec", "drift", "conflict"])
ACTIONS = st.sampled_from(["create", "update", "delete"])


@st.composite
def _items(draw: st.DrawFn) -> dict[str, Any]:
    item: dict[str, Any] = {"key": draw(TEXTS), "action": draw(ACTIONS)}
    if draw(st.booleans()):
        item["secret"] = draw(st.sampled_from(["equal", "different", "unknown"]))
    else:
        item |= draw(st.fixed_dictionaries({}, optional={"before": TEXTS, "after": TEXTS}))
    if draw(st.integers(0, 9)) == 0:
        item["hint"] = draw(TEXTS)
        item["cause"] = draw(_CAUSES)
    return item


_FILE_DIGESTS = st.sampled_from(["absent", "unreadable", "0" * 64])
_ABSOLUTE = TEXTS.map(lambda text: "/" + text)
_PLAIN = _ABSOLUTE.map(
    lambda text: text if paths.PLAIN.fullmatch(text) else "/" + re.sub(r"[\W\d]", "x", text)
)
_EFFECT = {
    "action": TEXTS,
    "scope": st.sampled_from(["node", "cluster"]),
    "rolling": st.booleans(),
    "why": TEXTS,
}
_CHANGE = {
    "node": TEXTS,
    "path": _ABSOLUTE,
    "kind": TEXTS,
    "ownership": st.sampled_from(["file", "block", "keys"]),
    "action": st.sampled_from(["create", "update", "delete", "reformat"]),
    "items": st.lists(_items(), max_size=9),
}
_NOTED = {"notes": st.lists(TEXTS, max_size=9), "cause": _CAUSES}
_CHANGES = st.fixed_dictionaries(
    {
        **_CHANGE,
        "digests": st.fixed_dictionaries({"before": _FILE_DIGESTS, "after": _FILE_DIGESTS}),
    },
    optional={
        "effect": st.fixed_dictionaries(
            _EFFECT, optional={"decided_by": st.lists(TEXTS, min_size=1, max_size=3)}
        ),
        **_NOTED,
    },
)
_CHANGES_1 = st.fixed_dictionaries(
    _CHANGE,
    optional={
        "effect": st.fixed_dictionaries({**_EFFECT, "run": st.lists(TEXTS, max_size=2)}),
        **_NOTED,
    },
)
_PLACES = st.integers(1, 10**9)
_DIAGNOSTICS = st.fixed_dictionaries(
    {
        "rule": st.sampled_from(["OM301", "OM320"]),
        "severity": st.sampled_from(["error", "warning"]),
        "message": TEXTS,
    },
    optional={
        "node": TEXTS,
        "path": TEXTS,
        "line": _PLACES,
        "column": _PLACES,
        "end_line": _PLACES,
        "end_column": _PLACES,
        "hint": TEXTS,
        "source": TEXTS,
    },
)
_NODES = st.lists(TEXTS, min_size=1, max_size=9, unique=True)
_PATHS = st.lists(_PLAIN, min_size=1, max_size=10)
_SECONDS = st.integers(1, 1_000_000)
_RUNS = st.fixed_dictionaries(
    {
        "type": st.just("run"),
        "argv": st.lists(TEXTS, min_size=1, max_size=3),
        "timeout": _SECONDS,
    }
)
STEP_ACTIONS = {
    "put": st.fixed_dictionaries({"type": st.just("put"), "paths": _PATHS}),
    "remove": st.fixed_dictionaries({"type": st.just("remove"), "paths": _PATHS}),
    "run": _RUNS,
    "service": st.fixed_dictionaries(
        {
            "type": st.just("service"),
            "do": st.sampled_from(["start", "stop", "restart", "reload", "enable", "disable"]),
            "unit": st.sampled_from(["openmeetings.service", "om@1.service"]),
            "timeout": _SECONDS,
        },
        optional={"apart": st.floats(0.1, 1000)},
    ),
    "health": st.fixed_dictionaries(
        {"type": st.just("health"), "timeout": _SECONDS, "interval": _SECONDS}
    ),
    "manual": st.fixed_dictionaries(
        {
            "type": st.just("manual"),
            "who": st.sampled_from(["admin", "database", "storage"]),
            "text": TEXTS,
            "files": st.lists(st.sampled_from(["storage/exports", "database/mysql.sql"])),
        },
        optional={"check": _RUNS, "login": st.just(True)},
    ),
}
"""Any action of a step, by its type."""
_ANY_ACTION = st.one_of(*STEP_ACTIONS.values())
_STEPS = st.fixed_dictionaries(
    {
        "step": st.integers(1, 99),
        "nodes": _NODES,
        "why": TEXTS,
        "actions": st.lists(_ANY_ACTION, min_size=1, max_size=4),
        "undo": st.lists(_ANY_ACTION, max_size=3),
    }
)
_STEPS_1 = st.fixed_dictionaries(
    {
        "step": st.integers(1, 99),
        "nodes": _NODES,
        "run": st.lists(TEXTS, max_size=3),
        "why": TEXTS,
    },
    optional={"check": st.lists(TEXTS, max_size=3)},
)
_COUNTS = ("create", "update", "delete", "reformat", "nodes_changed", "nodes")
_BINDINGS = st.fixed_dictionaries(
    {
        "spec": st.fixed_dictionaries({"path": TEXTS, "sha256": st.just("a" * 64)}),
        "bundle": st.just({"sha256": "b" * 64}),
        "strict_format": st.booleans(),
        "deployed": st.dictionaries(
            TEXTS, st.dictionaries(TEXTS, _FILE_DIGESTS, max_size=2), max_size=2
        ),
        "secrets": st.dictionaries(
            TEXTS,
            st.one_of(
                *(st.fixed_dictionaries({form: TEXTS}) for form in ("env", "file", "command"))
            ),
            max_size=2,
        ),
    }
)
_SECRETS = st.lists(
    st.fixed_dictionaries(
        {
            "node": TEXTS,
            "path": _ABSOLUTE,
            "key": TEXTS,
            "secret": st.sampled_from(["equal", "different", "unknown"]),
        }
    ),
    max_size=3,
)
_SUMMARY = dict.fromkeys(_COUNTS, st.integers(0, 10**9))
_PLAN = {
    "cluster": st.one_of(TEXTS, st.none()),
    "has_changes": st.booleans(),
    "complete": st.booleans(),
    "diagnostics": st.lists(_DIAGNOSTICS, max_size=12),
}
_LINES = {"title": TEXTS, "lines": st.lists(TEXTS, max_size=3)}
_INDEX = st.integers(0, 9)
_TOPOLOGIES = st.fixed_dictionaries(
    {
        "discovery": TEXTS,
        "nodes": st.lists(st.fixed_dictionaries(_LINES), min_size=1, max_size=7),
        "servers": st.lists(
            st.fixed_dictionaries(
                {**_LINES, "role": st.sampled_from(["database", "data", "media"])}
            ),
            min_size=1,
            max_size=2,
        ),
        "links": st.lists(
            st.fixed_dictionaries(
                {
                    "nodes": st.lists(_INDEX, min_size=1, max_size=4),
                    "server": _INDEX,
                    "label": TEXTS,
                    "runs": st.booleans(),
                }
            ),
            max_size=3,
        ),
    }
)
_BOUND = {"binding": _BINDINGS, "secrets": _SECRETS, "topology": _TOPOLOGIES}
_SOURCES = st.fixed_dictionaries(
    {"kind": st.sampled_from(["directory", "local", "ssh", "git"])},
    optional={
        "nodes": st.lists(TEXTS, max_size=3),
        "sudo": st.booleans(),
        "node": TEXTS,
        "root": TEXTS,
    },
)


def _consistent(plan: dict[str, Any]) -> dict[str, Any]:
    """Number the steps, and have all nodes that are named planned."""
    for number, step in enumerate(plan["rollout"], 1):
        step["step"] = number
    if plan["source"] and "nodes" in plan["source"]:
        named = [change["node"] for change in plan["changes"]]
        named += [node for step in plan["rollout"] for node in step["nodes"]]
        plan["source"]["nodes"] += dict.fromkeys(named)
    return plan


DOCUMENTS_2 = st.fixed_dictionaries(
    {
        "format_version": st.just("2.0"),
        **_PLAN,
        "source": st.one_of(_SOURCES, st.none()),
        "summary": st.fixed_dictionaries(
            {**_SUMMARY, "disruption": st.sampled_from(["none", "rolling", "all"])}
        ),
        "changes": st.lists(_CHANGES, max_size=12),
        "rollout": st.lists(_STEPS, max_size=5),
    },
    optional=_BOUND,
).map(_consistent)
DOCUMENTS_1 = st.fixed_dictionaries(
    {
        "format_version": st.just("1.0"),
        **_PLAN,
        "source": st.one_of(st.just({"kind": "directory"}), st.none()),
        "summary": st.fixed_dictionaries(_SUMMARY),
        "changes": st.lists(_CHANGES_1, max_size=12),
        "rollout": st.lists(_STEPS_1, max_size=5),
    },
    optional=_BOUND,
)
DOCUMENTS = st.one_of(DOCUMENTS_2, DOCUMENTS_1)
"""Any document that a file may hold, likely or not, of every format that is read."""
