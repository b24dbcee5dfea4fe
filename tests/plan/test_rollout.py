"""The order of roll-outs: nothing is used before it is there, or taken away while it is used."""

from __future__ import annotations

from typing import Any

from omconf.artifacts.contents import Artifact
from omconf.bundle.compile import compile_bundle
from omconf.cluster import places
from omconf.deployed.snapshot import DeployedFile, NodeFiles, Snapshot
from omconf.pipeline.bundle_secrets import secrets_of
from omconf.plan.compare import compare
from omconf.rollout import text
from omconf.views import document
from tests.clusters import cluster_of, spec_of

STOP, START, RESTART = (
    f"systemctl {verb} openmeetings.service" for verb in ("stop", "start", "restart")
)


def planned(before: dict[str, Any], after: dict[str, Any], *only: str) -> dict[str, Any]:
    """The plan from what one spec compiles to, to what another does; `only` of some nodes."""
    wanted = cluster_of(after)
    names = {node.name.value for node in wanted.nodes}
    deployed = {
        node.node: NodeFiles({a.path: DeployedFile(a.data) for a in node.artifacts})
        for node in compile_bundle(cluster_of(before)).nodes
    }
    nodes = {name: deployed.get(name, NodeFiles()) for name in sorted(only or names)}
    bundle = compile_bundle(wanted)
    plan = compare(wanted, bundle, Snapshot("git", nodes), secrets_of(bundle))
    return document.of_plan(plan)


def steps(plan: dict[str, Any]) -> list[tuple[str, str]]:
    """Node and command, in order; what has no command by its reason."""
    return [
        (node, command.partition(", at least ")[0])
        for step in plan["rollout"]
        for node in step["nodes"]
        for command in text.lines(step["actions"])
    ]


def index(plan: dict[str, Any], node: str, what: str) -> int:
    found = [i for i, (n, c) in enumerate(steps(plan)) if n == node and what in c]
    assert found, (node, what, steps(plan))
    return found[0]


def test_a_new_node_starts_last_and_is_let_in_first() -> None:
    data = spec_of(2)
    data["nodes"]["a0"] = {
        **data["nodes"]["om1"],
        "address": "10.1.1.9",
        "url": "https://a0.example.org/openmeetings",
    }
    plan = planned(spec_of(2), data)
    assert plan["summary"]["disruption"] == "none"
    assert {node for node, command in steps(plan) if command in (START, STOP, RESTART)} == {"a0"}
    database, installed = index(plan, "a0", "database server"), index(plan, "a0", "Install Open")
    exports, mount = index(plan, "om1", "exportfs -ra"), index(plan, "a0", "mount /opt/omdata")
    assert database < installed < exports < mount < index(plan, "a0", START)


def test_another_address_of_the_database_or_a_node_is_told_to_who_runs_it() -> None:
    plan = planned(spec_of(2), spec_of(2, database={"host": "10.1.1.251"}))
    assert index(plan, "om1", "database server") < index(plan, "om1", START)
    assert plan["summary"]["disruption"] == "all"
    data = spec_of(2, storage={"server": "10.1.1.50"})
    moved = {
        **data,
        "nodes": {**data["nodes"], "om2": {**data["nodes"]["om2"], "address": "10.1.1.22"}},
    }
    plan = planned(data, moved)
    assert index(plan, "om2", "database server") < index(plan, "om2", RESTART)
    assert index(plan, "om2", "NFS server") < index(plan, "om2", RESTART)


def test_a_data_server_that_moves_from_node_to_node() -> None:
    plan = planned(spec_of(3), spec_of(3, storage={"server": "om2"}))
    assert steps(plan)[0] == ("om1", STOP)
    free = [index(plan, node, "umount /opt/omdata") for node in ("om2", "om3")]
    data = index(plan, "om2", "Move the shared data")
    export, mount = index(plan, "om2", "exportfs -ra"), index(plan, "om1", "mount /opt/omdata")
    assert max(free) < export < data < mount < index(plan, "om1", START)


def test_another_data_folder() -> None:
    plan = planned(spec_of(2), spec_of(2, openmeetings={"data_dir": "/srv/x"}))
    assert index(plan, "om2", "umount /opt/omdata") < index(plan, "om1", "exportfs -ra")
    assert index(plan, "om1", "exportfs -ra") < index(plan, "om2", "mount /srv/x")


