"""The cluster to its bundle, and the bundle to the files of a directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.artifacts import kinds
from omconf.bundle import manifest, readme
from omconf.bundle.model import Bundle, BundleFile, NodeBundle
from omconf.diagnostics import Diagnostic, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.artifacts.model import Artifact
    from omconf.cluster.model import Cluster
    from omconf.secrets import Secret

OWN_SCHEMA = Rule("OM400", Severity.ERROR, "a compiled file fails omconf's own schema")
FOLDERS = {"file": "files", "block": "blocks", "keys": "keys"}


def compile_bundle(cluster: Cluster) -> Bundle:
    """Render every kind for every node; artifacts in the order of their paths."""
    nodes = []
    for node in cluster.nodes:
        artifacts = [a for kind in kinds() for a in kind.render(cluster, node)]
        artifacts.sort(key=lambda a: a.path)
        nodes.append(NodeBundle(node.name.value, tuple(artifacts)))
    hand_overs = tuple(h for kind in kinds() for h in kind.hand_over(cluster))
    return Bundle(cluster.name.value, tuple(nodes), hand_overs, readme.write(cluster, nodes))


def judge(bundle: Bundle, *, authority: bool = False) -> list[Diagnostic]:
    """Hold every compiled XML file against omconf's own schemas: libxml2 first, xmlschema explains.

    With `authority` xmlschema judges everything itself.

    A finding here is a mistake of omconf's, not of the user's; it is still said, not raised.
    """
    from omconf.check import xsd

    by_name = {kind.name: kind for kind in kinds()}
    judged: set[int] = set()
    found = []
    for node in bundle.nodes:
        for artifact in node.artifacts:
            schema = by_name[artifact.kind].schema_of(artifact)
            if schema is None or id(artifact) in judged:
                continue
            judged.add(id(artifact))
            document = xsd.parse(artifact.data)
            judge_one = xsd.authority if authority else xsd.faults
            faults = [document] if isinstance(document, xsd.Fault) else judge_one(document, schema)
            found += [
                OWN_SCHEMA.at(
                    None,
                    f"line {f.line}, {f.path}: {f.reason}",
                    hint="This is a mistake in omconf; please report it with your spec.",
                    node=node.node,
                    path=artifact.path,
                )
                for f in faults
            ]
    return found


def place(node: str, artifact: Artifact) -> str:
    """Where an artifact stands in the bundle directory."""
    return f"{node}/{FOLDERS[artifact.ownership]}{artifact.path}"


def files(bundle: Bundle, secrets: Mapping[str, Secret] | None = None) -> dict[str, BundleFile]:
    """Lay the bundle out as files of a directory; with `secrets`, their values filled in.

    Raises ValueError, without the value, for a secret that a file's format cannot carry.
    """
    result = {"README.md": BundleFile(bundle.readme.encode())}
    for hand_over in bundle.hand_overs:
        result[hand_over.path] = BundleFile(hand_over.text.encode())
    for node in bundle.nodes:
        name = node.node
        listing = manifest.for_node(bundle.cluster, name, node.artifacts)
        result[f"{name}/manifest.json"] = BundleFile(listing)
        for artifact in node.artifacts:
            path = place(name, artifact)
            if secrets is None:
                mode = 0o755 if artifact.mode & 0o100 else 0o644
                result[path] = BundleFile(artifact.data, mode)
            else:
                result[path] = BundleFile(artifact.filled(secrets).encode(), artifact.mode)
    names = [node.node for node in bundle.nodes]
    listing = manifest.for_directory(bundle.cluster, names, [*result, "manifest.json"])
    result["manifest.json"] = BundleFile(listing)
    return result
