"""Which paths a bundle directory can have: what else its manifest lists is not omconf's.

The manifest lies in a git repository, where a merge request may change it: a listed file that no build
can have written is not deleted.
"""

from __future__ import annotations

from omconf.artifacts import kinds
from omconf.ownership import OWNED
from omconf.regex import regex

_TOP = regex(r"README\.md|manifest\.json|[a-z0-9-]{1,63}/manifest\.json")
_EXTERNAL = regex(
    r"storage/(?:exports|smb\.conf)|database/(?:pg_hba\.conf|(?:postgresql|mysql)\.sql"
    r"|(?:mssql|oracle|db2)\.txt)"
)
_OF_NODE = regex(r"[a-z0-9-]{1,63}/([a-z]+)(/.+)")


def possible(path: str) -> bool:
    """Tell whether a build of some spec can have written a path, relative to its directory."""
    if _TOP.fullmatch(path) or _EXTERNAL.fullmatch(path):
        return True
    found = _OF_NODE.fullmatch(path)
    if found is None:
        return False
    folder, place = found.groups()
    return any(
        OWNED[kind.ownership].folder == folder and kind.settings_of(place, None) is not None
        for kind in kinds()
    )
