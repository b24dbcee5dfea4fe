"""Every fault in any action of any roll-out, by the real coordinator, and a new plan after it.

A scene is a triple (triples.py) and a fault that strikes one of its actions (lines.py). Whatever
happens, no state on the way may be forbidden, the reported outcome has to be true, and a new plan after
the fault has to complete the change. `OMCONF_ROLLOUTS=5000 pytest tests/rollout` tries more than CI
does.
"""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from omconf import interrupts
from omconf.actions import Action, Health, Manual, Service
from omconf.apply import cluster_watch
from omconf.apply import nodes as nodes_module
from omconf.apply.events import Outcome
from omconf.apply.journal import About
from omconf.apply.node import Node
from omconf.apply.nodes import BARRED
from omconf.apply.targets import Targets
from omconf.bundle.compile import compile_bundle
from omconf.deployed.snapshot import DeployedFile, NodeFiles
from omconf.pipeline import apply, stops
from omconf.rollout.who import MOVE
from omconf.secret_sources import Secrets
from omconf.secrets import Secret
from tests.clusters import spec_of
from tests.rollout.hosts import (
    EXPORTS,
    FIREWALL,
    FSTAB,
    ROUTE,
    SCRIPT,
    SHIPPED,
    SMB,
    STOCK,
    Host,
    Wrong,
)
from tests.rollout.lines import (
    Fault,
    Kept,
    Killed,
    Kind,
    Scene,
    SimulatedLine,
    SimulatedNodes,
    SimulatedPeople,
    SimulatedWatch,
)
from tests.rollout.triples import Data, Triple, as_wanted, laid_over, node, settled, triples

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from collections.abc import Callable

    from omconf.artifacts.contents import Artifact
    from omconf.plan.model import Plan
    from tests.rollout.simulator import World

MANY = settings(
    max_examples=int(os.environ.get("OMCONF_ROLLOUTS", "20")),
    derandomize="OMCONF_ROLLOUTS" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.generate],  # each try compiles specs: to shrink takes minutes
)
ENDS: tuple[Kind, ...] = ("lost", "dead", "hurried", "killed")
"""Faults after which a node, or all, are as they happen to be."""


@dataclass
class Played:
    """How an apply went."""

    run: SimulatedNodes
    scene: Scene
    outcome: Outcome | None = None
    """None: omconf was killed."""
    why: str = ""


