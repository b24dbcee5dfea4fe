"""Which line of Hazelcast the nodes have, by the names of their jars, and where one was swapped."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from omconf.cluster import places
from omconf.diagnostics import Finding
from omconf.regex import regex
from omconf.releases.table import RELEASES
from omconf.rules import SWAPPED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omconf.cluster.model import Cluster
    from omconf.deployed.snapshot import NodeFiles


_HINT = "Install the jar that OpenMeetings ships, on all nodes."
_LINE = regex(r"-([0-9]+)\.([0-9]+)")
_WHY = "members of different minor versions do not form one cluster"


def lines(nodes: Mapping[str, NodeFiles]) -> dict[str, str]:
    """The line of Hazelcast by node (`5.5`), where its jars tell one."""
    found = {name: _lines(files.hazelcast) for name, files in nodes.items()}
    return {name: next(iter(each)) for name, each in found.items() if len(each) == 1}


def findings(
    cluster: Cluster, nodes: Mapping[str, NodeFiles]
) -> Iterator[tuple[str, str, Finding]]:
    """Find jars of other lines than the node's release ships, by node and path (OM335).

    Where it is not known what a release ships, the line that most of its nodes have counts.
    """
    wanted = cluster.openmeetings.release.value
    known = lines(nodes)
    releases = {name: nodes[name].release or wanted.name for name in nodes}
    common: dict[str, Counter[str]] = {}
    for name, line in known.items():
        common.setdefault(releases[name], Counter())[line] += 1
    for node in cluster.nodes:
        name = node.name.value
        if name not in nodes or not (jars := nodes[name].hazelcast):
            continue
        folder = places.path(places.LIBRARY, cluster, node)
        path = f"{folder}/{jars[0]}"
        if name not in known:
            some = ", ".join(f"`{jar}`" for jar in jars)
            message = f"Jars of several Hazelcast versions: {some}; it is unknown which one runs."
            yield name, path, Finding(SWAPPED, 0, message, _HINT)
            continue
        row = RELEASES.get(releases[name])
        shipped = row.hazelcast_jar if row else None
        right = next(iter(_lines((f"-{shipped}",))), "") if shipped else ""
        right = right or common[releases[name]].most_common(1)[0][0]
        if known[name] != right and len(cluster.nodes) > 1:
            has = f"OpenMeetings {releases[name]} ships" if shipped else "other nodes have"
            message = f"This is Hazelcast {known[name]}, and {has} {right}: {_WHY}."
            yield name, path, Finding(SWAPPED, 0, message, _HINT)


def _lines(jars: tuple[str, ...]) -> set[str]:
    return {f"{int(found[1])}.{int(found[2])}" for jar in jars if (found := _LINE.search(jar))}
