"""Deployed files from a directory: DIR/<node>/ is that node's root tree (`--deployed DIR`)."""

from __future__ import annotations

import os
import stat
from dataclasses import field
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.deployed import tree
from omconf.deployed.snapshot import NODE, Request, Snapshot
from omconf.files import read
from omconf.rules import NOTHING_THERE, UNREADABLE
from omconf.secrets import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omconf.deployed.snapshot import NodeFiles
    from omconf.diagnostics import Diagnostic

_MAX_LOOKED, _MAX_NAMED = 100, 5
"""Folders that are looked into, and names that a hint lists."""
HINT = "It holds a folder for each node, which is that node's root tree."


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of root trees; a missing node's folder means that nothing is deployed there."""

    path: str
    folders: Mapping[str, str] = field(default_factory=dict)
    """What a node's folder is called, where not as the node is."""

    def read(self, requests: Mapping[str, Request], *, whole: bool) -> Snapshot | Diagnostic:
        """Read the nodes' trees; a renamed node's by its earlier name, while it has none by the new."""
        try:
            folder = read.folder(self.path)
        except OSError as error:
            return self.unreadable(error)
        try:
            there = frozenset(os.listdir(folder))
            roots = {
                node: self.folders.get(node) or _root(node, request, there)
                for node, request in requests.items()
            }
            found: tuple[Diagnostic, ...] = ()
            if there.isdisjoint(roots.values()):
                message = f"{self.path} contains no node folder: everything is treated as new."
                hint = _names(sorted(there), folder, sorted(roots.values()))
                found = (NOTHING_THERE.at(None, message, hint=hint),)
            same: tree.Same = {}
            nodes = {
                node: tree.read(root, requests[node], dir_fd=folder, same=same)
                for node, root in roots.items()
            }
            left = _left(there, folder, requests) if whole else {}
        except OSError as error:
            return self.unreadable(error)
        finally:
            os.close(folder)
        return Snapshot("directory", nodes, left, found)

    def unreadable(self, error: OSError) -> Diagnostic:
        """Report that the directory cannot be read: OM302."""
        message = f"The deployed directory {self.path} cannot be read: {error.strerror}."
        return UNREADABLE.at(None, message, hint=HINT)


def _names(there: Sequence[str], folder: int, nodes: Sequence[str]) -> str:
    """Return a hint how to name folders; it lists those that look like root trees."""
    trees = [name for name in there[:_MAX_LOOKED] if _is_tree(name, folder)]
    hint = "Name each folder after its node"
    if not trees:
        return f"{hint}; it holds the node's root tree."
    now, wanted = (", ".join(map(quoted, some[:_MAX_NAMED])) for some in (trees, nodes))
    return (
        f"{hint} ({wanted}): they are named {now}. The head of an imported spec lists which folder"
        " is which node's."
    )


def _is_tree(name: str, folder: int) -> bool:
    try:
        return stat.S_ISDIR(os.stat(f"{name}/etc", dir_fd=folder, follow_symlinks=False).st_mode)
    except (OSError, ValueError):
        return False


def _left(
    there: frozenset[str], folder: int, requests: Mapping[str, Request]
) -> dict[str, NodeFiles]:
    """Read the trees of nodes that the spec no longer has: they hold its cluster's manifest."""
    request = Request.of_left(requests)
    known = {*requests, *(r.earlier for r in requests.values())}
    unknown = sorted(name for name in there if name not in known and NODE.fullmatch(name))
    # A link beside the nodes' folders, as `latest`, is none of them.
    folders = (n for n in unknown if not stat.S_ISLNK(os.lstat(n, dir_fd=folder).st_mode))
    trees = {name: tree.read(name, request, dir_fd=folder) for name in folders}
    return {n: files for n, files in trees.items() if request.applied(n, files) is not False}


def _root(node: str, request: Request, there: frozenset[str]) -> str:
    """Return a node's folder: that of its earlier name while there is none of the new."""
    return request.earlier if request.earlier and node not in there else node
