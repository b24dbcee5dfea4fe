"""A root tree is walked by descriptors: as the node would resolve its paths, and never out."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from omconf.deployed import tree as deployed
from omconf.deployed.snapshot import DeployedFile, Request
from omconf.files import tree
from omconf.files.read import NotRegularError, TooLargeError
from omconf.files.tree import Found, Tree

OUTSIDE = b"outside of the tree"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with a file, and a file outside of it."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_bytes(OUTSIDE)
    (tmp_path / "root/srv/om").mkdir(parents=True)
    (tmp_path / "root/srv/om/file").write_bytes(b"inside")
    (tmp_path / "root/opt").mkdir()
    return tmp_path / "root"


def read(root: Path, path: str, limit: int = 1000) -> Found:
    with Tree.at(str(root)) as opened:
        return opened.read(path, limit)


def refused(root: Path, path: str) -> str:
    """Why a file is not read, as a plan reports it."""
    request = Request((path,), "c", "")
    file = deployed.read(str(root), request).files[path]
    assert file.data is None
    assert file.problem is not None
    return file.problem.message


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@contextmanager
def before_each(name: str, act: Callable[[tuple[Any, ...]], None]) -> Iterator[list[Any]]:
    """Call `act` before each call of a function of `os`; gives the results."""
    original, results = getattr(os, name), list[Any]()

    def call(*args: Any, **more: Any) -> Any:
        act(args)
        results.append(original(*args, **more))
        return results[-1]

    setattr(os, name, call)
    try:
        yield results
    finally:
        setattr(os, name, original)


LINKS = {
    "absolute": ("/opt/om", "/srv/om"),
    "relative": ("/opt/om", "../srv/om"),
    "of the folder above": ("/opt", "/srv"),
    "above the root": ("/opt/om", "../../../../srv/om"),
    "through itself": ("/opt/om", "/opt/../opt/./../srv//om/"),
    "to the root": ("/opt/om", "/.."),
}


@pytest.mark.parametrize("name", LINKS)
def test_links_are_resolved_as_the_node_does(root: Path, name: str) -> None:
    link, target = LINKS[name]
    (root / "opt").rmdir()
    if link != "/opt":
        (root / "opt").mkdir()
    (root / link[1:]).symlink_to(target)
    path = "/opt/om/srv/om/file" if name == "to the root" else "/opt/om/file"
    found = read(root, path)
    assert (found.contents.data, found.real) == (b"inside", "/srv/om/file")


def test_links_of_links(root: Path) -> None:
    (root / "opt/om").symlink_to("../a/om")
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("/srv")
    assert read(root, "/opt/om/file").real == "/srv/om/file"


def test_a_plan_knows_where_a_file_really_lies(root: Path) -> None:
    (root / "opt/om").symlink_to("/srv/om")
    request = Request(("/opt/om/file", "/srv/om/file"), "c", "")
    files = deployed.read(str(root), request).files
    status = (root / "srv/om/file").stat()
    inode = (status.st_dev, status.st_ino)
    assert files["/opt/om/file"] == DeployedFile(b"inside", real="/srv/om/file", inode=inode)
    assert files["/srv/om/file"] == DeployedFile(b"inside", inode=inode)


@pytest.mark.parametrize("path", ["/../outside/file", "/srv/../../outside/file", "/srv/om/.."])
def test_dots_in_a_path_do_not_climb_out(root: Path, path: str) -> None:
    with pytest.raises((FileNotFoundError, NotRegularError)):
        read(root, path)


@pytest.mark.parametrize("target", ["/outside", "../../outside", "../../../../../outside"])
def test_a_link_leads_out_of_no_tree(root: Path, target: str) -> None:
    (root / "opt/om").symlink_to(target)
    with pytest.raises(NotADirectoryError) as raised:
        read(root, "/opt/om/file")
    assert raised.value.filename == "/opt/om"
    (root / "opt/out").symlink_to(root.parent / "outside")
    with pytest.raises(NotADirectoryError):
        read(root, "/opt/out/file")


def test_a_folder_that_is_not_there_behind_a_link(root: Path) -> None:
    (root / "opt/om").symlink_to("/srv/om")
    with pytest.raises(FileNotFoundError):
        read(root, "/opt/om/none/file")


def test_a_folder_is_swapped_for_a_link_at_every_step(root: Path) -> None:
    """Another process swaps it between any two system calls of omconf's."""
    (root / "opt/om").mkdir()
    (root / "opt/om/file").write_bytes(b"inside")
    (root / "opt/other").symlink_to(root.parent / "outside")
    number, seen = 0, set()
    while True:
        steps: list[None] = []

        def swap(_: tuple[Any, ...], at: int = number, steps: list[None] = steps) -> None:
            if len(steps) == at:
                (root / "opt/om").rename(root / "opt/away")
                (root / "opt/other").rename(root / "opt/om")
                (root / "opt/away").rename(root / "opt/other")
            steps.append(None)

        with before_each("open", swap), before_each("readlink", swap), before_each("stat", swap):
            try:
                seen.add(read(root, "/opt/om/file").contents.data)
            except (FileNotFoundError, NotADirectoryError):  # it leads nowhere in the tree
                seen.add(b"")
        if len(steps) <= number:
            break
        number += 1
    assert seen == {b"inside", b""}
    assert number > 3