@dataclass
class Stage:
    """A world, and all that stays in it from one apply to the next."""

    triple: Triple
    world: World
    side_by_side: bool
    kept: dict[str, Kept] = field(default_factory=dict)
    applies: int = 0
    servers_at_first: Any = None

    def plan(self) -> Plan:
        cluster = self.triple.after.cluster.name.value
        around = {name: kept.around(cluster) for name, kept in self.kept.items()}
        plan = self.triple.plan(self.world, around)
        assert plan.complete, plan.diagnostics
        return plan

    def apply(self, plan: Plan, fault: Fault, target: Any, *, keep: bool = False) -> Played:
        """Carry a plan out, as omconf.pipeline.apply does."""
        self.applies += 1
        world, cluster = self.world, self.triple.after.cluster
        steps = [*enumerate(plan.rollout.steps, 1)]
        scene = Scene(world, self.triple.before, fault, target)
        units = stops.units(plan.rollout.steps)
        names = {n: None for _, step in steps for n in step.nodes}
        lines = {
            name: SimulatedLine(name, scene, self.kept.setdefault(name, Kept()), self.applies)
            for name in world.hosts
        }
        watch = SimulatedWatch(cluster, lines, units, seconds=0)
        watch.scene = scene
        nodes = {}
        for name in names:
            nodes[name] = Node(name, lines[name], self.targets(plan, name), watch, scene.tell)
            pending = self.kept[name].pending
            nodes[name].owed = frozenset(path for path in pending if path.startswith("/"))
        whole = str(plan.rollout.disruption) == "all"
        run = SimulatedNodes(nodes, SimulatedPeople(scene), whole, keep)
        run.scene, run.units = scene, units
        run.reread = lambda name: (self.targets(plan, name), world.hosts[name].home)
        side = scene.turns.side_by_side if self.side_by_side else one_by_one
        played = Played(run, scene)
        with (
            patch.object(nodes_module, "side_by_side", side),
            patch.object(cluster_watch, "side_by_side", one_by_one),
            patch.object(cluster_watch, "time", scene.clock),
        ):
            if units:
                watch.survey([])
            for name, node in nodes.items():
                own = [step for _, step in steps if name in step.nodes]
                apply._begin(node, about(name), own)
            try:
                if whole:
                    for name, node in nodes.items():
                        own = [step for _, step in steps if name in step.nodes]
                        node.stage(apply._targets(node, own))
                outcome, why = run.carry_out(steps)
                result = apply.ended(run, "id", outcome, why)
                played.outcome, played.why = result.outcome, result.why
            except Killed:
                pass
            finally:
                interrupts._state.number, interrupts._state.again = 0, False
        return played

    def targets(self, plan: Plan, name: str) -> Targets:
        """What the files of a node are to be; secrets stand there by their names."""
        bundle = compile_bundle(self.triple.after.cluster)
        own = tuple(
            replace(n, artifacts=tuple(map(by_name, n.artifacts)))
            for n in bundle.nodes
            if n.node == name
        )
        files = {p: DeployedFile(data) for p, data in self.world.hosts[name].files.items()}
        kinds = {c.path: c.kind for c in plan.changes if c.node == name}
        around = self.kept[name].around(bundle.cluster)
        found = NodeFiles(files, around=around)
        return Targets(replace(bundle, nodes=own), name, found, Names(), kinds)

    def servers(self) -> Any:
        """What outside servers let in, where the data are, and which release made the tables."""
        world = self.world
        tables = world.tables[world.url(self.triple.before)]
        return copy.deepcopy((world.access, world.outside, tables, world.full))

    def as_servers(self) -> bool:
        """Tell whether they are as at first; what a new shared folder was given stays there."""
        (*first, full), (*now, holds) = self.servers_at_first, self.servers()
        return bool(first == now and full <= holds)

    def states(self) -> dict[str, Any]:
        return {name: copy.deepcopy(host.state()) for name, host in self.world.hosts.items()}


def about(name: str) -> About:
    """What is written of an apply when it begins; nobody reads it here."""
    said = {"id": "0" * 8, "what": "apply", "node": name, "by": "", "reason": "", "plan": "0" * 64}
    moment = "2026-01-01T00:00:00Z"
    return About.model_validate({"format": 1, **said, "when": moment, "steps": [], "files": {}})


class Names(Secrets):
    """Secrets that all have the same value."""

    def __init__(self) -> None:
        super().__init__({})

    def get(self, name: str) -> Secret:
        return Secret("hidden")


def by_name(artifact: Artifact) -> Artifact:
    """A file that keeps the names of its secrets when it is filled in."""
    places = tuple(replace(p, encode=always(p.text)) for p in artifact.placeholders)
    return replace(artifact, placeholders=places)


def always(text: str) -> Callable[[str], str]:
    return lambda _: text


def one_by_one(work: Any, items: Any) -> list[Any]:
    return [work(item) for item in items]


def suits(kind: Kind, action: Action) -> bool:
    """Tell whether a fault can happen in an action."""
    match kind:
        case "no":
            return isinstance(action, Manual)
        case "sick":
            return isinstance(action, Health)
        case "half":
            return isinstance(action, Service)
        case "fails" | "late" | "lost" | "dead":
            return not isinstance(action, Manual)
    return True


def places(plan: Plan, kind: Kind) -> list[tuple[int, str, Action]]:
    """Where a fault can strike: the step, the node and the action."""
    return [
        (number, name, action)
        for number, step in enumerate(plan.rollout.steps, 1)
        for name in step.nodes
        for action in step.actions
        if suits(kind, action)
    ]


