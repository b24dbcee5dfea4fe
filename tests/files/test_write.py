"""A file is written whole or not at all, with its mode from the first byte, and through no link."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omconf.files import write


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY)
    yield fd
    os.close(fd)


def names(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


def test_replace(tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is on the disk before the rename, and after it."""
    steps: list[tuple[str, str]] = []
    fsync, rename = os.fsync, os.rename

    def synced(fd: int) -> None:
        steps.append(("fsync", os.path.basename(os.readlink(f"/proc/self/fd/{fd}"))))
        fsync(fd)

    def renamed(old: str, new: str, **more: Any) -> None:
        steps.append(("rename", old))
        assert (tmp_path / "file").read_bytes() == b"old"
        assert (tmp_path / old).read_bytes() == b"new"
        rename(old, new, **more)

    (tmp_path / "file").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    write.replace("file", b"new", dir_fd=folder, mode=0o640)
    staged = steps[0][1]
    assert staged.startswith(".omconf-")
    assert steps == [("fsync", staged), ("rename", staged), ("fsync", tmp_path.name)]
    assert (tmp_path / "file").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
    assert names(tmp_path) == ["file"]


def test_replace_follows_no_link(tmp_path: Path, folder: int) -> None:
    (tmp_path / "precious").write_bytes(b"old")
    (tmp_path / "file").symlink_to("precious")
    write.replace("file", b"new", dir_fd=folder, mode=0o600)
    assert not (tmp_path / "file").is_symlink()
    assert (tmp_path / "precious").read_bytes() == b"old"


def test_a_folder_that_is_swapped_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "theirs").mkdir()
    fd = os.open(tmp_path / "mine", os.O_RDONLY)
    (tmp_path / "mine").rename(tmp_path / "away")
    (tmp_path / "mine").symlink_to("theirs")
    write.replace("file", b"new", dir_fd=fd, mode=0o600)
    os.close(fd)
    assert names(tmp_path / "theirs") == []
    assert names(tmp_path / "away") == ["file"]


def test_the_mode_is_there_before_the_first_byte(
    tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    original = os.write

    def written(fd: int, data: bytes) -> int:
        seen.append(stat.S_IMODE(os.fstat(fd).st_mode))
        return original(fd, data[:2])

    monkeypatch.setattr(os, "write", written)
    before = os.umask(0)
    try:
        write.create("exact", b"four", dir_fd=folder, mode=0o644, exact=True)
        write.replace("secret", b"four", dir_fd=folder, mode=0o600)
        os.umask(0o027)
        write.create("plain", b"four", dir_fd=folder)
        write.create("narrow", b"four", dir_fd=folder, mode=0o604, exact=True)
    finally:
        os.umask(before)
    assert seen == [0o644, 0o644, 0o600, 0o600, 0o640, 0o640, 0o604, 0o604]
    assert (tmp_path / "plain").read_bytes() == b"four"


@pytest.mark.parametrize("step", ["write", "fsync", "rename", "fchmod"])
def test_an_error_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    (tmp_path / "file").write_bytes(b"old")
    before = len(os.listdir("/proc/self/fd"))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space"):
        write.replace("file", b"new", dir_fd=folder, mode=0o600)
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"
    assert len(os.listdir("/proc/self/fd")) == before


def test_create_overwrites_nothing(tmp_path: Path, folder: int) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("file", "link"):
        with pytest.raises(FileExistsError):
            write.create(name, b"new", dir_fd=folder)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file", "link"]
