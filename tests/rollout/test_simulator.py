"""Every roll-out, simulated action by action in a simulated cluster; one situation a test, then any.

Two tests hold the rules of simulator.py and state.py for triples that Hypothesis draws, one for the way
forwards and one for the way back. The others hold the order of the steps for one change each (another
group, another data folder). `OMCONF_ROLLOUTS=5000 pytest tests/rollout` tries more than CI does.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omconf.actions import Action, Health, Manual, Put, Remove, Run, Service, Step
from omconf.rollout import outside
from omconf.views import document
from omconf.views import text as text_view
from tests.clusters import spec_of
from tests.rollout.hosts import Wrong
from tests.rollout.triples import Data, Triple, laid_over, node, settled, simulated, triples

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from omconf.plan.model import Plan

MANY = settings(
    max_examples=int(os.environ.get("OMCONF_ROLLOUTS", "60")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@MANY
@given(triples(), st.booleans())
def test_any_roll_out(triple: Triple, side_by_side: bool) -> None:
    simulated(triple, side_by_side=side_by_side)


@MANY
@given(triples(), st.integers(0, 60), st.booleans())
def test_any_way_back(triple: Triple, steps: int, side_by_side: bool) -> None:
    simulated(triple, back=steps, side_by_side=side_by_side)


def rolled(before: Data, after: Data, *by_hand: tuple[str, str], known: bool = True) -> Plan:
    """The plan, after it was tried in whole, and back from each of its steps."""
    triple = Triple.of(settled(before), settled(after), *by_hand, known=known)
    plan = simulated(triple)
    for steps in range(len(plan.rollout.steps) + 1):
        simulated(triple, back=steps)
    return plan


def downs(plan: Plan) -> list[tuple[str, ...]]:
    """Which nodes stop, together or one after the other."""
    return [
        step.nodes
        for step in plan.rollout.steps
        if any(
            isinstance(a, Service) and a.do in ("stop", "restart") and a.unit.startswith("openm")
            for a in step.actions
        )
    ]


def when(plan: Plan, *wanted: object) -> int:
    """The number of the first step that has such an action, or whose text begins so."""
    return next(
        number
        for number, step in enumerate(plan.rollout.steps)
        for action in step.actions
        if (replace(action, apart=None) if isinstance(action, Service) else action) in wanted
        or (isinstance(action, Manual) and action.text.startswith(tuple(map(str, wanted))))
    )


def without(data: Data, name: str) -> Data:
    return {**data, "nodes": {n: v for n, v in data["nodes"].items() if n != name}}


def drawn(plan: Plan) -> str:
    """The last line of a plan."""
    return text_view.summary(document.of_plan(plan), text_view.Paint(colour=False))[-1]


def with_node(data: Data, name: str) -> Data:
    return {**data, "nodes": {**data["nodes"], name: node(1)}}


def renamed(data: Data, old: str, new: str) -> Data:
    moved = {**data["nodes"][old], "renamed_from": old}
    return {**data, "nodes": {**without(data, old)["nodes"], new: moved}}


TCP_IP = {"discovery": {"kind": "tcp-ip"}, "hazelcast": {"port": 5701}}


def test_a_port_edited_by_hand_on_one_of_three_restarts_that_node_alone() -> None:
    spec = spec_of(3, **TCP_IP)
    plan = rolled(spec, spec, ("om2", "hazelcast.xml "))
    assert downs(plan) == [("om2",)]
    assert plan.rollout.disruption == "rolling"


def test_a_stray_third_member_comes_back_by_its_own_restart() -> None:
    plan = rolled(spec_of(3), spec_of(3), ("om3", "hazelcast.xml"))
    assert downs(plan) == [("om3",)]


def test_two_strays_stop_together_and_the_third_runs_on() -> None:
    edits = (("om1", "hazelcast.xml"), ("om3", "hazelcast.xml"))
    plan = rolled(spec_of(3), spec_of(3), *edits)
    assert downs(plan) == [("om1", "om3")]
    assert plan.rollout.disruption == "rolling"


def test_another_group_stops_all() -> None:
    plan = rolled(spec_of(3), spec_of(3, discovery={"group": "239.9.9.9"}))
    assert downs(plan) == [("om1", "om2", "om3")]
    assert plan.rollout.disruption == "all"


@pytest.mark.parametrize("openmeetings", [{}, {"service": "none"}])
def test_where_a_node_leaves_and_no_other_restarts_the_plan_says_so(openmeetings: Data) -> None:
    before = spec_of(3, openmeetings=openmeetings)
    assert drawn(rolled(before, without(before, "om3"))).endswith(" Removed nodes stop.")
    after = laid_over(before, {"openmeetings": {"java_options": ["-Xmx2g"]}})
    assert drawn(rolled(before, without(after, "om3"))).endswith(" Nodes restart one by one.")


def test_the_only_node_restarts_and_nobody_serves_meanwhile() -> None:
    plan = rolled(spec_of(1), spec_of(1, openmeetings={"java_options": ["-Xmx2g"]}))
    assert (downs(plan), plan.rollout.disruption) == ([("om1",)], "all")
    # The other one leaves before.
    after = without(spec_of(2, openmeetings={"java_options": ["-Xmx2g"]}), "om2")
    plan = rolled(spec_of(2), after)
    assert (downs(plan), plan.rollout.disruption) == ([("om2",), ("om1",)], "all")


def test_who_leaves_is_stopped_and_that_is_said() -> None:
    plan = rolled(spec_of(3), without(spec_of(3), "om3"))
    assert (downs(plan), plan.rollout.disruption) == ([("om3",)], "rolling")


def test_a_new_node_stops_nobody_and_starts_at_boot() -> None:
    plan = rolled(spec_of(2), with_node(spec_of(2), "a0"))
    assert (downs(plan), plan.rollout.disruption) == ([], "none")
    assert when(plan, Service("enable", "openmeetings.service"))


def test_a_data_server_that_leaves_serves_until_nobody_mounts_from_it() -> None:
    after = settled({**without(spec_of(3), "om1"), "storage": {"kind": "nfs", "server": "om2"}})
    plan = rolled(spec_of(3), after)
    assert downs(plan) == [("om1",), ("om2", "om3")]
    ends = [n for n, s in enumerate(plan.rollout.steps) if Put(("/etc/exports",)) in s.actions]
    first, last = (plan.rollout.steps[n].nodes for n in ends)
    assert (first, last) == (("om2",), ("om1",))
    assert when(plan, Run(("umount", "/opt/omdata"))) < ends[0] < when(plan, "Move the shared")
    assert when(plan, "Move the shared") < when(plan, Run(("mount", "/opt/omdata"), 150)) < ends[1]


@pytest.mark.parametrize("kind", ["nfs", "cifs"])
def test_another_folder_on_the_same_server_is_created_and_mounted_anew(kind: str) -> None:
    storage: dict[str, Any] = {"kind": kind, "server": "om1"}
    if kind == "cifs":
        storage |= {"share": "om", "password": {"env": "P"}}
    before = spec_of(3, storage=storage)
    plan = rolled(before, laid_over(before, {"storage": {"export": "/srv/export"}}))
    assert downs(plan) == [("om1", "om2", "om3")]
    umount = when(plan, Run(("umount", "/opt/omdata")))
    assert plan.rollout.steps[umount].nodes == ("om2", "om3")
    assert umount < when(plan, "Move the shared")


@pytest.mark.parametrize("back", [False, True])
def test_the_same_folder_served_in_another_way_stays_where_it_is(back: bool) -> None:
    """The data server's own OpenMeetings runs on, and its account is made once."""
    cifs = {"kind": "cifs", "server": "om1", "share": "om", "password": {"env": "P"}}
    specs = [spec_of(3), spec_of(3, storage=cifs)]
    plan = rolled(*(reversed(specs) if back else specs))
    assert downs(plan) == [("om2", "om3")]
    manuals = [a.text[:15] for s in plan.rollout.steps for a in s.actions if isinstance(a, Manual)]
    assert manuals.count("Add the account") == (not back)
    assert not any(text.startswith("Move") for text in manuals)


