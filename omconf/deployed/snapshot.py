"""What a source read from the nodes: the same Snapshot, wherever it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omconf.diagnostics import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

UNREADABLE = Rule("OM302", Severity.ERROR, "a node or a deployed file that cannot be read")
NOT_A_FILE = Rule("OM316", Severity.ERROR, "a link or a device where a file is expected")

MAX_BYTES = 4 * 1024 * 1024
"""A deployed file that is larger is not one of ours."""


@dataclass(frozen=True, slots=True)
class DeployedFile:
    """One file of a node as it is now: its bytes, or why they cannot be had."""

    data: bytes | None
    problem: Finding | None = None


@dataclass(frozen=True, slots=True)
class NodeFiles:
    """The files of one node by their path on it; a path that is not there does not exist."""

    files: Mapping[str, DeployedFile] = field(default_factory=dict)
    problem: Finding | None = None
    """Why the node as a whole is unknown."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is deployed on all nodes; `kind` is the source's: directory, local, ssh or git."""

    kind: str
    nodes: Mapping[str, NodeFiles]