def played(
    triple: Triple, fault: Fault, *, side_by_side: bool = False, keep: bool = False
) -> Played | None:
    """Roll out with a fault, then plan anew and roll out to the end."""
    stage = Stage(triple, triple.world(), side_by_side)
    world = stage.world
    plan = stage.plan()
    waits = {
        (c.node, c.path) for c in plan.changes if c.effect and c.effect.action == "next-restart"
    }
    world.late = frozenset(waits)
    pairs = places(plan, fault.kind)
    if not pairs:
        return None
    start = stage.states()
    stage.servers_at_first = stage.servers()
    first = stage.apply(plan, fault, pairs[fault.at % len(pairs)], keep=keep)
    try:
        if not first.scene.struck:
            if first.outcome is not Outcome.APPLIED:
                raise Wrong(f"{first.outcome} without a fault: {first.why}")
            as_wanted(triple, world, plan)
            return first
        _outcome(stage, first, start, as_servers=stage.as_servers())
        if not (first.scene.again and first.scene.wrong):
            _again(stage, first, start)  # what a failed way back leaves is for people to look at
    except Wrong as wrong:
        if world.trace and world.trace[0] in str(wrong):
            raise
        raise Wrong(
            "\n".join([str(wrong), f"{first.outcome}: {first.why}", *world.trace])
        ) from None
    return first


def _different(one: Any, other: Any) -> list[Any]:
    if one[0] != other[0]:
        found = sorted(set(one[0].items()) ^ set(other[0].items()))
        return [(path, data[-300:]) for path, data in found]
    return [(a, b) for a, b in zip(one, other, strict=True) if a != b]


def _outcome(stage: Stage, first: Played, start: dict[str, Any], *, as_servers: bool) -> None:  # noqa: C901
    """Hold an end against the table of faults in the docs."""
    scene, run, fault = first.scene, first.run, first.scene.fault
    outcome, why = first.outcome, first.why
    now = stage.states()
    changed = {
        name: _different(start[name], now[name])
        for name in now
        if now[name] != start[name] and start[name][1] is not None and name not in scene.lost
    }
    if outcome is None:
        return
    if scene.wrong and not (scene.lost or scene.again or scene.sick or scene.left):
        raise Wrong(f"could not be taken back: {scene.wrong}")
    if outcome is Outcome.UNDONE and (changed or not as_servers):
        raise Wrong(f"undone, and not as it was: {changed} {as_servers}")
    if outcome is not Outcome.APPLIED and not why:
        raise Wrong("nobody knows why")
    if fault.kind == "no":
        if outcome is not Outcome.WAITING or scene.undone:
            raise Wrong(f"{outcome} where nobody did what was asked")
        return
    if fault.kind in ("lost", "dead", "hurried") and (
        outcome is not Outcome.PARTIAL or not all(name in why for name in scene.lost)
    ):
        raise Wrong(f"{outcome} where a node was lost")
    if outcome is Outcome.APPLIED and fault.kind != "interrupt":
        raise Wrong("applied in spite of a fault")
    if fault.kind == "hurried":
        return
    if run.keep:
        if scene.undone or outcome is Outcome.UNDONE:
            raise Wrong("something was taken back")
        return
    if fault.kind == "interrupt" and not run.whole and scene.undone:
        raise Wrong("something was taken back")
    untouched = [n for n in scene.at_fault if n not in scene.taken_back and n not in scene.lost]
    if moved := [n for n in untouched if scene.at_fault[n] != now[n]]:
        raise Wrong(f"touched on the way back: {moved}")
    if scene.again and not scene.wrong:
        return  # it may find nothing to do
    if scene.again or scene.lost:
        if outcome is not Outcome.PARTIAL:
            raise Wrong(f"{outcome} where not all could be taken back")
        return
    if run.whole and outcome is not Outcome.APPLIED:
        if changed:
            raise Wrong(f"not as it was: {changed}")
        if outcome is not (Outcome.PARTIAL if scene.wrong else Outcome.UNDONE) or not as_servers:
            raise Wrong(f"{outcome} where all was taken back")
    for name in scene.taken_back if not run.whole else ():
        _as_before(stage, first, start, name)


