"""Builds that are cut short at every single step, by a kill, a signal or an error of the system."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omconf.bundle.directory import Checked, Listing, check, read_listing
from omconf.bundle.model import BundleFile
from omconf.bundle.writer import Written, write
from tests.bundle.test_writer import (
    NEW,
    OLD,
    SECRET,
    STAGING,
    bundle,
    differences,
    errors,
    tree,
    tree_of,
)

ROOT = Path(__file__).parents[2]

# Everything that the writer does to a directory.
CHANGES = ("mkdir", "rmdir", "link", "rename", "unlink", "chmod", "fchmod", "write", "fsync")


class Killed(BaseException):
    """Stands for the end of the process: nothing more is changed after it."""


@contextmanager
def at_change(number: int, act: Callable[[str, tuple[Any, ...]], None]) -> Iterator[list[str]]:
    """Call `act` before the change of this number (from 0); gives the names of all the changes."""
    seen: list[str] = []

    def changing(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def change(*args: Any, **more: Any) -> Any:
            if name == "open" and not args[1] & os.O_CREAT:
                return original(*args, **more)
            seen.append(name)
            if len(seen) > number:
                act(name, args)
            return original(*args, **more)

        return change

    with pytest.MonkeyPatch.context() as patch:
        for name in (*CHANGES, "open"):
            patch.setattr(os, name, changing(name, getattr(os, name)))
        yield seen


def killed_at(number: int, files: dict[str, BundleFile], directory: Path) -> bool:
    """Build until the change of this number, which a torn write precedes; False if it got done."""
    tear = os.write

    def die(name: str, args: tuple[Any, ...]) -> None:
        if name == "write" and not dead:
            tear(args[0], args[1][: len(args[1]) // 2])
        dead.append(name)
        raise Killed

    dead: list[str] = []
    try:
        with at_change(number, die):
            assert isinstance(write(files, directory), Written)
    except Killed:
        return True
    return False


def without_staging(directory: Path) -> dict[str, Any]:
    found = tree(directory)
    return {p: f for p, f in found.items() if p.partition("/")[0] != STAGING and f != "folder"}


def assert_nothing_torn(directory: Path, *bundles: dict[str, BundleFile]) -> None:
    """Every file is wholly that of one of the bundles, and `check` says what is the case."""
    whole: dict[str, list[Any]] = {}
    for files in bundles:
        for path, file in files.items():
            whole.setdefault(path, []).append((file.data, bool(file.mode & 0o100)))
    found = without_staging(directory) if directory.exists() else {}
    for path, content in found.items():
        assert content in whole[path], path
    checked = check(bundles[-1], directory)
    assert isinstance(checked, Checked), checked
    assert checked.unfinished == (directory / STAGING).exists()
    if not checked.unfinished and found:
        states = [{p: (f.data, bool(f.mode & 0o100)) for p, f in b.items()} for b in bundles]
        assert found in states


THIRD = bundle({"README.md": b"3", "om1": b"a file now", "om4/x": b"4", "om2/files/etc/a": b"2"})

PAIRS = [(OLD, NEW), (NEW, OLD), (OLD, THIRD), (THIRD, OLD), (None, NEW)]


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_killed_at_every_step(
    tmp_path: Path, old: dict[str, BundleFile] | None, new: dict[str, BundleFile]
) -> None:
    number, going = 0, True
    states = ([old] if old else []) + [new]
    while going:
        for follower in (new, old or OLD, THIRD):
            directory = tmp_path / "dir"
            if old:
                write(old, directory)
            going = killed_at(number, new, directory)
            assert_nothing_torn(directory, *states)
            assert isinstance(write(follower, directory), Written), number
            assert tree(directory) == tree_of(follower), number
            shutil.rmtree(directory)
        number += 1
    assert number > 25


def test_killed_twice(tmp_path: Path) -> None:
    """The build that cleans up after a kill is killed itself, and the third still finishes."""
    directory = tmp_path / "dir"
    dice = random.Random(1)
    for first in range(8, 60, 2):
        for _ in range(6):
            write(OLD, directory)
            if not killed_at(first, NEW, directory):
                return
            killed_at(dice.randrange(60), THIRD, directory)
            assert_nothing_torn(directory, OLD, NEW, THIRD)
            last = dice.choice((OLD, NEW, THIRD))
            assert isinstance(write(last, directory), Written), first
            assert tree(directory) == tree_of(last), first


def test_an_error_at_every_step_leaves_the_old_files(tmp_path: Path) -> None:
    for old, new in PAIRS:
        number = 0
        while True:
            directory = tmp_path / "dir"
            if old:
                write(old, directory)
            failed: list[str] = []

            def fail(name: str, args: tuple[Any, ...], failed: list[str] = failed) -> None:
                if not failed:
                    failed.append(name)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            with at_change(number, fail) as changes:
                result = write(new, directory)
            if not failed:
                break
            [(rule, message)] = errors(result)
            assert rule == "OM403"
            assert message.startswith(str(directory))
            assert "No space left on device" in message
            if tree(directory) != tree_of(old or {}) if old else directory.exists():
                # Only the sweep, after everything is in place, may leave the new files.
                assert (directory / STAGING).exists()
                assert without_staging(directory) == without_folders(new)
                assert {*changes[number:]} <= {"fsync", "unlink", "rmdir"}
            shutil.rmtree(directory, ignore_errors=True)
            number += 1
        shutil.rmtree(directory)
        assert number > 25


def without_folders(files: dict[str, BundleFile]) -> dict[str, Any]:
    return {p: f for p, f in tree_of(files).items() if f != "folder"}


def test_an_error_that_cannot_be_undone_leaves_an_unfinished_build(tmp_path: Path) -> None:
    write(OLD, tmp_path)
    renames: list[str] = []

    def fail(name: str, args: tuple[Any, ...]) -> None:
        if name == "rename":
            renames.append(name)
        if len(renames) > 3:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with at_change(0, fail):
        result = write(NEW, tmp_path)
    assert errors(result)[0][0] == "OM403"
    assert isinstance(result, list)
    assert result[0].hint == "Build again to finish."
    assert_nothing_torn(tmp_path, OLD, NEW)
    assert isinstance(write(NEW, tmp_path), Written)
    assert tree(tmp_path) == tree_of(NEW)


def test_a_failed_build_keeps_what_an_earlier_kill_left_to_know(tmp_path: Path) -> None:
    """Files that a killed build placed stay omconf's, though the next build fails as well."""
    number = 0
    while True:
        directory = tmp_path / "dir"
        write(OLD, directory)
        if not killed_at(number, NEW, directory):
            break

        def fail(name: str, args: tuple[Any, ...]) -> None:
            if name == "write":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with at_change(0, fail):
            result = write(THIRD, directory)
        assert errors(result)[0][0] == "OM403"
        assert_nothing_torn(directory, OLD, NEW)
        assert isinstance(write(OLD, directory), Written)
        assert tree(directory) == tree_of(OLD)
        number += 1


