"""What every way of owning answers of one file of one node."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import field
from typing import TYPE_CHECKING, ClassVar

from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from omconf.artifacts.contents import Artifact
    from omconf.artifacts.model import Kind
    from omconf.artifacts.reading import Reading
    from omconf.diagnostics import Finding
    from omconf.formats.block import Entry
    from omconf.secrets import Secret

    Reader = Callable[[Kind, str], Reading]
    """Reads a text of a kind; the caller may have read it before."""


@dataclass(frozen=True, slots=True)
class Present:
    """What counts of a deployed file now, for omconf: items and secrets by key.

    `unmasked` has the whole value of each item in which a part is masked; a block masks none.
    `adopted` are hand-made entries that say what omconf wants to own. `ours` is False where nothing
    of omconf's stands in the file and nothing is adopted. `broken` tells that the file cannot be
    compared, `reading` is all of it, for checks across nodes.
    """

    items: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    unmasked: Mapping[str, Secret] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    adopted: tuple[Entry, ...] = ()
    ours: bool = True
    broken: bool = False
    reading: Reading | None = None


class Owned(ABC):
    """One way of owning a part of a file."""

    folder: ClassVar[str]
    """Where its content lies in a node's bundle."""
    whole: ClassVar[bool] = False
    """Whether the file as a whole is omconf's, with its mode and owner."""
    listed_when_new: ClassVar[bool] = False
    """Whether the items of a new file are told one by one: others may add theirs to it."""
    shared_keys: ClassVar[bool] = False
    """Whether a key that omconf does not own may stand in the file beside its own."""

    @abstractmethod
    def present(
        self, kind: Kind, cluster: str, text: str, artifact: Artifact | None, read: Reader
    ) -> Present:
        """Read what counts of a deployed file now, where `artifact` is wanted (None: nothing is)."""

    @abstractmethod
    def merge(
        self, kind: Kind, cluster: str, text: str | None, body: str | None, present: Present
    ) -> str | None:
        """Return what the file shall be; None: it shall not be there.

        `text` is the deployed file (None: there is none), `body` the artifact's text with its secrets
        filled in or not (None: nothing is wanted). All that is not omconf's is kept to the byte.
        """

    @abstractmethod
    def restored(
        self, kind: Kind, cluster: str, before: str | None, now: str, keys: Sequence[str]
    ) -> str | None:
        """Return what takes omconf's part of an edited file back to what it was.

        What others changed meanwhile stays. `keys` are those that omconf wrote in a file with others'
        keys. Raises ValueError, with a reason for people, where the two cannot be told apart.
        """

    @abstractmethod
    def is_written(
        self, kind: Kind, cluster: str, text: str, artifact: Artifact, present: Present
    ) -> bool:
        """Tell whether a file that means what is wanted is also written so, secrets left aside."""

    @abstractmethod
    def part(self, cluster: str, text: str) -> str | None:
        """Return what is omconf's of a deployed file, as a bundle would hold it.

        Empty where nothing is; None where that cannot be told.
        """

    def belongs(self, kind: Kind, cluster: str, text: str) -> bool:
        """Tell whether a file that a manifest lists may be taken away, or what is omconf's of it."""
        return True
