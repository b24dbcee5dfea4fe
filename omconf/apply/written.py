"""Files that an apply changed on a node, and how one of its steps may end."""

from __future__ import annotations

from omconf.dataclass import dataclass
from omconf.plan.digest import ABSENT, sha256


class StoppedError(Exception):
    """Raised when a signal ends a wait: nothing is known to have failed."""


class FailedError(Exception):
    """Raised when a step fails; the text says why, for people."""


class WaitingError(Exception):
    """Raised when a person's turn is next, and there is none."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was changed: what it held before and after, `MODE|UID|GID` of before, new folders.

    A `shared` file keeps what it has of these. A `conflict` says why it is not brought back. Of one
    that was written `anew` mode and owner alone were changed. `found` digests what a person put there.
    """

    path: str
    before: bytes | None
    after: bytes | None
    access: str = ""
    made: int = 0
    shared: bool = False
    conflict: str = ""
    anew: bool = False
    found: str = ""

    @property
    def now(self) -> str:
        """The digest of what it holds."""
        return self.found or digest(self.after)


def digest(data: bytes | None) -> str:
    """Digest a file as the node does."""
    return ABSENT if data is None else sha256(data)
