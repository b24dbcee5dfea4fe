"""PostgreSQL: statements that create the role and its database, and the lines of pg_hba.conf."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from omconf.artifacts.contents import Line, Meaning, Placeholder, line
from omconf.artifacts.database_access.statements import SCRIPT, STEP, clients, encoded, lines_of
from omconf.artifacts.reading import Reading
from omconf.diagnostics import Finding
from omconf.findings import report
from omconf.formats import header, pg_hba, sql
from omconf.formats.block import MARKERS, markers
from omconf.origin import Origin, Value
from omconf.rules import UNUSABLE_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from omconf.artifacts.database_access.statements import Client
    from omconf.cluster.model import Cluster

_INTRODUCTION = """\
-- For the superuser of the PostgreSQL server. `omconf build -o DIR --reveal-secrets` writes a copy
-- with the password; run that one, as root:"""
_PRIMARY = """\
-- Run it on the primary only: standbys replicate it. pg_hba.conf goes to each server."""
_SETUP = """\
-- Run it again after each change: existing objects stay, the password is set again.
\\set ON_ERROR_STOP on
SET client_encoding = 'UTF8';

-- Keep the password out of the server's logs, and store it as pg_hba.conf requires.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SELECT set_config(name, '-1', false) FROM pg_settings WHERE name = 'log_min_duration_sample';
SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'log_transaction_sample_rate';
SET pg_stat_statements.track = 'none';
SET password_encryption = 'scram-sha-256';

-- A role that may only log in."""
_OWNER = """\

-- It owns the database, so that it may create tables there (also in PostgreSQL 15 and newer)."""
_PG_HBA = """\
# For the administrator of the PostgreSQL server. Put the lines from BEGIN to END into its pg_hba.conf
# (SHOW hba_file), replacing earlier ones, above all lines for the same clients: the first line
# that matches counts. Then, as superuser: SELECT pg_reload_conf();
# The server has to listen where the nodes connect; changes in postgresql.conf need a restart:"""
_PG_HBA_TLS = """\
#   ssl = on
# These lines refuse logins without TLS. If nodes still log in without it, keep their `host` lines
# instead of this block until all have restarted with the new persistence.xml."""
_PG_HBA_CLIENTS = """\
# The CA of the nodes' certificates has to be in the server's ssl_ca_file."""


def statements(cluster: Cluster, password: Placeholder) -> Iterator[Line]:
    """Write the statements for psql; they can be run again."""
    database = cluster.database
    role, name = (encoded(v, sql.postgresql_name) for v in (database.user, database.name))
    role_text, name_text = (encoded(v, sql.postgresql_text) for v in (database.user, database.name))
    secret = (STEP, database.password.origin)
    if len(database.servers) > 1:
        yield from lines_of(_PRIMARY, SCRIPT)
    yield from lines_of(_INTRODUCTION, SCRIPT)
    run = "--   runuser -u postgres -- psql -X -v ON_ERROR_STOP=1 -p "
    yield line(run, database.servers[0].port, " -f - < postgresql.sql", why=(SCRIPT,))
    yield from lines_of(_SETUP, SCRIPT)
    yield line("SELECT format('CREATE ROLE %I', ", role_text, ")", why=(STEP,))
    there = "WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = "
    yield line(there, role_text, ") \\gexec", why=(STEP,))
    yield line("ALTER ROLE ", role, " LOGIN PASSWORD ", password, ";", why=secret)
    yield from lines_of(_OWNER, SCRIPT)
    create = "SELECT format('CREATE DATABASE %I ENCODING UTF8 TEMPLATE template0', "
    yield line(create, name_text, ")", why=(STEP,))
    there = "WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = "
    yield line(there, name_text, ") \\gexec", why=(STEP,))
    yield line("ALTER DATABASE ", name, " OWNER TO ", role, ";", why=(STEP,))


def pg_hba_lines(cluster: Cluster, clients: Iterable[Client]) -> Iterator[Line]:
    """Write pg_hba.conf: a block with one line for each client."""
    database = cluster.database
    role, name = (encoded(v, pg_hba.name) for v in (database.user, database.name))
    begin, end = markers(cluster.name)
    yield line("# ", header.text(cluster.name), why=(SCRIPT,))
    yield from lines_of(_PG_HBA, SCRIPT)
    for server in database.servers:
        host = server.host
        listen = "localhost" if server.on_loopback else f"localhost,{host.value}"
        yield line("#   listen_addresses = '", Value(listen, host.origin), "'", why=(STEP,))
        yield line("#   port = ", server.port, why=(STEP,))
    if tls := database.tls:
        yield from lines_of(_PG_HBA_TLS, tls.mode.origin)
    if tls and tls.client_key:
        yield from lines_of(_PG_HBA_CLIENTS, tls.client_key.path.origin)
    yield line(begin, why=(MARKERS,))
    kind, how, why = _asked(cluster)
    for _, address in clients:
        yield line(f"{kind} ", name, " ", role, " ", address, f"/32 {how}", why=(STEP, *why))
    yield line(end, why=(MARKERS,))


def _asked(cluster: Cluster) -> tuple[str, str, tuple[Origin, ...]]:
    """Return the type and method of pg_hba.conf's lines, and the origins of TLS in them."""
    tls = cluster.database.tls
    if tls is None:
        return "host", "scram-sha-256", ()
    if key := tls.client_key:
        return "hostssl", "scram-sha-256 clientcert=verify-ca", (tls.mode.origin, key.path.origin)
    return "hostssl", "scram-sha-256", (tls.mode.origin,)


def meaning(cluster: Cluster) -> Meaning:
    """Return what `read` must find in pg_hba.conf; two clients are a sample of all."""
    role, name = (pg_hba.name(v.value) for v in (cluster.database.user, cluster.database.name))
    few = list(islice(clients(cluster), 2))
    kind, how, _ = _asked(cluster)
    whom = (f"{kind} {name} {role} {address.value}/32" for _, address in few)
    sample = tuple(pg_hba_lines(cluster, few))
    return Meaning(read, dict.fromkeys(whom, how), sample=sample)


def read(text: str) -> Reading:
    """Read a pg_hba.conf: the authentication method by type, database, role and address."""
    reading = Reading()
    for number, whom, how in pg_hba.records(text):
        if not how:
            message = "PostgreSQL refuses this line: a field is missing."
            report(reading.findings, Finding(UNUSABLE_FILE, number, message))
        elif whom not in reading.items:
            reading.items[whom] = how
            reading.lines[whom] = number
    return reading
