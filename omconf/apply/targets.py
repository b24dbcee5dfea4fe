"""What the files of a node shall be: computed here, whole, so that a node merges nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.artifacts import by_name
from omconf.bundle import manifest
from omconf.cluster import places
from omconf.dataclass import dataclass
from omconf.formats import properties
from omconf.ownership import OWNED
from omconf.plan import access
from omconf.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.artifacts.contents import Artifact
    from omconf.bundle.model import Bundle
    from omconf.deployed.snapshot import NodeFiles
    from omconf.secret_sources import Secrets


@dataclass(frozen=True, slots=True)
class Target:
    """What a file is to be, and what it was when that was planned; None: it is not there.

    A `shared` file keeps the mode and the owner that it has. `anew` tells that they alone differ.
    """

    path: str
    before: bytes | None
    after: bytes | None
    kind: str = ""
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    shared: bool = False
    anew: bool = False

    @property
    def changes(self) -> bool:
        """Whether anything is to be done."""
        return self.before != self.after or self.anew


@dataclass(frozen=True, slots=True)
class Targets:
    """The files of one node, by what a plan found there. `kinds` names those of former places."""

    bundle: Bundle
    node: str
    deployed: NodeFiles
    secrets: Secrets
    kinds: Mapping[str, str]

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """What is wanted, by path."""
        wanted = next((n.artifacts for n in self.bundle.nodes if n.node == self.node), ())
        return {artifact.path: artifact for artifact in wanted}

    @property
    def listing(self) -> bytes:
        """The manifest that the node gets."""
        return manifest.for_node(self.bundle.cluster, self.node, self.artifacts.values())

    def of(self, path: str, *, removed: bool = False) -> Target:
        """What a file is to be; raises ValueError, without a secret, for what cannot be written."""
        file = self.deployed.files.get(path)
        before = file.data if file else None
        if removed:
            return Target(path, before, None, self.kinds.get(path, ""))
        if path == places.manifest(self.bundle.cluster):
            return Target(path, before, self.listing)
        artifact = self.artifacts.get(path)
        kind = by_name()[artifact.kind if artifact else self.kinds[path]]
        owned = OWNED[kind.ownership]
        text = None if before is None else before.decode("utf-8", "surrogateescape")
        body = None if artifact is None else self._filled(artifact)
        cluster = self.bundle.cluster
        present = owned.present(kind, cluster, text or "", artifact, lambda k, t: k.read(t))
        merged = owned.merge(kind, cluster, text, body, present)
        after = None if merged is None else merged.encode("utf-8", "surrogateescape")
        if artifact is None:
            return Target(path, before, after, kind.name, shared=True)
        differ = access.changed(artifact, file.access if file else None)
        return Target(
            path,
            before,
            after,
            kind.name,
            artifact.mode,
            artifact.owner,
            artifact.group,
            shared=not owned.whole,
            anew=owned.whole and bool(differ),
        )

    def _filled(self, artifact: Artifact) -> str:
        values = {}
        for placeholder in artifact.placeholders:
            value = self.secrets.get(placeholder.name)
            if not isinstance(value, Secret):
                raise ValueError(f"the secret `{placeholder.name}` cannot be read")
            values[placeholder.name] = value
        return artifact.filled(values)


def keys_of(artifact: Artifact) -> list[str]:
    """Return the keys that omconf sets in a file whose other keys belong to others."""
    shared = OWNED[artifact.ownership].shared_keys
    return list(properties.read(artifact.text)) if shared else []
