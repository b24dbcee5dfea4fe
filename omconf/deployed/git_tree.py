"""Finds files in a tree of a git repository: only trees that are on the way to one are read.

A small repository can hold a tree of any size, in which the same trees stand many times over; all
trees of one level are read together, each once.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.deployed.git_repository import GitError
from omconf.deployed.snapshot import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from omconf.deployed.git_objects import Objects

MAX_TREE = 4 * 1024 * 1024
"""Bytes of one folder: some 60,000 entries."""
MAX_TREES = 256 * 1024 * 1024
"""Bytes of all folders that are read for a search; those of 10,000 nodes have some 20 MiB."""
MAX_BLOBS = 256 * 1024 * 1024
"""Bytes of all files; those of 10,000 nodes have some 100 MiB, equal ones counted once."""

Wanted = tuple[str, str]
"""The id of a tree, and a path in it."""
_Step = tuple[Wanted, bytes, int]
"""What is wanted, its path as git has it, and how much of that led to a tree."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a tree says of a name: the mode, of which only the type counts, and an object's id."""

    mode: int
    id: str
    above: str = ""
    """Where it is, if the path that was looked up goes on below it: it should be a folder."""

    @property
    def is_file(self) -> bool:
        """True for a regular file where the path ends."""
        return stat.S_ISREG(self.mode) and not self.above

    @property
    def is_folder(self) -> bool:
        """True for a folder."""
        return stat.S_ISDIR(self.mode)

    @property
    def kind(self) -> str:
        """What it is, for people."""
        kinds = {
            stat.S_IFREG: "a file",
            stat.S_IFDIR: "a directory",
            stat.S_IFLNK: "a symbolic link",
        }
        return kinds.get(stat.S_IFMT(self.mode), "a submodule")


def find(objects: Objects, wanted: Iterable[Wanted]) -> dict[Wanted, Entry]:
    """Look paths up; what does not exist is left out.

    What is no folder on the way to a path is returned itself, a symbolic link or a submodule too.
    Raises GitError for trees that are missing, damaged or too large.
    """
    result: dict[Wanted, Entry] = {}
    level: dict[str, list[_Step]] = {}
    encoded: dict[str, bytes] = {}
    for pair in dict.fromkeys(wanted):
        path = encoded.setdefault(pair[1], os.fsencode(pair[1]))
        level.setdefault(pair[0], []).append((pair, path, 0))
    total = 0
    while level:
        below: dict[str, list[_Step]] = {}
        for tree, data in objects.read(level, "tree", MAX_TREE):
            total += len(data)
            if total > MAX_TREES:
                raise GitError(f"its folders have more than {MAX_TREES >> 20} MiB of names")
            asked: dict[bytes, list[_Step]] = {}
            for step in level[tree]:
                _, path, start = step
                end = path.find(b"/", start)
                name = path[start:end] if end >= 0 else path[start:]
                asked.setdefault(name, []).append(step)
            for found, entry in _entries(objects, tree, data, asked.__contains__):
                for pair, path, start in asked[found]:
                    end = start + len(found)
                    if end < len(path) and entry.is_folder:
                        below.setdefault(entry.id, []).append((pair, path, end + 1))
                    elif end < len(path):
                        result[pair] = replace(entry, above=os.fsdecode(path[:end]))
                    else:
                        result[pair] = entry
        level = below
    return result


def names(objects: Objects, tree: str) -> list[str]:
    """List the names of a tree that are ASCII. Raises GitError as `find` does."""
    ((_, data),) = objects.read((tree,), "tree", MAX_TREE)
    found = (name for name, _ in _entries(objects, tree, data, lambda _: True))
    return [name.decode() for name in found if name.isascii()]


def blobs(objects: Objects, ids: Iterable[str]) -> dict[str, bytes | None]:
    """Read files; one that is larger than a configuration ever is gives None.

    Raises GitError when one is missing or damaged, or when they are too large together.
    """
    found = objects.look_up(ids)
    small = {name: blob.size for name, blob in found.items() if blob.size <= MAX_BYTES}
    if sum(small.values()) > MAX_BLOBS:
        raise GitError(f"its files have more than {MAX_BLOBS >> 20} MiB")
    return {**dict.fromkeys(found), **dict(objects.read(small, "blob", MAX_BYTES))}


_ENTRY = {
    digits: re.compile(rb"([0-7]{1,7}) ([^\0/]+)\0(.{%d})" % (digits // 2), re.DOTALL)
    for digits in (40, 64)
}


def _entries(
    objects: Objects, tree: str, data: bytes, asked: Callable[[bytes], bool]
) -> Iterator[tuple[bytes, Entry]]:
    """Read the entries of a tree whose names are asked for. Raises GitError for a damaged tree."""
    seen: set[bytes] = set()
    match = _ENTRY[objects.stand_in.digits].match
    at = 0
    while at < len(data):
        found = match(data, at)
        if found is None:
            raise GitError(f"the folder {tree} is damaged")
        at = found.end()
        mode, name, id_ = found.groups()
        if not asked(name):
            continue
        if name in seen:
            raise GitError(f"the folder {tree} lists a name twice, {os.fsdecode(name)!a}")
        seen.add(name)
        yield name, Entry(int(mode, 8), id_.hex())
