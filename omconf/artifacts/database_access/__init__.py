"""Files for the administrator of the database server that let every node log in.

Source: the clustering page, step "Database". OpenMeetings creates its tables at installation
and alters them at an upgrade (`openjpa.jdbc.SynchronizeMappings`), so its user may do that in its own
database, and nothing in others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from omconf.actions import Manual, Stage
from omconf.artifacts.contents import Artifact, ExternalFile, Ownership
from omconf.artifacts.database_access import mysql, other_servers, postgresql
from omconf.artifacts.database_access.statements import FOLDER, clients, statements
from omconf.artifacts.effect import Change, Effect
from omconf.artifacts.model import Kind
from omconf.cluster import database_url
from omconf.formats import jdbc_url, sql
from omconf.rules import NOT_TAKEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omconf.artifacts.reading import Reading
    from omconf.cluster.model import Cluster, Node
    from omconf.diagnostics import Diagnostic


class DatabaseAccess(Kind):
    """The files in `database/` of the bundle directory; the nodes themselves get nothing."""

    name: ClassVar[str] = "database_access"
    ownership: ClassVar[Ownership] = Ownership.BLOCK
    stage: ClassVar[Stage] = Stage.SERVE
    purpose: ClassVar[str] = "lets every node log in to the database"
    places: ClassVar[tuple[str, ...]] = ()

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """Return nothing: a node needs no file for this."""
        return []

    def external_files(self, cluster: Cluster) -> list[ExternalFile]:
        """Return the statements (for PostgreSQL, pg_hba.conf too); for other servers, what to grant."""
        kind = cluster.database.kind.value
        if kind == "postgresql":
            return [
                statements(cluster, sql.postgresql_text, postgresql.statements),
                ExternalFile(
                    f"{FOLDER}/pg_hba.conf",
                    tuple(postgresql.pg_hba_lines(cluster, clients(cluster))),
                    meaning=postgresql.meaning(cluster),
                ),
            ]
        if kind == "mysql":
            return [statements(cluster, sql.mysql_text, mysql.statements)]
        return [ExternalFile(f"{FOLDER}/{kind}.txt", tuple(other_servers.grants(cluster)))]

    def read(self, text: str) -> Reading:
        """Read a pg_hba.conf: how a client is let in, by type, database, role and address.

        Statements are not stored, so they cannot be read back.
        """
        return postgresql.read(text)

    def check(self, cluster: Cluster) -> Iterator[Diagnostic]:
        """Refuse names that the server, or its pg_hba.conf, would read as something else (OM216)."""
        database = cluster.database
        for what, value in (("user", database.user), ("name", database.name)):
            if reason := _refusal(database.kind.value, what, value.value):
                hint = f"Change the database's {what}."
                yield NOT_TAKEN.at(value.span, f"`{value.value[:80]}`: {reason}.", hint=hint)

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """New rules apply to new connections only."""
        return Effect("database", "the server applies new rules to new connections")

    def external(self, cluster: Cluster) -> Manual | None:
        """Return the step of the database's administrator, before OpenMeetings starts."""
        kind = cluster.database.kind.value
        servers = [server.name for server in cluster.database.servers]
        first = f"On the database server {servers[0]}"
        if len(servers) > 1:
            first = f"On the writable database server of {', '.join(servers)}"
        files = tuple(f.path for f in self.external_files(cluster))
        if kind in other_servers.PRODUCTS:
            text = f"{first}: grant what `{files[0]}` lists."
            return Manual("database", text, files)
        rules = ""
        if len(files) > 1 and len(servers) > 1:
            rules = (
                "; on each, add `database/pg_hba.conf` to the server's pg_hba.conf and reload it"
            )
        elif len(files) > 1:
            rules = ", add `database/pg_hba.conf` to the server's pg_hba.conf and reload it"
        text = (
            f"{first}: run `{files[0]}` from a copy with the password (`omconf build"
            f" --reveal-secrets`){rules}."
        )
        if kind == "mysql" and not _lets_in(cluster):
            text += MYSQL_8
        if cluster.database.tls:
            text += TLS_FIRST
        return Manual("database", text, files, login=True)


KIND = DatabaseAccess()
TLS_FIRST = (
    " From then on, logins without TLS are refused: the server has to offer TLS, and no node may"
    " still log in without it (docs/database.md, Turning TLS on)."
)
MYSQL_8 = (
    " MySQL 8, unlike MariaDB, refuses logins with the current URL: first set `sslMode: REQUIRED` or"
    " `allowPublicKeyRetrieval: true` in `database.options` (OM218)."
)


def _lets_in(cluster: Cluster) -> bool:
    """Tell whether MySQL 8 accepts logins with the nodes' URL."""
    return jdbc_url.mysql_8_lets_in(database_url.text(cluster))


def _refusal(kind: str, what: str, name: str) -> str:
    if kind == "postgresql":
        if len(name.encode()) > 63:
            return "PostgreSQL silently truncates names to 63 bytes"
        if name.startswith("/"):
            return "from PostgreSQL 16 on, a name that starts with `/` is a pattern in pg_hba.conf"
        if what == "user" and (name.startswith("pg_") or name in ("public", "none")):
            return "PostgreSQL reserves this role name"
    longest = {"user": 80, "name": 64}[what]
    if kind == "mysql" and len(name) > longest:
        return f"MySQL and MariaDB allow at most {longest} characters"
    if kind == "mysql" and any(ord(char) > 0xFFFF for char in name):
        return "MySQL and MariaDB replace characters above U+FFFF in names by `?`"
    return ""
