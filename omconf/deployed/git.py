"""Bundles as they were committed, in the place of deployed files (`--git REV -o DIR`).

Files are read byte for byte as they are stored: filters, hooks and attributes do not take part.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from omconf.dataclass import dataclass
from omconf.deployed import git_objects, git_repository, git_tree
from omconf.deployed.git_repository import GitError
from omconf.deployed.snapshot import NODE, TOO_LARGE, DeployedFile, NodeFiles, Request, Snapshot
from omconf.deployed.tree import NOT_RESOLVED, no_file, no_folder
from omconf.diagnostics import Finding
from omconf.files.tree import MAX_PARTS
from omconf.ownership import OWNED
from omconf.rules import NOT_A_FILE, NOTHING_THERE, UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from omconf.deployed.git_objects import Objects
    from omconf.deployed.git_tree import Entry
    from omconf.diagnostics import Diagnostic

MAX_FOLDERS = 20_000
"""Folders of a bundle directory that may be nodes; a cluster has at most 10,000."""
HINT = "Name a commit, and the bundle directory in it: `--git HEAD -o bundles`."
_FILTERED = {
    b"version https://git-lfs.github.com/spec/": "a Git LFS pointer",
    b"\0GITCRYPT\0": "a file that git-crypt encrypted",
}
"""How git stores what it gives back only through a filter, by the first bytes."""
_MANIFEST = "manifest.json"
_PLACES = tuple(owned.folder for owned in OWNED.values())
_Key = TypeVar("_Key", str, tuple[str, str])
_TOO_DEEP = DeployedFile(
    None, Finding(NOT_A_FILE, 0, "The path is nested too deeply.", NOT_RESOLVED)
)


@dataclass(frozen=True, slots=True)
class Git:
    """The bundle directory `directory` as it is in the commit `revision`."""

    revision: str
    directory: str

    def read(self, requests: Mapping[str, Request], *, whole: bool) -> Snapshot | Diagnostic:
        """Read the nodes' bundles: what was committed stands for what is deployed."""
        try:
            base, below = _split(self.directory)
            repository = git_repository.around(base)
            path = os.path.normpath(os.path.join(os.path.relpath(base, repository.top), below))
            with git_objects.opened(repository) as objects:
                tree = _folder(objects, objects.tree_of(self.revision), path)
                nodes, left = _Bundles(objects, tree, self.directory).read(requests, whole=whole)
        except GitError as error:
            message = f"{self.directory} cannot be read at {self.revision}: {error}."
            return UNREADABLE.at(None, message, hint=error.hint or HINT)
        found: tuple[Diagnostic, ...] = ()
        any_bundle = left or any(
            nodes[node].problem or r.manifest in nodes[node].files for node, r in requests.items()
        )
        if not any_bundle:
            message = (
                f"{self.directory} has no bundle at {self.revision}: everything is treated as new."
            )
            found = (NOTHING_THERE.at(None, message, hint=HINT),)
        return Snapshot("git", nodes, left, found)


def _split(directory: str) -> tuple[str, str]:
    """Split a path into its nearest existing folder (without symbolic links) and the rest."""
    whole = os.path.abspath(directory)
    base = whole
    while not os.path.isdir(base):
        base = os.path.dirname(base)
    return os.path.realpath(base), os.path.relpath(whole, base)


def _folder(objects: Objects, tree: str, path: str) -> str | None:
    """Find the bundle directory in a commit's tree; None where it is not committed yet."""
    if path == ".":
        return tree
    found = git_tree.find(objects, [(tree, path)]).get((tree, path))
    if found is None:
        return None
    if not found.is_folder:
        raise GitError(f"it is not a directory there, but {found.kind}")
    return found.id


