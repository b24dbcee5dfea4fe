"""Full disks, file systems and permissions."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from omconf.bundle.comparison import check
from omconf.bundle.writer import Written, write
from tests.bundle.writing import FLEETS, NEW, OLD, ROOT, errors, run, tree, tree_of
from tests.needs import OWN_MOUNTS, needs


def test_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On such a file system old files are kept as copies, and come back with their modes."""

    def link(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)
    write(OLD, tmp_path)
    (tmp_path / "README.md").chmod(0o640)
    before = tree(tmp_path)
    rename = os.rename

    def fail(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        above, there = (os.readlink(f"/proc/self/fd/{fd}") for fd in (src_dir_fd, dst_dir_fd))
        if f"{there}/{new}" == f"{tmp_path}/manifest.json" and above.endswith("/new"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rename(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "rename", fail)
    assert errors(write(NEW, tmp_path)) == [
        ("OM403", f"{tmp_path}/manifest.json: Input/output error")
    ]
    assert tree(tmp_path) == before
    assert (tmp_path / "README.md").stat().st_mode & 0o777 == 0o640
    monkeypatch.setattr(os, "rename", rename)
    assert isinstance(write(NEW, tmp_path), Written)
    assert tree(tmp_path) == tree_of(NEW)


def test_on_the_disk(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The other tests may run in memory."""
    directory = tmp_path_factory.mktemp("disk") / "dir"
    for files in (OLD, NEW, *FLEETS, OLD):
        assert isinstance(write(files, directory), Written)
        assert tree(directory) == tree_of(files)


LIMITED = """
import resource, sys
from pathlib import Path
from tests.bundle.writing import LARGE
from omconf.bundle.writer import write
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for directory in sys.argv[1:]:
    print(*(f"{d.rule.id} {d.message}" for d in write(LARGE, Path(directory))))
"""


def test_a_file_size_limit(tmp_path: Path) -> None:
    write(OLD, tmp_path / "old")
    with run(LIMITED, tmp_path / "old", tmp_path / "new", stdout=subprocess.PIPE) as process:
        said = process.communicate(timeout=20)[0].decode().splitlines()
    assert said == [
        f"OM403 {tmp_path}/old/om1/big: File too large",
        f"OM403 {tmp_path}/new/om1/big: File too large",
    ]
    assert tree(tmp_path) == {"old": "folder"} | {f"old/{p}": f for p, f in tree_of(OLD).items()}


# Runs in a mount namespace of its own; argument: an empty folder to mount on.
FULL_DISK = """
import os, subprocess, sys
from pathlib import Path
from tests.bundle.writing import LARGE, NEW, OLD, tree, tree_of
from omconf.bundle.writer import Written, write

def mount(options, where):
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", where], check=True)

def refused(files, directory, text):
    [diagnostic] = write(files, Path(directory))
    assert diagnostic.rule.id == "OM403", diagnostic
    assert text in diagnostic.message, diagnostic
    assert diagnostic.hint == "The directory is unchanged.", diagnostic

disk = Path(sys.argv[1])
mount("size=400k", disk)
refused(LARGE, disk / "a/new", f"{disk}/a/new/om2/big: No space left on device")
assert tree(disk) == {}, tree(disk)
assert write(OLD, disk / "old") == Written(7, 0, 0, 0)
refused(LARGE, disk / "old", f"{disk}/old/om2/big: No space left on device")
assert tree(disk / "old") == tree_of(OLD)

# A folder of DIR on another file system: no rename leads there, what was placed before comes back.
mount("size=400k", disk / "old/om1/files/sbin")
subprocess.run(["mount", "--bind", disk / "old/om1/files/sbin", disk / "old/om1/files/sbin"])
(disk / "old/om1/files/sbin/run").write_bytes(OLD["om1/files/sbin/run"].data)
os.chmod(disk / "old/om1/files/sbin/run", 0o755)
assert write(OLD, disk / "old") == Written(0, 0, 0, 7)
refused(NEW, disk / "old", "/om1/files/sbin/run: Invalid cross-device link")
assert tree(disk / "old") == tree_of(OLD)
subprocess.run(["umount", "-l", disk / "old/om1/files/sbin"], check=True)
subprocess.run(["umount", "-l", disk / "old/om1/files/sbin"], check=True)

# Without `bind`, mount repeats a uid that a user namespace does not know.
subprocess.run(["mount", "-o", "remount,bind,ro", disk], check=True)
assert write(OLD, disk / "old") == Written(0, 0, 0, 7)
refused(NEW, disk / "old", "/old: Read-only file system")
refused(NEW, disk / "new", "/new: Read-only file system")
print("done")
"""


@needs("own mounts")
def test_a_full_disk(tmp_path: Path) -> None:
    command = [*OWN_MOUNTS, sys.executable, "-c", FULL_DISK, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)
    assert (done.stdout, done.stderr) == ("done\n", "")


@contextmanager
def somebody() -> Iterator[Path]:
    """A directory that an ordinary user can reach; root turns into one meanwhile."""
    with TemporaryDirectory(prefix="omconf-test-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        if os.geteuid() != 0:
            yield place
            return
        os.chown(place, 65534, 65534)
        os.seteuid(65534)
        try:
            yield place
        finally:
            os.seteuid(0)


def test_missing_permissions() -> None:
    with somebody() as place:
        directory = place / "dir"
        write(OLD, directory)
        for closed in ("om1/files/sbin", "om1/files/etc", "."):
            (directory / closed).chmod(0o555)
            message = errors(write(NEW, directory))[0]
            assert message[0] == "OM403"
            assert message[1].endswith(f": {os.strerror(errno.EACCES)}")
            assert message[1].startswith(os.path.normpath(directory / closed))
            assert tree(directory) == tree_of(OLD)
            assert write(OLD, directory) == Written(0, 0, 0, 7)
            (directory / closed).chmod(0o755)
        (directory / "om2").chmod(0o000)
        expected = [("OM403", f"{directory}/om2: Permission denied")]
        assert errors(write(NEW, directory)) == errors(check(NEW, directory)) == expected
        (directory / "om2").chmod(0o755)
        place.chmod(0o555)
        expected = [("OM403", f"{place}/a/b: Permission denied")]
        assert errors(write(NEW, place / "a/b")) == [("OM403", f"{place}/a: Permission denied")]
        place.chmod(0o755)


@pytest.mark.parametrize("below", ["", "/dir"])
def test_a_link_to_itself(tmp_path: Path, below: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    place = f"{tmp_path}/loop{below}"
    expected = [("OM403", f"{place}: {os.strerror(errno.ELOOP)}")]
    assert errors(write(OLD, Path(place))) == errors(check(OLD, Path(place))) == expected


@pytest.mark.parametrize("below", ["", "/dir"])
def test_a_file_for_a_directory(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("precious")
    for result in (write(OLD, Path(f"{tmp_path}/file{below}")),):
        [(rule, message)] = errors(result)
        assert rule == "OM403"
        assert message.endswith(": Not a directory")
    assert tree(tmp_path) == {"file": (b"precious", False)}
