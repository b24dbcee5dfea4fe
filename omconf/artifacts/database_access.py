"""What lets every node log in to the one database: a hand-over to whoever runs the database server.

Source: the clustering page, step "Database". OpenMeetings creates its own tables at its installation
and alters them at an upgrade (`openjpa.jdbc.SynchronizeMappings`), so its user may do that in its own
database, and nothing anywhere else.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from omconf.actions import Manual, Stage
from omconf.artifacts.effect import Change, Effect
from omconf.artifacts.model import (
    Artifact,
    HandOver,
    Kind,
    Line,
    Meaning,
    Ownership,
    Placeholder,
    Reading,
    line,
)
from omconf.cluster import database_url
from omconf.diagnostics import Diagnostic, Finding
from omconf.findings import report
from omconf.formats import header, jdbc, pg_hba, sql
from omconf.formats.block import MARKERS, markers
from omconf.origin import FromFormat, FromPage, Origin, Value
from omconf.rules import NOT_TAKEN, UNUSABLE_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from omconf.cluster.model import Cluster, Node

STEP = FromPage("Database: users who can connect remotely")
SCRIPT = FromFormat("a script that can be run again, and says what it is for")

FOLDER = "database"
RIGHTS = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES"
"""On MySQL and MariaDB. CREATE also because of `createDatabaseIfNotExist` in the stock URL."""

_POSTGRESQL = """\
-- For the superuser of the PostgreSQL server. `omconf build -o DIR --reveal-secrets` writes a copy
-- with the password in its place; run that one, as root:"""
_PRIMARY = """\
-- Run it on the primary alone: a standby gets it from there. pg_hba.conf goes to each of them."""
_POSTGRESQL_SETUP = """\
-- Run it again after each change: what is there stays, the password is set anew.
\\set ON_ERROR_STOP on
SET client_encoding = 'UTF8';

-- The password stands in no log of the server's, and in its tables as pg_hba.conf asks for it.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SELECT set_config(name, '-1', false) FROM pg_settings WHERE name = 'log_min_duration_sample';
SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'log_transaction_sample_rate';
SET pg_stat_statements.track = 'none';
SET password_encryption = 'scram-sha-256';

-- A role that may log in, and nothing else."""
_POSTGRESQL_OWNER = """\

