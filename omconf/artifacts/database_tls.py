"""The files that the JDBC driver needs for TLS: CAs, a certificate, its key.

Each is a secret as a whole: its bundle has a placeholder alone, no manifest its digest, and a plan says
whether it is equal. It belongs to the user that OpenMeetings runs as, and is closed to all others:
pgJDBC 42.7.10 refuses a key that its group can read, whoever owns it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from omconf.actions import Stage
from omconf.artifacts.contents import Artifact, Ownership, Placeholder, line
from omconf.artifacts.effect import Change, Effect
from omconf.artifacts.model import Kind
from omconf.artifacts.reading import Reading
from omconf.cluster.places import DATABASE_FILE
from omconf.diagnostics import Finding
from omconf.origin import FromDefault
from omconf.regex import regex
from omconf.rules import UNUSABLE_FILE
from omconf.secret_sources import MAX_FILE
from omconf.secrets import SecretFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.cluster.model import Cluster, Node

CLOSED = FromDefault("database.tls", "the driver rejects a key that others can read")
CONTENT = "secret"
"""What the one item of such a file is called."""
_UNFILLED = regex(r"(@omconf:[\w.-]+@)\n?")
_FORMATS = {
    "ca": ("pem", "p12", "jks"),
    "client-cert": ("pem",),
    "client-key": ("pem", "pk8", "p12", "jks"),
}


class DatabaseTls(Kind):
    """Up to three files on every node, where the spec says what stands in them."""

    name: ClassVar[str] = "database_tls"
    ownership: ClassVar[Ownership] = Ownership.FILE
    stage: ClassVar[Stage] = Stage.PROTECT
    purpose: ClassVar[str] = "authenticates the database server and OpenMeetings to each other"
    places: ClassVar[tuple[str, ...]] = tuple(
        DATABASE_FILE.replace("{name}", name).replace("{format}", end)
        for name, ends in _FORMATS.items()
        for end in ends
    )

    def paths(self, cluster: Cluster, node: Node) -> tuple[str, ...]:
        """Return the paths that are used; others, left from before, are in the node's manifest."""
        return tuple(artifact.path for artifact in _artifacts(cluster))

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """Return each TLS file whose contents the spec gives."""
        return list(_artifacts(cluster))

    def read(self, text: str) -> Reading:
        """Take all of the file for one secret."""
        if len(text) > MAX_FILE:
            message = f"It is larger than {MAX_FILE // 1024} KiB."
            return Reading(findings=[Finding(UNUSABLE_FILE, 0, message)], broken=True)
        unfilled = _UNFILLED.fullmatch(text)
        content = unfilled[1] if unfilled else text
        return Reading(secrets={CONTENT: SecretFile(content)}, lines={CONTENT: 1})

    def wrote(self, text: str, cluster: str) -> bool:
        """Take every file at such a path for omconf's: nothing in it could say so."""
        return True

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """Nothing restarts: the driver reads the file at its next connection."""
        return Effect("none", "the driver reads it at its next connection to the database")


KIND = DatabaseTls()


@lru_cache(maxsize=2)
def _artifacts(cluster: Cluster) -> tuple[Artifact, ...]:
    om, tls = cluster.openmeetings, cluster.database.tls
    found = []
    for key, file in tls.files.items() if tls else ():
        if file.source is None:
            continue
        place = Placeholder(f"database.tls.{key}", file.source.value, str)
        found.append(
            Artifact(
                KIND.name,
                file.path.value,
                KIND.ownership,
                (line(place, why=(CLOSED, file.source.origin)),),
                mode=0o600,
                owner=om.user.value,
                group=om.group.value,
                placeholders=(place,),
                whole_secret=True,
            )
        )
    return tuple(found)
