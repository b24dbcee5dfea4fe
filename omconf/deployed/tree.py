"""Reads a node's files from its root tree, here: links are followed inside the tree, never out."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

from omconf.cluster import places
from omconf.deployed.releases import hazelcast_of, release_of
from omconf.deployed.snapshot import (
    MAX_AROUND,
    MAX_BYTES,
    TOO_LARGE,
    Access,
    DeployedFile,
    NodeFiles,
)
from omconf.diagnostics import Finding
from omconf.files.read import NotRegularError, TooLargeError
from omconf.files.tree import Tree, UnresolvedError
from omconf.rules import NOT_A_FILE, UNREADABLE
from omconf.secrets import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from omconf.deployed.snapshot import Request

NOT_RESOLVED = "Replace the path by a shorter one with fewer links."
NO_NODE = Finding(
    NOT_A_FILE,
    0,
    "The node's folder is not a directory.",
    "Make it a directory with the node's files, or remove it if nothing is deployed there yet.",
)
Same = dict[bytes, bytes]
"""Contents that were read already: what is the same on many nodes is kept once."""


def read(
    root: str,
    request: Request,
    *,
    dir_fd: int | None = None,
    access: bool = False,
    same: Same | None = None,
) -> NodeFiles:
    """Read a node's files below `root`; a missing root means that nothing is deployed there.

    A relative `root` starts from the directory `dir_fd`. With `access` the files' modes and owners
    are read too, by the names that this host has for them.
    """
    try:
        tree = Tree.at(root, dir_fd=dir_fd)
    except FileNotFoundError:
        return NodeFiles(asked=request.asked(None))
    except NotADirectoryError:
        return NodeFiles(asked=request.asked(None), problem=NO_NODE)
    except OSError as error:
        return NodeFiles.unknown(request, f"It cannot be read: {error.strerror}.")
    same = {} if same is None else same
    with tree:
        own = _read(tree, request.manifest, access, same)
        asked = request.asked(own.data if own else None)
        found = {p: own if p == request.manifest else _read(tree, p, access, same) for p in asked}
        around = {p: _read(tree, p, access, same) for p in _around(tree, request)}
        jars = _jars(tree, request.library)
    return NodeFiles(
        _there(found),
        asked,
        around=beside(around),
        release=release_of(jars),
        hazelcast=hazelcast_of(jars),
    )


def _there(files: Mapping[str, DeployedFile | None]) -> dict[str, DeployedFile]:
    return {path: file for path, file in files.items() if file is not None}


def beside(files: Mapping[str, DeployedFile | None]) -> dict[str, DeployedFile]:
    """Leave out of the files around those that are not there, and those to which no folder leads."""
    return {path: file for path, file in _there(files).items() if not file.on_the_way}


def _around(tree: Tree, request: Request) -> Iterator[str]:
    """Yield the paths around: what a pattern stands for is listed, as far as it can be."""
    for path in request.around:
        folder, star, _ = path.partition("/*")
        if not star:
            yield path
            continue
        with suppress(OSError, UnresolvedError):
            there = (f"{folder}/{name}" for name in sorted(tree.names(folder)))
            yield from islice((each for each in there if places.fits(path, each)), MAX_AROUND)


def _jars(tree: Tree, library: str | None) -> list[str]:
    """List the folder of the jars; what cannot be read is not known."""
    with suppress(OSError, UnresolvedError):
        return tree.names(library) if library else []
    return []


def _read(tree: Tree, path: str, access: bool, same: Same) -> DeployedFile | None:
    """Read one file; None when there is none."""
    try:
        contents, real = tree.read(path, MAX_BYTES)
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        return no_folder(os.fsdecode(error.filename))
    except UnresolvedError as error:
        return DeployedFile(None, Finding(NOT_A_FILE, 0, str(error), NOT_RESOLVED))
    except NotRegularError as error:
        return DeployedFile(None, no_file(error.what))
    except TooLargeError:
        return DeployedFile(None, TOO_LARGE)
    except OSError as error:
        return DeployedFile(None, Finding(UNREADABLE, 0, f"It cannot be read: {error.strerror}."))
    status = contents.status
    return DeployedFile(
        same.setdefault(contents.data, contents.data),
        access=_access(status) if access else None,
        real=None if real == path else real,  # a text of its own only where it differs
        inode=(status.st_dev, status.st_ino),
    )


def _access(info: os.stat_result) -> Access:
    return Access(
        stat.S_IMODE(info.st_mode),
        _named(pwd.getpwuid, info.st_uid),
        _named(grp.getgrgid, info.st_gid),
    )


def _named(look_up: Callable[[int], Sequence[Any]], number: int) -> str:
    """Return an account's name, or its number if it has none."""
    try:
        return str(look_up(number)[0])
    except KeyError:
        return str(number)


def no_file(what: str) -> Finding:
    """Return the finding that something else is where a file is expected (OM316)."""
    hint = "Put a regular file there: `cp -L` copies the file that a link leads to."
    return Finding(NOT_A_FILE, 0, f"Expected a file, but found {what}.", hint)


def no_folder(path: str) -> DeployedFile:
    """Return a file that cannot be there, as a path on the way to it is no directory (OM316)."""
    message = f"`{quoted(path)}` is not a directory."
    problem = Finding(
        NOT_A_FILE,
        0,
        message,
        "Put a directory there, or a link to one. If nothing is deployed there yet, remove it.",
    )
    return DeployedFile(None, problem, on_the_way=True)