@dataclass(frozen=True, slots=True)
class _Bundles:
    """A committed bundle directory: its tree, or None where none is committed, and its path."""

    objects: Objects
    tree: str | None
    directory: str

    def read(
        self, requests: Mapping[str, Request], *, whole: bool
    ) -> tuple[dict[str, NodeFiles], dict[str, NodeFiles]]:
        """Read the bundles of the spec's nodes, and of the nodes that it no longer has."""
        folders = dict.fromkeys((*requests, *(r.earlier for r in requests.values() if r.earlier)))
        others = self._others(folders) if whole else []
        parts, blocked = self._parts((*folders, *others))
        listed = {name: found[_MANIFEST] for name, found in parts.items() if _MANIFEST in found}
        manifests = self._files(listed)
        last = Request.of_left(requests)
        asked = dict(requests)
        folder = {
            node: r.earlier if r.earlier and node not in {*listed, *blocked} else node
            for node, r in requests.items()
        }
        for name in others:
            own = NodeFiles({last.manifest: manifests[name]}) if name in listed else NodeFiles()
            if last.applied(name, own):
                asked[name], folder[name] = last, name
        paths = {
            node: r.asked(manifests[folder[node]].data if folder[node] in listed else None)
            for node, r in asked.items()
        }
        found = self._find(paths, {node: parts[folder[node]] for node in asked})
        nodes = {}
        for node, request in asked.items():
            files = {path: found[node, path] for path in paths[node] if (node, path) in found}
            if folder[node] in listed:
                files[request.manifest] = manifests[folder[node]]
            nodes[node] = NodeFiles(files, paths[node], blocked.get(folder[node]))
        return {node: nodes.pop(node) for node in requests}, nodes

    def _others(self, known: Collection[str]) -> list[str]:
        """List further folders that are called like nodes."""
        listed = git_tree.names(self.objects, self.tree) if self.tree else []
        result = [name for name in sorted(listed) if NODE.fullmatch(name) and name not in known]
        if len(result) > MAX_FOLDERS:
            raise GitError(
                f"it has {len(result):,} folders of other nodes; at most {MAX_FOLDERS:,} are read"
            )
        return result

    def _parts(
        self, folders: Iterable[str]
    ) -> tuple[dict[str, dict[str, Entry]], dict[str, Finding]]:
        """Find the manifest and the three places of files of each node's folder.

        A node whose folder, or one of these places, is no folder has no parts, but a finding.
        """
        result: dict[str, dict[str, Entry]] = {name: {} for name in folders}
        blocked: dict[str, Finding] = {}
        if self.tree is None:
            return result, blocked
        wanted = {
            (self.tree, f"{name}/{part}"): (name, part)
            for name in result
            for part in (_MANIFEST, *_PLACES)
        }
        for pair, entry in git_tree.find(self.objects, wanted).items():
            name, part = wanted[pair]
            if entry.above or not (entry.is_folder or part == _MANIFEST):
                path = os.path.join(self.directory, entry.above or f"{name}/{part}")
                blocked[name] = _not_a_folder(path, entry.kind)
            result[name][part] = entry
        return result | {name: {} for name in blocked}, blocked

    def _find(
        self, paths: Mapping[str, Iterable[str]], parts: Mapping[str, Mapping[str, Entry]]
    ) -> dict[tuple[str, str], DeployedFile]:
        """Read the files of all nodes, by node and path; one that does not exist is left out."""
        deep = {
            (node, path): _TOO_DEEP
            for node, own in paths.items()
            for path in own
            if path.count("/") > MAX_PARTS
        }
        places = [
            (node, place)
            for node, found in parts.items()
            for name in _PLACES
            if (place := found.get(name))
        ]
        wanted = (
            (place.id, path[1:])
            for node, place in places
            for path in paths[node]
            if (node, path) not in deep
        )
        there = git_tree.find(self.objects, wanted)
        entries = {}
        for node, place in places:
            for path in paths[node]:
                if entry := there.get((place.id, path[1:])):
                    entries[node, path] = entry
        return self._files(entries) | deep

    def _files(self, entries: Mapping[_Key, Entry]) -> dict[_Key, DeployedFile]:
        """Read files, each object once."""
        ids = {entry.id for entry in entries.values() if entry.is_file}
        files = {
            name: DeployedFile(None, TOO_LARGE) if data is None else _file(data)
            for name, data in git_tree.blobs(self.objects, sorted(ids)).items()
        }
        return {
            key: files[entry.id] if entry.is_file else _no_file(entry)
            for key, entry in entries.items()
        }


def _file(data: bytes) -> DeployedFile:
    """Return a committed file, unless it only stands for one: filters of a repository do not run."""
    for start, what in _FILTERED.items():
        if data.startswith(start):
            message = f"Expected a file, but found {what}."
            hint = "Commit bundles without filters: set `-filter` for them in .gitattributes."
            return DeployedFile(None, Finding(NOT_A_FILE, 0, message, hint))
    return DeployedFile(data)


def _no_file(entry: Entry) -> DeployedFile:
    if entry.above:
        return no_folder(f"/{entry.above}")
    return DeployedFile(None, no_file(entry.kind))


def _not_a_folder(path: str, kind: str) -> Finding:
    message = f"`{path}` is not a directory in the commit, but {kind}."
    hint = (
        "Commit the directory that `omconf build` writes, or remove it if there is no bundle yet."
    )
    return Finding(NOT_A_FILE, 0, message, hint)
