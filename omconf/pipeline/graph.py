"""The rooms of `omconf graph` put together: cluster, topology, drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omconf.cluster.model import Cluster


def graph(cluster: Cluster, form: str) -> str:
    """Draw the cluster's topology as `mermaid`, `dot` or `svg`."""
    from omconf.topology import dot, mermaid, svg
    from omconf.topology.model import topology

    drawings = {"mermaid": mermaid.draw, "dot": dot.draw, "svg": svg.draw}
    return drawings[form](topology(cluster))