@pytest.mark.parametrize("old", [OLD, None])
def test_a_signal_at_every_step_leaves_old_or_new(
    tmp_path: Path, old: dict[str, BundleFile] | None
) -> None:
    number, ends = 0, []
    while True:
        directory = tmp_path / "dir"
        if old:
            write(old, directory)
        sent: list[str] = []

        def send(name: str, args: tuple[Any, ...], sent: list[str] = sent) -> None:
            if len(sent) < 2:  # people press Ctrl-C twice
                sent.append(name)
                signal.raise_signal(signal.SIGINT)

        try:
            with at_change(number, send):
                write(NEW, directory)
        except KeyboardInterrupt:
            done = directory.exists() and tree(directory) == tree_of(NEW)
            if not done:
                assert tree(directory) == tree_of(old) if old else not directory.exists()
            ends.append(done)
        else:
            assert not sent
            break
        shutil.rmtree(directory, ignore_errors=True)
        number += 1
    assert ends == sorted(ends)
    assert {*ends} == {False, True}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_callers_own_handler_is_asked(tmp_path: Path) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        with (
            pytest.raises(KeyboardInterrupt),
            at_change(3, lambda *_: signal.raise_signal(signal.SIGTERM)),
        ):
            write(OLD, tmp_path)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert {*heard} == {signal.SIGTERM}
    assert tree(tmp_path) == {}


# A build in a process of its own: `{act}` runs before the change of number `{number}`.
SCRIPT = """
import os, signal, sys
from pathlib import Path
from tests.bundle.test_writer import NEW, OLD
from tests.bundle.test_writer_cut_short import at_change
from omconf.bundle.writer import write
with at_change(int(sys.argv[2]), lambda *_: os.kill(os.getpid(), int(sys.argv[3]))):
    write(NEW, Path(sys.argv[1]))
"""


