"""Turns what a node sent into its files: one tar stream, and lines on stderr about other files.

All of it is hostile input, and is held and kept within a budget.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from omconf.cluster import places
from omconf.deployed import archive
from omconf.deployed.budget import FEWER
from omconf.deployed.releases import hazelcast_of, release_of
from omconf.deployed.snapshot import TOO_LARGE, DeployedFile, NodeFiles
from omconf.deployed.tree import beside, no_folder
from omconf.diagnostics import Finding
from omconf.rules import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omconf.deployed.budget import Account
    from omconf.deployed.snapshot import Request
    from omconf.deployed.tree import Same

MARK = "omconf-read"
"""What the node's lines about files begin with, on stderr: MARK, what, path; a tab between them.

With `above`, what is no directory on the way to the path follows.
"""
PROBLEMS = {
    "unreadable": Finding(UNREADABLE, 0, "It cannot be read: Permission denied."),
    "large": TOO_LARGE,
    "link": archive.LINK,
    "directory": archive.DIRECTORY,
    "special": archive.SPECIAL,
}
NOT_IDENTIFIED = DeployedFile(
    None, Finding(UNREADABLE, 0, "The node did not identify this file: it is not changed.")
)
MAX_STREAM = 8 * 1024 * 1024
"""Bytes of one node's stream; all files of a real node are some 100 KiB, one may have 4 MiB."""
_OF_A_PATH = 200
"""Bytes that a path and its place in a table take, beside its characters."""


def read(request: Request, stream: bytes, said: str, account: Account, same: Same) -> NodeFiles:
    """Read a node's stream into its files; a stream that no tar of a node's writes makes it unknown.

    Contents that are in `same` already are shared and not charged again.
    """
    with account.budget.parsing:
        found = _files(request, stream, said)
        if isinstance(found, str):
            account.drop()
            return NodeFiles.unknown(request, found)
        every = (*found.files.values(), *found.around.values())
        contents = {file.data for file in every if file.data is not None}
        size = sum(len(data) for data in contents if data not in same)
        size += sum(len(path) + _OF_A_PATH for path in (*found.asked, *found.around))
        if refused := account.keep(size):
            return NodeFiles.unknown(request, f"Its files are discarded: {refused}.", FEWER)
        files = {path: _shared(file, same) for path, file in found.files.items()}
        around = {path: _shared(file, same) for path, file in found.around.items()}
        return replace(found, files=files, around=around)


def _shared(file: DeployedFile, same: Same) -> DeployedFile:
    """Let equal contents be one object."""
    if file.data is None:
        return file
    return replace(file, data=same.setdefault(file.data, file.data))


def _files(request: Request, stream: bytes, said: str) -> NodeFiles | str:
    """Find the files that were asked for, or say why the node is unknown."""
    told = dict(_said(said))
    try:
        members = archive.members(stream)
    except archive.ArchiveError as error:
        return str(error)
    if not told.keys().isdisjoint(members):
        return "It sent the same file twice."
    own = members.get(request.manifest)
    asked = request.asked(own.file(stream).data if own else None)
    there = sorted((*members, *told))
    around = [p for p in there if any(places.fits(each, p) for each in request.around)]
    wanted = {path: members[path] for path in (*asked, *around) if path in members}
    if sum(member.size for member in wanted.values()) > MAX_STREAM:
        return f"Its files have more than {MAX_STREAM:,} bytes, with those of hard links."
    # A member that hard links name again is copied once.
    copied = {member: member.file(stream) for member in set(wanted.values())}
    identities = dict(_identities(said))
    files = {
        path: _identified(path, copied[wanted[path]], identities)
        for path in asked
        if path in wanted
    }
    if not files.keys() <= identities.keys():
        # A file of an earlier spec may be one of the wanted ones: nothing says that it is not.
        files |= dict.fromkeys(files.keys() - set(request.own), NOT_IDENTIFIED)
    files = {path: told[path] for path in asked if path in told} | files
    others = beside({p: copied[wanted[p]] if p in wanted else told[p] for p in around})
    jars = [*_jars(said)]
    release, hazelcast = release_of(jars), hazelcast_of(jars)
    return NodeFiles(files, asked, around=others, release=release, hazelcast=hazelcast)


def _jars(text: str) -> Iterator[str]:
    """Yield the names of the jars that the node names."""
    for line in text.split("\n"):
        if line.startswith(f"{MARK}\tjar\t"):
            yield line.rpartition("\t")[2]


def _identified(
    path: str, file: DeployedFile, identities: Mapping[str, tuple[str, tuple[int, int]]]
) -> DeployedFile:
    """Add where a file really lies, and its inode."""
    if path not in identities:
        return file
    real, inode = identities[path]
    return replace(file, real=None if real == path else real, inode=inode)


def _identities(text: str) -> Iterator[tuple[str, tuple[str, tuple[int, int]]]]:
    """Yield where each sent file really lies, and its inode, by path."""
    for line in text.split("\n"):
        parts = line.split("\t")
        if len(parts) == 5 and parts[:2] == [MARK, "file"] and parts[3].isdecimal():
            _, _, path, inode, folder = parts
            name = path.rpartition("/")[2]
            yield f"/{path}", (f"{folder.rstrip('/')}/{name}", (0, int(inode[:20])))


def _said(text: str) -> Iterator[tuple[str, DeployedFile]]:
    """Yield the files that the node names on stderr instead of sending them."""
    for line in text.split("\n"):
        mark, _, rest = line.partition("\t")
        what, _, path = rest.partition("\t")
        if mark == MARK and what == "above":
            path, _, above = path.partition("\t")
            yield f"/{path}", no_folder(f"/{above}")
        elif mark == MARK and what in PROBLEMS:
            yield f"/{path}", DeployedFile(None, PROBLEMS[what])
