"""Nodes by name, as the command line gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.diagnostics import Diagnostic, meant
from omconf.rules import UNKNOWN_NODE

if TYPE_CHECKING:
    from collections.abc import Collection

    from omconf.cluster.model import Cluster


def unknown(cluster: Cluster, named: Collection[str]) -> list[Diagnostic]:
    """Report the named nodes that the spec does not have (OM303); empty if it has all."""
    names = {node.name.value for node in cluster.nodes}
    missing = sorted(set(named) - names)
    if not missing:
        return []
    message = f"There is no node {', '.join(f'`{name}`' for name in missing)}."
    near = meant(missing[0], names)
    hint = f"Did you mean `{near}`?" if near else f"Use one of: {', '.join(sorted(names)[:10])}."
    return [UNKNOWN_NODE.at(None, message, hint=hint)]
