"""OpenMeetings itself: how it is stopped, started and installed on a node.

Where the spec says `service: none`, starting and stopping are what a person does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.actions import Do, Health, Manual, Put, Run, Service, Step, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from omconf.actions import Action, Verb
    from omconf.cluster.model import Cluster
    from omconf.rollout.model import State


def control(cluster: Cluster, verb: Verb) -> Action:
    """Start, stop or restart OpenMeetings."""
    om = cluster.openmeetings
    if om.has_systemd:
        return Service(verb, om.service.value)
    return Manual("admin", f"{verb.capitalize()} OpenMeetings on this node.")


def start(cluster: Cluster) -> tuple[Do, ...]:
    """Start it; taken back, it stops."""
    return (Do(control(cluster, "start"), control(cluster, "stop")),)


def begin(cluster: Cluster) -> tuple[Do, ...]:
    """Start it for the first time, and from now on whenever the host is booted."""
    if not cluster.openmeetings.has_systemd:
        return start(cluster)
    unit = cluster.openmeetings.service.value
    return (Do(Service("enable", unit), Service("disable", unit)), *start(cluster))


def stopped(cluster: Cluster) -> tuple[Do, ...]:
    """Stop it; taken back, it starts."""
    return (Do(control(cluster, "stop"), control(cluster, "start")),)


def restart(cluster: Cluster) -> tuple[Do, ...]:
    """Restart it; once more when its files are as they were."""
    return (Do(control(cluster, "restart"), again=True),)


def stop(cluster: Cluster, nodes: Sequence[str], why: str) -> Step:
    """Stop some nodes together."""
    back = (control(cluster, "start"), Health())
    return Step(tuple(nodes), why, (control(cluster, "stop"),), back)


def leave(cluster: Cluster) -> tuple[Do, ...]:
    """Stop it for good: it does not come back when the host is booted."""
    if not cluster.openmeetings.has_systemd:
        return stopped(cluster)
    unit = cluster.openmeetings.service.value
    return (*stopped(cluster), Do(Service("disable", unit), Service("enable", unit)))


def release_why(cluster: Cluster, state: State) -> str:
    """Say why two releases do not run side by side."""
    return (
        f"OpenMeetings {state.release} becomes {cluster.openmeetings.release.value.name}: Hazelcast"
        " refuses members of another minor version, and a release changes the database's tables"
    )


def installations(
    cluster: Cluster, nodes: Sequence[str], states: Mapping[str, State]
) -> Iterator[Step]:
    """Say what to install where; taken back, the earlier release and its files are there again."""
    om = cluster.openmeetings
    release = om.release.value.name
    alike: dict[tuple[str, str | None, tuple[str, ...]], list[str]] = {}
    for node in cluster.nodes:
        if (name := node.name.value) in nodes:
            earlier = states[name].release if states[name].installed else None
            key = (node.home.value, earlier, states[name].there if earlier else ())
            alike.setdefault(key, []).append(name)
    for (home, earlier, paths), names in alike.items():
        undo = (_installation(home, om.webapp.value, earlier), Put(paths)) if earlier else ()
        does = (_installation(home, om.webapp.value, release),)
        yield Step(tuple(names), "OpenMeetings itself is installed by hand", does, undo)


def _installation(home: str, webapp: str, release: str) -> Manual:
    lib = f"{home}/webapps/{webapp}/WEB-INF/lib"
    check = Run(("sh", "-c", 'ls "$1"/openmeetings-*-"$2".jar', "sh", lib, release))
    text = f"Install OpenMeetings {release} in `{home}`, without starting it."
    return Manual("admin", text, check=check)


def backup(cluster: Cluster) -> Do:
    """Keep the database as it is: no earlier release can use the tables of a later one."""
    database = cluster.database
    what = f"the database {database.name.value} on {database.node or database.host.value}"
    release = cluster.openmeetings.release.value.name
    text = f"Back up {what}: OpenMeetings {release} changes its tables."
    restored = f"Restore {what} from that backup, if OpenMeetings {release} was started."
    return Do(Manual("database", text), Manual("database", restored))


def first_tables(cluster: Cluster) -> tuple[Do, ...]:
    """Have OpenMeetings' own installer make the tables of an empty database.

    Without any `--db-` option it takes persistence.xml as it is, and leaves it so (measured with
    6.3.0, 7.2.0 and 8.1.0).
    """
    home = cluster.nodes[0].home.value
    text = (
        f"Where the database is empty: run `./admin.sh -i` in `{home}` as"
        f" `{cluster.openmeetings.user.value}`, on this node alone and without any --db option."
    )
    return (Do(Manual("admin", text)),)


def seed(cluster: Cluster, nodes: Sequence[str]) -> Step:
    """Give an empty shared folder what OpenMeetings ships for it, once."""
    om = cluster.openmeetings
    name = next((node for node in nodes if node == cluster.storage.node), nodes[0])
    home = next(n.home.value for n in cluster.nodes if n.name.value == name)
    script = '[ -n "$(ls -A "$1")" ] || runuser -u "$2" -- cp -R "$3" "$1"'
    shipped = f"{home}/webapps/{om.webapp.value}/data/."
    does = run("sh", "-c", script, "sh", om.data_dir.value, om.user.value, shipped, timeout=300)
    return Step.of([name], "the shared folder gets its first content", (does,))
