"""The bundle: everything that one spec compiles to, before a byte of it is written."""

from __future__ import annotations

from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from omconf.artifacts.contents import Artifact, ExternalFile


@dataclass(frozen=True, slots=True)
class NodeBundle:
    """What one node gets."""

    node: str
    artifacts: tuple[Artifact, ...]


@dataclass(frozen=True)
class Bundle:
    """What the whole cluster gets, and the notes for people beside it."""

    cluster: str
    nodes: tuple[NodeBundle, ...]
    external_files: tuple[ExternalFile, ...]
    notes: Callable[[], str] = field(compare=False, repr=False)

    @cached_property
    def readme(self) -> str:
        """The README, written when it is asked for: no plan needs it."""
        return self.notes()


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One file of the bundle directory: its bytes and its mode there."""

    data: bytes
    mode: int = 0o644
