"""What a plan asks of a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.artifacts import kinds
from omconf.cluster import places
from omconf.deployed.snapshot import Request
from omconf.plan import owed

if TYPE_CHECKING:
    from collections.abc import Collection

    from omconf.cluster.model import Cluster


def requests(
    cluster: Cluster, only: Collection[str] = (), further: Collection[str] = ()
) -> dict[str, Request]:
    """What a source has to read, by node: what omconf may own there, and what was applied.

    `further` are more paths around, only ever read.
    """
    return {
        node.name.value: Request(
            paths=tuple(
                dict.fromkeys(path for kind in kinds() for path in kind.paths(cluster, node))
            ),
            around=tuple(
                dict.fromkeys(
                    (
                        *owed.paths(cluster.name.value),
                        *further,
                        *(path for kind in kinds() for path in kind.surroundings(cluster, node)),
                    )
                )
            ),
            cluster=cluster.name.value,
            settings=places.settings(cluster, node),
            ssh=node.ssh.value,
            earlier=node.renamed_from.value if node.renamed_from else None,
        )
        for node in cluster.nodes
        if not only or node.name.value in only
    }
