"""Shared by the files for all database servers: clients, and lines with their origins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.artifacts.contents import ExternalFile, Line, Placeholder, line
from omconf.formats import header
from omconf.origin import FromFormat, FromPage, Origin, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from omconf.cluster.model import Cluster

STEP = FromPage("Database: users who can connect remotely")
SCRIPT = FromFormat("a script that can be run again, and describes its purpose")
FOLDER = "database"
Client = tuple[Value[str], Value[str]]
"""A node's name, and an address that its connections come from."""


def clients(cluster: Cluster) -> Iterator[Client]:
    """Yield each node with every address at which the server may see it, with NAT and without."""
    database = cluster.database
    beyond: set[str] = set()
    for node in cluster.nodes:
        server = database.servers[0]
        loopback = Value("127.0.0.1", server.host.origin)
        yield node.name, loopback if server.on_loopback else node.address
        public = node.public_address
        if public and not server.on_loopback and public.value not in beyond:
            beyond.add(public.value)  # one NAT may have several nodes behind it
            yield node.name, public


def lines_of(text: str, *why: Origin) -> list[Line]:
    """Split a text into lines of one origin."""
    return [Line(each, why) for each in text.split("\n")]


def encoded(value: Value[str], encode: Callable[[str], str]) -> Value[str]:
    """Encode a value for a file; it keeps its origin."""
    return Value(encode(value.value), value.origin)


def statements(
    cluster: Cluster,
    encode: Callable[[str], str],
    write: Callable[[Cluster, Placeholder], Iterator[Line]],
) -> ExternalFile:
    """Make the .sql file of the cluster's database: a header, and the lines from `write`.

    `encode` writes the password as a text of that SQL; readable by its owner alone.
    """
    password = Placeholder("database.password", cluster.database.password.value, encode)
    head = line("-- ", header.text(cluster.name), why=(SCRIPT,))
    lines = (head, *write(cluster, password))
    path = f"{FOLDER}/{cluster.database.kind.value}.sql"
    return ExternalFile(path, lines, mode=0o600, placeholders=(password,))
