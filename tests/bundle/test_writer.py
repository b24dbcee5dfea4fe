from __future__ import annotations

import fcntl
import os
import shutil
import socket
import stat
from pathlib import Path

import pytest

from omconf.bundle.comparison import Checked, Difference, check
from omconf.bundle.model import BundleFile
from omconf.bundle.writer import Written, write
from tests.bundle.writing import (
    NEW,
    OLD,
    SECRET,
    STAGING,
    bundle,
    differences,
    errors,
    only_error,
    times,
    tree,
    tree_of,
)


def test_new_directory(tmp_path: Path) -> None:
    directory = tmp_path / "some" / "where"
    assert write(OLD, directory) == Written(created=7, updated=0, removed=0, unchanged=0)
    assert tree(directory) == tree_of(OLD)


def test_update(tmp_path: Path) -> None:
    write(OLD, tmp_path)
    kept = (tmp_path / "om1/manifest.json").stat()
    assert write(NEW, tmp_path) == Written(created=3, updated=3, removed=3, unchanged=1)
    assert tree(tmp_path) == tree_of(NEW)
    assert (tmp_path / "om1/manifest.json").stat() == kept


def test_nothing_changed_touches_nothing(tmp_path: Path) -> None:
    write(OLD, tmp_path)
    before = times(tmp_path)
    assert write(OLD, tmp_path) == Written(0, 0, 0, 7)
    assert check(OLD, tmp_path) == Checked(unfinished=False, differences=())
    assert times(tmp_path) == before


def test_many_files_are_synced_together(tmp_path: Path) -> None:
    files = bundle({f"om{i}/files/{j}": b"%d" % j for i in range(20) for j in range(3)})
    assert write(files, tmp_path) == Written(61, 0, 0, 0)
    assert tree(tmp_path) == tree_of(files)


def test_hand_edits_are_overwritten(tmp_path: Path) -> None:
    write(OLD, tmp_path)
    (tmp_path / "README.md").write_bytes(b"mine\n")
    (tmp_path / "om1/files/sbin/run").chmod(0o644)
    (tmp_path / "om2/manifest.json").unlink()
    checked = check(OLD, tmp_path)
    assert isinstance(checked, Checked)
    assert not checked.unfinished
    run = OLD["om1/files/sbin/run"].data
    assert checked.differences == (
        Difference("README.md", "different", b"mine\n", b"read me\n", 0o644, 0o644),
        Difference("om1/files/sbin/run", "different", run, run, 0o644, 0o755),
        Difference("om2/manifest.json", "missing", b"", b"two", 0, 0o644),
    )
    assert write(OLD, tmp_path) == Written(created=1, updated=2, removed=0, unchanged=4)
    assert tree(tmp_path) == tree_of(OLD)


def test_check_of_another_bundle(tmp_path: Path) -> None:
    assert differences(check(OLD, tmp_path / "none")) == [(p, "missing") for p in sorted(OLD)]
    assert not (tmp_path / "none").exists()
    write(OLD, tmp_path)
    before = times(tmp_path)
    assert differences(check(NEW, tmp_path)) == [
        ("README.md", "different"),
        ("manifest.json", "different"),
        ("om1/files/etc/a", "extra"),
        ("om1/files/etc/b", "missing"),
        ("om1/files/sbin/run", "different"),
        ("om2/files/etc/a", "extra"),
        ("om2/manifest.json", "extra"),
        ("om3/files/etc/a", "missing"),
        ("om3/manifest.json", "missing"),
    ]
    assert times(tmp_path) == before


def test_a_file_becomes_a_folder_and_back(tmp_path: Path) -> None:
    flat, deep = bundle({"a": b"1", "b": b"2"}), bundle({"a/x/y": b"1", "a/x/z": b"3", "b/y": b"2"})
    for files in (flat, deep, flat, deep):
        assert isinstance(write(files, tmp_path), Written)
        assert tree(tmp_path) == tree_of(files)


def test_git_is_let_alone(tmp_path: Path) -> None:
    (tmp_path / ".git/objects").mkdir(parents=True)
    (tmp_path / ".gitignore").write_text("x")
    (tmp_path / ".github").symlink_to("/")
    assert write(OLD, tmp_path) == Written(7, 0, 0, 0)
    assert differences(check(OLD, tmp_path)) == []
    assert {".git", ".git/objects", ".gitignore", ".github"} <= tree(tmp_path).keys()


