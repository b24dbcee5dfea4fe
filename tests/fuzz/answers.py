"""What nodes send, mutated: tar streams by their members, the output of omconf-node-check by lines.

A stream is taken apart into members; these are repeated, dropped, renamed, given another type, size or
link, and packed again with right checksums. So a case gets past the first check of the archive reader
and reaches the code behind it, which random bytes never do.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from omconf.deployed.answer import MARK, PROBLEMS
from tests.fuzz import mutate, nasty

BLOCK = 512
_KINDS = [bytes([n]) for n in b"0000123456xgXSDMVLK7A\0\xff"]
_SIZES = (0, 1, 511, 512, 513, 4097, 1 << 22, 1 << 33, 1 << 62)
_NAMES = (
    "",
    "/",
    ".",
    "..",
    "../etc/fstab",
    "/etc/fstab",
    "./etc//fstab",
    "etc/fstab/",
    "etc/fstab\n",
    "etc/./fstab",
    "d/" * 60 + "x",
    "é" * 99,
    "x" * 5000,
)
_PAX = (
    b"30 mtime=1350244992.023960108\n",
    b"19 path=/etc/fstab\n",
    b"1" * 5000,
    b"22 GNU.sparse.major=1\n",
    b"99999999999999999999 x=y\n",
)


@dataclass(frozen=True)
class _Member:
    name: str
    data: bytes
    kind: bytes = b"0"
    link: str = ""
    account: str = "root"
    number: int = 0
    size: int | None = None
    """What the header claims instead of the size of the data."""

    def packed(self) -> bytes:
        result = b""
        for kind, text in ((b"L", self.name), (b"K", self.link)):
            if len(text.encode("utf-8", "surrogatepass")) > 100:
                result += _header("././@LongLink", kind, len(_name(text)) + 1) + _padded(
                    _name(text) + b"\0"
                )
        size = len(self.data) if self.size is None else self.size
        head = _header(self.name, self.kind, size, self.link, self.account, self.number)
        return result + head + _padded(self.data)


def _name(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def _header(
    name: str, kind: bytes, size: int, link: str = "", account: str = "root", number: int = 0
) -> bytes:
    info = tarfile.TarInfo("x")
    info.size, info.uid, info.gid = size, number, number
    head = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    for at, length, text in (
        (0, 100, name),
        (157, 100, link),
        (265, 32, account),
        (297, 32, account),
    ):
        head[at : at + length] = _name(text)[:length].ljust(length, b"\0")
    head[156:157] = kind
    return summed(bytes(head))


def summed(head: bytes) -> bytes:
    """A header whose sum is right."""
    blank = head[:148] + b" " * 8 + head[156:]
    return blank[:148] + b"%06o\0 " % (sum(blank) % 8**6) + blank[156:]


def _again(random: Random, members: list[_Member], at: int) -> None:
    members.extend([members[at]] * random.choice((1, 1, 40)))


def _gone(random: Random, members: list[_Member], at: int) -> None:
    del members[at]


def _renamed(random: Random, members: list[_Member], at: int) -> None:
    name = random.choice((*_NAMES, *nasty.TEXTS, random.choice(members).name))
    members[at] = replace(members[at], name=name)


def _of_kind(random: Random, members: list[_Member], at: int) -> None:
    data = members[at].data if random.random() < 0.3 else b""
    members[at] = replace(members[at], kind=random.choice(_KINDS), data=data)


def _claimed(random: Random, members: list[_Member], at: int) -> None:
    members[at] = replace(members[at], size=random.choice(_SIZES))


def _linked(random: Random, members: list[_Member], at: int) -> None:
    link = random.choice((*_NAMES, random.choice(members).name))
    members[at] = replace(members[at], kind=random.choice((b"1", b"1", b"2")), link=link, data=b"")


def _owned(random: Random, members: list[_Member], at: int) -> None:
    account = random.choice((*nasty.TEXTS, "", ""))
    number = random.choice((0, 65534, 0o7777777, 3_000_000, 1 << 40))
    members[at] = replace(members[at], account=account, number=number)


def _headed(random: Random, members: list[_Member], at: int) -> None:
    kind = random.choice((b"x", b"g", b"X", b"L", b"K", b"S"))
    members.insert(at, _Member("PaxHeaders/x", random.choice(_PAX), kind))


def _moved(random: Random, members: list[_Member], at: int) -> None:
    members.insert(random.randrange(len(members)), members.pop(at))


def _changed(random: Random, members: list[_Member], at: int) -> None:
    lines = next((found for word, found in nasty.PLACES.items() if word in members[at].name), ())
    data = mutate.at_random(random, members[at].data, random.choice(members).data, lines)
    members[at] = replace(members[at], data=data)


_MEMBERS: tuple[Callable[[Random, list[_Member], int], None], ...] = (
    _again,
    _gone,
    _renamed,
    _of_kind,
    _claimed,
    _linked,
    _owned,
    _headed,
    _moved,
    _changed,
    _changed,
    _changed,
    _changed,
)


def stream(random: Random, files: dict[str, bytes]) -> bytes:
    """Make the stream of a node's files, by their paths on it, and mutate it."""
    members = [_Member("." + path, data) for path, data in files.items()]
    for _ in range(random.choice((0, 1, 1, 2, 4))):
        if members:
            random.choice(_MEMBERS)(random, members, random.randrange(len(members)))
    data = b"".join(member.packed() for member in members) + bytes(
        random.choice((0, 512, 1024, 1024, 1024, 9216))
    )
    if random.random() < 0.15:
        data = mutate.at_random(random, data, data)
    if random.random() < 0.15 and data:
        start = random.randrange(len(data)) // BLOCK * BLOCK
        head = mutate.at_random(random, data[start : start + BLOCK], data)[:BLOCK]
        data = data[:start] + summed(head.ljust(BLOCK, b"\0")) + data[start + BLOCK :]
    return data


