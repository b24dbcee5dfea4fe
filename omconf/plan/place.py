"""One place on one node: what the spec wants there, what stands there, what was applied last."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.artifacts.contents import Artifact
    from omconf.artifacts.model import Kind
    from omconf.deployed.snapshot import Access


@dataclass(frozen=True, slots=True)
class Base:
    """What was applied last: its content, or its digest (sha256, hex), or neither.

    With neither and `known`, nothing was applied there.
    """

    data: bytes | None = None
    digest: str | None = None
    known: bool = False
    sensitive: bool = False
    """Whether it held a placeholder: filled in, its digest says nothing."""


@dataclass(frozen=True, slots=True)
class Place:
    """A path of a node, of one kind.

    `owned` tells that omconf applied a file there, `removed` that the spec no longer has the node.
    """

    kind: Kind
    node: str
    path: str
    artifact: Artifact | None
    data: bytes | None
    access: Access | None = None
    owned: bool = False
    removed: bool = False
    base: Base = field(default=Base())
    around: Mapping[str, str] = field(default_factory=dict)
    """Files of others that decide with it, by path."""
    owed: bool = False
    """Whether an apply wrote the file and did not come to run what reads it."""
    running: bytes | None = None
    """What that read: another content, or the one of another home from which OpenMeetings runs."""

    @property
    def text(self) -> str:
        """The deployed text; bytes that are no UTF-8 survive in it."""
        return (self.data or b"").decode("utf-8", "surrogateescape")
