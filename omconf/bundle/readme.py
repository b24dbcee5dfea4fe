"""README.md of a bundle directory: the topology, what each file is for, the order of a roll-out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.artifacts import kinds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omconf.bundle.model import NodeBundle
    from omconf.cluster.model import Cluster

MOST_DRAWN = 50
"""A larger graph tells nobody anything; the table still lists all nodes."""


def write(cluster: Cluster, nodes: Sequence[NodeBundle]) -> str:
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
        *_topology(cluster),
        "",
        "| node | address | url |",
        "| --- | --- | --- |",
        *(f"| {n.name.value} | {n.address.value} | {n.url.value} |" for n in cluster.nodes),
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
        *(
            f"| `{h.path}` | for whoever runs that host |"
            for k in kinds()
            for h in k.hand_over(cluster)
        ),
        "",
        "## Roll-out",
        "",
        *_rollout(cluster),
    ]
    return "\n".join(lines) + "\n"


def _topology(cluster: Cluster) -> list[str]:
    if len(cluster.nodes) > MOST_DRAWN:
        return [f"{len(cluster.nodes)} nodes; too many to draw."]
    d = cluster.discovery
    how = f"multicast {d.group.value}:{d.port.value}" if d.kind.value == "multicast" else "tcp-ip"
    database = cluster.database
    lines = ["```mermaid", "graph LR", f'  subgraph cluster["{cluster.name.value}: {how}"]']
    ids = {n.name.value: f"n{i}" for i, n in enumerate(cluster.nodes)}
    lines += [
        f'    {ids[n.name.value]}["{n.name.value}<br/>{n.address.value}"]' for n in cluster.nodes
    ]
    lines.append("  end")
    host = "" if database.node else f"<br/>{database.host.value}"
    lines.append(f'  db[("{database.kind.value}{host}")]')
    lines += [f"  {ids[n.name.value]} --> db" for n in cluster.nodes]
    if database.node:
        lines.append(f"  db -. runs on .- {ids[database.node]}")
    storage = cluster.storage
    if storage.kind.value == "nfs" and storage.server:
        where = storage.node or storage.server.value
        lines.append(f'  data[/"{storage.export.value}<br/>on {where}"/]')
        lines += [f"  {ids[n.name.value]} --> data" for n in cluster.nodes]
    return [*lines, "```"]


def _files(nodes: Sequence[NodeBundle]) -> list[str]:
    purposes = {kind.name: kind.purpose for kind in kinds()}
    paths = {a.path: a.kind for node in nodes for a in node.artifacts}
    return [f"| `{path}` | {purposes[paths[path]]} |" for path in sorted(paths)]


def _rollout(cluster: Cluster) -> list[str]:
    """What each kind says of its own roll-out, in the order that their phases give."""
    steps = ["`omconf plan` says what differs from what is deployed, and in which order to go."]
    for kind in sorted(kinds(), key=lambda kind: (kind.phase, kind.name)):
        step = kind.guide(cluster)
        if step and step not in steps:
            steps.append(step)
    return [f"{number}. {step}" for number, step in enumerate(steps, 1)]