def test_foreign_files_stop_the_build(tmp_path: Path) -> None:
    write(OLD, tmp_path)
    (tmp_path / "om1/files/etc/.git").mkdir()
    (tmp_path / "om1/files/etc/.git/config").write_bytes(b"mine")
    (tmp_path / "notes.txt").write_bytes(b"mine")
    (tmp_path / "empty/folder").mkdir(parents=True)
    before, when = tree(tmp_path), times(tmp_path)
    for result in (write(NEW, tmp_path), check(NEW, tmp_path), write(OLD, tmp_path)):
        message = (
            f"{tmp_path} contains files that omconf did not write: notes.txt,"
            " om1/files/etc/.git/config"
        )
        assert errors(result) == [("OM401", message)]
    assert (tree(tmp_path), times(tmp_path)) == (before, when)


def test_a_file_of_the_bundle_that_was_there_before_is_foreign(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_bytes(b"by hand")
    result = write(OLD, tmp_path)
    assert errors(result)[0] == (
        "OM401",
        f"{tmp_path} contains files that omconf did not write: README.md",
    )
    assert isinstance(result, list)
    assert "manifest.json" in result[0].hint
    assert tree(tmp_path) == {"README.md": (b"by hand", False)}


def test_files_that_a_merge_dropped_from_the_manifest(tmp_path: Path) -> None:
    write(OLD, tmp_path)
    dropped = next(path for path in OLD if path.startswith("om1/"))
    listing = (tmp_path / "manifest.json").read_bytes()
    (tmp_path / "manifest.json").write_bytes(listing.replace(f'"{dropped}",'.encode(), b""))
    for result in (write(OLD, tmp_path), check(OLD, tmp_path)):
        assert isinstance(result, list)
        assert errors(result)[0][0] == "OM401"
        assert "remove the directory and build again" in result[0].hint
    (tmp_path / "manifest.json").write_bytes(listing)
    (tmp_path / "notes.txt").touch()
    result = write(OLD, tmp_path)
    assert isinstance(result, list)
    assert "remove the directory" not in result[0].hint  # with the notes


def test_many_foreign_files_are_counted(tmp_path: Path) -> None:
    for i in range(25):
        (tmp_path / f"f{i:02}").touch()
    names = ", ".join(f"f{i:02}" for i in range(20))
    assert only_error(write(OLD, tmp_path)).endswith(f": {names} and 5 more")


def test_names_of_foreign_files_play_no_tricks(tmp_path: Path) -> None:
    (tmp_path / "a\n\x1b[2Jb").touch()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).touch()
    message = only_error(write(OLD, tmp_path))
    assert message.isprintable()
    assert r"'a\n\x1b[2Jb', '\udcff'" in message


def plant(kind: str, path: Path, target: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
    path.parent.mkdir(exist_ok=True, parents=True)
    if kind == "link":
        path.symlink_to(target)
    elif kind == "dangling":
        path.symlink_to("nowhere")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        here = Path.cwd()
        os.chdir(path.parent)  # the path of a socket has to be short
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(path.name)
        os.chdir(here)
    else:
        (path / "inside").mkdir(parents=True)


@pytest.mark.parametrize("kind", ["link", "dangling", "fifo", "socket", "folder"])
@pytest.mark.parametrize("where", ["README.md", "manifest.json", "om1/files/sbin/run"])
def test_special_files_are_foreign(tmp_path: Path, kind: str, where: str) -> None:
    target, directory = tmp_path / "target", tmp_path / "dir"
    target.write_bytes(OLD[where].data)
    write(OLD, directory)
    plant(kind, directory / where, target)
    before = tree(directory)
    for result in (write(OLD, directory), write(NEW, directory), check(OLD, directory)):
        assert errors(result)[0][0] == "OM401"
        assert os.path.basename(where) in only_error(result)
        if kind != "folder":
            assert only_error(result).endswith(f": {where} (not a regular file)")
        assert tree(directory) == before
    assert target.read_bytes() == OLD[where].data


@pytest.mark.parametrize("kind", ["link", "fifo", "socket"])
@pytest.mark.parametrize("where", ["om1", "om1/files/etc", "om3", STAGING])
def test_special_files_for_folders_are_foreign(tmp_path: Path, kind: str, where: str) -> None:
    target, directory = tmp_path / "target", tmp_path / "dir"
    target.mkdir()
    (target / "a").write_bytes(b"precious")
    write(OLD, directory)
    plant(kind, directory / where, target)
    before = tree(directory)
    for result in (write(OLD, directory), write(NEW, directory), check(OLD, directory)):
        assert errors(result) == [
            ("OM401", f"{directory} contains files that omconf did not write: {where}")
        ]
    assert tree(directory) == before
    assert tree(target) == {"a": (b"precious", False)}


def test_the_directory_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert write(OLD, tmp_path / "link") == Written(7, 0, 0, 0)
    assert tree(tmp_path / "real") == tree_of(OLD)
    assert (tmp_path / "link").is_symlink()


def test_a_relative_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    assert write(OLD, Path("x")) == Written(7, 0, 0, 0)
    monkeypatch.chdir(tmp_path / "x")
    assert write(NEW, Path(".")) == Written(3, 3, 3, 1)
    assert tree(tmp_path / "x") == tree_of(NEW)


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_modes_follow_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write(OLD, tmp_path / "dir")
    finally:
        os.umask(before)
    modes = {
        path: stat.S_IMODE((tmp_path / "dir" / path).stat().st_mode)
        for path in (".", "om1", "README.md", "om1/files/sbin/run")
    }
    assert modes == {
        ".": 0o777 & ~umask,
        "om1": 0o777 & ~umask,
        "README.md": 0o666 & ~umask,
        "om1/files/sbin/run": 0o777 & ~umask,
    }
    assert differences(check(OLD, tmp_path / "dir")) == []


def test_a_second_build_says_so(tmp_path: Path) -> None:
    write(OLD, tmp_path)
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        assert errors(write(NEW, tmp_path)) == [
            ("OM402", f"{tmp_path}: another build is in progress")
        ]
        assert tree(tmp_path) == tree_of(OLD)
        assert differences(check(OLD, tmp_path)) == []
    finally:
        os.close(fd)
    assert isinstance(write(NEW, tmp_path), Written)


def test_check_locks_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object) -> None:
        raise AssertionError("a lock was asked for")

    write(OLD, tmp_path)
    monkeypatch.setattr(fcntl, "flock", locked)
    assert differences(check(OLD, tmp_path)) == []


