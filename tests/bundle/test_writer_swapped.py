"""Whoever swaps a folder of DIR for a link while a build runs redirects nothing to where it leads."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from omconf.bundle.comparison import check
from omconf.bundle.writer import write
from tests.bundle.writing import NEW, OLD, STAGING, at_change, errors, tree

_rename, _symlink = os.rename, os.symlink
FOLDERS = ("om1", "om1/files", "om1/files/etc", "om2", STAGING, f"{STAGING}/new", f"{STAGING}/old")


def lookalike(outside: Path) -> None:
    """A folder in which each of a build's steps would succeed."""
    folders = ("", "new", "new/0", "new/0/files", "old", "files", "files/etc", "files/sbin")
    for folder in folders:
        (outside / folder).mkdir(parents=True, exist_ok=True)
    for place in (outside / folder / str(number) for folder in folders for number in range(12)):
        if not place.exists():
            place.write_bytes(b"precious")
    for path in ("etc/a", "a", "manifest.json", "manifest.json.new", "files/etc/a", "sbin/run"):
        (outside / path).parent.mkdir(exist_ok=True)
        (outside / path).write_bytes(b"precious")


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_is_changed_outside(tmp_path: Path, folder: str) -> None:
    directory, outside = tmp_path / "dir", tmp_path / "outside"
    lookalike(outside)
    before = {**tree(outside), "modes": [p.stat().st_mode for p in sorted(outside.rglob("*"))]}
    number, swapped = 0, 0
    while True:
        write(OLD, directory)
        done: list[bool] = []

        def swap(name: str, args: tuple[Any, ...], done: list[bool] = done) -> None:
            if not done and (directory / folder).is_dir():
                _rename(directory / folder, tmp_path / "away")
                _symlink(outside, directory / folder)
                done.append(True)

        with at_change(number, swap) as changes:
            write(NEW, directory)
        swapped += bool(done)
        found = {**tree(outside), "modes": [p.stat().st_mode for p in sorted(outside.rglob("*"))]}
        assert found == before, (folder, number)
        shutil.rmtree(directory)
        shutil.rmtree(tmp_path / "away", ignore_errors=True)
        if len(changes) <= number:
            break
        number += 1
    assert swapped > 5


def test_check_shows_nothing_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is swapped when it has been walked, and before a file of it is compared."""
    directory, outside = tmp_path / "dir", tmp_path / "outside"
    write(OLD, directory)
    (outside / "etc").mkdir(parents=True)
    (outside / "etc/a").write_bytes(b"precious")
    (directory / "om1/files/etc/a").write_bytes(b"edited")
    original = os.open

    def swapping(path: Any, flags: int, *args: Any, **more: Any) -> int:
        if str(path).endswith("om1/files/etc/a") and not (directory / "om1/files").is_symlink():
            _rename(directory / "om1/files", tmp_path / "away")
            _symlink(outside, directory / "om1/files")
        return original(path, flags, *args, **more)

    monkeypatch.setattr(os, "open", swapping)
    found = check(OLD, directory)
    assert b"precious" not in repr(found).encode()
    assert (directory / "om1/files").is_symlink()


def test_a_swapped_folder_is_an_error_of_the_system(tmp_path: Path) -> None:
    write(OLD, tmp_path / "dir")

    def swap(name: str, args: tuple[Any, ...]) -> None:
        if (tmp_path / "dir/om1/files").is_symlink():
            return
        _rename(tmp_path / "dir/om1/files", tmp_path / "away")
        _symlink(tmp_path / "away", tmp_path / "dir/om1/files")

    with at_change(0, swap):
        [(rule, message)] = errors(write(NEW, tmp_path / "dir"))
    assert rule == "OM403"
    assert message.endswith(": Not a directory")
    assert message.startswith(f"{tmp_path}/dir/om1/files")
