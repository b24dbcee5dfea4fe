"""What was applied to a node, by the manifest that the node keeps: an assertion, not a fact.

Whoever can write on a node can write its manifest. So an entry counts only when its kind could have
written that path for this cluster, and when all entries agree on the home, the web application and the
unit, as those of every manifest that omconf writes do. A plan deletes nothing that does not count.
"""

from __future__ import annotations

import json
import re
from dataclasses import field
from typing import TYPE_CHECKING, Any

from omconf.artifacts import by_name
from omconf.bundle.manifest import FORMAT_VERSION
from omconf.dataclass import dataclass
from omconf.formats import paths
from omconf.secrets import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.artifacts.model import Kind

MAX_ENTRIES = 200
"""Files of one node; a bundle has some fifteen."""

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file that was applied: its kind, and the sha256 of what the bundle held (hex)."""

    kind: Kind
    digest: str | None
    sensitive: bool


@dataclass(frozen=True, slots=True)
class Applied:
    """What a node's manifest says was applied, by path.

    `node` is the name that it was written for. `refused` gives for each path that does not count the
    reason, for people.
    """

    node: str | None = None
    entries: Mapping[str, Entry] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


def read(data: bytes, cluster: str, current: Mapping[str, str] | None = None) -> Applied:
    """Read the manifest of a node of the named cluster.

    `current` are the settings of the node (see cluster/places.py), None for one that the spec no
    longer has: where a manifest contradicts itself, what agrees with them still counts.

    Raises ValueError, with a reason for people, for what no omconf wrote as a manifest.
    """
    document = _document(data)
    node = document.get("node")
    entries: dict[str, Entry] = {}
    settings: dict[str, Mapping[str, str]] = {}
    refused: dict[str, str] = {}
    for path, given in _files(document).items():
        kind = by_name().get(given["kind"])
        of = kind.settings_of(path, cluster) if kind else None
        if kind is None:
            refused[path] = f"its kind `{quoted(given['kind'])}` is not known"
        elif of is None or given["ownership"] != str(kind.ownership):
            refused[path] = f"no {kind.name} file lies there"
        else:
            digest = given.get("sha256")
            plain = isinstance(digest, str) and _DIGEST.fullmatch(digest)
            entries[path] = Entry(kind, digest if plain else None, given.get("sensitive") is True)
            settings[path] = of
    for path, why in _contradictions(settings, current or {}).items():
        del entries[path]
        refused[path] = why
    return Applied(node if isinstance(node, str) else None, entries, dict(sorted(refused.items())))


def line_of(data: bytes, path: str) -> int:
    """Return the line of a manifest in which a path stands, 0 when it cannot be told."""
    at = data.find(json.dumps(path).encode())
    return data.count(b"\n", 0, at) + 1 if at >= 0 else 0


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(document, dict) or not isinstance(document.get("files"), list):
        raise ValueError("it is not an omconf manifest")
    if str(document.get("format_version", "")).partition(".")[0] != FORMAT_VERSION[0]:
        raise ValueError("its format version is not supported")
    if len(document["files"]) > MAX_ENTRIES:
        raise ValueError(f"it lists more than {MAX_ENTRIES} files")
    return document


def _files(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    files: dict[str, Mapping[str, Any]] = {}
    for entry in document["files"]:
        if not isinstance(entry, dict) or not all(
            isinstance(entry.get(key), str) for key in ("path", "kind", "ownership")
        ):
            raise ValueError("it lists something that is not a file")
        path = entry["path"]
        if not paths.PLAIN.fullmatch(path):
            raise ValueError("it lists a path that omconf never writes")
        if path in files:
            raise ValueError(f"it lists {quoted(path)} twice")
        files[path] = entry
    return files


def _contradictions(
    settings: Mapping[str, Mapping[str, str]], current: Mapping[str, str]
) -> dict[str, str]:
    """Find the paths that do not count because the entries do not agree on a setting."""
    values: dict[str, set[str]] = {}
    for of in settings.values():
        for name, value in of.items():
            values.setdefault(name, set()).add(value)
    apart = {name for name, found in values.items() if len(found) > 1}
    return {
        path: f"other entries have another {name}"
        for path, of in settings.items()
        for name, value in of.items()
        if name in apart and value != current.get(name)
    }
