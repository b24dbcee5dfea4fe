"""Reads the tar stream that a node sent: hostile input.

A reader for what `tar -cf -` writes on a node, and for nothing else: GNU tar's own format (GNU tar,
BusyBox, toybox) and POSIX ustar (what bsdtar writes wherever that is enough). It walks over the
stream once, from header to header, so its time is linear in the size of the stream; contents are
copied only for the files that were asked for. Why it is not `tarfile`: docs/decisions/0017.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.deployed.snapshot import MAX_BYTES, TOO_LARGE, Access, DeployedFile
from omconf.deployed.tree import no_file

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCK = 512
MAX_MEMBERS = 4096
"""Of one stream; `read.sh` sends some 1,000 files at most."""
MAX_NAME = 4096
"""Bytes of a path: Linux has no longer ones (PATH_MAX)."""
LINK = no_file("a symbolic link")
DIRECTORY = no_file("a directory")
SPECIAL = no_file("a device, a pipe or a socket")

_NOT_FILES = {b"2": LINK, b"5": DIRECTORY, b"3": SPECIAL, b"4": SPECIAL, b"6": SPECIAL}
_REFUSED = {
    b"x": "a pax header",
    b"g": "a global pax header",
    b"X": "a pax header of Solaris tar",
    b"S": "a sparse file",
    b"D": "a directory listing of an incremental backup",
    b"M": "a part of a multi-volume archive",
    b"V": "a volume label",
}
_OCTAL = re.compile(rb" *([0-7]{1,12})[ \0]*")
_END = bytes(BLOCK)


class ArchiveError(ValueError):
    """Raised for a stream that no node's tar writes; the text is a sentence for people."""


BROKEN = "It sent an incomplete tar archive."


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the stream: the offset of its content, or what it is if not a regular file."""

    start: int = 0
    size: int = 0
    access: Access | None = None
    instead: DeployedFile | None = None

    def file(self, stream: bytes) -> DeployedFile:
        """Copy the content out of the stream."""
        if self.instead is not None:
            return self.instead
        return DeployedFile(stream[self.start : self.start + self.size], access=self.access)


def members(stream: bytes) -> Mapping[str, Member]:
    """Find all members of a stream by their absolute path; raises ArchiveError."""
    found: dict[str, Member] = {}
    long: dict[bytes, str] = {}
    """Names that are too long for the header that follows: by `L` its own, by `K` its target."""
    position = 0
    while (header := stream[position : position + BLOCK]) != _END:
        if len(found) == MAX_MEMBERS:
            raise ArchiveError("It sent files that were not requested.")
        size, kind = _size(header), header[156:157]
        start = position + BLOCK
        position = start + -(-size // BLOCK) * BLOCK  # beyond the end, there is no next header
        if kind in (b"L", b"K"):
            if size > MAX_NAME + 1:
                raise ArchiveError(f"It sent a name of more than {MAX_NAME} bytes.")
            if kind in long:
                raise ArchiveError(BROKEN)
            long[kind] = _text(stream[start : start + size])
            continue
        path = _absolute(long.get(b"L") or _name(header))
        if path in found:
            raise ArchiveError("It sent the same file twice.")
        target = _absolute(long.get(b"K") or _text(header[157:257]))
        found[path] = _member(header, kind, start, size, found.get(target))
        long.clear()
    return found


def before(stream: bytes) -> bytes:
    """Return what stands before the archive in a stream; all of it if there is no archive."""
    magic = stream.find(b"ustar")
    # The archive without members is zeros.
    return stream[: max(0, magic - 257)] if magic >= 0 else stream.rstrip(b"\0")


def _size(header: bytes) -> int:
    """Check a header by its sum, and return the bytes of content that follow it."""
    if len(header) != BLOCK:
        raise ArchiveError(BROKEN)
    checked = sum(header) - sum(header[148:156]) + 8 * ord(" ")
    if _number(header[148:156]) != checked or header[257:262] != b"ustar":
        raise ArchiveError(BROKEN)
    return _number(header[124:136])


def _member(header: bytes, kind: bytes, start: int, size: int, earlier: Member | None) -> Member:
    if kind in (b"0", b"\0"):
        if size > MAX_BYTES:
            return Member(instead=DeployedFile(None, TOO_LARGE))
        mode = _number(header[100:108]) & 0o7777
        return Member(
            start, size, Access(mode, _account(header, 265, 108), _account(header, 297, 116))
        )
    if kind in _REFUSED or (kind not in _NOT_FILES and kind != b"1"):
        what = _REFUSED.get(kind) or f"a member of the unknown type {kind.decode('latin-1')!a}"
        raise ArchiveError(f"It sent {what}, which omconf does not read.")
    if size:
        raise ArchiveError(BROKEN)
    if kind == b"1":  # tar sends a file with two names once
        return earlier or Member(instead=DeployedFile(None, LINK))
    return Member(instead=DeployedFile(None, _NOT_FILES[kind]))


def _number(field: bytes) -> int:
    """Read an octal number, or GNU tar's form for larger ones: a set bit and the number itself."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = _OCTAL.fullmatch(field)
    if digits is None:
        raise ArchiveError(BROKEN)
    return int(digits[1], 8)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _name(header: bytes) -> str:
    name = _text(header[:100])
    # In GNU tar's own format (two blanks) other fields stand where POSIX has the folder.
    folder = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    return f"{folder}/{name}" if folder else name


def _account(header: bytes, name: int, number: int) -> str:
    """Return an owner or a group by its name, or by its number where it has none."""
    text = header[name : name + 32].partition(b"\0")[0].decode("utf-8", "replace")
    return text or str(_number(header[number : number + 8]))


def _absolute(name: str) -> str:
    return "/" + name.removeprefix("./").strip("/")
