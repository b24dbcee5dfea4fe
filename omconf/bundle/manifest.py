"""The manifests that a bundle holds: for people, for a later build, and for the node itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omconf.artifacts.contents import Artifact

FORMAT_VERSION = "1.0"


def for_node(cluster: str, node: str, artifacts: Iterable[Artifact]) -> bytes:
    """Write a node's manifest: every file, one a line, in the order of their paths."""
    entries = [
        {
            "path": a.path,
            "kind": a.kind,
            "ownership": str(a.ownership),
            "mode": f"{a.mode:04o}",
            "owner": a.owner,
            "group": a.group,
            "sha256": a.sha256,
            "sensitive": a.sensitive,
        }
        for a in artifacts
    ]
    return _lines({"format_version": FORMAT_VERSION, "cluster": cluster, "node": node}, entries)


def for_directory(cluster: str, nodes: Iterable[str], files: Iterable[str]) -> bytes:
    """Write the manifest of the whole bundle directory; it lists itself."""
    head = {"format_version": FORMAT_VERSION, "cluster": cluster, "nodes": list(nodes)}
    return _lines(head, sorted(files))


def _lines(head: Mapping[str, Any], files: Iterable[Any]) -> bytes:
    """JSON with one entry of `files` a line: small diffs, and quicker than an indented dump."""
    top = [f" {json.dumps(k)}: {json.dumps(v)},\n" for k, v in head.items()]
    entries = ",\n".join(["  " + json.dumps(entry) for entry in files])
    return ("{\n" + "".join(top) + ' "files": [\n' + entries + "\n ]\n}\n").encode()
