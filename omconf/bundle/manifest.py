"""The manifests: what a bundle holds, for people, for a later build, and for the node itself."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omconf.artifacts.model import Artifact

FORMAT_VERSION = "1.0"
# Absolute, in its plain form, of printable characters.
_SAFE = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[^/\x00-\x1f\x7f-\x9f\ud800-\udfff]+)+")


def node_path(cluster: str) -> str:
    """Where a node keeps the manifest of what was last applied to it: bookkeeping of omconf's."""
    return f"/etc/omconf/{cluster}/manifest.json"


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


def node_of(data: bytes) -> str | None:
    """The node that a manifest was written for; None for what is none."""
    try:
        read_node(data)
        name = json.loads(data).get("node")
    except ValueError:
        return None
    return name if isinstance(name, str) else None


def read_node(data: bytes) -> dict[str, Mapping[str, Any]]:
    """Read a node's manifest back, by path. What a node holds is hostile input.

    Raises ValueError, with a reason for people, for one that omconf did not write.
    """
    try:
        manifest = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), list):
        raise ValueError("it is not a manifest of omconf's")
    if str(manifest.get("format_version", "")).partition(".")[0] != FORMAT_VERSION[0]:
        raise ValueError("its format version is not supported")
    files: dict[str, Mapping[str, Any]] = {}
    for entry in manifest["files"]:
        if not isinstance(entry, dict) or not all(
            isinstance(entry.get(key), str) for key in ("path", "kind", "ownership")
        ):
            raise ValueError("it lists something that is not a file")
        if not _SAFE.fullmatch(entry["path"]):
            raise ValueError("it lists a path that omconf does not write")
        files[entry["path"]] = entry
    return files
