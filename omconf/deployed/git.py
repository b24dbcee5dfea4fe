"""Bundles as they were committed, in the place of deployed files (`--git REV -o DIR`).

Read by git's own plumbing, byte for byte: no filter, no hook, no attribute has a say.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omconf import process
from omconf.deployed.snapshot import (
    MAX_BYTES,
    NODE,
    NOTHING_THERE,
    TOO_LARGE,
    UNREADABLE,
    DeployedFile,
    NodeFiles,
    Request,
    Snapshot,
)
from omconf.deployed.tree import no_file
from omconf.ownership import OWNED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from omconf.diagnostics import Diagnostic

SECONDS = 120
_MOST = 256 * 1024 * 1024
"""Bytes of all bundles; those of 10,000 nodes have some 100 MiB, what is equal counted once."""
_FILE_MODES = ("100644", "100755")
_TREE_MODE = "040000"
# A hook has these; the repository is that of the directory, whoever runs omconf.
_NOT_OURS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")


class _Failed(Exception):  # noqa: N818 - a finding on its way, not an error of ours
    pass


@dataclass(frozen=True, slots=True)
class Git:
    """The bundle directory `directory` as it is in the commit `revision`."""

    revision: str
    directory: str

    def read(self, requests: Mapping[str, Request], *, whole: bool) -> Snapshot | Diagnostic:
        """Read the nodes' bundles: what was committed stands for what is deployed."""
        try:
            listed = self._listed()
        except _Failed as error:
            message = f"{self.directory} cannot be read at {self.revision}: {error}."
            hint = "Name a commit, and the bundle directory in it: `--git HEAD -o bundles`."
            return UNREADABLE.at(None, message, hint=hint)
        names = {node: _name(node, r, listed) for node, r in requests.items()}
        known = {*requests, *names.values()}
        parts = (path.split("/") for path in listed if whole)
        left = {p[0] for p in parts if len(p) == 2 and p[1] == "manifest.json"} - known
        last = Request.of_left(requests)
        asked = {**requests, **{name: last for name in sorted(left) if NODE.fullmatch(name)}}
        names |= {name: name for name in left}
        found: tuple[Diagnostic, ...] = ()
        if not any(f"{name}/manifest.json" in listed for name in names.values()):
            message = f"{self.directory} has no bundle at {self.revision}: everything is new."
            found = (NOTHING_THERE.at(None, message),)
        try:
            nodes = self._nodes(asked, names, listed)
        except _Failed as error:
            return UNREADABLE.at(None, f"git cannot read {self.revision}: {error}.")
        gone = {
            name: files
            for name, files in nodes.items()
            if name not in requests and last.applied(name, files)
        }
        return Snapshot("git", {name: nodes[name] for name in requests}, gone, found)

    def _nodes(
        self,
        requests: Mapping[str, Request],
        names: Mapping[str, str],
        listed: Mapping[str, tuple[str, str]],
    ) -> dict[str, NodeFiles]:
        own = {node: listed.get(f"{name}/manifest.json") for node, name in names.items()}
        manifests = self._blobs(entry for entry in own.values() if entry)
        result, wanted = {}, {}
        for node, request in requests.items():
            entry = own[node]
            listing = manifests.get(entry[1]) if entry else None
            asked = request.asked(listing.data if listing else None)
            places = {request.manifest: entry} if entry else {}
            for path in asked:
                for place in (owned.folder for owned in OWNED.values()):
                    if there := listed.get(f"{names[node]}/{place}{path}"):
                        places[path] = there
            wanted[node] = (asked, places)
        blobs = self._blobs(entry for _, places in wanted.values() for entry in places.values())
        for node, (asked, places) in wanted.items():
            files = {path: _file(entry, blobs) for path, entry in places.items()}
            result[node] = NodeFiles(files, asked)
        return result

    def _listed(self) -> dict[str, tuple[str, str]]:
        """The files below the directory in that commit: mode and object by path."""
        prefix = os.fsdecode(self._git("rev-parse", "--show-prefix").removesuffix(b"\n"))
        named = ("--verify", "--end-of-options", f"{self.revision}^{{commit}}")
        commit = self._git("rev-parse", *named).decode().strip()
        below = os.path.normpath(prefix + self._below())
        tree = commit
        if below != ".":
            there = self._tree(commit, "--", below)
            if not there:
                return {}  # the first bundles are not committed yet
            mode, tree = there.get(below, ("", ""))
            if mode != _TREE_MODE:
                raise _Failed("it is not a directory there")
        return self._tree("-r", tree)

    def _tree(self, *words: str) -> dict[str, tuple[str, str]]:
        """What git lists of a tree: mode and object by path."""
        listing = os.fsdecode(self._git("ls-tree", "-z", "--full-tree", *words))
        result = {}
        for entry in filter(None, listing.split("\0")):
            head, _, path = entry.partition("\t")
            mode, _, name = head.split(" ")
            result[path] = (mode, name)
        return result

    def _blobs(self, entries: Iterable[tuple[str, str]]) -> dict[str, DeployedFile]:
        """Read objects, in one go; one that is too large is not read."""
        names = list(dict.fromkeys(blob for mode, blob in entries if mode in _FILE_MODES))
        sizes = self._git("cat-file", "--batch-check", stdin=_lines(names)).decode().splitlines()
        result = {}
        small = []
        total = 0
        for name, line in zip(names, sizes, strict=True):
            told = line.rpartition(" ")[2]
            if not told.isdecimal():
                raise _Failed(f"the object {name} is {told}")
            if int(told) <= MAX_BYTES:
                small.append(name)
                total += int(told)
            else:
                result[name] = DeployedFile(None, TOO_LARGE)
        if total > _MOST:
            raise _Failed(f"the bundles there have more than {_MOST >> 20} MiB")
        out = self._git("cat-file", "--batch", stdin=_lines(small))
        position = 0
        for name in small:
            end = out.index(b"\n", position)
            size = int(out[position:end].rpartition(b" ")[2])
            result[name] = DeployedFile(out[end + 1 : end + 1 + size])
            position = end + size + 2
        return result

    def _base(self) -> str:
        """The nearest folder of the directory that is there: the work tree is found from it."""
        place = os.path.abspath(self.directory)
        while not os.path.isdir(place) and place != "/":
            place = os.path.dirname(place)
        return place

    def _below(self) -> str:
        return os.path.relpath(os.path.abspath(self.directory), self._base())

    def _command(self) -> list[str]:
        return [
            "git",
            "-C",
            self._base(),
            "--no-pager",
            "--no-replace-objects",
            "--literal-pathspecs",
        ]

    def _git(self, *words: str, stdin: bytes = b"") -> bytes:
        answer = process.run(
            [*self._command(), *words],
            seconds=SECONDS,
            limit=2 * _MOST,
            stdin=stdin,
            env={k: v for k, v in os.environ.items() if k not in _NOT_OURS},
        )
        if answer.problem:
            raise _Failed(answer.problem)
        if answer.code != 0:
            said = [line for line in answer.error.splitlines() if line.strip()]
            raise _Failed(said[0].removeprefix("fatal: ") if said else "git failed")
        return answer.out


def _name(node: str, request: Request, listed: Mapping[str, tuple[str, str]]) -> str:
    """The folder of a node: by its earlier name while there is none by the new."""
    renamed = request.earlier and f"{node}/manifest.json" not in listed
    return request.earlier if renamed and request.earlier else node


def _file(entry: tuple[str, str], blobs: Mapping[str, DeployedFile]) -> DeployedFile:
    mode, blob = entry
    if mode not in _FILE_MODES:
        what = "a symbolic link" if mode == "120000" else "a submodule"
        return DeployedFile(None, no_file(what))
    return blobs[blob]


def _lines(words: Sequence[str]) -> bytes:
    return "".join(f"{word}\n" for word in words).encode()