def _as_before(stage: Stage, first: Played, start: dict[str, Any], name: str) -> None:
    """A node that failed is as it was, but for what other nodes may use by now."""
    now = stage.world.hosts[name].state()
    if start[name][1] is None:
        if now[2] is not None:
            raise Wrong(f"{name} is new, failed, and runs")
        return
    if first.run.nodes[name].finished:
        was, is_now = ([state[1:4], state[4]] for state in (start[name], now))
        if was != is_now:
            raise Wrong(f"{name} does not run as before: {was} {is_now}")
        return
    if now != start[name]:
        raise Wrong(f"{name} is not as it was: {_different(start[name], now)}")


def boot(world: World, host: Host) -> None:
    """Start a host again: what is on its disk counts from now on."""
    host.stale = False
    host.active = {unit for unit in (ROUTE, FIREWALL) if unit in host.enabled}
    systemd = world.spec.cluster.openmeetings.has_systemd
    if systemd:
        host.route = ROUTE in host.active and SCRIPT in host.files
        table = f"/etc/omconf/{world.spec.cluster.name.value}/firewall.nft"
        host.table = host.files.get(table) if FIREWALL in host.active else None
    host.exports, host.shares = host.read(EXPORTS, "exports"), host.read(SMB, "samba")
    by_hand = {k: v for k, v in host.mounts.items() if k not in host.read(FSTAB, "fstab")}
    host.mounts = {k: v for k, v in by_hand.items() if v[0] == "mounted by hand"}
    for folder, entry in host.read(FSTAB, "fstab").items():
        try:
            host.mounts[folder] = (entry, world.served(host, entry))
        except Wrong:
            continue
    for unit in host.units & host.enabled:
        try:
            world.start(host, world.spec, unit)
        except Wrong:
            host.process = None


def shipped(host: Host) -> bool:
    """Tell whether OpenMeetings is there as it was shipped."""
    return all(STOCK in host.files.get(host.paths[kind], b"") for kind in SHIPPED)


def _again(  # noqa: C901 - what is true of a world again
    stage: Stage, first: Played, start: dict[str, Any]
) -> None:
    """Plan anew, and roll out to the end."""
    world, scene = stage.world, first.scene
    world.trace.append(f"AGAIN after {first.outcome}: {first.why}")
    world.gone.clear()
    world.strays.clear()
    world.torn = False
    world.pending = world.altering = world.begun = None
    world.faulty = True
    if scene.fault.kind == "dead":
        for name in scene.lost:
            boot(world, world.hosts[name])
    world.altering = None
    world.heals = True
    stopped = {name for name, host in world.hosts.items() if host.process is None}
    world.apart = world.split() | {pair for pair in world.apart_at_first if pair & stopped}
    world.apart_at_first = frozenset(world.apart)
    world.cut = world.cuts()
    lost = [world.hosts[name] for name in scene.lost]
    world.shut = {h.name for h in lost if h.process and world.refusal(h, h.process)}
    for name, host in world.hosts.items():
        if start[name][1] is None and host.process is None and shipped(host):
            host.releases.clear()  # it has nothing of omconf's: as if nobody had installed it
            host.files = {p: d for p, d in host.files.items() if STOCK not in d}
    second = stage.plan()
    waits = {
        (c.node, c.path) for c in second.changes if c.effect and c.effect.action == "next-restart"
    }
    world.late = frozenset(waits)
    played = stage.apply(second, Fault(""), None)
    if played.outcome is not Outcome.APPLIED:
        raise Wrong(f"{played.outcome} at last: {played.why}")
    for name in scene.lost if scene.fault.kind == "dead" else ():
        # What could not start at boot, for want of its data server, no plan knows.
        host = world.hosts[name]
        if host.process is None and name in stage.triple.after.nodes:
            for folder, entry in host.read(FSTAB, "fstab").items():
                host.mounts.setdefault(folder, (entry, world.served(host, entry)))
            world.start(host, world.spec, next(iter(host.units & host.enabled), ""))
    as_wanted(stage.triple, world, second)
    third = stage.plan()
    stay = [name for name in world.hosts if name in stage.triple.after.nodes]
    owed = {name: stage.kept[name] for name in stay if stage.kept[name].left}
    if owed:
        raise Wrong(f"still owed: {owed}")
    if third.has_changes:
        raise Wrong(f"still to be done: {third.changes} {third.rollout.steps}")


