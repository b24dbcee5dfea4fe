"""Deployed files of the node that this host is (`--local NODE`), or of a copy of its root."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.deployed import tree
from omconf.deployed.snapshot import Snapshot
from omconf.rules import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.deployed.snapshot import Request
    from omconf.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class Local:
    """The files below `root`; modes and owners count where that is the host's own root."""

    root: str = "/"

    def read(self, requests: Mapping[str, Request], *, whole: bool) -> Snapshot | Diagnostic:
        """Read the files of the one node that is asked for."""
        if not os.path.isdir(self.root):
            message = f"The root {self.root} is not a directory."
            hint = "Name the root of the node's files: `/`, or a directory with a copy of them."
            return UNREADABLE.at(None, message, hint=hint)
        real = os.path.realpath(self.root)
        own = real == "/"
        read = {n: tree.read(real, r, access=own) for n, r in requests.items()}
        options = {"node": next(iter(requests)), "root": self.root}
        return Snapshot("local", read, options=options)
