"""Reads what a node sent: one tar stream, and lines about what could not go into it.

All of it is hostile input. A member counts only when it is a plain file of a name that was asked
for; sizes are looked at before anything is read.
"""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

from omconf.deployed.snapshot import (
    MAX_BYTES,
    TOO_LARGE,
    UNREADABLE,
    Access,
    DeployedFile,
    NodeFiles,
)
from omconf.deployed.tree import no_file
from omconf.diagnostics import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omconf.deployed.snapshot import Request

MARK = "omconf-read"
"""What the node's lines about files begin with, on stderr: MARK, what, path; a tab between them."""
PROBLEMS = {
    "unreadable": Finding(UNREADABLE, 0, "It cannot be read: Permission denied."),
    "large": TOO_LARGE,
    "link": no_file("a symbolic link"),
    "directory": no_file("a directory"),
    "special": no_file("a device, a pipe or a socket"),
}
MAX_STREAM = 32 * 1024 * 1024
"""Bytes of one node's stream; all files of a real node are some 100 KiB."""
_LONGEST_LISTING = 4096


def read(request: Request, stream: bytes, said: str) -> NodeFiles:
    """Read a node's stream into its files; a stream that is no tar archive makes the node unknown."""
    files = dict(_said(said))
    try:
        with tarfile.open(fileobj=io.BytesIO(stream), mode="r:") as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # it would keep every one
                if archive.pax_headers:
                    return NodeFiles.unknown(
                        request, "It sent headers that no tar of a node's writes."
                    )
                path = _path(member.name)
                if path in files:
                    return NodeFiles.unknown(request, "It sent one file twice.")
                files[path] = _file(archive, member, files)
                if len(files) > _LONGEST_LISTING:
                    return NodeFiles.unknown(request, "It sent files that were not asked for.")
    # Whatever a crafted archive makes of tarfile, the node is not to be believed.
    except (tarfile.TarError, ValueError, OSError, EOFError, OverflowError, RecursionError):
        return NodeFiles.unknown(request, "What it sent is not a whole tar archive.")
    own = files.get(request.manifest)
    asked = request.asked(own.data if own else None)
    return NodeFiles({path: files[path] for path in asked if path in files}, asked)


def _path(name: str) -> str:
    return "/" + name.removeprefix("./").lstrip("/")


def _file(
    archive: tarfile.TarFile, member: tarfile.TarInfo, sent: Mapping[str, DeployedFile]
) -> DeployedFile:
    if member.islnk() and (same := sent.get(_path(member.linkname))):
        return same  # tar sends a file with two names once
    if member.issym() or member.islnk():
        return DeployedFile(None, PROBLEMS["link"])
    if member.isdir():
        return DeployedFile(None, PROBLEMS["directory"])
    # A sparse file's size is what it claims, not what was sent.
    if not member.isreg() or member.issparse():
        return DeployedFile(None, PROBLEMS["special"])
    content = archive.extractfile(member) if member.size <= MAX_BYTES else None
    if content is None:
        return DeployedFile(None, TOO_LARGE)
    owner, group = member.uname or str(member.uid), member.gname or str(member.gid)
    return DeployedFile(content.read(), access=Access(member.mode & 0o7777, owner, group))


def _said(text: str) -> Iterator[tuple[str, DeployedFile]]:
    """The files that the node speaks of instead of sending them."""
    for line in text.split("\n"):
        mark, _, rest = line.partition("\t")
        what, _, path = rest.partition("\t")
        if mark == MARK and what in PROBLEMS:
            yield f"/{path}", DeployedFile(None, PROBLEMS[what])
