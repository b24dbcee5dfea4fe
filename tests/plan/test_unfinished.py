"""What a plan says where it cannot read what an apply may have left on a node."""

from __future__ import annotations

from omconf.bundle.compile import compile_bundle
from omconf.deployed.archive import DIRECTORY
from omconf.deployed.snapshot import DeployedFile, NodeFiles, Snapshot
from omconf.diagnostics import Finding
from omconf.pipeline.bundle_secrets import secrets_of
from omconf.plan.compare import compare
from omconf.plan.model import Plan
from omconf.rules import UNREADABLE
from tests.clusters import cluster_of, spec_of

STATE = "/var/lib/omconf/conference"


def planned(around: dict[str, DeployedFile]) -> Plan:
    """Plan two nodes that are as the spec says; om1 holds files around."""
    cluster = cluster_of(spec_of(2))
    bundle = compile_bundle(cluster)
    nodes = {}
    for node in bundle.nodes:
        files = {a.path: DeployedFile(a.data) for a in node.artifacts}
        beside = around if node.node == "om1" else {}
        nodes[node.node] = NodeFiles(files, around=beside)
    return compare(cluster, bundle, Snapshot("directory", nodes), secrets_of(bundle))


def test_what_is_owed_and_cannot_be_read_leaves_the_plan_incomplete() -> None:
    hidden = DeployedFile(None, Finding(UNREADABLE, 0, "It cannot be read: Permission denied."))
    plan = planned({f"{STATE}/pending": hidden})
    assert not plan.complete
    (said,) = (d for d in plan.diagnostics if d.rule is UNREADABLE)
    assert (said.node, "--sudo" in said.hint) == ("om1", True)
    there = DeployedFile(None, DIRECTORY)
    assert planned({f"{STATE}/pending": there}).complete
