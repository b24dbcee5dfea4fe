"""What a saved plan was made from, so that it is not carried out once any of that has moved.

Deployed files are bound by digests that give no secret away, the spec by its text without comments.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from omconf.artifacts import kinds
from omconf.bundle import applied, manifest
from omconf.cluster import places
from omconf.plan import digest
from omconf.plan.model import Binding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.artifacts.contents import Artifact
    from omconf.artifacts.model import Kind
    from omconf.bundle.model import Bundle
    from omconf.cluster.model import Cluster, Node
    from omconf.deployed.snapshot import NodeFiles, Snapshot
    from omconf.plan.mask import Mask
    from omconf.plan.model import Plan

_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))#.*$")


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
        digest_of(text),
        digest.sha256(
            b"".join(
                manifest.for_node(bundle.cluster, n.node, n.artifacts)
                for n in sorted(bundle.nodes, key=lambda n: n.node)
            )
        ),
        deployed,
        dict(sorted(places.items())),
    )


def digest_of(text: str) -> str:
    """Digest a spec by its text without comments."""
    return digest.sha256(_COMMENT.sub("", text).encode("utf-8", "surrogatepass"))


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
    name, own = cluster.name.value, places.manifest(cluster.name.value)
    listing = deployed.files.get(own)
    readers: dict[str, Kind | None] = {own: None}
    with suppress(ValueError):
        settings = places.settings(cluster, node) if node else None
        earlier = applied.read((listing and listing.data) or b"", name, settings)
        readers |= {path: entry.kind for path, entry in earlier.entries.items()}
    if node is not None:
        readers |= {path: kind for kind in kinds() for path in kind.paths(cluster, node)}
    found = {}
    for path in sorted(deployed.asked):
        file = deployed.files.get(path)
        if path not in readers:
            continue
        if deployed.problem or (file and file.data is None):
            found[path] = digest.UNREADABLE
        else:
            data = file.data if file else None
            found[path] = digest.of_file(readers[path], artifacts.get(path), data, mask)
    return found