def run(script: str, *arguments: object, **more: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, cwd="/", **more)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("step", [4, 35])
def test_a_process_that_is_told_to_end(tmp_path: Path, number: signal.Signals, step: int) -> None:
    write(OLD, tmp_path)
    with run(SCRIPT, tmp_path, step, int(number)) as process:
        assert process.wait(timeout=20) == -number
    assert tree(tmp_path) == tree_of(OLD if step == 4 else NEW)


def test_nohup_is_heeded(tmp_path: Path) -> None:
    ignore = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    with run(ignore + SCRIPT, tmp_path, 4, int(signal.SIGHUP)) as process:
        assert process.wait(timeout=20) == 0
    assert tree(tmp_path) == tree_of(NEW)


FLEETS = [
    bundle(
        {f"om{i}/files/{j}": b"%d" % version * 20_000 for i in nodes for j in range(4)}
        | {f"version-{version}": b""}
    )
    for version, nodes in enumerate((range(15), range(5, 25)))
]

ALTERNATE = """
import sys
from pathlib import Path
from tests.bundle.test_writer_cut_short import FLEETS
from omconf.bundle.writer import Written, write
print("ready", flush=True)
while True:
    for fleet in FLEETS:
        assert isinstance(write(fleet, Path(sys.argv[1])), Written)
"""


