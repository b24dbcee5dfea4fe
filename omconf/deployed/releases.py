"""Which release of OpenMeetings a node has installed, by the names of its jars."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_NAMES = 5000
"""Names in the folder of the jars; a release ships some 300."""

_JAR = re.compile(r"openmeetings-[a-z-]{1,40}-([0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3})\.jar")


def release_of(names: Iterable[str]) -> str | None:
    """Read the release from `openmeetings-db-9.1.0.jar` and the like.

    None where there is none, or where jars of several releases lie side by side: then which of them
    runs is not known.
    """
    found = {match[1] for name in names if (match := _JAR.fullmatch(name))}
    return found.pop() if len(found) == 1 else None
