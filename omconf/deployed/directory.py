"""Deployed files from a directory: DIR/<node>/ is that node's root tree (`--deployed DIR`)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omconf.deployed import tree
from omconf.deployed.snapshot import NODE, NOTHING_THERE, UNREADABLE, Request, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omconf.deployed.snapshot import NodeFiles
    from omconf.diagnostics import Diagnostic

HINT = "It holds a folder for each node, which is that node's root tree."


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of root trees; a missing node's folder means that nothing is deployed there."""

    path: str

    def read(self, requests: Mapping[str, Request], *, whole: bool) -> Snapshot | Diagnostic:
        """Read the nodes' trees; a renamed node's by its earlier name, while it has none by the new."""
        try:
            with os.scandir(self.path) as entries:
                there = sorted(entry.name for entry in entries)
        except OSError as error:
            message = f"The deployed directory {self.path} cannot be read: {error.strerror}."
            return UNREADABLE.at(None, message, hint=HINT)
        roots = {node: self.root(node, request) for node, request in requests.items()}
        found: tuple[Diagnostic, ...] = ()
        if not any(os.path.lexists(root) for root in roots.values()):
            message = f"{self.path} holds no folder of any node: everything is taken for new."
            hint = "A node's folder is called by its name, and is its root tree."
            found = (NOTHING_THERE.at(None, message, hint=hint),)
        same: tree.Same = {}
        nodes = {node: tree.read(root, requests[node], same=same) for node, root in roots.items()}
        left = self.left(there, requests) if whole else {}
        return Snapshot("directory", nodes, left, found)

    def left(self, there: Iterable[str], requests: Mapping[str, Request]) -> dict[str, NodeFiles]:
        """The trees of nodes that the spec has no more: they hold its cluster's manifest."""
        request = Request.of_left(requests)
        known = {*requests, *(r.earlier for r in requests.values())}
        strangers = (name for name in there if name not in known and NODE.fullmatch(name))
        trees = {name: tree.read(os.path.join(self.path, name), request) for name in strangers}
        return {name: files for name, files in trees.items() if request.applied(name, files)}

    def root(self, node: str, request: Request) -> str:
        """Where a node's tree lies."""
        place = os.path.join(self.path, node)
        if request.earlier and not os.path.lexists(place):
            return os.path.join(self.path, request.earlier)
        return place
