"""What a kill or somebody's hand may leave in the staging folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from omconf.bundle.comparison import Checked, check
from omconf.bundle.listing import Listing, read_listing
from omconf.bundle.writer import Written, write
from tests.bundle.writing import NEW, OLD, STAGING, errors, tree, tree_of


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


def test_folders_that_a_kill_left_empty_go_too(tmp_path: Path) -> None:
    write(OLD, tmp_path)
    for folder in (STAGING, "om4/files", "mine"):
        (tmp_path / folder).mkdir(parents=True)
    listing = b'{"format_version": "1.0", "files": ["om4/files/x"]}'
    (tmp_path / STAGING / "manifest.json").write_bytes(listing)
    assert write(OLD, tmp_path) == Written(0, 0, 0, 7)
    assert tree(tmp_path) == tree_of(OLD) | {"mine": "folder"}


def test_staging_of_a_newer_omconf_is_let_alone(tmp_path: Path) -> None:
    write(OLD, tmp_path)
    (tmp_path / STAGING).mkdir()
    (tmp_path / STAGING / "manifest.json").write_text('{"format_version": "2.0"}')
    before = tree(tmp_path)
    assert errors(write(NEW, tmp_path))[0][0] == "OM404"
    assert tree(tmp_path) == before


def test_a_folder_for_the_staged_listing(tmp_path: Path) -> None:
    write(OLD, tmp_path)
    (tmp_path / STAGING / "manifest.json/deep").mkdir(parents=True)
    assert isinstance(write(NEW, tmp_path), Written)
    assert tree(tmp_path) == tree_of(NEW)


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
