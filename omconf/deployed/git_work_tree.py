"""Tells whether a folder lies in the work tree of a git repository, without running git.

A repository may have its work tree anywhere (`core.worktree`, `GIT_WORK_TREE`), and nothing in the
work tree says so. Found are the repositories that the folder, the current directory or the environment
lead to; to be safe from any other, secrets are written beside a `.gitignore` (see bundle/writer.py).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from omconf.deployed import git_config, git_repository
from omconf.deployed.git_repository import GitError, is_inside

if TYPE_CHECKING:
    from collections.abc import Iterator


def covering(directory: str) -> str | None:
    """Describe the work tree that a (perhaps not yet existing) folder really lies in."""
    real = os.path.realpath(directory)
    top = next((folder for folder in _upward(real) if _has_git(folder)), None)
    if top:
        return f"the git work tree {top}"
    for tree, owner in _elsewhere():
        if is_inside(real, tree):
            return f"{tree}, the git work tree of {owner}"
    return None


def _upward(folder: str) -> Iterator[str]:
    """Yield a folder and all those above it."""
    yield folder
    while folder != "/":
        folder = os.path.dirname(folder)
        yield folder


def _has_git(folder: str) -> bool:
    return os.path.lexists(os.path.join(folder, ".git"))


def _elsewhere() -> Iterator[tuple[str, str]]:
    """Yield work trees that need not hold a `.git`, each with what makes it one."""
    named = os.environ.get("GIT_WORK_TREE")
    if named:
        yield os.path.realpath(named), "GIT_WORK_TREE"
    own = os.environ.get("GIT_DIR")
    if own and (found := _git_directory(own)):
        tree, bare = _configured(found)
        if tree:
            yield tree, found
        elif not named and not bare:
            yield os.path.realpath("."), f"{found} (GIT_DIR)"
    for folder in _upward(os.path.realpath(".")):
        found = _git_directory(os.path.join(folder, ".git"))
        tree = _configured(found)[0] if found else None
        if found and tree:
            yield tree, found


def _git_directory(place: str) -> str | None:
    """Resolve a git directory, or the `.git` file that names one."""
    try:
        place = git_repository.git_directory(place) if os.path.isfile(place) else place
    except GitError:
        return None
    return os.path.realpath(place) if os.path.isdir(place) else None


def _configured(own: str) -> tuple[str | None, bool]:
    """Read a git directory's `core.worktree`, without symbolic links, and whether it is bare."""
    tree, bare = None, False
    for path in (f"{_common(own)}/config", f"{own}/config.worktree"):
        try:
            config = git_config.read(path)
        except (OSError, ValueError):
            continue  # git cannot use such a repository
        bare |= config.is_true("core.bare")
        tree = config.last("core.worktree") or tree
    return (os.path.realpath(os.path.join(own, tree)) if tree else None), bare


def _common(own: str) -> str:
    try:
        return git_repository.common_directory(own)
    except GitError:
        return own