def test_killed_processes(tmp_path: Path) -> None:
    dice = random.Random(7)
    directory = tmp_path / "dir"
    unfinished = 0
    for turn in range(25):
        with run(ALTERNATE, directory, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(dice.uniform(0.001, 0.06))
            process.kill()
        if directory.exists():
            unfinished += (directory / STAGING).exists()
            assert_nothing_torn(directory, *FLEETS)
        if turn % 3 == 0:
            fleet = dice.choice(FLEETS)
            assert isinstance(write(fleet, directory), Written)
            assert tree(directory) == tree_of(fleet)
            assert differences(check(fleet, directory)) == []
    assert unfinished >= 5


# What a kill or somebody's hand may leave in the staging folder.


@pytest.mark.parametrize("left", [None, b"", b'{"format_version": "1.0", "fil', b"\0" * 100])
def test_staging_without_a_whole_listing_counts_for_nothing(
    tmp_path: Path, left: bytes | None
) -> None:
    write(OLD, tmp_path)
    (tmp_path / STAGING / "new/0/deep").mkdir(parents=True)
    (tmp_path / STAGING / "new/0/deep/file").write_bytes(b"half")
    if left is not None:
        (tmp_path / STAGING / "manifest.json").write_bytes(left)
    assert read_listing(tmp_path) == Listing(frozenset(OLD), unfinished=True)
    checked = check(OLD, tmp_path)
    assert checked == Checked(unfinished=True, differences=())
    assert write(OLD, tmp_path) == Written(0, 0, 0, 7)
    assert tree(tmp_path) == tree_of(OLD)


def test_staging_of_a_newer_omconf_is_let_alone(tmp_path: Path) -> None:
    write(OLD, tmp_path)
    (tmp_path / STAGING).mkdir()
    (tmp_path / STAGING / "manifest.json").write_text('{"format_version": "2.0"}')
    before = tree(tmp_path)
    assert errors(write(NEW, tmp_path))[0][0] == "OM404"
    assert tree(tmp_path) == before


def test_links_in_the_staging_are_not_followed(tmp_path: Path) -> None:
    directory, precious = tmp_path / "dir", tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    write(OLD, directory)
    (directory / STAGING / "new").mkdir(parents=True)
    for place in ("link", "new/link", "manifest.json"):
        (directory / STAGING / place).symlink_to(precious)
    assert isinstance(write(NEW, directory), Written)
    assert tree(directory) == tree_of(NEW)
    assert tree(precious) == {"file": (b"", False)}


# Disks and file systems.


def test_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On such a file system old files are kept as copies, and come back with their modes."""

    def link(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)
    write(OLD, tmp_path)
    (tmp_path / "README.md").chmod(0o640)
    before = tree(tmp_path)
    rename = os.rename

    def fail(old: str, new: str) -> None:
        if new == f"{tmp_path}/manifest.json" and "/new/" in old:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rename(old, new)

    monkeypatch.setattr(os, "rename", fail)
    assert errors(write(NEW, tmp_path)) == [
        ("OM403", f"{tmp_path}/manifest.json: Input/output error")
    ]
    assert tree(tmp_path) == before
    assert (tmp_path / "README.md").stat().st_mode & 0o777 == 0o640
    monkeypatch.setattr(os, "rename", rename)
    assert isinstance(write(NEW, tmp_path), Written)
    assert tree(tmp_path) == tree_of(NEW)


LARGE = bundle({"README.md": b"read me\n", "om1/big": b"x" * 300_000, "om2/big": b"y" * 300_000})

LIMITED = """
import resource, sys
from pathlib import Path
from tests.bundle.test_writer_cut_short import LARGE
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
from tests.bundle.test_writer import NEW, OLD, tree, tree_of
from tests.bundle.test_writer_cut_short import LARGE
from omconf.bundle.writer import Written, write

def mount(options, where):
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", where], check=True)

def refused(files, directory, text):
    [diagnostic] = write(files, Path(directory))
    assert diagnostic.rule.id == "OM403", diagnostic
    assert text in diagnostic.message, diagnostic
    assert diagnostic.hint == "The directory is as it was.", diagnostic

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

subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
assert write(OLD, disk / "old") == Written(0, 0, 0, 7)
refused(NEW, disk / "old", "/old: Read-only file system")
refused(NEW, disk / "new", "/new: Read-only file system")
print("done")
"""


def test_a_full_disk(tmp_path: Path) -> None:
    own = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
    try:
        mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(tmp_path)]
        able = subprocess.run([*own, *mount], capture_output=True).returncode == 0
    except OSError:
        able = False
    if not able:
        pytest.skip("needs root or user namespaces (unshare --mount) for a small tmpfs of its own")
    command = [*own, sys.executable, "-c", FULL_DISK, str(tmp_path)]
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
            assert message[1].endswith(": Permission denied")
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
def test_a_file_for_a_directory(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("precious")
    for result in (write(OLD, Path(f"{tmp_path}/file{below}")),):
        [(rule, message)] = errors(result)
        assert rule == "OM403"
        assert message.endswith(": Not a directory")
    assert tree(tmp_path) == {"file": (b"precious", False)}


def test_a_private_build_that_fails_leaves_no_secret(tmp_path: Path) -> None:
    number = 0
    while True:
        failed: list[str] = []

        def fail(name: str, args: tuple[Any, ...], failed: list[str] = failed) -> None:
            if not failed:
                failed.append(name)
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        with at_change(number, fail):
            result = write(SECRET, tmp_path / "dir", private=True)
        if not failed:
            break
        assert errors(result)[0][0] == "OM403"
        number += 1
        if (tmp_path / "dir").exists():  # all was in place, only the sweep failed
            assert without_staging(tmp_path / "dir") == without_folders(SECRET)
            shutil.rmtree(tmp_path / "dir")


# Any sequence of bundles.

NAMES = st.sampled_from(["a", "b", "om1", "manifest.json", "x y", "é", "..."])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


@st.composite
def bundles(draw: st.DrawFn) -> dict[str, BundleFile]:
    contents = draw(st.dictionaries(PATHS, st.sampled_from([b"", b"1", b"22"]), max_size=8))
    contents = {p: d for p, d in contents.items() if p.partition("/")[0] != "manifest.json"}
    folders = {str(parent) for path in contents for parent in Path(path).parents}
    contents = {p: d for p, d in contents.items() if p not in folders}
    executable = draw(st.sets(st.sampled_from(sorted(contents)))) if contents else set()
    return bundle(contents, tuple(executable))


STEPS = st.lists(st.tuples(bundles(), st.none() | st.integers(0, 40)), min_size=1, max_size=5)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, last=bundles())
def test_any_sequence_of_builds(
    steps: list[tuple[dict[str, BundleFile], int | None]], last: dict[str, BundleFile]
) -> None:
    """Builds, some of them killed: each one that finishes leaves its files and nothing else."""
    with TemporaryDirectory() as folder:
        directory = Path(folder) / "dir"
        tried = []
        for files, kill in [*steps, (last, None)]:
            tried.append(files)
            if kill is not None and killed_at(kill, files, directory):
                assert_nothing_torn(directory, *tried)
                continue
            assert isinstance(write(files, directory), Written)
            assert tree(directory) == tree_of(files)
            assert differences(check(files, directory)) == []


@settings(max_examples=60, deadline=None)
@given(old=bundles(), new=bundles(), path=PATHS)
def test_a_foreign_file_is_never_touched(
    old: dict[str, BundleFile], new: dict[str, BundleFile], path: str
) -> None:
    with TemporaryDirectory() as folder:
        directory = Path(folder)
        write(old, directory)
        try:
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            with (directory / path).open("xb") as file:
                file.write(b"mine")
        except OSError:
            return  # a file of omconf's stands there
        before = tree(directory)
        [(rule, message)] = errors(write(new, directory))
        assert (rule, path in message) == ("OM401", True)
        assert tree(directory) == before