def test_a_folder_that_changes_all_the_time_is_no_missing_one(root: Path) -> None:
    """Each time, omconf meets a link, and a folder where it would read the link."""
    place, link, folder = root / "opt/om", root / "opt/link", root / "opt/folder"
    link.symlink_to("nowhere")
    place.mkdir()

    def to_link(args: tuple[Any, ...]) -> None:
        if args[0] == "om":
            place.rename(folder)
            link.rename(place)

    def to_folder(_: tuple[Any, ...]) -> None:
        place.rename(link)
        folder.rename(place)

    with before_each("open", to_link), before_each("readlink", to_folder):
        said = refused(root, "/opt/om/file")
    assert said == "It cannot be read: a folder in the path keeps changing."


def test_loops_and_depth(root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("/a")
    assert refused(root, "/a/file") == "The path contains a loop of symbolic links."
    (root / "c").symlink_to("c/c/c/c")
    assert refused(root, "/c/file") == "The path contains a loop of symbolic links."
    assert refused(root, "/a" * 3000) == "The path is nested too deeply."
    (root / "d").symlink_to("/".join("d" * 1500))
    assert refused(root, "/d/file") == "The path is nested too deeply."


def test_links_count_for_a_whole_path(root: Path) -> None:
    """A chain of folders, each a link, is bounded as one loop is."""
    (root / "l").symlink_to(".")
    assert read(root, "/l" * tree.MAX_LINKS + "/srv/om/file").contents.data == b"inside"
    path = "/l" * (tree.MAX_LINKS + 1) + "/srv/om/file"
    assert refused(root, path) == "The path contains a loop of symbolic links."


def test_work_and_descriptors_are_bounded(root: Path) -> None:
    """Links that multiply, and a thousand folders: none of them makes omconf open without end."""
    wide = root / "/".join(["deep"] * 40)
    wide.mkdir(parents=True)
    (root / "x").symlink_to("/".join(["deep"] * 40))
    for number in range(40):
        (wide / f"l{number}").symlink_to(f"/x/l{number + 1}")
    before, most = open_descriptors(), 0

    def count(_: tuple[Any, ...]) -> None:
        nonlocal most
        most = max(most, open_descriptors() - before)

    with before_each("open", count) as opened:
        assert refused(root, "/x/l0/file") == "The path is nested too deeply."
    assert len(opened) < 2 * tree.MAX_PARTS
    paths = []
    for number in range(1000):
        (root / f"many/{number}").mkdir(parents=True)
        (root / f"many/{number}/file").write_bytes(b"%d" % number)
        paths.append(f"/many/{number}/file")
    none = tuple(f"/many/{number}/none" for number in range(1000))
    with before_each("open", count):
        files = deployed.read(str(root), Request(tuple(paths), "c", "")).files
        assert not deployed.read(str(root), Request(none, "c", "")).files
    assert [files[path].data for path in paths] == [b"%d" % number for number in range(1000)]
    assert most <= tree.MAX_HELD + tree.MAX_PARTS
    assert open_descriptors() == before


def test_too_many_open_files_is_a_finding(root: Path) -> None:
    def full(args: tuple[Any, ...]) -> None:
        if args[0] == "om":
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    before = open_descriptors()
    with before_each("open", full):
        assert refused(root, "/srv/om/file") == "It cannot be read: Too many open files."
    assert open_descriptors() == before


def test_what_is_no_file(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "folder").mkdir()
    (root / "link").symlink_to("srv/om/file")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(root / "socket"))
        for name, what in (
            ("pipe", "a named pipe"),
            ("folder", "a directory"),
            ("link", "a symbolic link"),
            ("socket", "a socket"),
        ):
            said = refused(root, f"/{name}")
            assert said == f"Expected a file, but found {what}."
    assert refused(Path("/dev"), "/null") == "Expected a file, but found a device."
    (root / "srv/om/file/").chmod(0o600)
    with pytest.raises(NotADirectoryError) as raised:
        read(root, "/srv/om/file/below/it")
    assert raised.value.filename == "/srv/om/file"


def test_sizes(root: Path) -> None:
    (root / "file").write_bytes(b"x" * 10)
    assert read(root, "/file", 10).contents.data == b"x" * 10
    with pytest.raises(TooLargeError):
        read(root, "/file", 9)
    (root / "empty").touch()
    assert read(root, "/empty", 10).contents.data == b""
    # A file of /proc has a size of 0, whatever is in it.
    proc = Path("/proc/self").resolve()
    status = read(proc, "/status", 1 << 16)
    assert status.contents.status.st_size == 0
    assert status.contents.data.startswith(b"Name:")
    with pytest.raises(TooLargeError):
        read(proc, "/status", 10)


@pytest.mark.parametrize("growth", [1, 1 << 20])
def test_a_file_that_grows_while_it_is_read(root: Path, growth: int) -> None:
    (root / "file").write_bytes(b"x" * 10)

    def grow(_: tuple[Any, ...]) -> None:
        with (root / "file").open("ab") as file:
            file.write(b"y" * growth)

    with before_each("read", grow) as reads, pytest.raises(TooLargeError):
        read(root, "/file", 100)
    assert len(reads) < 100
    assert sum(len(data) for data in reads) <= 101
