"""The interfaces of artifact kinds: of whole files, and of blocks inside files of others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from omconf.artifacts.contents import Artifact, Ownership
from omconf.artifacts.reading import Elsewhere, Reading
from omconf.cluster import places
from omconf.formats import header

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omconf.actions import Manual, Stage
    from omconf.artifacts.contents import ExternalFile
    from omconf.artifacts.effect import Change, Effect
    from omconf.artifacts.reading import Texts
    from omconf.cluster.model import Cluster, Node
    from omconf.diagnostics import Diagnostic, Finding
    from omconf.formats.block import Entry


class Kind(ABC):
    """An artifact kind: a module (or package) here that holds all facts about one kind of artifact.

    It decides which nodes get the artifact, its path, how it is rendered and read back, its items in
    the plan, and what a change does to the running cluster. Nothing else in the code names a kind.
    """

    name: ClassVar[str]
    ownership: ClassVar[Ownership]
    purpose: ClassVar[str]
    """The artifact's purpose, for the bundle's README."""
    stage: ClassVar[Stage]
    """The stage of a roll-out in which it changes."""
    textual: ClassVar[bool] = False
    """Whether the plan compares it as text: every line, with white space."""
    places: ClassVar[tuple[str, ...]]
    """Paths that it may own on a node: templates of cluster/places.py."""
    around: ClassVar[tuple[str, ...]] = ()
    """Paths of other files that its program reads: templates; the last part may be `*.END`."""

    def paths(self, cluster: Cluster, node: Node) -> tuple[str, ...]:
        """Return every path that this kind may own on the node, used or not."""
        return tuple(places.path(template, cluster, node) for template in self.places)

    def surroundings(self, cluster: Cluster, node: Node) -> tuple[str, ...]:
        """Return the paths of other files on the node that its program reads, and omconf too."""
        return tuple(places.path(template, cluster, node) for template in self.around)

    def settings_of(self, path: str, cluster: str | None) -> Mapping[str, str] | None:
        """Return the home, web application and unit with which a path is this kind's; None if none.

        Without the name of a cluster, the path may be any cluster's.
        """
        found = (places.parse(template, cluster, path) for template in self.places)
        return next((settings for settings in found if settings is not None), None)

    def wrote(self, text: str, cluster: str) -> bool:
        """Tell whether omconf can have written this whole file for the named cluster."""
        return header.cluster_of(text) == cluster

    @abstractmethod
    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """Return the node's artifacts; empty if the node needs none."""

    @abstractmethod
    def read(self, text: str) -> Reading:
        """Read a file of this kind into items. Hostile input gives findings, never an exception."""

    @abstractmethod
    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """Return what a change of the file does to the running cluster.

        `changes` are the changed items by key; `action` is the plan's for the file: `create`,
        `update` or `delete`.
        """

    def effect_on(
        self, cluster: Cluster, node: str, changes: Mapping[str, Change], action: str
    ) -> Effect:
        """Return what a change does on the named node, if nodes differ in that; see `effect`."""
        return self.effect(cluster, changes, action)

    def of(self, cluster: Cluster, name: str) -> list[Artifact]:
        """Return the artifacts of the named node; empty if there is no such node."""
        return next((self.render(cluster, n) for n in cluster.nodes if n.name.value == name), [])

    def delete(self, cluster: Cluster, node: str, path: str) -> Effect:
        """Return what deleting one of several files does; `node` may be a removed node."""
        return self.effect(cluster, {}, "delete")

    def release(self, data: bytes) -> str | None:
        """Return the release of OpenMeetings that a deployed file records, or None."""
        return None

    def check(self, cluster: Cluster) -> Iterable[Diagnostic]:
        """Check the cluster's values against facts that only this kind knows."""
        return ()

    def across(
        self,
        cluster: Cluster,
        deployed: Mapping[str, Reading],
        fine: Iterable[str],
        hazelcast: Mapping[str, str],
    ) -> Iterable[tuple[str, Finding]]:
        """Check the deployed files of several nodes together; yields node and finding.

        `deployed` are the readings that differ from the spec, by node; `fine` are the nodes whose
        file is unchanged; `hazelcast` is the version line of their jar (`5.5`), if known.
        """
        return ()

    def elsewhere(self, cluster: Cluster, artifact: Artifact, texts: Texts) -> Elsewhere:
        """Return what surrounding files set of its items; `texts` (by path) includes its own file."""
        return Elsewhere()

    def same(self, key: str, before: str, after: str) -> bool:
        """Tell whether two different texts of an item mean the same."""
        return False

    def implied(self, items: Mapping[str, str]) -> Mapping[str, str]:
        """Return the program's defaults for items that a file with these `items` does not set."""
        return {}

    def keep(self, key: str, replaced: bool) -> str:
        """Return the spec's key that would keep a deployed item; empty if there is none.

        `replaced` if the item gets another value, otherwise it is removed.
        """
        return ""

    def external(self, cluster: Cluster) -> Manual | None:
        """Return the manual step on an external server before nodes can use it, or None."""
        return None

    def external_files(self, cluster: Cluster) -> list[ExternalFile]:
        """Return the files for servers that are not nodes of the cluster."""
        return []


class BlockKind(Kind):
    """A kind that owns a block of entries inside a file that others also edit."""

    ownership: ClassVar[Ownership] = Ownership.BLOCK
    last_counts: ClassVar[bool] = False
    """Whether the last of two entries with the same key counts; otherwise the first."""

    @abstractmethod
    def entries(self, text: str) -> tuple[list[Entry], list[Finding]]:
        """Read the entries of a file (or of a block), with findings for what its program refuses."""

    def mistakes(self, entries: list[Entry], taken: list[Entry]) -> list[Entry]:
        """Find further entries to remove with the adopted ones: misspelled copies of them."""
        return []

    def known_key(self, key: str, aliases: Mapping[str, str]) -> str:
        """Return the key by which the block calls a hand-made entry's; `aliases` are the artifact's."""
        return aliases.get(key, key)

    def rivals(self, entries: list[Entry]) -> list[Finding]:
        """Check entries, all of the block or all adopted ones, for those that contradict another."""
        return []

    def beside(self, entries: list[Entry], wanted: Mapping[str, Entry]) -> list[Finding]:
        """Check entries outside the block that conflict with the `wanted` ones, by key."""
        return []

    def behind(self, text: str) -> list[Finding]:
        """Check the lines after the block; those up to its end are blank in `text`."""
        return []

    def read(self, text: str) -> Reading:
        """Read the entries that count into items, with secrets masked in their values."""
        entries, findings = self.entries(text)
        counted = self.counted(entries).values()
        reading = Reading(lines={e.key: e.line for e in counted}, findings=findings)
        for entry in counted:
            reading.put(entry.key, entry.value)
        return reading

    def counted(self, entries: list[Entry]) -> dict[str, Entry]:
        """Return the entries by key; of several with one key, the one that counts (`last_counts`)."""
        return {e.key: e for e in (entries if self.last_counts else reversed(entries))}
