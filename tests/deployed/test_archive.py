"""Streams of real tars are read as `tarfile` reads them, hostile ones in linear time or not at all."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.deployed import archive
from omconf.deployed.answer import MAX_STREAM
from omconf.deployed.snapshot import MAX_BYTES, Access
from tests.deployed.streams import (
    END,
    EXPORTS,
    FSTAB,
    MANIFEST,
    header,
    member,
    packed,
    received,
    why,
)

LONG = "d" * 90 + "/" + "é" * 60
NAMES = st.one_of(
    st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1),
    st.sampled_from(["etc/fstab", "./etc/exports", LONG, "x/" * 60 + "y", "naïve", "new\nline"]),
).filter(lambda name: not {*name.split("/")} & {"", ".", ".."} or name.startswith("./etc"))
FILES = st.dictionaries(NAMES, st.binary(max_size=1100), max_size=6)
ACCOUNTS = st.sampled_from(["", "root", "é", "x" * 31])
IDS = st.sampled_from([0, 1000, 0o7777777, 3_000_000, 2**32 - 2])


@given(FILES, ACCOUNTS, IDS, st.sampled_from([tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT]))
def test_as_tarfile_reads_it(files: dict[str, bytes], name: str, number: int, form: int) -> None:
    try:
        stream = packed(
            [
                member(path, data, uname=name, gname=name, uid=number, gid=number, mode=0o640)
                for path, data in files.items()
            ],
            form,
        )
    except ValueError:  # ustar has no room for it
        return
    found = archive.members(stream)
    assert {path: m.file(stream).data for path, m in found.items()} == {
        "/" + path.removeprefix("./"): data for path, data in files.items()
    }
    account = name or str(number)
    assert {m.access for m in found.values()} <= {Access(0o640, account, account)}


def test_hard_links_and_long_targets() -> None:
    """tar sends a file with two names once; GNU tar sends a long target in a member of its own."""
    link = {"type": tarfile.LNKTYPE}
    stream = packed(
        [
            member(LONG, b"one"),
            member("a", linkname=LONG, **link),
            member("b", linkname="a", **link),
            member("c", linkname="not-sent", **link),
        ]
    )
    found = archive.members(stream)
    assert found["/a"] == found["/b"] == found["/" + LONG]
    assert found["/c"].file(stream).problem == archive.LINK
    assert found["/a"].file(stream).data == b"one"


def pax(kind: bytes, size: int) -> bytes:
    return header("x", kind, size) + b"1" * size + bytes(-size % 512) + END


def edited(stream: bytes, at: int, new: bytes) -> bytes:
    """A stream with some bytes of its first header replaced, and the sum mended."""
    head = bytearray(stream[:512])
    head[at : at + len(new)] = new
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + stream[512:]


FILE = packed([member("etc/fstab", b"x")])
BROKEN = archive.BROKEN
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", BROKEN),
    "no end": (lambda: FILE[:1024], BROKEN),
    "cut in a header": (lambda: FILE[:1024] + b"x" * 100, BROKEN),
    "cut in a content": (lambda: header("etc/fstab", size=2000) + bytes(1024), BROKEN),
    "gigabytes that are not there": (lambda: header("a", size=1 << 35) + END, BROKEN),
    "garbage": (lambda: bytes(range(256)) * 8, BROKEN),
    "another sum": (lambda: FILE[:1] + b"X" + FILE[2:], BROKEN),
    "a size below zero": (lambda: edited(FILE, 124, b"\xff" * 12), BROKEN),
    "a size of nothing": (lambda: edited(FILE, 124, b" " * 12), BROKEN),
    "a size that is no number": (lambda: edited(FILE, 124, b"-0000000001\0"), BROKEN),
    "an owner that is no number": (
        lambda: edited(edited(FILE, 108, b"x" * 8), 265, bytes(32)),
        BROKEN,
    ),
    "a directory with content": (
        lambda: header("a", b"5", 512) + bytes(512) + END,
        BROKEN,
    ),
    "before POSIX": (lambda: edited(FILE, 257, bytes(8)), BROKEN),
    "pax": (lambda: pax(b"x", 100_000), "It sent a pax header, which omconf does not read."),
    "global pax": (
        lambda: pax(b"g", 10),
        "It sent a global pax header, which omconf does not read.",
    ),
    "Solaris pax": (
        lambda: pax(b"X", 10),
        "It sent a pax header of Solaris tar, which omconf does not read.",
    ),
    "sparse": (lambda: pax(b"S", 0), "It sent a sparse file, which omconf does not read."),
    "another type": (
        lambda: pax(b"\x1b", 0),
        "It sent a member of the unknown type '\\x1b', which omconf does not read.",
    ),
    "a long name of megabytes": (
        lambda: pax(b"L", 1 << 20),
        "It sent a name of more than 4096 bytes.",
    ),
    "long names alone": (
        lambda: (header("x", b"L", 512) + b"a" * 512) * 3 + END,
        BROKEN,
    ),
    "one file twice": (
        lambda: packed([member("a", b"1"), member("./a", b"2")]),
        "It sent the same file twice.",
    ),
    "thousands of members": (
        lambda: b"".join(header(f"f{n}") for n in range(5000)) + END,
        "It sent files that were not requested.",
    ),
    "links that multiply a file": (
        lambda: multiplied(3, MAX_BYTES),
        f"Its files have more than {MAX_STREAM:,} bytes, with those of hard links.",
    ),
}


def multiplied(times: int, size: int) -> bytes:
    """A manifest that lists a file by many names, which are hard links to one content."""
    classes = "/srv/om/webapps/openmeetings/WEB-INF/classes"
    kinds = {
        "/srv/om/bin/setenv.sh": ("jvm", "block"),
        f"{classes}/hazelcast.xml": ("hazelcast", "file"),
        f"{classes}/META-INF/persistence.xml": ("persistence", "file"),
    }
    paths = [*kinds][:times]
    entries = [
        {"path": path, "kind": kind, "ownership": ownership}
        for path, (kind, ownership) in kinds.items()
    ]
    listing = json.dumps({"format_version": "1.0", "files": entries}).encode()
    links = [member(path, type=tarfile.LNKTYPE, linkname="one") for path in paths]
    return packed([member(MANIFEST[1:], listing), member("one", bytes(size)), *links])


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_tar_of_a_node_writes_is_refused_by_name(name: str) -> None:
    make, message = REFUSED[name]
    assert why(received(make())) == message


def test_names_that_were_not_asked_for_mean_nothing() -> None:
    names = [
        "../../etc/passwd",
        "/etc/shadow",
        "",
        "etc/fstab\n",
        ".",
        "etc/exports/x",
        "//",
        "../etc/fstab",
    ]
    found = received(packed([member(name, b"x") for name in names[:-3]]))
    assert found.files == {}
    assert found.asked == (FSTAB, EXPORTS, MANIFEST)
    assert found.problem is None


def test_what_stands_in_the_place_of_a_file() -> None:
    for kind, problem in (
        (tarfile.SYMTYPE, archive.LINK),
        (tarfile.LNKTYPE, archive.LINK),
        (tarfile.DIRTYPE, archive.DIRECTORY),
        (tarfile.CHRTYPE, archive.SPECIAL),
        (tarfile.BLKTYPE, archive.SPECIAL),
        (tarfile.FIFOTYPE, archive.SPECIAL),
    ):
        found = received(packed([member("./etc/fstab", type=kind, linkname="/etc/shadow")]))
        assert found.files[FSTAB].problem == problem
    large = received(packed([member("etc/fstab", bytes(MAX_BYTES + 1))]))
    assert large.files[FSTAB].data is None
    said = received(packed([]), "omconf-read\tlink\tetc/fstab\nomconf-read\tlink\tetc/x\nhello\n")
    assert {path: file.problem for path, file in said.files.items()} == {FSTAB: archive.LINK}
    twice = received(FILE, "omconf-read\tlink\tetc/fstab\n")
    assert why(twice) == "It sent the same file twice."


class Counted(bytes):
    """Bytes that count how many of them were looked at."""

    looked_at = 0

    def __getitem__(self, key: Any) -> Any:
        result = super().__getitem__(key)
        Counted.looked_at += len(result) if isinstance(key, slice) else 1
        return result


@pytest.mark.parametrize(
    "stream",
    [
        b"".join(header(f"f{n}") for n in range(4000)) + END,
        b"".join(
            header("x", b"L", 4000) + b"%04d" % n + bytes(4092) + header("y") for n in range(900)
        ),
        b"".join(header("x", b"1", linkname="f0") for _ in range(4000)),
        packed([member(f"f{n}", bytes(100_000)) for n in range(70)]),
        packed([member("etc/fstab", bytes(MAX_BYTES))]),
        multiplied(1000, 8000),
        pax(b"x", 1 << 20),
    ],
    ids=["members", "names", "links", "contents", "asked", "multiplied", "pax"],
)
def test_a_stream_is_walked_over_once(stream: bytes) -> None:
    """No byte is looked at more than twice (as a name or content, and copied when asked for)."""
    Counted.looked_at = 0
    received(Counted(stream))
    assert Counted.looked_at <= 2 * len(stream)


@given(st.data())
def test_no_bytes_make_it_fail(data: st.DataObject) -> None:
    stream = bytearray(packed([member("./etc/fstab", b"x" * 700), member(LONG, b"y")]))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(stream) - 1))
        stream[at] = data.draw(st.integers(0, 255))
        if data.draw(st.booleans()):  # so that it is looked at
            start = at // 512 * 512
            stream = bytearray(stream[:start] + edited(bytes(stream[start:]), 0, b""))
    found = received(bytes(stream[: data.draw(st.integers(0, len(stream)))]))
    assert found.problem is None or found.problem.message


def test_accounts_are_text() -> None:
    """They are shown: no byte of theirs may be half a character."""
    stream = edited(FILE, 265, b"\xff\xc3root" + bytes(26))
    access = received(stream).files[FSTAB].access
    assert access == Access(0o644, "\ufffd\ufffdroot", "0")
