"""Texts read by their kinds, each no more often than it has to be."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.ownership import OWNED

if TYPE_CHECKING:
    from omconf.artifacts.contents import Artifact
    from omconf.artifacts.model import Kind
    from omconf.artifacts.reading import Reading
    from omconf.ownership.model import Present
    from omconf.plan.seen import Seen


@dataclass(slots=True)
class Readings:
    """Reads artifacts once for all nodes that share them, and equal deployed files once in a row."""

    seen: Seen
    """Notes the secrets that are met, so that nothing printed holds one."""
    _wanted: dict[int, Reading] = field(default_factory=dict)
    _latest: dict[str, tuple[str, Reading]] = field(default_factory=dict)
    _present: dict[str, tuple[str, Artifact | None, Present]] = field(default_factory=dict)

    def wanted(self, kind: Kind, artifact: Artifact) -> Reading:
        """Read omconf's own artifact back."""
        key = id(artifact)
        if key not in self._wanted:
            self._wanted[key] = kind.read(artifact.text)
        return self._wanted[key]

    def deployed(self, kind: Kind, text: str) -> Reading:
        """Read a deployed file, or take the last reading of this kind: nodes often hold the same."""
        before = self._latest.get(kind.name)
        if before is None or before[0] != text:
            before = self._latest[kind.name] = (text, self.seen.note(kind.read(text)))
        return before[1]

    def present(self, kind: Kind, cluster: str, text: str, artifact: Artifact | None) -> Present:
        """Read what counts of a deployed file, or take the last of this kind, where all is the same."""
        before = self._present.get(kind.name)
        if before is None or before[0] != text or before[1] is not artifact:
            present = OWNED[kind.ownership].present(kind, cluster, text, artifact, self.deployed)
            before = self._present[kind.name] = (text, artifact, present)
        return before[2]