def test_another_data_folder_moves_the_data() -> None:
    for nodes in (1, 3):
        plan = rolled(spec_of(nodes), spec_of(nodes, openmeetings={"data_dir": "/srv/data"}))
        assert plan.rollout.disruption == "all"
        assert when(plan, "Move the shared") < when(plan, Service("start", "openmeetings.service"))


def test_a_folder_that_the_admin_mounts_from_now_on_and_no_longer() -> None:
    by_hand = settled(spec_of(3, storage={"kind": "mounted"}))
    plan = rolled(spec_of(3), by_hand)
    mounted = plan.rollout.steps[when(plan, "Mount the shared folder")]
    assert mounted.nodes == ("om1", "om2", "om3")
    assert rolled(by_hand, spec_of(3)).rollout.disruption == "all"
    moved = laid_over(by_hand, {"openmeetings": {"data_dir": "/srv/data", "service": "none"}})
    assert when(rolled(by_hand, moved), "Mount the shared folder at `/srv/data`")


@pytest.mark.parametrize("number", [1, 2])
def test_data_move_also_where_the_home_moves(number: int) -> None:
    """What runs in the other home tells where they are."""
    changed = {"openmeetings": {"home": "/srv/om", "data_dir": "/srv/data"}}
    before = spec_of(number, storage={"kind": "nfs", "server": "om1"})
    plan = rolled(before, laid_over(before, changed))
    assert when(plan, "Move the shared data") < when(plan, "Install OpenMeetings")


