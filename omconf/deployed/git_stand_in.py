"""Makes the git directory that git runs in when omconf reads a repository.

Its configuration is omconf's own; its objects and branches are links to those of the repository. What
the repository's configuration, hooks, attributes, replacements and grafts say, git never reads; as no
remote is configured, no missing object is fetched. This needs no option of any particular release of
git, and holds for every release since 2.30.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.deployed import git_repository
from omconf.deployed.git_repository import GitError
from omconf.files import read as files
from omconf.files.write import create

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from omconf.deployed.git_config import Config
    from omconf.deployed.git_repository import Repository

MAX_HEAD = 64 * 1024
"""Bytes that are read of `HEAD` and its like: one line counts."""
MAX_ALLOCATION = 128 * 1024 * 1024
"""Bytes that git may allocate at once: a small object may be a difference from a huge one."""

TOO_OLD = "only a newer git can read it"
_DIGITS = {"sha1": 40, "sha256": 64}
_DEFAULTS = {"objectformat": "sha1", "refstorage": "files"}
# https://git-scm.com/docs/repository-version; these do not change how objects and branches are
# read, or are dealt with below.
_HARMLESS = {
    "compatobjectformat",
    "noop",
    "noop-v1",
    "objectformat",
    "partialclone",
    "preciousobjects",
    "refstorage",
    "relativeworktrees",
    "worktreeconfig",
}
_HEADS = ("HEAD", "FETCH_HEAD", "ORIG_HEAD", "MERGE_HEAD")
_SHARED = ("objects", "refs", "packed-refs", "reftable", "logs", "shallow")
_OF_WORK_TREE = ("refs", "reftable", "logs")
_UPSTREAM = re.compile(r"branch\..+\.(?:remote|merge)|remote\..+\.fetch")
_PLAIN = re.compile(r"[A-Za-z0-9._/+*:@-]+")
"""What of a repository's configuration is copied: nothing that has a meaning to git's syntax."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """A git directory that stands in for a repository's."""

    repository: Repository
    config: Config
    """The repository's own configuration, for omconf to read."""
    folder: str
    """What omconf made."""
    git_dir: str
    """The git directory in it; a linked work tree has its own below the common one."""
    digits: int
    """Hexadecimal digits of an object's id."""

    @property
    def environment(self) -> dict[str, str]:
        """All that git learns from its environment: of the user's variables only the PATH."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": self.folder,
            "LC_ALL": "C",
            "GIT_DIR": self.git_dir,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_ALLOC_LIMIT": str(MAX_ALLOCATION),
        }

    def complaint(self, error: str) -> str:
        """Return what git complains of, in the repository's own paths; nothing if it says nothing."""
        if " over limit " in error:
            return f"an object of it takes more than {MAX_ALLOCATION >> 20} MiB to be read"
        if "fatal: unknown repository extension" in error:
            names = ", ".join(line.strip() for line in error.splitlines() if line.startswith("\t"))
            return f"{TOO_OLD}, one that supports: {names}"
        said = error.replace(f"{self.git_dir}/../../", f"{self.folder}/")
        said = said.replace(self.git_dir, self.repository.own)
        said = said.replace(self.folder, self.repository.common)
        lines = [line for line in said.splitlines() if line.startswith(("fatal: ", "error: "))]
        fatal = [line for line in lines if line.startswith("fatal: ")]
        return (fatal or lines or [""])[0][len("fatal: ") :].removesuffix(".")


@contextmanager
def made(repository: Repository) -> Iterator[StandIn]:
    """Make the git directory, for as long as the context lasts.

    Raises GitError for a repository in a format that omconf does not know.
    """
    config = git_repository.config(repository)
    form = _format(config)
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="omconf-git-"))
            git_dir = _fill(repository, config, form, folder)
        except OSError as error:
            place = error.filename or tempfile.gettempdir()
            raise GitError(f"{place}: {error.strerror}") from error
        yield StandIn(repository, config, folder, git_dir, _DIGITS[form["objectformat"]])


def _format(config: Config) -> dict[str, str]:
    """How the repository's objects and branches are stored. Raises GitError where that is unknown."""
    version = config.last("core.repositoryformatversion") or "0"
    if version not in ("0", "1"):
        raise GitError(f"its format version, {version}, is not supported by omconf")
    form = dict(_DEFAULTS)
    for name in config.values:
        section, _, key = name.partition(".")
        if section != "extensions":
            continue
        if version == "1" and key not in _HARMLESS:
            raise GitError(f"it uses a git extension that omconf does not support, `{key}`")
        if key in form:
            form[key] = (config.last(name) or "").lower()
    if form["objectformat"] not in _DIGITS or form["refstorage"] not in ("files", "reftable"):
        raise GitError("it stores objects or branches in a format that omconf does not support")
    return form


def _fill(repository: Repository, config: Config, form: dict[str, str], folder: str) -> str:
    """Fill the folder; returns the git directory in it."""
    own = folder
    _link(repository.common, _SHARED, folder)
    if repository.linked:
        own = f"{folder}/worktrees/own"
        os.makedirs(own)
        _link(repository.own, _OF_WORK_TREE, own)
        _write(f"{own}/commondir", b"../..\n")
    for name in _HEADS:
        _copy(f"{repository.own}/{name}", f"{own}/{name}")
    _write(f"{folder}/config", _configuration(config, form).encode("ascii"))
    return own


def _configuration(config: Config, form: dict[str, str]) -> str:
    """Everything that is configured: the formats, and what `@{upstream}` means."""
    text = (
        "[core]\n\trepositoryformatversion = 1\n\tbare = true\n"
        "\tcommitGraph = false\n\tmultiPackIndex = false\n"
        "[protocol]\n\tallow = never\n"
    )
    text += "[extensions]\n" + "".join(
        f"\t{key} = {value}\n" for key, value in form.items() if value != _DEFAULTS[key]
    )
    for name, values in config.values.items():
        plain = [value for value in values if _PLAIN.fullmatch(value)]
        if plain and _UPSTREAM.fullmatch(name) and _PLAIN.fullmatch(name):
            section, _, rest = name.partition(".")
            subsection, _, key = rest.rpartition(".")
            text += f'[{section} "{subsection}"]\n'
            text += "".join(f"\t{key} = {value}\n" for value in plain)
    return text


def _link(source: str, names: Iterable[str], folder: str) -> None:
    for name in names:
        if os.path.lexists(f"{source}/{name}"):
            os.symlink(f"{source}/{name}", f"{folder}/{name}")


def _copy(source: str, target: str) -> None:
    """Copy a file that names a commit; git takes no link for `HEAD` but one into `refs`."""
    with suppress(FileNotFoundError):
        if stat.S_ISLNK(os.lstat(source).st_mode):
            os.symlink(os.readlink(source), target)
            return
        _write(target, files.start(source, MAX_HEAD, follow=False).data)


def _write(path: str, data: bytes) -> None:
    create(path, data, durable=False)
