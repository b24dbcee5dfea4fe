"""Git repositories made byte by byte: also such as git itself would never write."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

TreeEntry = tuple[bytes, bytes, str]
"""Mode, name, object id."""
FILE, FOLDER, LINK, SUBMODULE = b"100644", b"40000", b"120000", b"160000"
CONFIG = b"[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
KINDS = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}


@dataclass
class Store:
    """The files of a git directory, by their paths in it."""

    files: dict[str, bytes] = field(
        default_factory=lambda: {"HEAD": b"ref: refs/heads/main\n", "config": CONFIG}
    )

    def put(
        self, kind: str, data: bytes, *, head: bytes | None = None, name: str | None = None
    ) -> str:
        """Add a loose object; its header and its name may be wrong."""
        true = f"{kind} {len(data)}\0".encode()
        name = name or hashlib.sha1(true + data).hexdigest()
        self.files[place(name)] = zlib.compress((true if head is None else head) + data, 1)
        return name

    def tree(self, entries: Iterable[TreeEntry], *, name: str | None = None) -> str:
        """Add a tree, with its entries as they are given."""
        found = (mode + b" " + own + b"\0" + bytes.fromhex(id_) for mode, own, id_ in entries)
        return self.put("tree", b"".join(found), name=name)

    def folder(self, contents: Mapping[str, bytes]) -> str:
        """Add files and the trees that hold them."""
        below: dict[str, dict[str, bytes]] = {}
        entries: list[TreeEntry] = []
        for path, data in contents.items():
            first, _, rest = path.partition("/")
            if rest:
                below.setdefault(first, {})[rest] = data
            else:
                entries.append((FILE, first.encode(), self.put("blob", data)))
        entries += [(FOLDER, name.encode(), self.folder(some)) for name, some in below.items()]
        return self.tree(sorted(entries, key=lambda e: e[1] + b"/" * (e[0] == FOLDER)))

    def commit(self, tree: str, branch: str = "main") -> str:
        """Add a commit, and have a branch point to it."""
        who = "t <t@example.org> 0 +0000"
        text = f"tree {tree}\nauthor {who}\ncommitter {who}\n\nbundles\n"
        name = self.put("commit", text.encode())
        self.files[f"refs/heads/{branch}"] = f"{name}\n".encode()
        return name

    def loose(self) -> dict[str, str]:
        """The loose objects: their paths by their names."""
        found = (re.fullmatch(r"objects/(..)/(.{38})", path) for path in self.files)
        return {match[1] + match[2]: match[0] for match in found if match}

    def pack(self) -> None:
        """Move all loose objects into one pack. Raises ValueError for one that is damaged."""
        entries = {}
        for name, path in self.loose().items():
            try:
                head, _, content = zlib.decompress(self.files[path]).partition(b"\0")
            except zlib.error as error:
                raise ValueError("an object is no zlib stream") from error
            kind, _, size = head.decode("latin-1").partition(" ")
            if kind not in KINDS or not size.isdecimal():
                raise ValueError("an object has a wrong header")
            start = packed_head(KINDS[kind], int(size))
            entries[name] = start + zlib.compress(content, 1)
        for name in entries:
            del self.files[place(name)]
        self.pack_entries(entries)

    def pack_entries(self, entries: Mapping[str, bytes]) -> None:
        """Add a pack of objects by their names, as they stand in it, and its index."""
        data, offsets = b"PACK" + struct.pack(">II", 2, len(entries)), {}
        for name, entry in entries.items():
            offsets[name] = len(data)
            data += entry
        data += hashlib.sha1(data).digest()
        names = sorted(entries)
        fans = (sum(int(name[:2], 16) <= first for name in names) for first in range(256))
        index = b"\xfftOc" + struct.pack(">I256I", 2, *fans) + bytes.fromhex("".join(names))
        index += struct.pack(f">{len(names)}I", *(zlib.crc32(entries[name]) for name in names))
        index += struct.pack(f">{len(names)}I", *(offsets[name] for name in names)) + data[-20:]
        self.files["objects/pack/pack-1.pack"] = data
        self.files["objects/pack/pack-1.idx"] = index + hashlib.sha1(index).digest()

    def write(self, git_dir: Path) -> None:
        """Write the git directory."""
        for folder in ("objects", "refs"):
            (git_dir / folder).mkdir(parents=True, exist_ok=True)
        for path, data in self.files.items():
            (git_dir / path).parent.mkdir(parents=True, exist_ok=True)
            (git_dir / path).write_bytes(data)


def place(name: str) -> str:
    """Where a loose object lies in a git directory."""
    return f"objects/{name[:2]}/{name[2:]}"


def packed_head(kind: int, size: int) -> bytes:
    """The type and the size before an object in a pack."""
    result, size = [kind << 4 | size & 15], size >> 4
    while size:
        result[-1] |= 128
        result.append(size & 127)
        size >>= 7
    return bytes(result)
