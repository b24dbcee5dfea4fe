"""What no single value shows: rules over the whole resolved cluster, one file a family."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from omconf.check.rules import database, network, nodes, properties, storage

if TYPE_CHECKING:
    from omconf.cluster.model import Cluster
    from omconf.diagnostics import Diagnostic

FAMILIES = (nodes, network, database, properties, storage)


def check(cluster: Cluster) -> list[Diagnostic]:
    """Run all families over a cluster."""
    return list(chain.from_iterable(family.check(cluster) for family in FAMILIES))