-- It owns the database, and so may create its tables there, in PostgreSQL 15 and newer too."""
_PG_HBA = """\
# For whoever runs the PostgreSQL server. The lines from BEGIN to END go into its pg_hba.conf
# (SHOW hba_file), in the place of earlier ones, above all lines that speak of the same clients: the
# first line that matches counts. Then, as superuser: SELECT pg_reload_conf();
# The server has to listen where the nodes look for it; a change in postgresql.conf takes a restart:"""
_PG_HBA_TLS = """\
#   ssl = on
# Without TLS no node is let in by these lines. Where nodes still log in without it, leave their `host`
# lines in the block's place until all have restarted with the new persistence.xml."""
_PG_HBA_CLIENTS = """\
# The authority of the nodes' certificates has to be in the server's ssl_ca_file."""
_MYSQL_TLS = """\
--   ssl-cert, ssl-key = the server's certificate and its key
-- Without TLS no node is let in by these accounts. Where nodes still log in without it, run this file
-- when all have restarted with the new persistence.xml; or before, with REQUIRE NONE in each line."""
_MYSQL_CLIENTS = """\
-- The authority of the nodes' certificates has to be in the server's ssl-ca."""
_MYSQL = """\
-- For the administrator of the MySQL or MariaDB server. `omconf build -o DIR --reveal-secrets` writes
-- a copy with the password in its place; run that one, as root:
--   mysql < mysql.sql
-- Run it again after each change: what is there stays, the password is set anew.
-- MySQL 8 needs `database.options` with `allowPublicKeyRetrieval` or TLS (`sslMode`); MariaDB does not.
-- The server has to listen where the nodes look for it; a change under [mysqld] takes a restart:"""
_MYSQL_SETUP = """\
SET NAMES utf8mb4;
-- A backslash in a text below is written twice.
SET SESSION sql_mode = 'STRICT_ALL_TABLES';
-- The password stands in no query log of the server's.
SET SESSION sql_log_off = ON;
SET SESSION long_query_time = 31536000;
"""
_OTHERS = {
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
"""Product and rights. omconf gives no statements for these: it tries none of them."""


class DatabaseAccess(Kind):
    """The files in `database/` of the bundle directory; the nodes themselves get nothing."""

    name: ClassVar[str] = "database_access"
    ownership: ClassVar[Ownership] = Ownership.BLOCK
    stage: ClassVar[Stage] = Stage.SERVE
    purpose: ClassVar[str] = "lets every node log in to the database"
    places: ClassVar[tuple[str, ...]] = ()

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        return []

    def hand_over(self, cluster: Cluster) -> list[HandOver]:
        """Give statements (and rules, for PostgreSQL), or for other servers what is needed."""
        kind = cluster.database.kind.value
        if kind == "postgresql":
            return [
                _statements(cluster, sql.postgresql_text, _postgresql),
                HandOver(
                    f"{FOLDER}/pg_hba.conf",
                    tuple(_pg_hba(cluster, _clients(cluster))),
                    meaning=_meaning(cluster),
                ),
            ]
        if kind == "mysql":
            return [_statements(cluster, sql.mysql_text, _mysql)]
        return [HandOver(f"{FOLDER}/{kind}.txt", tuple(_other(cluster)))]

    def read(self, text: str) -> Reading:
        """Read a pg_hba.conf: how a client is let in, by whom the line speaks of.

        Statements are run and not kept, so nothing of them could be read back.
        """
        reading = Reading()
        for number, whom, how in pg_hba.records(text):
            if not how:
                message = "PostgreSQL refuses this line: a field is missing."
                report(reading.findings, Finding(UNUSABLE_FILE, number, message))
            elif whom not in reading.items:
                reading.items[whom] = how
                reading.lines[whom] = number
        return reading

    def check(self, cluster: Cluster) -> Iterator[Diagnostic]:
        """Find names that the server, or its pg_hba.conf, would take for something else."""
        database = cluster.database
        for what, value in (("user", database.user), ("name", database.name)):
            if reason := _refusal(database.kind.value, what, value.value):
                hint = f"Give the database's {what} another one."
                yield NOT_TAKEN.at(value.span, f"`{value.value[:80]}`: {reason}.", hint=hint)

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """Say what new rules do: only a new connection is held against them."""
        return Effect("database", "the server applies new rules to new connections")

    def external(self, cluster: Cluster) -> Manual | None:
        """Have the database's administrator let every node in, before OpenMeetings needs it."""
        kind = cluster.database.kind.value
        servers = [server.name for server in cluster.database.servers]
        first = f"On the database server {servers[0]}"
        if len(servers) > 1:
            first = f"On the database server that can be written, of {', '.join(servers)}"
        files = tuple(f.path for f in self.hand_over(cluster))
        if kind in _OTHERS:
            text = f"{first}: grant what `{files[0]}` lists."
            return Manual("database", text, files)
        rules = ""
        if len(files) > 1 and len(servers) > 1:
            rules = "; on each, add `database/pg_hba.conf` to its own and reload it"
        elif len(files) > 1:
            rules = ", add `database/pg_hba.conf` to its own and reload it"
        text = (
            f"{first}: run `{files[0]}` of a copy with its password"
            f" (`omconf build --reveal-secrets`){rules}."
        )
        if kind == "mysql" and not _lets_in(cluster):
            text += MYSQL_8
        if cluster.database.tls:
            text += TLS_FIRST
        return Manual("database", text, files, login=True)


KIND = DatabaseAccess()
TLS_FIRST = (
    " It refuses logins without TLS from then on: the server has to offer TLS, and no node may still"
    " log in without it (docs/database.md, Turning TLS on)."
)
MYSQL_8 = (
    " MySQL 8, unlike MariaDB, lets no node in with the URL as it is: first write"
    " `{sslMode: REQUIRED}` or `{allowPublicKeyRetrieval: true}` in `database.options` (OM218)."
)


def _lets_in(cluster: Cluster) -> bool:
    """Tell whether MySQL 8 would let the nodes in by the URL that they have."""
    return jdbc.mysql_8_lets_in(database_url.text(cluster))


def _refusal(kind: str, what: str, name: str) -> str:
    if kind == "postgresql":
        if len(name.encode()) > 63:
            return "PostgreSQL cuts names at 63 bytes, silently"
        if name.startswith("/"):
            return "from PostgreSQL 16 on, pg_hba.conf takes a name with `/` at its start for a pattern"
        if what == "user" and (name.startswith("pg_") or name in ("public", "none")):
            return "PostgreSQL keeps this role name for itself"
    longest = {"user": 80, "name": 64}[what]
    if kind == "mysql" and len(name) > longest:
        return f"MySQL and MariaDB take {longest} characters of it at most"
    if kind == "mysql" and any(ord(char) > 0xFFFF for char in name):
        return "MySQL and MariaDB put `?` in the place of characters beyond U+FFFF in names"
    return ""


_Client = tuple[Value[str], Value[str]]
"""A node's name, and an address that it may come from."""


def _clients(cluster: Cluster) -> Iterator[_Client]:
    """Go through the nodes and the addresses that the server may see of each, beyond NAT too."""
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


def _text(text: str, *why: Origin) -> list[Line]:
    return [Line(each, why) for each in text.split("\n")]


def _encoded(value: Value[str], encode: Callable[[str], str]) -> Value[str]:
    return Value(encode(value.value), value.origin)


def _statements(
    cluster: Cluster,
    encode: Callable[[str], str],
    write: Callable[[Cluster, Placeholder], Iterator[Line]],
) -> HandOver:
    password = Placeholder("database.password", cluster.database.password.value, encode)
    head = line("-- ", header.text(cluster.name), why=(SCRIPT,))
    lines = (head, *write(cluster, password))
    path = f"{FOLDER}/{cluster.database.kind.value}.sql"
    return HandOver(path, lines, mode=0o600, placeholders=(password,))


def _postgresql(cluster: Cluster, password: Placeholder) -> Iterator[Line]:
    database = cluster.database
    role, name = (_encoded(v, sql.postgresql_name) for v in (database.user, database.name))
    role_text, name_text = (
        _encoded(v, sql.postgresql_text) for v in (database.user, database.name)
    )
    secret = (STEP, database.password.origin)
    if len(database.servers) > 1:
        yield from _text(_PRIMARY, SCRIPT)
    yield from _text(_POSTGRESQL, SCRIPT)
    run = "--   runuser -u postgres -- psql -X -v ON_ERROR_STOP=1 -p "
    yield line(run, database.servers[0].port, " -f - < postgresql.sql", why=(SCRIPT,))
    yield from _text(_POSTGRESQL_SETUP, SCRIPT)
    yield line("SELECT format('CREATE ROLE %I', ", role_text, ")", why=(STEP,))
    there = "WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = "
    yield line(there, role_text, ") \\gexec", why=(STEP,))
    yield line("ALTER ROLE ", role, " LOGIN PASSWORD ", password, ";", why=secret)
    yield from _text(_POSTGRESQL_OWNER, SCRIPT)
    create = "SELECT format('CREATE DATABASE %I ENCODING UTF8 TEMPLATE template0', "
    yield line(create, name_text, ")", why=(STEP,))
    there = "WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = "
    yield line(there, name_text, ") \\gexec", why=(STEP,))
    yield line("ALTER DATABASE ", name, " OWNER TO ", role, ";", why=(STEP,))


def _pg_hba(cluster: Cluster, clients: Iterable[_Client]) -> Iterator[Line]:
    database = cluster.database
    role, name = (_encoded(v, pg_hba.name) for v in (database.user, database.name))
    begin, end = markers(cluster.name)
    yield line("# ", header.text(cluster.name), why=(SCRIPT,))
    yield from _text(_PG_HBA, SCRIPT)
    for server in database.servers:
        host = server.host
        listen = "localhost" if server.on_loopback else f"localhost,{host.value}"
        yield line("#   listen_addresses = '", Value(listen, host.origin), "'", why=(STEP,))
        yield line("#   port = ", server.port, why=(STEP,))
    if tls := database.tls:
        yield from _text(_PG_HBA_TLS, tls.mode.origin)
    if tls and tls.client_key:
        yield from _text(_PG_HBA_CLIENTS, tls.client_key.path.origin)
    yield line(begin, why=(MARKERS,))
    kind, how, why = _asked(cluster)
    for _, address in clients:
        yield line(f"{kind} ", name, " ", role, " ", address, f"/32 {how}", why=(STEP, *why))
    yield line(end, why=(MARKERS,))


def _asked(cluster: Cluster) -> tuple[str, str, tuple[Origin, ...]]:
    """Give the type and the method of pg_hba.conf's lines, and why they ask for TLS."""
    tls = cluster.database.tls
    if tls is None:
        return "host", "scram-sha-256", ()
    if key := tls.client_key:
        return "hostssl", "scram-sha-256 clientcert=verify-ca", (tls.mode.origin, key.path.origin)
    return "hostssl", "scram-sha-256", (tls.mode.origin,)


def _required(cluster: Cluster) -> Value[str]:
    """Give what MySQL and MariaDB are to ask of an account besides its password."""
    tls = cluster.database.tls
    if tls is None:
        return Value("", STEP)
    if key := tls.client_key:
        return Value(" REQUIRE X509", key.path.origin)
    return Value(" REQUIRE SSL", tls.mode.origin)


def _meaning(cluster: Cluster) -> Meaning:
    role, name = (pg_hba.name(v.value) for v in (cluster.database.user, cluster.database.name))
    few = list(islice(_clients(cluster), 2))
    kind, how, _ = _asked(cluster)
    whom = (f"{kind} {name} {role} {address.value}/32" for _, address in few)
    sample = tuple(_pg_hba(cluster, few))
    return Meaning(KIND.read, dict.fromkeys(whom, how), sample=sample)


def _mysql(cluster: Cluster, password: Placeholder) -> Iterator[Line]:
    database = cluster.database
    user = _encoded(database.user, sql.mysql_text)
    name, pattern = (_encoded(database.name, f) for f in (sql.mysql_name, sql.mysql_pattern))
    secret = (STEP, database.password.origin)
    yield from _text(_MYSQL, SCRIPT)
    for server in database.servers:
        yield line("--   bind-address = ", server.host, why=(STEP,))
        yield line("--   port = ", server.port, why=(STEP,))
    if tls := database.tls:
        yield from _text(_MYSQL_TLS, tls.mode.origin)
    if tls and tls.client_key:
        yield from _text(_MYSQL_CLIENTS, tls.client_key.path.origin)
    yield from _text(_MYSQL_SETUP, SCRIPT)
    required = _required(cluster)
    charset = " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;"
    yield line("CREATE DATABASE IF NOT EXISTS ", name, charset, why=(STEP,))
    hosts: list[str | Value[str]] = []
    for node, address in _clients(cluster):
        host = _encoded(address, sql.mysql_text)
        hosts += [", ", host] if hosts else [host]
        yield line("", why=(SCRIPT,))
        yield line("-- ", node, why=(SCRIPT,))
        account = (user, "@", host, " IDENTIFIED BY ", password, required, ";")
        yield line("CREATE USER IF NOT EXISTS ", *account, why=secret)
        yield line("ALTER USER ", *account, why=secret)
        grant = f"GRANT {RIGHTS} ON "
        yield line(grant, pattern, ".* TO ", user, "@", host, ";", why=(STEP,))
    yield from _text(
        "\n-- Its accounts for other hosts, if any: of nodes that left, for example.", SCRIPT
    )
    yield line("SELECT user, host FROM mysql.user WHERE user = ", user, why=(SCRIPT,))
    yield line("  AND host NOT IN (", *hosts, ");", why=(SCRIPT,))


def _other(cluster: Cluster) -> Iterator[Line]:
    database = cluster.database
    product, *rights = _OTHERS[database.kind.value]
    yield line(header.text(cluster.name), why=(SCRIPT,))
    yield from _text(
        f"\nFor the administrator of the {product} server: what every node needs to log in."
        "\nNothing of this was tried with a real server.\n",
        SCRIPT,
    )
    yield line("user      ", database.user, why=(STEP,))
    yield line("password  what the spec reads for database.password", why=(STEP,))
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
        yield line("          with encryption, and with nothing else", why=(tls.mode.origin,))
    for number, (node, address) in enumerate(_clients(cluster)):
        yield line("          " if number else "clients   ", address, " (", node, ")", why=(STEP,))
