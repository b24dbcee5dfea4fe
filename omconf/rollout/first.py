"""The first roll-out of a cluster, from what its nodes get; and the way back from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.artifacts import kinds
from omconf.artifacts.contents import Ownership
from omconf.artifacts.effect import Change
from omconf.rollout.model import Part, State
from omconf.rollout.order import order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from omconf.artifacts.contents import Artifact
    from omconf.cluster.model import Cluster
    from omconf.rollout.model import Rollout


def first(cluster: Cluster, artifacts: Mapping[str, Sequence[Artifact]]) -> Rollout:
    """Order the first roll-out of all nodes; `artifacts` are the bundle's, by node."""
    return order(cluster, _parts(cluster, artifacts), new_states(cluster, artifacts))


def new_states(cluster: Cluster, artifacts: Mapping[str, Sequence[Artifact]]) -> dict[str, State]:
    """Describe nodes on which nothing is installed yet."""
    return {
        node.name.value: State(
            installed=False,
            home_paths=below_home(node.home.value, artifacts.get(node.name.value, ())),
        )
        for node in cluster.nodes
    }


def below_home(home: str, artifacts: Iterable[Artifact]) -> tuple[str, ...]:
    """Return the files that an installation of OpenMeetings overwrites."""
    return tuple(a.path for a in artifacts if a.path.startswith(f"{home}/"))


def _parts(cluster: Cluster, artifacts: Mapping[str, Sequence[Artifact]]) -> Iterator[Part]:
    by_name = {kind.name: kind for kind in kinds()}
    for node, its in artifacts.items():
        for artifact in its:
            kind = by_name[artifact.kind]
            block = artifact.ownership is Ownership.BLOCK
            entries = kind.read(artifact.text).items if block else {}
            changes = {key: Change("create", None, value) for key, value in entries.items()}
            effect = kind.effect(cluster, changes, "create")
            whole = artifact.ownership is Ownership.FILE
            yield Part(node, artifact.path, kind.stage, effect, whole=whole)
