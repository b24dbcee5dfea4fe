"""A whole file: omconf writes all of it, and deletes it when it is no longer wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.ownership.model import Owned, Present

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omconf.artifacts.contents import Artifact
    from omconf.artifacts.model import Kind
    from omconf.ownership.model import Reader


class Whole(Owned):
    """The file is omconf's."""

    folder = "files"
    whole = True

    def present(
        self, kind: Kind, cluster: str, text: str, artifact: Artifact | None, read: Reader
    ) -> Present:
        """Read the file as its kind does."""
        reading = read(kind, text)
        return Present(
            reading.items,
            reading.secrets,
            reading.unmasked,
            reading.lines,
            tuple(reading.findings),
            broken=reading.broken,
            reading=reading,
        )

    def merge(
        self, kind: Kind, cluster: str, text: str | None, body: str | None, present: Present
    ) -> str | None:
        """Return the artifact's own text."""
        return body

    def restored(
        self, kind: Kind, cluster: str, before: str | None, now: str, keys: Sequence[str]
    ) -> str | None:
        """Refuse: whose the file is now, nobody can tell."""
        raise ValueError("it was edited after the apply")

    def is_written(
        self, kind: Kind, cluster: str, text: str, artifact: Artifact, present: Present
    ) -> bool:
        """Compare with the artifact, its secrets filled in."""
        return artifact.is_filled(text)

    def part(self, cluster: str, text: str) -> str | None:
        """Return all of the file."""
        return text

    def belongs(self, kind: Kind, cluster: str, text: str) -> bool:
        """Tell whether omconf wrote the file for this cluster: it carries the header."""
        return kind.wrote(text, cluster)
