"""Manifests in a directory are hostile input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from omconf.bundle.comparison import check
from omconf.bundle.listing import Listing, read_listing
from omconf.bundle.writer import Written, write
from tests.bundle.writing import NEW, OLD, STAGING, errors, only_error, tree, tree_of


def listed(*files: object, **more: object) -> bytes:
    return json.dumps({"format_version": "1.0", "files": list(files), **more}).encode()


NOT_PATHS: list[object] = [
    *("", "/", "/etc/passwd", "..", "../x", "a/../../x", "a/..", ".", "./a", "a//b", "a/"),
    *("a\0b", "a\nb", "a\\\nb", "\x1b[2J", "a\x7f", "\ud800", ".git", ".git/config", ".gitignore"),
    *(STAGING, f"{STAGING}/x", 1, None, ["a"]),
]


@pytest.mark.parametrize("path", NOT_PATHS)
def test_hostile_paths(tmp_path: Path, path: object) -> None:
    write(OLD, tmp_path / "dir")
    (tmp_path / "x").write_text("precious")
    (tmp_path / "dir/manifest.json").write_bytes(listed("README.md", path))
    before = tree(tmp_path)
    for result in (write(NEW, tmp_path / "dir"), check(NEW, tmp_path / "dir")):
        [(rule, message)] = errors(result)
        assert rule == "OM404"
        assert message.startswith(f"{tmp_path}/dir/manifest.json: ")
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "JSON"),
        (b"<<<<<<< HEAD\n{}", "JSON"),
        (b"[1]", "JSON"),
        (b'{"format_version": "1.0", "files": [', "JSON"),
        (b'{"files": [], "files": [], "format_version": "1.0"}', "JSON"),
        (b'{"format_version": "1.0", "files": ["\xff"]}', "JSON"),
        (b"[" * 100_000, "JSON"),
        (b'{"x": ' + b"9" * 10_000 + b"}", "JSON"),
        (b"{}", "format_version"),
        (listed(format_version=1.0), "format_version"),
        (listed(format_version="1"), "format_version"),
        (listed(format_version="0.9"), "format_version"),
        (listed(format_version="1.0\n"), "format_version"),
        (listed(format_version="2.0"), "newer"),
        (listed(format_version="10.3", files="?"), "newer"),
        (listed(files={"a": 1}), "files"),
        (b'{"format_version": "1.0"}', "files"),
    ],
)
def test_broken_manifests(tmp_path: Path, data: bytes, reason: str) -> None:
    write(OLD, tmp_path)
    (tmp_path / "manifest.json").write_bytes(data)
    before = tree(tmp_path)
    for result in (write(NEW, tmp_path), check(NEW, tmp_path), [read_listing(tmp_path)]):
        [(rule, message)] = errors(result)
        assert rule == "OM404"
        assert reason in message
    assert tree(tmp_path) == before


def test_an_enormous_manifest(tmp_path: Path) -> None:
    with (tmp_path / "manifest.json").open("wb") as file:
        file.truncate(1 << 40)
    assert "64 MiB" in only_error(write(OLD, tmp_path))


def test_a_later_minor_format_is_read(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(listed("a", format_version="1.7", more=[1]))
    (tmp_path / "a").touch()
    assert read_listing(tmp_path) == Listing(frozenset({"a", "manifest.json"}), unfinished=False)
    assert write(OLD, tmp_path) == Written(created=6, updated=1, removed=1, unchanged=0)
    assert tree(tmp_path) == tree_of(OLD)


def test_listing_of_nothing(tmp_path: Path) -> None:
    nothing = Listing(frozenset(), unfinished=False)
    assert read_listing(tmp_path) == nothing
    assert read_listing(tmp_path / "none") == nothing
