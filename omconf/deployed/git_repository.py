"""Finds the git repository of a folder, without git: which one it is depends on no configuration.

It is the one whose work tree the folder lies in: that of the first `.git` in the folder or above it.
A bare repository is never taken, because anyone can commit one as ordinary files.
"""

from __future__ import annotations

import os
import pwd
import shlex

from omconf import process
from omconf.dataclass import dataclass
from omconf.deployed import git_config
from omconf.files import read as files

MAX_POINTER = 64 * 1024
"""Bytes of a `.git` or `commondir` file, which hold one path."""
_SECONDS = 20


class GitError(Exception):
    """Why a repository cannot be read: a sentence's end without its full stop, and a hint."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository with a work tree; all paths are absolute.

    `top` is the folder that holds `.git`, `own` the git directory of this work tree, `common` the
    one with the objects, the branches and the configuration. The two differ in a linked work tree.
    """

    top: str
    own: str
    common: str

    @property
    def linked(self) -> bool:
        """True for a work tree that `git worktree add` made."""
        return self.own != self.common


def around(folder: str) -> Repository:
    """Find the repository whose work tree an existing folder (without symbolic links) lies in.

    Raises GitError when there is none, when its `.git` file is damaged, and when it belongs to
    another user whom the user's git does not trust either (`safe.directory`).
    """
    top = folder
    while not (found := at(top)):
        if top == "/":
            hint = "Name a bundle directory inside a git work tree; a bare repository is not read."
            raise GitError("it is not in a git work tree", hint)
        top = os.path.dirname(top)
    _require_owner(found)
    return found


def at(top: str) -> Repository | None:
    """Return the repository whose `.git` stands in a folder. Raises GitError for a damaged one."""
    place = os.path.join(top, ".git")
    if os.path.isdir(place):
        found = Repository(top, os.path.realpath(place), os.path.realpath(place))
    elif os.path.isfile(place):
        own = git_directory(place)
        found = Repository(top, own, common_directory(own))
    else:
        return None
    whole = os.path.lexists(f"{found.own}/HEAD") and all(
        os.path.isdir(f"{found.common}/{name}") for name in ("objects", "refs")
    )
    if whole:
        return found
    if os.path.isdir(place):
        return None  # git goes on to the folder above, too
    raise GitError(f"{place} points to {found.own}, which is not a git repository")


def git_directory(place: str) -> str:
    """Follow a `.git` file (`gitdir: PATH`) of a linked work tree or a submodule.

    Raises GitError when that is not what the file holds.
    """
    text = _pointer(place)
    if not text.startswith("gitdir: "):
        raise GitError(f"{place} does not name a git directory")
    return _path(os.path.dirname(place), text.removeprefix("gitdir: "))


def config(repository: Repository) -> git_config.Config:
    """Read the repository's own configuration file. Raises GitError when that is not possible."""
    path = f"{repository.common}/config"
    try:
        return git_config.read(path)
    except OSError as error:
        raise GitError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise GitError(f"{path} cannot be read: {error}") from error


def common_directory(own: str) -> str:
    """Return what a git directory shares with linked work trees; its own path where it is the main one.

    Raises GitError for a damaged one.
    """
    place = f"{own}/commondir"
    return _path(own, _pointer(place)) if os.path.isfile(place) else own


def _pointer(place: str) -> str:
    try:
        data = files.start(place, MAX_POINTER).data
    except OSError as error:
        raise GitError(f"{place} cannot be read: {error.strerror}") from error
    return os.fsdecode(data).rstrip("\r\n")


def _path(base: str, text: str) -> str:
    if "\0" in text or not text:
        raise GitError(f"a pointer in {base} does not hold a path")
    return os.path.realpath(os.path.join(base, text))


def _require_owner(found: Repository) -> None:
    """Refuse a repository of another user's, as git does: it decides what counts as deployed."""
    trusted = {os.geteuid(), 0}
    sudo = os.environ.get("SUDO_UID", "")
    if os.geteuid() == 0 and sudo.isascii() and sudo.isdecimal():
        trusted.add(int(sudo))
    places = (found.top, f"{found.top}/.git", found.own, found.common)
    owners = {_owner(place) for place in places}
    if owners <= trusted or _is_safe(found.top):
        return
    owner = min(owners - trusted)
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"user id {owner}"
    hint = f"If you trust it: git config --global --add safe.directory {shlex.quote(found.top)}"
    raise GitError(f"the repository {found.top} belongs to another user, {name}", hint)


def _owner(place: str) -> int:
    return os.lstat(place).st_uid


def _is_safe(top: str) -> bool:
    """Ask git whether the user's own configuration has the folder as a `safe.directory`.

    Outside of any repository, so that none can call itself safe.
    """
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith("GIT_CONFIG_")
    }
    words = ("config", "--null", "--type=path", "--get-all", "safe.directory")
    answer = process.run(
        ("git", *words),
        seconds=_SECONDS,
        limit=MAX_POINTER,
        cwd="/",
        env=env | {"GIT_DIR": os.devnull},
    )
    safe = False
    for name in os.fsdecode(answer.out).split("\0")[:-1]:
        if not name:
            safe = False  # an empty value drops those before it
        elif name.endswith("/*"):
            safe |= is_inside(top, os.path.realpath(name.removesuffix("*")))
        else:
            safe |= name == "*" or os.path.realpath(name) == top
    return safe


def is_inside(path: str, folder: str) -> bool:
    """Tell whether an absolute path is a folder or lies in it; both without symbolic links."""
    return os.path.commonpath((path, folder)) == folder