def test_a_folder_that_the_admin_mounts() -> None:
    """OpenMeetings never starts on an empty one."""
    mounted = spec_of(2, storage={"kind": "mounted"})
    del mounted["storage"]["server"]
    for plan in (planned(spec_of(2), mounted), planned(spec_of(1), mounted)):
        by_hand = index(plan, "om2", "Mount the shared folder")
        starts = [i for i, (n, c) in enumerate(steps(plan)) if n == "om2" and c in (START, RESTART)]
        assert by_hand < max(starts)


def test_all_that_a_stopped_node_needs_is_there_before_it_starts() -> None:
    """A mount that changes, and a route that is not there yet."""

    def old(artifact: Artifact) -> bytes | None:
        if artifact.kind == "multicast_route":
            return None
        return artifact.data.replace(b"timeo=50", b"timeo=70")

    cluster = cluster_of(spec_of(2))
    bundle = compile_bundle(cluster)
    nodes = {
        node.node: NodeFiles(
            {a.path: DeployedFile(data) for a in node.artifacts if (data := old(a)) is not None}
        )
        for node in bundle.nodes
    }
    plan = document.of_plan(compare(cluster, bundle, Snapshot("git", nodes), secrets_of(bundle)))
    route = index(plan, "om2", "systemctl restart omconf-multicast-route.service")
    assert index(plan, "om2", STOP) < route < index(plan, "om2", START)


def test_who_was_not_planned_keeps_all_from_starting() -> None:
    plan = planned(spec_of(3), spec_of(3, discovery={"group": "239.9.9.9"}), "om1")
    assert (("om1", START)) not in steps(plan)
    assert plan["rollout"][0]["why"].endswith(": om2, om3")
    assert index(plan, "om1", STOP) < index(plan, "om1", "Roll out om2, om3 too")


def test_a_host_that_loses_systemd_keeps_its_route() -> None:
    before, after = spec_of(2), spec_of(2, openmeetings={"service": "none"})
    cluster = cluster_of(after)
    bundle = compile_bundle(cluster)
    from omconf.bundle import manifest

    nodes = {}
    for node in compile_bundle(cluster_of(before)).nodes:
        listing = manifest.for_node("conference", node.node, node.artifacts)
        files = {a.path: DeployedFile(a.data) for a in node.artifacts}
        nodes[node.node] = NodeFiles(
            {**files, places.manifest("conference"): DeployedFile(listing)}
        )
    plan = document.of_plan(compare(cluster, bundle, Snapshot("git", nodes), secrets_of(bundle)))
    disable = index(plan, "om1", "systemctl disable omconf-multicast-route.service")
    assert disable < index(plan, "om1", "omconf-multicast-route up")


def test_what_stops_all_nodes_is_no_rolling_change() -> None:
    """Two releases may differ in no file but the settings of the node check."""
    for key, value in (("release", "9.0.0"), ("home", "/srv/om")):
        plan = planned(spec_of(2), spec_of(2, openmeetings={key: value}))
        stopping = [c for c in plan["changes"] if not c["effect"]["rolling"]]
        assert [c["node"] for c in stopping] == ["om1", "om2"]
        for change in stopping:
            effect = change["effect"]
            assert (effect["scope"], effect["decided_by"]) == ("cluster", [key])


def test_what_the_node_check_says_stops_no_node_that_has_the_release() -> None:
    """Its settings were edited; the jars are those of the wanted release."""
    wanted = cluster_of(spec_of(2))
    nodes = {}
    for node in compile_bundle(wanted).nodes:
        files = {a.path: DeployedFile(a.data) for a in node.artifacts}
        path = next(path for path in files if path.endswith("/check.conf"))
        data = (files[path].data or b"").replace(b"release=9.1.0", b"release=9.0.0")
        nodes[node.node] = NodeFiles({**files, path: DeployedFile(data)}, release="9.1.0")
    bundle = compile_bundle(wanted)
    plan = document.of_plan(compare(wanted, bundle, Snapshot("git", nodes), secrets_of(bundle)))
    assert [c["effect"]["rolling"] for c in plan["changes"]] == [False, False]
    assert plan["summary"]["disruption"] == "none"