def struck(
    before: Data,
    after: Data,
    fault: Fault,
    *text: str,
    by_hand: tuple[tuple[str, str], ...] = (),
    keep: bool = False,
) -> Played:
    """Roll out with a fault in the last action whose step and action have all these texts."""
    triple = Triple.of(settled(before), settled(after), *by_hand)
    pairs = places(triple.plan(triple.world()), fault.kind)
    at = [n for n, pair in enumerate(pairs) if all(each in str(pair) for each in text)][-1]
    found = played(triple, replace(fault, at=at), keep=keep)
    assert found
    assert found.scene.struck
    return found


def test_systemd_forgets_a_unit_that_was_taken_back() -> None:
    """Of several files one was written, and systemd may have seen it."""
    after = spec_of(1, network={"firewall": "nftables"})
    found = struck(spec_of(1), after, Fault("late", stays=True), "firewall.nft", "Put")
    assert found.outcome is Outcome.UNDONE


def test_a_gate_for_all_nodes_has_a_way_back() -> None:
    """That step has nothing of its own to take back."""
    after = spec_of(3, discovery={"group": "239.9.9.9"})
    found = struck(spec_of(3), after, Fault("sick"), "om2")
    assert (found.outcome, found.why) == (Outcome.UNDONE, "om2 is not healthy: is not healthy")


def test_files_that_an_installation_replaces_on_the_way_back_are_there_again() -> None:
    before = spec_of(2, openmeetings={"release": "9.0.0"})
    assert struck(before, spec_of(2), Fault("sick"), "om2").outcome is Outcome.UNDONE


def test_nodes_that_stop_together_go_back_together() -> None:
    """The old settings of one do not run beside the new ones of the other."""
    edits = (("om1", "setenv.sh"), ("om3", "setenv.sh"))
    before = spec_of(3)
    found = struck(before, before, Fault("sick"), "om3", by_hand=edits)
    assert found.scene.taken_back == {"om1", "om3"}


def test_nodes_that_were_no_members_are_none_on_the_way_back() -> None:
    """The watch waits for no member that was none before."""
    edits = (("om1", "hazelcast.xml"), ("om3", "hazelcast.xml "))
    after = spec_of(3, openmeetings={"timezone": "Europe/Berlin"})
    found = struck(spec_of(3), after, Fault("fails"), "om3", "Service", by_hand=edits)
    assert found.outcome is Outcome.UNDONE


@pytest.mark.parametrize(
    ("kind", "text"),
    [("killed", "umount"), ("lost", "'mount'"), ("killed", "'start'"), ("killed", "'stop'")],
)
@pytest.mark.parametrize("late", [False, True])
def test_what_an_unfinished_apply_did_is_done_anew(kind: Kind, text: str, late: bool) -> None:
    after = spec_of(3, storage={"options": ["hard", "timeo=70"]})
    struck(spec_of(3), after, Fault(kind, late=late), "om2", text)


@pytest.mark.parametrize("text", ["daemon-reload", "'down'", "disable"])
def test_a_file_that_an_unfinished_apply_deleted_is_not_run_again(text: str) -> None:
    after = spec_of(3, network={"multicast_route": False})
    struck(spec_of(3), after, Fault("lost"), "om3", text)


def test_a_unit_that_stopped_is_started_by_whatever_starts_it_from_now_on() -> None:
    after = spec_of(2, openmeetings={"service": "none"})
    struck(spec_of(2), after, Fault("killed"), "om1", "Start OpenMeetings")


def test_what_a_person_stopped_is_started_by_the_next_plan() -> None:
    before = spec_of(3, openmeetings={"service": "none"})
    after = laid_over(without(before, "om1"), {"storage": {"server": "om3"}})
    found = struck(before, after, Fault("no"), "om2", "Start OpenMeetings")
    assert found.outcome is Outcome.WAITING


