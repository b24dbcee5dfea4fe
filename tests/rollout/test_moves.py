"""OpenMeetings in another home, by another unit, with another database; and nodes that left."""

from __future__ import annotations

from typing import Any

import pytest

from omconf.actions import Manual, Put, Remove, Run, Service
from omconf.bundle.compile import compile_bundle
from omconf.cluster import places
from omconf.deployed.snapshot import DeployedFile, NodeFiles, Snapshot
from omconf.formats import node_check
from omconf.pipeline.bundle_secrets import secrets_of
from omconf.plan.compare import compare
from omconf.plan.model import Plan
from omconf.rollout import outside
from omconf.waits import MOUNT_SECONDS
from tests.clusters import cluster_of, spec_of
from tests.rollout.hosts import Desired
from tests.rollout.test_simulator import downs, rolled, when
from tests.rollout.triples import laid_over, settled

UNIT = "openmeetings.service"
MOUNT, UMOUNT = Run(("mount", "/opt/omdata"), MOUNT_SECONDS), Run(("umount", "/opt/omdata"))
MANIFEST = places.manifest("conference")


def test_another_home_stops_what_runs_in_the_old_one() -> None:
    plan = rolled(spec_of(2), spec_of(2, openmeetings={"home": "/srv/om"}))
    assert plan.rollout.disruption == "all"
    assert downs(plan) == [("om1", "om2")]
    effects = [c.effect for c in plan.changes if c.effect]
    assert {e.decided_by for e in effects if not e.rolling} == {("home",)}
    assert when(plan, "Install OpenMeetings") < when(plan, Service("start", UNIT))
    old = when(plan, "Have `openmeetings.service` start OpenMeetings from `/srv/om`")
    assert when(plan, Service("stop", UNIT)) < old < when(plan, Service("start", UNIT))


def test_another_home_and_release_have_the_database_backed_up() -> None:
    before = spec_of(2, openmeetings={"release": "9.0.0"})
    plan = rolled(before, spec_of(2, openmeetings={"home": "/srv/om"}))
    assert when(plan, "Back up the database") < when(plan, "Install OpenMeetings 9.1.0")


def test_another_unit_is_enabled_in_the_place_of_the_old_one() -> None:
    plan = rolled(spec_of(3), spec_of(3, openmeetings={"service": "om.service"}))
    assert plan.rollout.disruption == "rolling"
    assert [step.nodes for step in plan.rollout.steps[:3]] == [("om1",), ("om2",), ("om3",)]
    first = plan.rollout.steps[0].actions
    assert first[:2] == (Service("stop", UNIT), Service("disable", UNIT))
    assert first[-3:-1] == (Service("enable", "om.service"), Service("start", "om.service"))
    by_hand = rolled(spec_of(2), spec_of(2, openmeetings={"service": "none"}))
    first = by_hand.rollout.steps[0].actions
    assert first[:2] == (Service("stop", UNIT), Service("disable", UNIT))
    assert first[-2] == Manual("admin", "Start OpenMeetings on this node.")


def test_another_unit_together_with_settings_that_cannot_meet() -> None:
    after = spec_of(3, openmeetings={"service": "om.service"}, discovery={"group": "239.9.9.9"})
    plan = rolled(spec_of(3), after)
    assert plan.rollout.steps[0].actions == (Service("stop", UNIT), Service("disable", UNIT))
    assert plan.rollout.steps[0].undo[:2] == (
        Service("enable", UNIT),
        Service("start", UNIT, apart=0.5),
    )


def test_another_database_is_filled_before_anybody_uses_it() -> None:
    plan = rolled(spec_of(2), spec_of(2, database={"host": "10.1.1.251"}))
    copied = when(plan, "Copy the data of the database")
    assert when(plan, Service("stop", UNIT)) < copied < when(plan, Service("start", UNIT))
    last = [a for a in plan.rollout.steps[-2].actions if isinstance(a, Manual)]
    assert last[0].text.startswith(outside.GOES.removesuffix("{text}"))


def test_nodes_that_stop_together_serve_again_before_the_others_restart() -> None:
    after = spec_of(3)
    after["nodes"]["om3"]["url"] = "https://om3.example.com:5443/openmeetings"
    strays = [("om1", "hazelcast.xml"), ("om2", "hazelcast.xml")]
    plan = rolled(spec_of(3), after, *strays)
    assert downs(plan) == [("om1", "om2"), ("om3",)]
    assert plan.rollout.disruption == "rolling"


def planned(after: dict[str, Any], left: dict[str, bytes]) -> Plan:
    """Plan a spec that is deployed as it is, with one more node that left it."""
    wanted = Desired.of(cluster_of(after))
    nodes = {
        name: NodeFiles({p: DeployedFile(d) for p, d in wanted.files(name).items()})
        for name in wanted.nodes
    }
    gone = {"om9": NodeFiles({path: DeployedFile(data) for path, data in left.items()})}
    bundle = compile_bundle(wanted.cluster)
    snapshot = Snapshot("directory", nodes, gone if left else {})
    return compare(wanted.cluster, bundle, snapshot, secrets_of(bundle))


