"""MySQL and MariaDB: statements that create the database, and an account for each node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.artifacts.contents import Line, Placeholder, line
from omconf.artifacts.database_access.statements import SCRIPT, STEP, clients, encoded, lines_of
from omconf.formats import sql
from omconf.origin import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.cluster.model import Cluster

RIGHTS = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES"
"""On MySQL and MariaDB. CREATE also because of `createDatabaseIfNotExist` in the stock URL."""
_TLS = """\
--   ssl-cert, ssl-key = the server's certificate and its key
-- These accounts refuse logins without TLS. If nodes still log in without it, run this file after all
-- have restarted with the new persistence.xml; or before, with REQUIRE NONE in each line."""
_CLIENTS = """\
-- The CA of the nodes' certificates has to be in the server's ssl-ca."""
_INTRODUCTION = """\
-- For the administrator of the MySQL or MariaDB server. `omconf build -o DIR --reveal-secrets` writes
-- a copy with the password; run that one, as root:
--   mysql < mysql.sql
-- Run it again after each change: existing objects stay, the password is set again.
-- MySQL 8 needs `database.options` with `allowPublicKeyRetrieval` or TLS (`sslMode`); MariaDB does not.
-- The server has to listen where the nodes connect; changes under [mysqld] need a restart:"""
_SETUP = """\
SET NAMES utf8mb4;
-- Backslashes in strings below are doubled.
SET SESSION sql_mode = 'STRICT_ALL_TABLES';
-- Keep the password out of the server's query logs.
SET SESSION sql_log_off = ON;
SET SESSION long_query_time = 31536000;
"""


def _required(cluster: Cluster) -> Value[str]:
    """Return the REQUIRE clause of an account; empty without TLS."""
    tls = cluster.database.tls
    if tls is None:
        return Value("", STEP)
    if key := tls.client_key:
        return Value(" REQUIRE X509", key.path.origin)
    return Value(" REQUIRE SSL", tls.mode.origin)


def statements(cluster: Cluster, password: Placeholder) -> Iterator[Line]:
    """Write the statements for mysql; they can be run again."""
    database = cluster.database
    user = encoded(database.user, sql.mysql_text)
    name, pattern = (encoded(database.name, f) for f in (sql.mysql_name, sql.mysql_pattern))
    secret = (STEP, database.password.origin)
    yield from lines_of(_INTRODUCTION, SCRIPT)
    for server in database.servers:
        yield line("--   bind-address = ", server.host, why=(STEP,))
        yield line("--   port = ", server.port, why=(STEP,))
    if tls := database.tls:
        yield from lines_of(_TLS, tls.mode.origin)
    if tls and tls.client_key:
        yield from lines_of(_CLIENTS, tls.client_key.path.origin)
    yield from lines_of(_SETUP, SCRIPT)
    required = _required(cluster)
    charset = " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;"
    yield line("CREATE DATABASE IF NOT EXISTS ", name, charset, why=(STEP,))
    hosts: list[str | Value[str]] = []
    for node, address in clients(cluster):
        host = encoded(address, sql.mysql_text)
        hosts += [", ", host] if hosts else [host]
        yield line("", why=(SCRIPT,))
        yield line("-- ", node, why=(SCRIPT,))
        account = (user, "@", host, " IDENTIFIED BY ", password, required, ";")
        yield line("CREATE USER IF NOT EXISTS ", *account, why=secret)
        yield line("ALTER USER ", *account, why=secret)
        grant = f"GRANT {RIGHTS} ON "
        yield line(grant, pattern, ".* TO ", user, "@", host, ";", why=(STEP,))
    yield from lines_of(
        "\n-- Accounts for other hosts, if any, for example of removed nodes.", SCRIPT
    )
    yield line("SELECT user, host FROM mysql.user WHERE user = ", user, why=(SCRIPT,))
    yield line("  AND host NOT IN (", *hosts, ");", why=(SCRIPT,))
