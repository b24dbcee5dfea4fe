"""A repository's configuration, read as git reads it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.deployed import git_config
from tests.needs import needs

pytestmark = needs("git")

TEXTS = [
    b"",
    b"[a]\n\tb = c\n",
    b"\xef\xbb\xbf[a] b\r\n[A] B=\r\n c = 1 # d\n",
    b'[a "B c"]k=v;x\n[a.B]k=w\n[a "\\"\\\\x\\y"] k = 1\n',
    b'[a]\nb = " x;y#z " ; no\nc = a "b  c"  d   \n e = "\\t\\n\\\\\\""\n',
    b"[a]\nb = one \\\n  two\\\n\n[b]\nc=\\\n\n",
    b'[core]\n\tworktree = ../"other place"/x\n[core]\n\tworktree=last\n',
    b"[a]\nb = two  blanks\nb2 = trailing\t \n",
    b'[include]\n\tpath = /etc/passwd\n[a]b="x" "y"\n',
    b"; only\n# comments\n",
    b"a = b\n",
]
BROKEN = [b"[a", b'[a]\nb = "x\n', b"[a]\nb = \\x\n", b"[a]\n1 = x\n", b'[a "b]\nc=d\n']


def by_git(data: bytes, folder: Path) -> dict[str, tuple[str, ...]]:
    (folder / "file").write_bytes(data)
    command = ("git", "config", "--file", "file", "--no-includes", "--null", "--list")
    done = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    found: dict[str, list[str]] = {}
    for entry in os.fsdecode(done.stdout).split("\0")[:-1]:
        name, given, value = entry.partition("\n")
        found.setdefault(name, []).append(value if given else "true")
    return {name: tuple(values) for name, values in found.items()}


@pytest.mark.parametrize("data", TEXTS)
def test_as_git_reads_it(data: bytes, tmp_path: Path) -> None:
    assert git_config.parse(data).values == by_git(data, tmp_path)


@pytest.mark.parametrize("data", BROKEN)
def test_what_git_refuses(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"line [12] "):
        git_config.parse(data)
    with pytest.raises(subprocess.CalledProcessError):
        by_git(data, tmp_path)


@given(st.text(st.sampled_from('[]ab."\\\n\t =#;1-\r')).map(str.encode))
def test_any_text(data: bytes) -> None:
    try:
        git_config.parse(data)
    except ValueError as error:
        assert str(error).startswith("line ")


def test_no_text_takes_long() -> None:
    """Each character is looked at a few times, whatever follows it."""
    for text in (
        b"[a]\nb=" + b'"x' * 300_001,
        b"[a]\nb=" + b"\\\n" * 300_000,
        b"[" + b"a" * 600_000,
    ):
        try:
            git_config.parse(text)
        except ValueError:
            continue


def test_files(tmp_path: Path) -> None:
    assert git_config.read(str(tmp_path / "none")).values == {}
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="named pipe"):
        git_config.read(str(tmp_path / "pipe"))
    (tmp_path / "large").write_bytes(b"#\n" * (1 << 20))
    with pytest.raises(ValueError, match="more than 1 MiB"):
        git_config.read(str(tmp_path / "large"))


def test_booleans() -> None:
    found = git_config.parse(b"[a]\nb\nc=YES\nd=no\ne=\nf=0\ng=2\n")
    assert [name for name in "bcdefg" if found.is_true(f"a.{name}")] == ["b", "c"]
