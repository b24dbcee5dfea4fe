"""README.md of a bundle directory: the topology, what each file is for, the roll-out and back."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from omconf.artifacts import kinds
from omconf.formats import markdown
from omconf.rollout import document, text
from omconf.rollout.first import first
from omconf.topology import mermaid
from omconf.topology.model import MAX_NODES, topology

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from omconf.actions import Step
    from omconf.artifacts.contents import ExternalFile
    from omconf.bundle.model import NodeBundle
    from omconf.cluster.model import Cluster


def write(
    cluster: Cluster, nodes: Sequence[NodeBundle], external_files: Sequence[ExternalFile]
) -> str:
    """Write the README; nothing in it depends on the time, the machine or omconf's version."""
    name = cluster.name.value
    release = cluster.openmeetings.release.value.name
    rollout = first(cluster, {node.node: node.artifacts for node in nodes})
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
        *(f"| `{h.path}` | for the administrator of that host |" for h in external_files),
        "",
        "## Roll-out",
        "",
        "Run these steps in order the first time; stop if a command or a check fails. After that,",
        "`omconf plan` shows the differences from the deployed files, and the steps of each change.",
        "To write a file, copy it from `files/` with its mode and owner from `manifest.json`,",
        "or merge its part from `blocks/` or `keys/`; keep a copy of the previous file",
        "for the rollback. `omconf build --reveal-secrets` writes the files with secrets and fills",
        "in `@omconf:...@`.",
        "",
        *_numbered(_steps(rollout.steps, cluster)),
        "",
        "Then run `omconf verify --ssh` to check the cluster.",
        "",
        "## Rollback",
        "",
        "The steps in reverse order. The database and the shared data are not changed.",
        "To restore a file, put the previous file back, or delete a file that did not exist before.",
        "",
        *_numbered(_back(rollout.steps, cluster)),
    ]
    return "\n".join(lines) + "\n"


def _nodes(cluster: Cluster) -> list[str]:
    if len(cluster.nodes) > MAX_NODES:
        return [
            f"{len(cluster.nodes)} nodes: each has a folder here; the addresses are in the spec."
        ]
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
        f"{number}. {step}".replace("\n", "\n" + " " * len(f"{number}. "))
        for number, step in enumerate(dict.fromkeys(steps), 1)
    ]


def _steps(steps: Iterable[Step], cluster: Cluster) -> Iterator[str]:
    """Draw steps; neighbours that do the same on one node each are drawn once."""
    for nodes, step in _folded(steps):
        each = ", one after the other" if len(nodes) > len(step.nodes) else ""
        actions = text.lines(map(document.action, step.actions), code=markdown.code)
        yield _drawn(f"{_named(nodes, cluster)}{each}: {step.why}", actions)


def _back(steps: Sequence[Step], cluster: Cluster) -> Iterator[str]:
    """Draw what takes the steps back, the last one first."""
    for nodes, step in _folded(tuple(reversed(steps)), undo=True):
        if step.undo:
            actions = text.lines(map(document.action, step.undo), undo=True, code=markdown.code)
            yield _drawn(f"{_named(nodes, cluster)}:", actions)


def _folded(steps: Iterable[Step], *, undo: bool = False) -> Iterator[tuple[list[str], Step]]:
    def what(step: Step) -> tuple[object, ...]:
        return (len(step.nodes) == 1, *(step.undo if undo else (step.why, *step.actions)))

    for _, group in groupby(steps, what):
        alike = list(group)
        if len(alike[0].nodes) == 1:
            yield [node for step in alike for node in step.nodes], alike[0]
        else:
            yield from ((list(step.nodes), step) for step in alike)


def _named(nodes: Sequence[str], cluster: Cluster) -> str:
    """Return nodes in as few words as possible: all, all but one, or each."""
    names = [node.name.value for node in cluster.nodes]
    wanted = set(nodes)
    missing = [name for name in names if name not in wanted]
    if not missing:
        return "Every node" if len(names) > 1 else names[0]
    if len(missing) == 1 and len(nodes) > 1:
        return f"Every node but {missing[0]}"
    return ", ".join(nodes) if len(nodes) <= MAX_NODES else f"{len(nodes)} nodes"


def _drawn(head: str, actions: Iterable[str]) -> str:
    return "\n".join([head, *map(_item, actions)])


def _item(action: str) -> str:
    """Draw one line of an action as an item of a list; one that belongs to another is indented."""
    text = action.lstrip()
    return f"{action[: -len(text)]}- {text}"
