"""Secrets are not written into a git work tree; `git status` says what git would take of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.command import Result, omconf
from tests.deployed.same import SECRET, write_spec
from tests.deployed.test_git import commit, git
from tests.needs import needs

pytestmark = needs("git")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    return write_spec(tmp_path)


def reveal(spec: Path, target: str | Path, cwd: Path | None = None, **env: str | Path) -> Result:
    variables = {**SECRET, **{name: str(value) for name, value in env.items()}}
    return omconf(
        "build", spec, "--reveal-secrets", "-o", target, cwd=cwd or spec.parent, env=variables
    )


def refused(done: Result, tree: Path, why: str) -> None:
    assert (done.code, done.out) == (1, "")
    assert done.rules == ["OM406"]
    assert f" {why}: " in done.err
    assert not any(tree.rglob("manifest.json"))


def test_git_above(spec: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "main")
    tree = tmp_path / "main"
    refused(reveal(spec, tree / "new/x"), tree, f"the git work tree {tree}")
    (tmp_path / "link").symlink_to(tree)
    refused(reveal(spec, "link/new"), tree, f"the git work tree {tree}")
    commit(tree)
    git(tree, "worktree", "add", "-q", "../linked")
    refused(reveal(spec, "linked/x"), tmp_path / "linked", f"the git work tree {tmp_path}/linked")


def test_variables(spec: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "dot.git")
    tree, dot = tmp_path / "tree", tmp_path / "dot.git"
    tree.mkdir()
    refused(
        reveal(spec, "tree/x", GIT_DIR=dot, GIT_WORK_TREE=tree),
        tree,
        f"{tree}, the git work tree of GIT_WORK_TREE",
    )
    refused(
        reveal(spec, "tree/x", GIT_DIR="dot.git", GIT_WORK_TREE="tree/"),
        tree,
        f"{tree}, the git work tree of GIT_WORK_TREE",
    )
    assert reveal(spec, "free", GIT_DIR=dot).code == 0
    git(dot, "config", "core.bare", "false")
    said = f"{tree}, the git work tree of {dot} (GIT_DIR)"
    refused(reveal(spec, "x", cwd=tree, GIT_DIR=dot), tree, said)
    assert reveal(spec, tmp_path / "free2", cwd=tree, GIT_DIR=dot).code == 0
    git(dot, "config", "core.worktree", "../tree")
    refused(reveal(spec, "tree/x", GIT_DIR=dot), tree, f"{tree}, the git work tree of {dot}")


def test_configured_elsewhere(spec: Path, tmp_path: Path) -> None:
    """The current directory's repository has its work tree in another place."""
    other = tmp_path / "other place"
    other.mkdir()
    git(tmp_path, "init", "-q", "own")
    (tmp_path / "own/below").mkdir()
    git_dir = tmp_path / "own/.git"
    with (git_dir / "config").open("a") as settings:
        settings.write('[core] worktree = "../../other place"\n')
    for folder in (tmp_path / "own", tmp_path / "own/below"):
        done = reveal(spec, other / "x", cwd=folder)
        refused(done, other, f"{other}, the git work tree of {git_dir}")
    (git_dir / "config").write_text(
        "[core]\n\trepositoryformatversion = 1\n[extensions]\nworktreeConfig\n"
    )
    (git_dir / "config.worktree").write_text(f"[core]\n\tworktree = {other}\n")
    refused(
        reveal(spec, other / "x", cwd=tmp_path / "own"),
        other,
        f"{other}, the git work tree of {git_dir}",
    )
    (git_dir / "config.worktree").write_text("[core")
    assert reveal(spec, other / "x", cwd=tmp_path / "own").code == 0


def test_git_ignores_it_in_every_other_work_tree(spec: Path, tmp_path: Path) -> None:
    """Nothing leads from a folder to a repository that has it as its work tree."""
    git(tmp_path, "init", "-q", "own")
    (tmp_path / "other").mkdir()
    git(tmp_path / "own", "config", "core.worktree", str(tmp_path / "other"))
    (tmp_path / "other/.gitignore").write_text("!*\n!.gitignore\n")
    assert reveal(spec, "other/x/y").code == 0
    assert "not-a-real-password" in "".join(
        p.read_text() for p in (tmp_path / "other/x/y").rglob("persistence.xml")
    )
    assert git(tmp_path / "own", "status", "--porcelain", "-uall") == "?? .gitignore"
    git(tmp_path / "own", "add", "-A")
    assert git(tmp_path / "own", "ls-files") == ".gitignore"
    before = (tmp_path / "other/x/y/.gitignore").stat()
    assert reveal(spec, "other/x/y").code == 0
    assert (tmp_path / "other/x/y/.gitignore").stat().st_mtime_ns == before.st_mtime_ns


def test_a_gitignore_that_is_there(spec: Path, tmp_path: Path) -> None:
    folder = tmp_path / "private"
    for text, kept in (("", "*\n"), ("mine\n", "mine\n")):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        (folder / ".gitignore").write_text(text)
        assert reveal(spec, folder).code == 0
        assert (folder / ".gitignore").read_text() == kept
    shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    (folder / ".gitignore").symlink_to("elsewhere")
    done = reveal(spec, folder)
    assert "OM403" in done.err
    assert [p.name for p in folder.iterdir()] == [".gitignore"]


def test_a_build_that_fails_leaves_none_behind(spec: Path, tmp_path: Path) -> None:
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    (folder / "foreign").write_text("x")
    assert "OM401" in reveal(spec, folder).err
    assert [p.name for p in folder.iterdir()] == ["foreign"]


def test_nothing_is_run(spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    git_dir = tmp_path / "own/.git"
    git_dir.mkdir(parents=True)
    (git_dir / "config").write_text(f"[core]\n\tworktree = {tmp_path}/other\n\tfsmonitor = false\n")
    refused(
        reveal(spec, "../other/x", cwd=tmp_path / "own"),
        tmp_path,
        f"{tmp_path}/other, the git work tree of {git_dir}",
    )
