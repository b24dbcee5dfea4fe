"""OpenMeetings itself: how it is stopped, started and installed on a node.

Where the spec says `service: none`, starting and stopping are what a person does.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from omconf.actions import OWN_UNITS, Do, Health, Manual, Put, Run, Service, Step, run
from omconf.waits import APART_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from omconf.actions import Action, Verb
    from omconf.cluster.model import Cluster
    from omconf.rollout.model import State


BY_HAND = "by-hand.service"
"""Stands for a unit where a person starts and stops OpenMeetings."""


def control(
    cluster: Cluster, verb: Verb, unit: str | None = None, *, apart: float | None = None
) -> Action:
    """Start, stop or restart OpenMeetings; by another unit than the spec's where one is named.

    With `apart`, so many seconds after another node.
    """
    om = cluster.openmeetings
    if unit or om.has_systemd:
        return Service(verb, unit or om.service.value, apart=apart)
    after = f", {_seconds(apart)} or more after another node" if apart else ""
    return Manual("admin", f"{verb.capitalize()} OpenMeetings on this node{after}.")


def _seconds(apart: float) -> str:
    """Say a time as whole seconds that a person can count, rounded up."""
    whole = ceil(apart)
    return "a second" if whole == 1 else f"{whole} seconds"


def verb_of(text: str) -> str:
    """Return what a manual step does with OpenMeetings: `start`, `stop`, `restart`, or empty."""
    verb, _, rest = text.partition(" OpenMeetings on this node")
    return verb.lower() if rest and verb in ("Start", "Stop", "Restart") else ""


def start(
    cluster: Cluster, state: State, *, apart: float | None = None, anew: bool = False
) -> tuple[Do, ...]:
    """Start it; taken back, it stops. See `enabled` for `anew`."""
    does = Do(control(cluster, "start", apart=apart), control(cluster, "stop"))
    return (*enabled(cluster, state, anew=anew), does)


def enabled(cluster: Cluster, state: State, *, anew: bool) -> tuple[Do, ...]:
    """Have it start whenever the host is booted, where it did not run by this unit before.

    Or `anew`: where that is not known, as omconf had nothing to do with this unit, or did not come to
    its end. Then it stays so when the rest is taken back: it may have been so before.
    """
    om = cluster.openmeetings
    if not om.has_systemd:
        return ()
    unit = om.service.value
    if not state.runs or state.unit is not None:
        return (Do(Service("enable", unit), Service("disable", unit)),)
    return (Do(Service("enable", unit)),) if anew else ()


def stopped(cluster: Cluster, unit: str | None) -> tuple[Do, ...]:
    """Stop it; taken back, it starts, and not in the same instant as another one that stopped.

    A unit that is no longer used does not come back at a boot.
    """
    start = control(cluster, "start", unit, apart=APART_SECONDS)
    stop = Do(control(cluster, "stop", unit), start)
    if unit is None:
        return (stop,)
    return (stop, Do(Service("disable", unit), Service("enable", unit)))


def restart(cluster: Cluster, state: State, *, anew: bool = False) -> tuple[Do, ...]:
    """Restart it and wait for it; once more when its files are as they were."""
    first = enabled(cluster, state, anew=anew)
    return (*first, Do(control(cluster, "restart"), again=True), Do(Health(), again=True))


def stop(cluster: Cluster, nodes: Sequence[str], why: str, unit: str | None) -> Step:
    """Stop some nodes together."""
    does = stopped(cluster, unit)
    back = (*(do.undo for do in reversed(does) if do.undo), Health())
    return Step(tuple(nodes), why, tuple(do.action for do in does), back)


def leave(cluster: Cluster, unit: str | None) -> tuple[Do, ...]:
    """Stop it for good: it does not come back when the host is booted."""
    om = cluster.openmeetings
    return stopped(cluster, unit or (om.service.value if om.has_systemd else None))


def done_to(action: Action) -> tuple[str, str]:
    """Return what an action does with OpenMeetings, and by which unit; two empty texts for nothing."""
    if isinstance(action, Manual) and (verb := verb_of(action.text)):
        return verb, BY_HAND
    if isinstance(action, Service) and action.do in ("start", "stop", "restart"):
        return ("", "") if action.unit.startswith(OWN_UNITS) else (action.do, action.unit)
    return "", ""


def installations(
    cluster: Cluster, nodes: Sequence[str], states: Mapping[str, State]
) -> Iterator[Step]:
    """Yield the manual steps that install a release; undone, they bring back the earlier one.

    Nodes that need the same share a step.
    """
    om = cluster.openmeetings
    release = om.release.value.name
    wanted = set(nodes)
    alike: dict[tuple[tuple[Action, ...], tuple[Action, ...]], list[str]] = {}
    for node in cluster.nodes:
        if (name := node.name.value) not in wanted:
            continue
        state, home = states[name], node.home.value
        does: list[Action] = [_installation(home, om.webapp.value, release)]
        undo: list[Action] = []
        if state.installed and state.release:
            undo = [_installation(home, om.webapp.value, state.release), Put(state.there)]
        if state.home is not None:
            does.append(_runs_from(cluster, home))
            undo.append(_runs_from(cluster, state.home))
        alike.setdefault((tuple(does), tuple(undo)), []).append(name)
    for (actions, back), names in alike.items():
        # Until it is what it was, nothing starts again on the earlier files.
        why, bars = "install OpenMeetings by hand", bool(back)
        yield Step(tuple(names), why, actions, back, bars=bars)


def _runs_from(cluster: Cluster, home: str) -> Manual:
    om = cluster.openmeetings
    what = f"`{om.service.value}`" if om.has_systemd else "what starts OpenMeetings here"
    return Manual("admin", f"Have {what} start OpenMeetings from `{home}`.")


def _installation(home: str, webapp: str, release: str) -> Manual:
    lib = f"{home}/webapps/{webapp}/WEB-INF/lib"
    check = Run(("sh", "-c", 'ls "$1"/openmeetings-*-"$2".jar', "sh", lib, release))
    text = f"Install OpenMeetings {release} in `{home}`, without starting it."
    return Manual("admin", text, check=check)


def backup(cluster: Cluster, *, downgrade: bool) -> Do:
    """Keep the database as it is: no earlier release can use the tables of a later one."""
    database = cluster.database
    what = f"the database {database.name.value} on {' or '.join(s.name for s in database.servers)}"
    release = cluster.openmeetings.release.value.name
    text = f"Back up {what}: OpenMeetings {release} changes its tables."
    restored = f"Restore {what} from that backup if OpenMeetings {release} was started."
    if downgrade:
        text = (
            f"Back up {what}. This is a downgrade: OpenMeetings {release} cannot use the tables of a"
            f" later release. Then restore a backup that was made with OpenMeetings {release}."
        )
        restored = f"Restore {what} from the first of these backups."
    return Do(Manual("database", text), Manual("database", restored))


def first_tables(cluster: Cluster) -> tuple[Do, ...]:
    """Have OpenMeetings' own installer make the tables of an empty database.

    Without any `--db-` option it takes persistence.xml as it is, and leaves it so (measured with
    6.3.0, 7.2.0 and 8.1.0). With one, and in its web form, it rewrites the file and drops the
    RemoteCommitProvider; while OpenMeetings runs, port 5636 is taken and it fails (measured with
    9.1.0). It refuses to begin without an administrator's login, address, group and time zone
    (OpenMeetings' Admin.java).
    """
    home = cluster.nodes[0].home.value
    text = (
        f"If the database is empty, run"
        f" `./admin.sh -i -user LOGIN -email ADDRESS -group GROUP -tz ZONE` in `{home}` as"
        f" `{cluster.openmeetings.user.value}`, on this node only, before OpenMeetings starts. It "
        "prompts for the password. A --db option or the web installer would drop the remote commits."
    )
    return (Do(Manual("admin", text)),)


def seed(cluster: Cluster, nodes: Sequence[str]) -> Step:
    """Return the step that copies what OpenMeetings ships into an empty shared folder, once."""
    om = cluster.openmeetings
    name = next((node for node in nodes if node == cluster.storage.node), nodes[0])
    home = next(n.home.value for n in cluster.nodes if n.name.value == name)
    script = '[ -n "$(ls -A "$1" | grep -vx lost+found)" ] || runuser -u "$2" -- cp -R "$3" "$1"'
    shipped = f"{home}/webapps/{om.webapp.value}/data/."
    does = run("sh", "-c", script, "sh", om.data_dir.value, om.user.value, shipped, timeout=300)
    return Step.of([name], "copy the initial content to the shared folder", (does,))