def test_other_mount_options_are_mounted_one_node_after_the_other() -> None:
    plan = rolled(spec_of(3), spec_of(3, storage={"options": ["hard", "timeo=70"]}))
    assert downs(plan) == [("om2",), ("om3",)]


def test_a_node_that_stopped_alone_is_healthy_before_the_one_before_it_goes_back() -> None:
    """One mount was edited by hand, so that node stops; the other one restarts before it."""
    before = spec_of(2)
    other = {**before["nodes"]["om1"], "url": "https://om1.example.com:5443/openmeetings"}
    after = {**before, "nodes": {**before["nodes"], "om1": other}}
    plan = rolled(before, after, ("om2", "fstab"))
    assert downs(plan) == [("om1",), ("om2",)]
    (step,) = (s for s in plan.rollout.steps if Run(("umount", "/opt/omdata")) in s.actions)
    assert step.undo[-1] == Health()
    assert step.undo_from(step.actions[0])[-1] == Health()


@pytest.mark.parametrize("known", [True, False])
def test_a_new_release_starts_on_one_node_and_has_a_way_back(known: bool) -> None:
    """Whether the jars tell the installed release, or only what was applied last."""
    before = spec_of(3, openmeetings={"release": "8.1.0"})
    plan = rolled(before, spec_of(3), known=known)
    assert downs(plan) == [("om1", "om2", "om3")]
    backup = when(plan, "Back up the database")
    assert backup < when(plan, "Install OpenMeetings 9.1.0")
    assert [a.text[:7] for a in plan.rollout.steps[backup].undo if isinstance(a, Manual)] == [
        "Restore"
    ]


def test_an_earlier_release_starts_on_a_restored_database() -> None:
    plan = rolled(spec_of(2), spec_of(2, openmeetings={"release": "9.0.0"}))
    assert downs(plan) == [("om1", "om2")]
    whys = [step.why for step in plan.rollout.steps]
    assert not any("up to date" in why or "new release" in why for why in whys)
    restored = when(plan, "Back up the database")
    (text,) = (a.text for a in plan.rollout.steps[restored].actions if isinstance(a, Manual))
    assert "This is a downgrade: " in text
    assert restored < whys.index("the first start uses the restored database")
    (back,) = (a for a in plan.rollout.steps[restored].undo if isinstance(a, Manual))
    assert back.text.startswith("Restore the database")


def test_a_way_back_from_a_release_has_what_its_files_had() -> None:
    """Also keys that the spec no longer has: an installation brings a file of its own."""
    media = {"url": "ws://10.1.1.20:8888/kurento"}
    rolled(spec_of(2, openmeetings={"release": "9.0.0"}, kurento=media), spec_of(2))


def test_another_account_of_the_database_locks_nobody_out() -> None:
    plan = rolled(spec_of(3), spec_of(3, database={"user": "other"}))
    manuals = [a for s in plan.rollout.steps for a in s.actions if isinstance(a, Manual)]
    assert outside.UNTIL_THEN in manuals[0].text
    assert outside.UNTIL_THEN not in manuals[-1].text


def test_a_share_of_a_cluster_that_was_one_node_has_its_account() -> None:
    cifs = {"kind": "cifs", "server": "om1", "share": "om", "password": {"env": "P"}}
    before = spec_of(1, storage=cifs)
    plan = rolled(before, with_node(before, "a0"))
    assert when(plan, "Add the account") < when(plan, Run(("mount", "/opt/omdata"), 150))


def test_what_leaves_without_systemd_has_no_units_to_stop() -> None:
    none = {"openmeetings": {"service": "none"}, "network": {"firewall": "nftables"}}
    plan = rolled(spec_of(3, **none), without(spec_of(3, **none), "om3"))
    done = [a for s in plan.rollout.steps if s.nodes == ("om3",) for a in s.actions]
    assert not [a for a in done if isinstance(a, Service)]
    assert Run(("/usr/local/sbin/omconf-multicast-route", "down")) in done


def test_a_renamed_node_restarts_under_its_new_name() -> None:
    plan = rolled(spec_of(3), renamed(spec_of(3), "om3", "om9"))
    assert downs(plan) == [("om9",)]


@pytest.mark.parametrize(
    "action",
    [
        Run(("rm", "-rf", "/")),
        Run(("umount", "/opt/omdata")),
        Remove(("/etc/systemd/system/omconf-multicast-route.service",)),
        Service("start", "openmeetings.service"),
        Manual("admin", "Do something."),
        Manual("admin", "Move the shared data to its new place."),
    ],
)
def test_the_simulator_refuses(action: Action) -> None:
    """What is not known, what would fail, and what takes away what is used."""
    world = Triple.of(spec_of(2), spec_of(2)).world()
    with pytest.raises(Wrong):
        world.roll([Step(("om2",), "", (action,))])
