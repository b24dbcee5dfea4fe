"""What a saved plan was made from, so that it is not carried out once any of that has moved.

A digest of a short secret would give it away: guess, digest, compare. So no secret goes into one. A
deployed file is bound by its bytes only where no secret can stand in them, else by what its kind
reads in it, with what may be secret left out; the spec is bound by its text without comments.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from omconf.artifacts import kinds
from omconf.artifacts.model import Kind, Ownership
from omconf.bundle import applied, manifest
from omconf.cluster import places
from omconf.secrets import SECRET_NAME, hides, masked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.artifacts.model import Artifact, Reading
    from omconf.bundle.model import Bundle
    from omconf.cluster.model import Cluster, Node
    from omconf.deployed.snapshot import DeployedFile, NodeFiles, Snapshot
    from omconf.plan.masking import Mask
    from omconf.plan.model import Plan
    from omconf.secrets import SecretRef

ABSENT = "absent"
UNREADABLE = "unreadable"
_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))#.*$")


@dataclass(frozen=True, slots=True)
class Binding:
    """The inputs of one plan: digests in hex (sha256), and names of secrets to be read again.

    `deployed` is by node and path: a digest, or that the file was absent or unreadable. `secrets`
    are the references of what the changed files will hold.
    """

    spec: str
    spec_digest: str
    bundle_digest: str
    deployed: Mapping[str, Mapping[str, str]]
    secrets: Mapping[str, SecretRef]


def bind(
    spec: tuple[str, str],
    cluster: Cluster,
    bundle: Bundle,
    snapshot: Snapshot,
    plan: Plan,
) -> Binding:
    """Bind a plan to its spec (its path and text), its bundle, and what was read of each node.

    The bundle stands for whatever else goes into it: files beside the spec, omconf itself.
    """
    path, text = spec
    artifacts = {n.node: {a.path: a for a in n.artifacts} for n in bundle.nodes}
    deployed = {
        node.name.value: _node(
            cluster, node, artifacts[node.name.value], snapshot.nodes[node.name.value], plan.mask
        )
        for node in cluster.nodes
        if node.name.value in snapshot.nodes
    }
    deployed |= {
        name: _node(cluster, None, {}, files, plan.mask) for name, files in snapshot.left.items()
    }
    written = [artifacts.get(c.node, {}).get(c.path) for c in plan.changes]
    places = {p.name: p.ref for a in written if a for p in a.placeholders}
    return Binding(
        path,
        _sha256(_COMMENT.sub("", text).encode("utf-8", "surrogatepass")),
        _sha256(
            b"".join(
                manifest.for_node(bundle.cluster, n.node, n.artifacts)
                for n in sorted(bundle.nodes, key=lambda n: n.node)
            )
        ),
        deployed,
        dict(sorted(places.items())),
    )


def _node(
    cluster: Cluster,
    node: Node | None,
    artifacts: Mapping[str, Artifact],
    deployed: NodeFiles,
    mask: Mask | None,
) -> dict[str, str]:
    """What was read of a node, by path; of one that the spec has no more, by its manifest alone.

    What no kind of omconf's reads is not bound: a secret may stand anywhere in it.
    """
    name, own = cluster.name.value, manifest.node_path(cluster.name.value)
    listing = deployed.files.get(own)
    readers: dict[str, Kind | None] = {own: None}
    with suppress(ValueError):
        settings = places.settings(cluster, node) if node else None
        earlier = applied.read((listing and listing.data) or b"", name, settings)
        readers |= {path: entry.kind for path, entry in earlier.entries.items()}
    if node is not None:
        readers |= {path: kind for kind in kinds() for path in kind.paths(cluster, node)}
    return {
        path: UNREADABLE
        if deployed.problem
        else _file(readers[path], artifacts.get(path), deployed.files.get(path), mask)
        for path in sorted(deployed.asked)
        if path in readers
    }


def _file(
    kind: Kind | None,
    artifact: Artifact | None,
    file: DeployedFile | None,
    mask: Mask | None = None,
) -> str:
    if file is None:
        return ABSENT
    if file.data is None:
        return UNREADABLE
    ours = artifact is not None and not artifact.sensitive and artifact.data == file.data
    # A node's manifest is omconf's own, made of what stands in bundles.
    return _sha256(file.data) if kind is None or ours else _read(kind, file.data, mask)


@lru_cache(maxsize=16)
def _read(kind: Kind, data: bytes, mask: Mask | None) -> str:
    text = data.decode("utf-8", "surrogateescape")
    reading = kind.read(text)
    if kind.ownership is not Ownership.KEYS and not reading.secrets and not _suspect(text, mask):
        return _sha256(data)
    return UNREADABLE if reading.broken else _sha256(_meaning(reading, mask))


def _meaning(reading: Reading, mask: Mask | None) -> bytes:
    """Write down what was read; of an item that may hold a secret only that it is there."""
    items = {
        _shown(key, mask): None if hides(key) or _suspect(value, mask) else value
        for key, value in reading.items.items()
    }
    secrets = sorted(_shown(key, mask) for key in reading.secrets)
    return json.dumps([items, secrets], sort_keys=True).encode()


def _suspect(text: str, mask: Mask | None) -> bool:
    """Tell whether a text may hold a secret: by a name in it, or because the secret is known."""
    return SECRET_NAME.search(text) is not None or masked(text) != text or _holds(text, mask)


def _holds(text: str, mask: Mask | None) -> bool:
    return mask is not None and mask.holds(text)


def _shown(key: str, mask: Mask | None) -> str:
    return key if mask is None else mask.value(key)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
