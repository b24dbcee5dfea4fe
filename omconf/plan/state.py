"""What is known of OpenMeetings on a node: where it is, which release, what starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.actions import Stage
from omconf.artifacts import kinds
from omconf.cluster import places
from omconf.rollout.first import below_home
from omconf.rollout.model import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omconf.artifacts.contents import Artifact
    from omconf.artifacts.model import Kind
    from omconf.cluster.model import Cluster, Node
    from omconf.deployed.snapshot import NodeFiles

SHIPPED = ("/hazelcast.xml", "/persistence.xml")
"""Files that OpenMeetings ships itself: where one of them is, it is installed."""


def of_node(
    cluster: Cluster,
    node: Node,
    artifacts: tuple[Artifact, ...],
    deployed: NodeFiles,
    former: Iterable[tuple[str, Kind]],
) -> State:
    """Describe a node of the spec; `former` are files of its manifest that are no longer wanted."""
    wanted = {artifact.path for artifact in artifacts}
    home_paths = below_home(node.home.value, artifacts)
    shipped = [path for path in home_paths if path.endswith(SHIPPED)]
    installed = deployed.release is not None or any(path in deployed.files for path in shipped)
    files = [
        (path, kind, file.data)
        for kind in kinds()
        for path in kind.paths(cluster, node)
        if (file := deployed.files.get(path)) and file.data
    ]
    was, here = settings(cluster, former, deployed), places.settings(cluster, node)
    moved = any(was.get(key, here[key]) != here[key] for key in ("home", "webapp"))
    # Also where somebody installed it in the new home already: it is still started from the other one.
    elsewhere = was.get("home", here["home"]) != here["home"]
    installed = installed and not elsewhere
    home = was.get("home") if moved and not installed else None
    release = deployed.release
    if release is None and (installed or home):
        release = next(filter(None, (kind.release(data) for _, kind, data in files)), None)
    below = f"{node.home.value}/"
    # A unit starts it already that has what the spec wants.
    started = any(kind.stage is Stage.UNIT for path, kind, _ in files if path in wanted)
    return State(
        installed,
        release,
        home_paths,
        there=tuple(sorted({path for path, _, _ in files if path.startswith(below)})),
        home=home,
        unit=None if started else was.get("unit"),
    )


def settings(
    cluster: Cluster, listed: Iterable[tuple[str, Kind]], deployed: NodeFiles
) -> dict[str, str]:
    """Return the settings (see cluster/places.py) with which the listed files there were applied."""
    found: dict[str, str] = {}
    for path, kind in listed:
        if (file := deployed.files.get(path)) and file.data is not None:
            found |= kind.settings_of(path, cluster.name.value) or {}
    return found