def test_a_bundle_that_does_not_fit_its_manifest_is_refused(tmp_path: Path) -> None:
    manifest = OLD["manifest.json"]
    for files in (
        {},
        {"a": BundleFile(b"")},
        {**OLD, "a": BundleFile(b"")},
        {"manifest.json": manifest},
        {**bundle({"a": b"", "a/b": b""})},
        {**bundle({"../a": b""})},
        {**bundle({f"{STAGING}/a": b""})},
    ):
        with pytest.raises(ValueError, match=r"manifest|path"):
            write(files, tmp_path / "dir")
    assert tree(tmp_path) == {}


def test_an_enormous_hand_made_file_is_shown_in_part(tmp_path: Path) -> None:
    write(OLD, tmp_path)
    with (tmp_path / "README.md").open("wb") as file:
        file.truncate(1 << 40)
    checked = check(OLD, tmp_path)
    assert isinstance(checked, Checked)
    assert [len(d.old) for d in checked.differences] == [4 << 20]
    assert write(OLD, tmp_path) == Written(0, 1, 0, 6)


# Private directories, for real secrets.


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o777])
def test_private_modes_are_exact(tmp_path: Path, umask: int) -> None:
    directory = tmp_path / "dir"
    files = {**SECRET, "om1/files/etc/secret": BundleFile(b"hunter2", 0o640)}
    if umask == 0o777 and os.geteuid() != 0:
        umask = 0o377 & 0o077  # without root nothing could be written below such folders
    before = os.umask(umask)
    try:
        assert write(files, directory, private=True) == Written(3, 0, 0, 0)
    finally:
        os.umask(before)
    assert mode(directory) == 0o700
    for path in directory.rglob("*"):
        name = str(path.relative_to(directory))
        expected = {".gitignore": 0o600, **{path: file.mode for path, file in files.items()}}
        assert mode(path) == expected.get(name, 0o755), name
    assert write(files, directory, private=True) == Written(0, 0, 0, 3)


def test_private_mends_the_modes_inside(tmp_path: Path) -> None:
    directory = tmp_path / "dir"
    write(SECRET, directory, private=True)
    (directory / "om1/files").chmod(0o700)
    assert write(SECRET, directory, private=True) == Written(0, 0, 0, 3)
    assert mode(directory / "om1/files") == 0o755
    (directory / "om1/files/etc/secret").chmod(0o600)
    assert write(SECRET, directory, private=True) == Written(0, 1, 0, 2)
    assert mode(directory / "om1/files/etc/secret") == 0o644
    assert not (directory / STAGING).exists()


def test_a_directory_that_is_not_private_is_refused(tmp_path: Path) -> None:
    for open_to in (0o755, 0o750, 0o701, 0o710):
        tmp_path.chmod(open_to)
        [(rule, message)] = errors(write(SECRET, tmp_path, private=True))
        assert rule == "OM405"
        assert f"{open_to:04o}" in message
        assert tree(tmp_path) == {}
    tmp_path.chmod(0o700)
    assert isinstance(write(SECRET, tmp_path, private=True), Written)


def test_a_private_directory_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    refused = write(SECRET, tmp_path, private=True)
    assert isinstance(refused, list)
    assert [found.rule.id for found in refused] == ["OM405"]
    assert "chmod" not in refused[0].hint  # it would still belong to the other user
    assert tree(tmp_path) == {}
