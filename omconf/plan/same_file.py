"""Paths of a node that are one file: reached through a link of a folder, a bind mount, a hard link.

A file is what the system says that it is, never its name. What was applied at an earlier path and is
also a wanted file is not deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.diagnostics import Finding
from omconf.rules import KEPT, TWO_WANTED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from omconf.deployed.snapshot import DeployedFile


def twins(paths: Iterable[str], files: Mapping[str, DeployedFile]) -> dict[str, str]:
    """Find the paths that are the same file as an earlier one of `paths`, with that one."""
    seen: dict[object, str] = {}
    found: dict[str, str] = {}
    for path in paths:
        file = files.get(path)
        if file is None:
            continue
        # By ssh only the inode is known, which files of two file systems may have in common.
        inode = ((file.inode, file.data),) if file.inode else ()
        identities = (file.real or path, *inode)
        twin = next((seen[identity] for identity in identities if identity in seen), None)
        if twin is not None:
            found[path] = twin
        seen |= dict.fromkeys((i for i in identities if i not in seen), twin or path)
    return found


def findings(twins: Mapping[str, str], wanted: Collection[str]) -> Iterator[tuple[str, Finding]]:
    """Report twins: two wanted files each, of files at earlier paths the first for all."""
    kept = [path for path in sorted(twins) if path not in wanted]
    for path in sorted(twins.keys() - set(kept)):
        message = f"This is the same file as {twins[path]}: each would overwrite the other."
        hint = "Make them two files, or remove the link or mount that makes them one."
        yield path, Finding(TWO_WANTED, 0, message, hint)
    if kept:
        more = f" (and {len(kept) - 1} more)" if len(kept) > 1 else ""
        message = f"This is the same file as {twins[kept[0]]}, so it is kept{more}."
        yield kept[0], Finding(KEPT, 0, message)
