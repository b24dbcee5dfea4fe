"""Single keys of a `.properties` file that OpenMeetings ships: its other lines stay to the byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.formats import properties
from omconf.ownership.model import Owned, Present

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omconf.artifacts.contents import Artifact
    from omconf.artifacts.model import Kind
    from omconf.ownership.model import Reader


class Keys(Owned):
    """The keys that the artifact names are omconf's."""

    folder = "keys"
    shared_keys = True

    def present(
        self, kind: Kind, cluster: str, text: str, artifact: Artifact | None, read: Reader
    ) -> Present:
        """Read the keys that the artifact has; what the others say is not omconf's business."""
        reading = read(kind, text)
        if artifact is None:
            return Present(ours=False, reading=reading)
        wanted = read(kind, artifact.text)
        return Present(
            {k: v for k, v in reading.items.items() if k in wanted.items},
            {k: v for k, v in reading.secrets.items() if k in wanted.secrets},
            {k: v for k, v in reading.unmasked.items() if k in wanted.items},
            reading.lines,
            tuple(reading.findings),
            broken=reading.broken,
            reading=reading,
        )

    def merge(
        self, kind: Kind, cluster: str, text: str | None, body: str | None, present: Present
    ) -> str | None:
        """Put the keys in the place of those of the same name, new ones at the end."""
        if body is None:
            return text
        settings = {key: setting.value for key, setting in properties.read(body).items()}
        return properties.merge(text or "", settings)

    def restored(
        self, kind: Kind, cluster: str, before: str | None, now: str, keys: Sequence[str]
    ) -> str | None:
        """Give the keys the values that they had, and take away those that were not there."""
        old = properties.read(before or "")
        kept = properties.without(now, [key for key in keys if key not in old])
        return properties.merge(kept, {key: old[key].value for key in keys if key in old})

    def is_written(
        self, kind: Kind, cluster: str, text: str, artifact: Artifact, present: Present
    ) -> bool:
        """Take any way of writing a key: its line is the file's own as long as its value is right."""
        return True

    def part(self, cluster: str, text: str) -> str | None:
        """Return None: the file does not show which of its keys omconf wrote."""
        return None
