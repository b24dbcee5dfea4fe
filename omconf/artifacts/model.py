"""What an artifact kind is, and one that owns a block inside a file of others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from omconf.artifacts.contents import Artifact, Line, Ownership, line
from omconf.artifacts.reading import Elsewhere, Reading
from omconf.cluster import places
from omconf.formats import header
from omconf.secrets import masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omconf.actions import Manual, Stage
    from omconf.artifacts.contents import HandOver
    from omconf.artifacts.effect import Change, Effect
    from omconf.artifacts.reading import Texts
    from omconf.cluster.model import Cluster, Node
    from omconf.diagnostics import Diagnostic, Finding
    from omconf.formats.block import Entry

__all__ = ["Artifact", "BlockKind", "Kind", "Line", "Ownership", "Reading", "line"]


class Kind(ABC):
    """An artifact kind: one file of this package that knows all about one kind of artifact.

    It owns which nodes get it, where it lands, how it is rendered and read back, its items for the
    plan, and what a change does to the running cluster. Nothing else in the code names a kind.
    """

    name: ClassVar[str]
    ownership: ClassVar[Ownership]
    purpose: ClassVar[str]
    """What the artifact is for, for the bundle's README."""
    stage: ClassVar[Stage]
    """When its changes are rolled out."""
    textual: ClassVar[bool] = False
    """Whether the plan compares it line by line, white space and all: a program reads it as text."""
    places: ClassVar[tuple[str, ...]]
    """Where its files lie on any node, used at present or not: templates of cluster/places.py."""
    around: ClassVar[tuple[str, ...]] = ()
    """Files of others that its program reads beside its own: templates; the name may be `*.END`."""

    def paths(self, cluster: Cluster, node: Node) -> tuple[str, ...]:
        """Every path that this kind may own on the node, used at present or not."""
        return tuple(places.path(template, cluster, node) for template in self.places)

    def surroundings(self, cluster: Cluster, node: Node) -> tuple[str, ...]:
        """Files of others on the node, only ever read, which decide what its own come to there."""
        return tuple(places.path(template, cluster, node) for template in self.around)

    def settings_of(self, path: str, cluster: str | None) -> Mapping[str, str] | None:
        """With which home, web application and unit a path was this kind's; None: with none."""
        found = (places.parse(template, cluster, path) for template in self.places)
        return next((settings for settings in found if settings is not None), None)

    def wrote(self, text: str, cluster: str) -> bool:
        """Tell whether a whole file can be one that omconf wrote for the named cluster."""
        return header.cluster_of(text) == cluster

    @abstractmethod
    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """What the node gets; nothing when the kind does not concern it."""

    @abstractmethod
    def read(self, text: str) -> Reading:
        """Read a file of this kind back into items; hostile input gives findings, never an error."""

    @abstractmethod
    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """What a change of the file does to the running cluster.

        `changes` are the changed items by key, `action` is the plan's for the file.
        """

    def effect_on(
        self, cluster: Cluster, node: str, changes: Mapping[str, Change], action: str
    ) -> Effect:
        """What it does on one node, where that is not the same on all of them."""
        return self.effect(cluster, changes, action)

    def of(self, cluster: Cluster, name: str) -> list[Artifact]:
        """What the node of a name gets; nothing when there is no such node."""
        return next((self.render(cluster, n) for n in cluster.nodes if n.name.value == name), [])

    def delete(self, cluster: Cluster, node: str, path: str) -> Effect:
        """What it does that one of several files of this kind goes; `node` may have left the spec."""
        return self.effect(cluster, {}, "delete")

    def release(self, data: bytes) -> str | None:
        """Give the release of OpenMeetings that a deployed file says was applied, if it says so."""
        return None

    def check(self, cluster: Cluster) -> Iterable[Diagnostic]:
        """Check what only this kind knows of a cluster's values."""
        return ()

    def across(
        self,
        cluster: Cluster,
        deployed: Mapping[str, Reading],
        fine: Iterable[str],
        hazelcast: Mapping[str, str],
    ) -> Iterable[tuple[str, Finding]]:
        """Judge what only the deployed files of several nodes show together.

        `deployed` are the readings that differ from the spec, by node; `fine` are the nodes whose
        file is what the spec compiles to; `hazelcast` is the line of their jar (`5.5`), where known.
        """
        return ()

    def elsewhere(self, cluster: Cluster, artifact: Artifact, texts: Texts) -> Elsewhere:
        """Tell what files around say of the artifact's items; `texts` has its own file, too."""
        return Elsewhere()

    def same(self, key: str, before: str, after: str) -> bool:
        """Tell whether an item's two values, not equal as texts, mean the same."""
        return False

    def implied(self, items: Mapping[str, str]) -> Mapping[str, str]:
        """Give what the program takes for items that a deployed file, with these, does not have."""
        return {}

    def keep(self, key: str, replaced: bool) -> str:
        """Name the spec's key that would keep a deployed item: one that goes, or is replaced."""
        return ""

    def external(self, cluster: Cluster) -> Manual | None:
        """Give what a person does on a server that is no node, before the nodes can use it."""
        return None

    def hand_over(self, cluster: Cluster) -> list[HandOver]:
        """Files for hosts that are not nodes of the cluster."""
        return []


class BlockKind(Kind):
    """A kind that owns a block of entries inside a file that others edit too."""

    ownership: ClassVar[Ownership] = Ownership.BLOCK
    last_counts: ClassVar[bool] = False
    """Whether of two entries with the same key the last one counts, not the first."""

    @abstractmethod
    def entries(self, text: str) -> tuple[list[Entry], list[Finding]]:
        """Read the entries of such a file (or of a block), with what its program would refuse."""

    def slips(self, entries: list[Entry], taken: list[Entry]) -> list[Entry]:
        """Find further entries that go with those taken over: a slip of the hand beside them."""
        return []

    def beside(self, entries: list[Entry], wanted: Mapping[str, Entry]) -> list[Finding]:
        """Judge entries of others that stay beside the block, where they endanger what is wanted."""
        return []

    def behind(self, text: str) -> list[Finding]:
        """Judge what stands behind the block (before it, lines are blank), where it matters."""
        return []

    def read(self, text: str) -> Reading:
        entries, findings = self.entries(text)
        counted = self.counted(entries).values()
        return Reading(
            items={e.key: masked(e.value) for e in counted},
            lines={e.key: e.line for e in counted},
            findings=findings,
        )

    def counted(self, entries: list[Entry]) -> dict[str, Entry]:
        """Entries by key: of two with the same key, the one that counts for the file's program."""
        return {e.key: e for e in (entries if self.last_counts else reversed(entries))}
