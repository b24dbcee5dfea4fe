"""A user's own files: bounded, and nothing that omconf would wait for without end."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from omconf.files import read


def test_links_of_the_user_are_followed_where_they_may_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"data")
    (tmp_path / "link").symlink_to("file")
    assert read.contents(str(tmp_path / "link"), 10).data == b"data"
    with pytest.raises(read.NotRegularError, match="it is a symbolic link, not a regular file"):
        read.contents(str(tmp_path / "link"), 10, follow=False)


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 1 << 17])
def test_sizes(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    assert read.start(str(path), 10).data == b"x" * min(size, 10)
    if size > 10:
        with pytest.raises(read.TooLargeError):
            read.contents(str(path), 10)
    assert read.contents(str(path), 1 << 17).data == b"x" * size
    with read.stream(str(path)) as file:
        assert len(file.read()) == size


def test_a_pipe_is_read_only_where_it_may_be(tmp_path: Path) -> None:
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    for reader in (read.start, read.contents):
        with pytest.raises(read.NotRegularError, match="it is a named pipe, not a regular file"):
            reader(path, 10)
    with pytest.raises(read.NotRegularError):
        read.stream(path)
    assert read.start(path, 10, pipe=True).data == b""  # nobody writes to it

    def write() -> None:
        with open(path, "wb", buffering=0) as pipe:
            pipe.writelines([b"four"] * 3)

    keeper = os.open(path, os.O_RDWR)  # so that the writer finds a reader
    writer = threading.Thread(target=write)
    writer.start()
    assert read.start(path, 12, pipe=True).data == b"four" * 3
    writer.join()
    os.close(keeper)
    with pytest.raises(read.NotRegularError):
        read.start(str(tmp_path), 10, pipe=True)
    assert read.start("/dev/zero", 10, pipe=True).data == b"\0" * 10


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"data")
    os.mkfifo(tmp_path / "pipe")
    before = len(os.listdir("/proc/self/fd"))
    for name, limit in (("file", 1), ("pipe", 10), ("none", 10)):
        with pytest.raises((read.TooLargeError, read.NotRegularError, FileNotFoundError)):
            read.contents(str(tmp_path / name), limit)
    assert len(os.listdir("/proc/self/fd")) == before
