"""Checks of folders on a node or server, which are absolute paths.

Each raises a pydantic error whose type is a rule's id; errors.py turns it into a diagnostic.
"""

from __future__ import annotations

import posixpath
import re

from omconf.formats import paths
from omconf.rules import EXPORT_PATH, UNCARRIABLE, WRONG_VALUE
from omconf.spec.refusal import refuse


def _path(value: str) -> str:
    if not value.startswith("/"):
        refuse(WRONG_VALUE, f"`{value[:80]}` is not an absolute path.", "Start it with `/`.")
    if found := re.search(r"\{(?:name|address)\}", value):
        refuse(
            WRONG_VALUE,
            f"`{found[0]}` is not replaced in a path, only in `url`, `ssh` and `member`.",
            "Write the path of each node under its own name in `nodes:`.",
        )
    if not paths.CARRIED.fullmatch(value):
        refuse(
            UNCARRIABLE,
            f"The path `{value[:80]}` contains a character that cannot be used in units or scripts.",
            "Use a folder whose name has no quotes, backslashes, `$`, `*`, `?` or tabs.",
        )
    parts = value.split("/")[1:]
    longest = max(len(part.encode()) for part in parts)
    if len(value.encode()) > paths.MAX_PATH or longest > paths.MAX_PART:
        refuse(
            WRONG_VALUE,
            f"The path `{value[:80]}` is too long: a component may have at most {paths.MAX_PART}"
            f" bytes, the path {paths.MAX_PATH}.",
            "Use a folder with a shorter name.",
        )
    if ".." in parts or "." in parts or (value != "/" and "" in parts):
        better = posixpath.normpath(re.sub("/+", "/", value))
        hint = (
            "Use a folder below `/`, for example `/opt/omdata`."
            if better == "/"
            else f"Write `{better}`."
        )
        refuse(WRONG_VALUE, f"The path `{value[:80]}` is not in its normal form.", hint)
    return value


def folder(value: str) -> str:
    """Check an absolute path to a folder other than the root."""
    if _path(value) == "/":
        refuse(WRONG_VALUE, "The root folder `/` cannot be used here.", "Use a folder below it.")
    return value


def export_path(value: str) -> str:
    """Check the exported folder: absolute; `/` is allowed (check/storage.py refuses it on a node)."""
    if not value.startswith("/"):
        refuse(
            EXPORT_PATH,
            f"`{value[:80]}` cannot be exported: it is not an absolute path.",
            "Write `export: /opt/omdata`.",
        )
    return _path(value)
