"""Our block in real files that others wrote: every foreign byte stays, and the program reads both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omconf.artifacts import exports, fstab
from omconf.artifacts.model import BlockKind
from omconf.formats import block
from tests.clusters import simple
from tests.needs import needs
from tests.real.programs import run

GROWN = b"""\
# /etc/fstab: static file system information.
#
UUID=4e5c3a0e-6a0d-4a3e-9a59-0c7b1f4f8d11\t/ \t ext4\terrors=remount-ro\t0\t1
/dev/sdb1 none swap sw 0 0

# scratch \xe9\xff
tmpfs /scratch\\040disk tmpfs size=1g"""
DOS = b"proc\t/proc\tproc\tdefaults\t0\t0\r\n# mine\r\ntmpfs /run tmpfs nosuid,nodev 0 0\r\n"
FSTAB = [GROWN, DOS, b""]
SHARED = b"""\
# see exports(5).

/srv\t\t10.9.0.0/16(ro,sync)  \\
\t10.8.0.1(rw,sync)
# \xff
/home 10.7.0.1(rw,sync)"""
EXPORTS = [SHARED, b"/srv 10.9.0.0/16(ro,sync)\r\n/home 10.7.0.1(rw,sync)\r\n", b""]


def _rendered(kind: BlockKind, number: int) -> str:
    cluster = simple()
    return kind.render(cluster, cluster.nodes[number])[0].text


def _merged(before: bytes, kind: BlockKind, number: int, taken: bytes = b"") -> bytes:
    text = (before + taken).decode("utf-8", "surrogateescape")
    body = _rendered(kind, number)
    keys = {entry.key for entry in kind.entries(body)[0]}
    entries = [entry for entry in kind.entries(text)[0] if entry.key in keys]
    merged = block.merge(text, "conference", body, entries)
    assert block.merge(merged, "conference", body) == merged
    return merged.encode("utf-8", "surrogateescape")


def _without_block(data: bytes) -> bytes:
    begin, end = data.index(b"# BEGIN omconf"), data.index(b"# END omconf")
    return data[:begin] + data[data.index(b"\n", end) + 1 :]


@needs("findmnt")
@pytest.mark.parametrize("before", FSTAB, ids=range(len(FSTAB)))
def test_fstab(before: bytes, tmp_path: Path) -> None:
    merged = _merged(before, fstab.KIND, 1)
    assert _without_block(merged).rstrip(b"\r\n") == before.rstrip(b"\r\n")
    tab = tmp_path / "fstab"
    read = []
    for data in (before, merged):
        tab.write_bytes(data)
        done = run("findmnt", "--fstab", "--tab-file", tab, "--json", check=False)
        targets = json.loads(done.stdout or '{"filesystems": []}')["filesystems"]
        read.append([f["target"] for f in targets])
    assert read[1] == [*read[0], "/opt/omdata"]


@pytest.mark.parametrize("before", EXPORTS, ids=range(len(EXPORTS)))
def test_exports(before: bytes) -> None:
    merged = _merged(before, exports.KIND, 0)
    assert _without_block(merged).rstrip(b"\r\n") == before.rstrip(b"\r\n")
    entries, findings = exports.KIND.entries(merged.decode("utf-8", "surrogateescape"))
    assert findings == []
    assert "/opt/omdata 10.1.1.2" in {entry.key for entry in entries}


def test_a_hand_made_line_goes_and_nothing_else() -> None:
    mount = b"10.1.1.1:/opt/omdata\t/opt/omdata\tnfs\thard,intr 0 0\n"
    assert _without_block(_merged(FSTAB[0] + b"\n", fstab.KIND, 1, mount)) == FSTAB[0] + b"\n"
    # Of a line with another client only our client goes.
    merged = _merged(b"", exports.KIND, 0, b"/opt/omdata 10.1.1.2(rw) 10.5.5.5(ro)\n")
    assert _without_block(merged) == b"/opt/omdata 10.5.5.5(ro)\n"
