"""What no single value shows: rules over the whole resolved cluster, one file a family."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from omconf.artifacts import kinds
from omconf.check import database, database_tls, network, nodes, storage

if TYPE_CHECKING:
    from omconf.cluster.model import Cluster
    from omconf.diagnostics import Diagnostic

FAMILIES = (nodes, network, database, database_tls, storage)


def check(cluster: Cluster) -> list[Diagnostic]:
    """Run all families over a cluster, and what each artifact kind checks for itself."""
    found = [family.check(cluster) for family in FAMILIES]
    return list(chain(*found, *(kind.check(cluster) for kind in kinds())))
