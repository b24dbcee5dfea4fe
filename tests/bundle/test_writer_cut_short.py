"""Builds that are cut short at every single step, by a kill, a signal or an error."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from omconf.bundle.model import BundleFile
from omconf.bundle.writer import Written, write
from tests.bundle.writing import (
    NEW,
    OLD,
    SECRET,
    STAGING,
    THIRD,
    assert_nothing_torn,
    at_change,
    errors,
    killed_at,
    tree,
    tree_of,
    without_folders,
    without_staging,
)

PAIRS = [(OLD, NEW), (NEW, OLD), (OLD, THIRD), (THIRD, OLD), (None, NEW)]


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_killed_at_every_step(
    tmp_path: Path, old: dict[str, BundleFile] | None, new: dict[str, BundleFile]
) -> None:
    number, going = 0, True
    states = ([old] if old else []) + [new]
    while going:
        directory = tmp_path / "dir"
        if old:
            write(old, directory)
        going = killed_at(number, new, directory)
        assert_nothing_torn(directory, *states)
        follower = (new, THIRD, old or OLD)[number % 3]
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
        for _ in range(5):
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
            if failed == ["link"]:  # then a copy does
                assert tree(directory) == tree_of(new)
                shutil.rmtree(directory)
                number += 1
                continue
            [(rule, message)] = errors(result)
            assert rule == "OM403"
            assert message.startswith(str(directory))
            assert os.strerror(errno.ENOSPC) in message
            if tree(directory) != tree_of(old or {}) if old else directory.exists():
                # Only the sweep, after everything is written, may leave the new files.
                assert (directory / STAGING).exists()
                assert without_staging(directory) == without_folders(new)
                assert {*changes[number:]} <= {"unlink", "rmdir"}
            shutil.rmtree(directory, ignore_errors=True)
            number += 1
        shutil.rmtree(directory)
        assert number > 25


def test_an_error_that_cannot_be_undone_leaves_an_unfinished_build(tmp_path: Path) -> None:
    write(OLD, tmp_path)
    renames: list[str] = []

    def fail(name: str, args: tuple[Any, ...]) -> None:
        renames.extend([name] if name == "rename" else [])
        if name == "rename" and len(renames) > 3:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with at_change(0, fail):
        result = write(NEW, tmp_path)
    assert errors(result)[0][0] == "OM403"
    assert isinstance(result, list)
    assert result[0].hint == "Build again to complete it."
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
        if (tmp_path / "dir").exists():  # all was written, only the sweep failed
            found = without_staging(tmp_path / "dir")
            assert found.pop(".gitignore") == (b"*\n", False)
            assert found == without_folders(SECRET)
            shutil.rmtree(tmp_path / "dir")