def stderr(random: Random, paths: list[str]) -> bytes:
    """What a node says of files that it does not send."""
    lines = ["Welcome", "tar: ./x: file changed as we read it", *random.sample(nasty.TEXTS, 2)]
    for _ in range(random.choice((0, 0, 1, 2))):
        path = random.choice((*paths, *nasty.TEXTS))
        lines.append(f"{MARK}\t{random.choice((*PROBLEMS, 'x', ''))}\t{path[1:]}")
    return "\n".join(random.sample(lines, len(lines))).encode("utf-8", "replace")


def check(random: Random, node: str, names: list[str], addresses: list[str]) -> bytes:
    """Make what a node's check prints in a cluster, and mutate it; `TOKEN` stands for the token."""
    seen = [f"fact\tsees\t{name}" for name in names if random.random() < 0.9]
    members = [f"fact\tmember\t{address}" for address in addresses if random.random() < 0.9]
    status = ("ok", "ok", "ok", "fail", "warn", "unknown")
    checks = ("files", "folder", "mount", "members", "health", "clock", "ports")
    lines = [
        "fact\tcluster\tconference",
        f"fact\tnode\t{node}",
        f"fact\tutc-offset\t{random.choice(('+0000', '+0000', '-1130', '+9999'))}",
        "fact\tleft\tTOKEN",
        f"fact\ttime\t{random.choice(('1700000000.5', '1700000000', '0', '999999999999.999999999'))}",
        *seen,
        *members,
        *(f"{random.choice(status)}\t{name}\tfine" for name in checks),
    ]
    for _ in range(random.choice((0, 1, 1, 2))):
        at = random.randrange(len(lines))
        parts = lines[at].split("\t")
        parts[random.randrange(len(parts))] = random.choice((*nasty.TEXTS, *names, "fact", "ok"))
        lines[at] = "\t".join(parts)
    data = "".join(line + "\n" for line in lines).encode("utf-8", "surrogatepass")
    return mutate.at_random(random, data, data) if random.random() < 0.6 else data