def test_who_left_is_shut_out_also_when_that_waited() -> None:
    after = spec_of(3)
    del after["nodes"]["om3"]
    found = struck(spec_of(3), after, Fault("no"), "Remove what is no longer used")
    assert found.outcome is Outcome.WAITING


@pytest.mark.parametrize("text", ["exportfs", "daemon-reload", "umount", "'down'", "disable"])
@pytest.mark.parametrize("late", [False, True])
def test_what_was_begun_on_a_node_that_left_is_done_anew(text: str, late: bool) -> None:
    before = spec_of(3, storage={"kind": "nfs", "server": "om1"})
    after = laid_over(before, {"storage": {"server": "om3"}})
    for name in ("om1", "om2"):
        del after["nodes"][name]
    struck(before, after, Fault("killed", late=late), text)


def test_another_home_that_has_its_openmeetings_already_is_started_from() -> None:
    before = spec_of(2)
    struck(before, laid_over(before, {"openmeetings": {"home": "/srv/om"}}), Fault("sick"), "om2")


@pytest.mark.parametrize("keep", [False, True])
def test_two_nodes_join_behind_a_firewall(keep: bool) -> None:
    before = spec_of(2, network={"firewall": "nftables"})
    after = {**before, "nodes": {**before["nodes"], "x0": node(1), "x1": node(2)}}
    struck(before, after, Fault("sick"), "x1", keep=keep)
    struck(before, after, Fault("fails"), "om1", "manifest", keep=keep)


def without(data: Data, name: str) -> Data:
    """A spec that a node left."""
    return {**data, "nodes": {n: each for n, each in data["nodes"].items() if n != name}}


def test_nobody_goes_back_alone_to_what_is_gone() -> None:
    """The data server does not export to the node any more."""
    before = spec_of(3)
    found = struck(before, without(before, "om3"), Fault("fails"), "om3", "Remove", "manifest")
    assert found.outcome is Outcome.PARTIAL
    assert found.why.endswith(nodes_module.NO_WAY_BACK)
    assert not found.scene.taken_back


@pytest.mark.parametrize("text", ["If the database is empty", "'start'", "cp -R", "Install"])
@pytest.mark.parametrize("late", [False, True])
def test_a_first_apply_that_was_killed_is_a_first_apply_again(text: str, late: bool) -> None:
    """The shared folder gets its first content, and the database its tables."""
    before = spec_of(1)
    after = {**spec_of(2), "nodes": {"a1": node(1), "a2": node(2)}}
    struck(before, after, Fault("killed", late=late), text)


@pytest.mark.parametrize("text", ["daemon-reload", "Mount the shared", "'start'", "Move"])
@pytest.mark.parametrize("late", [False, True])
def test_who_mounts_by_hand_is_asked_again_after_a_kill(text: str, late: bool) -> None:
    """Also where fstab is as wanted already."""
    after = spec_of(3, storage={"kind": "mounted"})
    struck(spec_of(3), after, Fault("killed", late=late), "om2", text)


@pytest.mark.parametrize("text", ["daemon-reload", "'mount'", "'start'", "Move"])
def test_data_move_also_after_an_apply_that_waited_for_it(text: str) -> None:
    """Exports are as wanted by then, and nothing else tells that the folder was elsewhere."""
    before = spec_of(3, storage={"kind": "mounted"})
    kind: Kind = "no" if text == "Move" else "killed"
    struck(before, spec_of(3), Fault(kind), "om2", text)


def test_an_account_stays_until_nobody_starts_from_the_earlier_home() -> None:
    before = laid_over(spec_of(2), {"database": {"user": "other"}})
    after = laid_over(spec_of(2), {"openmeetings": {"home": "/srv/om"}})
    struck(before, after, Fault("no"), "Remove what is no longer used")


def test_a_start_that_fails_on_the_way_back_is_told() -> None:
    """Also where it takes back the very action that failed."""
    before = spec_of(2)
    fault = Fault("late", late=True, again=0)
    found = struck(before, without(before, "om2"), fault, "om2", "'stop'", "openmeetings")
    assert found.outcome is Outcome.PARTIAL
    assert found.scene.again