def deployed(name: str) -> dict[str, bytes]:
    """What a node held that left the spec, here as one of another name."""
    return Desired.of(cluster_of(spec_of(3))).files(name)


def test_a_node_that_left_with_nothing_but_its_manifest() -> None:
    plan = planned(spec_of(2), {MANIFEST: deployed("om3")[MANIFEST]})
    assert plan.rollout.disruption == "none"
    actions = [a for step in plan.rollout.steps for a in step.actions if step.nodes == ("om9",)]
    assert actions == [Remove((MANIFEST,))]
    assert not any(isinstance(a, Service) for step in plan.rollout.steps for a in step.actions)


def test_a_node_that_left_and_runs_another_cluster_is_not_stopped() -> None:
    files = deployed("om3")
    left = {p: d for p, d in files.items() if p == MANIFEST or p.endswith("node-check")}
    plan = planned(spec_of(2), left)
    assert not any(isinstance(a, Service) for step in plan.rollout.steps for a in step.actions)


def test_with_strict_format_what_is_only_written_differently_has_a_step() -> None:
    spec = spec_of(1)
    wanted = Desired.of(cluster_of(spec))
    files = wanted.files("om1")
    path = next(path for path in files if path.endswith("hazelcast.xml"))
    files[path] = files[path].replace(b"</hazelcast>", b"<!-- by hand --></hazelcast>")
    nodes = {"om1": NodeFiles({p: DeployedFile(d) for p, d in files.items()})}
    bundle = compile_bundle(wanted.cluster)
    for strict in (False, True):
        plan = compare(
            wanted.cluster,
            bundle,
            Snapshot("directory", nodes),
            secrets_of(bundle),
            strict=strict,
        )
        puts = [a for step in plan.rollout.steps for a in step.actions if isinstance(a, Put)]
        assert puts == ([Put((path,)), Put((MANIFEST,))] if strict else [])
        assert plan.has_changes is strict
        assert plan.rollout.disruption == "none"


def test_a_step_that_writes_a_file_says_more_than_that_it_records() -> None:
    wanted = Desired.of(cluster_of(spec_of(2)))
    nodes = {}
    for name in ("om1", "om2"):
        files = wanted.files(name)
        del files[MANIFEST]
        if name == "om1":
            files[node_check.PROGRAM] += b"# of an earlier omconf\n"
        nodes[name] = NodeFiles({p: DeployedFile(d) for p, d in files.items()})
    bundle = compile_bundle(wanted.cluster)
    snapshot = Snapshot("directory", nodes)
    plan = compare(wanted.cluster, bundle, snapshot, secrets_of(bundle))
    assert [(step.nodes, step.why, step.actions) for step in plan.rollout.steps] == [
        (
            ("om1",),
            "write what needs no restart, record what was applied",
            (Put((node_check.PROGRAM,)), Put((MANIFEST,))),
        )
    ]


@pytest.mark.parametrize("kind", ["nfs", "cifs"])
@pytest.mark.parametrize("server", ["om2", "10.1.1.240"])
def test_another_server_of_the_same_name_is_mounted_anew_everywhere(kind: str, server: str) -> None:
    """fstab stays as it is on a node that mounted before and after, and its mount would stay, too."""
    storage: dict[str, Any] = {"kind": kind, "mount_from": "files.example.org"}
    if kind == "cifs":
        storage |= {"share": "om", "password": {"env": "P"}}
    before = spec_of(3, storage={**storage, "server": "om1"})
    plan = rolled(before, laid_over(before, {"storage": {"server": server}}))
    assert plan.rollout.disruption == "all"
    leads = plan.rollout.steps[when(plan, "Resolve `files.example.org` to the data server")]
    assert set(leads.nodes) == ({"om1", "om3"} if server == "om2" else {"om1", "om2", "om3"})
    assert when(plan, UMOUNT) < when(plan, MOUNT)


def test_a_folder_that_is_mounted_by_fstab_in_place_of_by_hand_is_no_longer_asked_for() -> None:
    fstab = {"what": "10.1.1.241:/om", "type": "glusterfs"}
    before = settled(spec_of(3))
    after = settled(laid_over(before, {"storage": {"kind": "mounted", "fstab": fstab}}))
    plan = rolled(before, after)
    assert plan.rollout.disruption == "all"
    steps = plan.rollout.steps
    assert set(steps[when(plan, "Install mount.glusterfs")].nodes) == {"om1", "om2", "om3"}
    assert when(plan, "Have `10.1.1.241:/om` ready") < when(plan, MOUNT)
    rolled(after, before)
