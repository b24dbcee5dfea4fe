"""SQL Server, Oracle Database and Db2: a description of what their administrator grants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.artifacts.contents import Line, line
from omconf.artifacts.database_access.statements import SCRIPT, STEP, clients, lines_of
from omconf.formats import header
from omconf.origin import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.cluster.model import Cluster

PRODUCTS = {
    "mssql": (
        "SQL Server",
        "a login with a password (mixed mode), and its user in the database;",
        "the roles db_datareader, db_datawriter and db_ddladmin in it; no server role",
    ),
    "oracle": (
        "Oracle Database",
        "CREATE SESSION, CREATE TABLE, CREATE SEQUENCE, CREATE TRIGGER;",
        "a quota on its tablespace; not the role DBA",
    ),
    "db2": (
        "Db2",
        "a user of the server's operating system; CONNECT and CREATETAB on the database,",
        "USE of a tablespace, a schema of its own; not DBADM",
    ),
}
"""By kind: the product and two lines of rights. omconf is tested with none of these servers."""


def grants(cluster: Cluster) -> Iterator[Line]:
    """List the account, its rights and its clients for the administrator."""
    database = cluster.database
    product, *rights = PRODUCTS[database.kind.value]
    yield line(header.text(cluster.name), why=(SCRIPT,))
    yield from lines_of(
        f"\nFor the administrator of the {product} server: what every node needs to log in."
        "\nomconf is not tested with a real server of this kind.\n",
        SCRIPT,
    )
    yield line("user      ", database.user, why=(STEP,))
    reference = Value("", database.password.origin)
    yield line("password  what the spec reads for database.password", reference, why=(STEP,))
    if database.service:
        yield line("service   ", database.service, why=(STEP,))
    else:
        yield line("database  ", database.name, why=(STEP,))
    yield line("rights    ", rights[0], why=(STEP,))
    yield line("          ", rights[1], why=(STEP,))
    yield line("          OpenMeetings creates and alters its own tables", why=(STEP,))
    for number, server in enumerate(database.servers):
        begin = "          " if number else "listens   "
        yield line(begin, server.host, ", TCP port ", server.port, why=(STEP,))
    if tls := database.tls:
        yield line("          with encryption only", why=(tls.mode.origin,))
    for number, (node, address) in enumerate(clients(cluster)):
        yield line("          " if number else "clients   ", address, " (", node, ")", why=(STEP,))