@pytest.mark.parametrize("kind", ["lost", "dead"])
def test_nobody_starts_where_the_data_do_not_move_back(kind: Kind) -> None:
    """They are on the node that is lost."""
    before = spec_of(2)
    after = laid_over(without(before, "om1"), {"storage": {"server": "om2"}})
    found = struck(before, after, Fault(kind), "om2", "Put")
    assert found.outcome is Outcome.PARTIAL
    assert isinstance(MOVE.undo, Manual)
    assert found.why.endswith(BARRED.format(text=MOVE.undo.text))


def test_a_script_that_went_before_a_move_is_not_run_again() -> None:
    before = spec_of(2)
    sections = {
        "network": {"multicast_route": False},
        "storage": {"export": "/srv/export"},
    }
    after = laid_over(without(before, "om2"), sections)
    struck(before, after, Fault("sick"), "om1", keep=True)


@pytest.mark.parametrize("keep", [False, True])
def test_a_unit_that_was_not_enabled_is_by_the_next_plan(keep: bool) -> None:
    after = spec_of(2, openmeetings={"service": "om.service"})
    struck(spec_of(2), after, Fault("killed"), "'enable'", "om.service", keep=keep)
    after = {**spec_of(2), "nodes": {**spec_of(2)["nodes"], "x0": node(1)}}
    struck(spec_of(2), after, Fault("killed"), "x0", "'enable'", "openmeetings.service", keep=keep)


def test_a_unit_that_omconf_begins_with_starts_at_each_boot() -> None:
    after = spec_of(2, openmeetings={"java_options": ["-Xmx2g"]})
    triple = Triple.of(spec_of(2, openmeetings={"service": "none"}), after)
    steps = triple.plan(triple.world()).rollout.steps
    enabled = {
        n for s in steps for n in s.nodes if Service("enable", "openmeetings.service") in s.actions
    }
    assert enabled == {"om1", "om2"}
    back = [action for step in steps for action in step.undo]
    assert Service("disable", "openmeetings.service") not in back  # it may have been so before


def faults(*kinds: Kind) -> st.SearchStrategy[Fault]:
    return st.builds(
        Fault,
        st.sampled_from(kinds),
        st.integers(0, 300),
        st.booleans(),
        st.booleans(),
    )


@MANY
@given(triples(), faults("fails", "late", "half", "sick"), st.booleans())
def test_a_step_fails(triple: Triple, fault: Fault, side_by_side: bool) -> None:
    played(triple, fault, side_by_side=side_by_side)


@MANY
@given(triples(), faults("lost", "dead", "hurried", "killed"), st.booleans())
def test_a_node_or_omconf_is_gone(triple: Triple, fault: Fault, side_by_side: bool) -> None:
    played(triple, fault, side_by_side=side_by_side)


@MANY
@given(triples(), faults("interrupt", "no"), st.booleans())
def test_somebody_stops_it(triple: Triple, fault: Fault, side_by_side: bool) -> None:
    played(triple, fault, side_by_side=side_by_side)


@MANY
@given(triples(), faults("fails", "late", "sick"), st.integers(0, 30), st.booleans())
def test_the_way_back_fails_too(
    triple: Triple, fault: Fault, again: int, side_by_side: bool
) -> None:
    played(triple, replace(fault, again=again), side_by_side=side_by_side)


@MANY
@given(triples(), faults("fails", "late", "half", "sick", "lost", "interrupt"), st.booleans())
def test_nothing_is_taken_back(triple: Triple, fault: Fault, side_by_side: bool) -> None:
    played(triple, fault, side_by_side=side_by_side, keep=True)


def test_data_that_people_moved_back_move_again() -> None:
    """The node that serves them was lost, and the other one went back alone."""
    before = spec_of(2, storage={"kind": "nfs", "server": "om2"})
    after = laid_over(before, {"storage": {"export": "/srv/export"}})
    found = struck(before, after, Fault("lost", stays=True), "om2", "manifest")
    assert found.outcome is Outcome.PARTIAL
