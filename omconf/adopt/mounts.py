"""Reads what nodes mount and export: fstab, mount units and /etc/exports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.artifacts.exports import KIND as EXPORTS
from omconf.artifacts.exports import PATH as EXPORTS_PATH
from omconf.artifacts.fstab import PATH as FSTAB_PATH
from omconf.dataclass import dataclass
from omconf.formats import exports, fstab, nfs_options, systemd, unit_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.adopt.model import Seen
    from omconf.formats.block import Entry

REMOTE = {"nfs": "nfs", "nfs4": "nfs", "cifs": "cifs", "smb3": "cifs"}
"""The spec's `storage.kind` by the type of a mount."""
_NFS = re.compile(r"([^:/\[\]]+):(/.*)")
_CIFS = re.compile(r"//([^/@]+)/([^/]+)/?")
_CLIENT = re.compile(r"(?<!\S)([^\s(]++)\(([^()\s]*+)\)")
Place = tuple[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Mount:
    """A mount of a node: the device in its parts, and where it is set.

    `kind` is the literal type (nfs, nfs4, cifs, none); `source` is the exported path, the share, or
    the folder of a bind mount.
    """

    node: Seen
    point: str
    kind: str
    server: str
    source: str
    options: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """What a node exports to one client: the effective options, sorted, and the literal ones."""

    node: Seen
    path: str
    client: str
    settled: str
    options: tuple[str, ...]
    place: Place


def mounts(node: Seen) -> Iterator[Mount]:
    """Yield the network and bind mounts in fstab and the mount units of a node."""
    text = node.text(FSTAB_PATH)
    if text is not None:
        lines = text.split("\n")
        for entry in fstab.read(text)[0]:
            fields = [fstab.unescape(f) for f in lines[entry.line - 1].strip().split()]
            fields += ["defaults"] * (4 - len(fields))
            place = (FSTAB_PATH, entry.line)
            if found := _mount(node, entry.key, fields[0], fields[2], fields[3], place):
                yield found
    for path, unit in node.around("/etc/systemd/system/*.mount"):
        said = {s.key: s for s in unit_file.settings(unit) if s.section == "Mount"}
        if "What" in said and "Where" in said:
            kind, options = (said[k].value if k in said else "" for k in ("Type", "Options"))
            where, what = said["Where"].value.rstrip("/"), said["What"]
            named = systemd.mount_unit(where) == path.rpartition("/")[2]
            place = (path, what.line)
            if named and (found := _mount(node, where, what.value, kind or "nfs", options, place)):
                yield found


def _mount(
    node: Seen, point: str, device: str, kind: str, options: str, place: Place
) -> Mount | None:
    listed = tuple(o for o in re.findall(r'(?:[^,"]|"[^"]*"?)+', options) if o != "defaults")
    form = _CIFS if REMOTE.get(kind) == "cifs" else _NFS
    if kind in REMOTE and (match := form.fullmatch(device.replace("\\", "/"))):
        return Mount(node, point, kind, match[1], match[2], listed, place)
    if kind == "none" and "bind" in listed:
        return Mount(node, point, kind, "", device.rstrip("/"), listed, place)
    return (
        None if kind in ("none", *REMOTE) else Mount(node, point, kind, "", device, listed, place)
    )


def exported(node: Seen) -> Iterator[Export]:
    """Yield a node's exports, one per client, in the order in which exportfs reads its files."""
    own = node.text(EXPORTS_PATH)
    further = [each for pattern in EXPORTS.around for each in node.around(pattern)]
    for path, text in [*([(EXPORTS_PATH, own)] if own is not None else []), *further]:
        yield from _exported(node, path, text)


def _exported(node: Seen, file: str, text: str) -> Iterator[Export]:
    lines = text.split("\n")
    said: dict[int, dict[str, list[str]]] = {}
    for entry in exports.read(text)[0]:
        path, _, client = entry.key.rpartition(" ")
        if entry.last_line not in said:  # the first client of a line that may continue
            said[entry.last_line] = _words(lines[entry.line - 1 : entry.last_line])
        options = _as_written(said[entry.last_line], entry, client)
        yield Export(node, path, client, entry.value, options, (file, entry.line))


def _words(lines: list[str]) -> dict[str, list[str]]:
    """Yield the options of each client of a line, once per mention."""
    found: dict[str, list[str]] = {}
    for name, listed in _CLIENT.findall(" ".join(lines)):
        found.setdefault(name, []).append(listed)
    return found


def _as_written(said: dict[str, list[str]], entry: Entry, client: str) -> tuple[str, ...]:
    """Return a client's options in their order, if its word has all of them."""
    for listed in said.pop(client, ()):
        own = tuple(listed.split(","))
        if ",".join(nfs_options.settle_export(own)) == entry.value:
            return own
    return tuple(entry.value.split(","))
