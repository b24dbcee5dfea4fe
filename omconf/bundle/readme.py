"""README.md of a bundle directory: the topology, what each file is for, the roll-out and back."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from omconf.artifacts import kinds
from omconf.artifacts.model import service_step
from omconf.bundle.manifest import node_path
from omconf.formats import markdown
from omconf.topology import mermaid
from omconf.topology.model import MOST_NODES, topology

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from omconf.artifacts.model import HandOver
    from omconf.bundle.model import NodeBundle
    from omconf.cluster.model import Cluster

LAID, MOUNTED, SEEDED = 0, 20, 25
"""The phases of the README's own steps, among those of the kinds: exports 10, mounts 20, ..."""


def write(cluster: Cluster, nodes: Sequence[NodeBundle], hand_overs: Sequence[HandOver]) -> str:
    """Write the README; nothing in it depends on the time, the machine or omconf's version."""
    name = cluster.name.value
    release = cluster.openmeetings.release.value.name
    lines = [
        f"# OpenMeetings cluster `{name}`",
        "",
        f"Compiled by omconf from the cluster spec, for OpenMeetings {release}.",
        "Change the spec, not these files.",
        "",
        "## Topology",
        "",
        "```mermaid",
        *mermaid.draw(topology(cluster)).splitlines(),
        "```",
        "",
        *_nodes(cluster),
        "",
        "## Files",
        "",
        "Under each node: `files/` holds whole files, `blocks/` the lines between omconf's markers",
        "in a file that others edit too, `keys/` single settings of a file that OpenMeetings ships.",
        "`manifest.json` lists each with its mode and owner. `@omconf:...@` stands for a secret.",
        "",
        "| file on the node | what it is for |",
        "| --- | --- |",
        *_files(nodes),
        *(f"| `{h.path}` | for whoever runs that host |" for h in hand_overs),
        "",
        "## Roll-out",
        "",
        "The first time, in this order; where a check fails, go no further. Later on, `omconf plan`",
        "says what differs from what is deployed, and which steps a change needs.",
        "",
        *_numbered(_rollout(cluster)),
        "",
        "## The way back",
        "",
        "In the opposite order. The database and the shared data stay as they are.",
        "",
        *_numbered(_undo(cluster)),
    ]
    return "\n".join(lines) + "\n"


def _nodes(cluster: Cluster) -> list[str]:
    if len(cluster.nodes) > MOST_NODES:
        return [f"{len(cluster.nodes)} nodes: each has a folder here; its address is in the spec."]
    rows = (
        f"| {n.name.value} | {n.address.value} | {markdown.link(n.url.value)} |"
        for n in cluster.nodes
    )
    return ["| node | address | url |", "| --- | --- | --- |", *rows]


def _files(nodes: Sequence[NodeBundle]) -> list[str]:
    purposes = {kind.name: kind.purpose for kind in kinds()}
    paths = {a.path: a.kind for node in nodes for a in node.artifacts}
    return [f"| `{markdown.cell(path)}` | {purposes[paths[path]]} |" for path in sorted(paths)]


def _numbered(steps: Iterable[str]) -> list[str]:
    return [
        f"{number}. {step}".replace("\n", "\n   ")
        for number, step in enumerate(dict.fromkeys(steps), 1)
    ]


def _rollout(cluster: Cluster) -> list[str]:
    """Put what the kinds say of their own roll-out, and what is no kind's, in order of phases."""
    steps = [*_own_steps(cluster), *((kind.phase, kind.guide(cluster)) for kind in kinds())]
    return [step for _, step in sorted(steps, key=lambda step: step[0]) if step]


def _own_steps(cluster: Cluster) -> Iterator[tuple[int, str]]:
    """Sources of the first and the last: `admin.sh -i` and the data folder of a real 9.1.0."""
    om, database = cluster.openmeetings, cluster.database
    install = (
        f"Install OpenMeetings {om.release.value.name} on every node. Its own installer"
        " (`admin.sh -i`) runs once, on one node, against the database that all of them share:"
        f" {database.kind.value} at `{database.host.value}:{database.port.value}`, which must let"
        " every node in. It rewrites `persistence.xml`, so the bundle comes after it."
    )
    yield LAID, install
    lay = (
        f"On every node: {service_step(cluster, 'stop')}; keep a copy of each file that the bundle"
        " replaces; lay `files/` over the root tree, with the modes and owners of `manifest.json`;"
        " merge `blocks/` and `keys/` into the files of the same path. `omconf build"
        " --reveal-secrets` writes a copy with the secrets in the place of `@omconf:...@`."
    )
    yield LAID, lay
    folder = shlex.quote(om.data_dir.value)
    if cluster.storage.kind.value == "mounted":
        check = f"Check: `findmnt {folder}` shows the mount."
        yield MOUNTED, f"On every node: mount the shared folder at `{folder}`.\n{check}"
    one = next((n for n in cluster.nodes if n.name.value == cluster.storage.node), cluster.nodes[0])
    shipped = shlex.quote(f"{one.home.value}/webapps/{om.webapp.value}/data/.")
    copy = f"`runuser -u {om.user.value} -- cp -R {shipped} {folder}`"
    yield SEEDED, f"Once, on {one.name.value}, while the shared folder is empty: {copy}."


def _undo(cluster: Cluster) -> list[str]:
    """Go through the kinds in the opposite order of the roll-out."""
    steps = [(kind.phase, kind.undo(cluster)) for kind in kinds()]
    manifest = node_path(cluster.name.value)
    return [
        f"On every node: {service_step(cluster, 'stop')}.",
        *(step for _, step in sorted(steps, key=lambda step: -step[0]) if step),
        f"On every node: delete `{manifest}`, where there is one.",
        f"On one node only, as long as nodes share a database: {service_step(cluster, 'start')}.",
    ]
