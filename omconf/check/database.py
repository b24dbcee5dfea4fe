"""Rules about the database and the way to it (OM211 to OM217)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.cluster import database_url
from omconf.findings import plain_property
from omconf.formats import connection_properties, dbcp2, jdbc_parameters, jdbc_url
from omconf.regex import regex
from omconf.rules import (
    ADMINISTRATOR,
    BAD_SETTING,
    COMMA,
    KEY,
    LOOPBACK,
    NO_EMOJI,
    READ_ONLY,
    SEVERAL,
    TOO_MANY,
    UNQUOTABLE,
)
from omconf.secret_sources import SecretRef
from omconf.secrets import hides, in_plain, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.cluster.model import Cluster, Database
    from omconf.diagnostics import Diagnostic
    from omconf.origin import Span, Value

_EVERY_CHARACTER = regex("utf8mb4|utf16|utf32|gb18030|binary", re.IGNORECASE)
"""Begins the collations of MySQL's character sets that have every character of Unicode."""


MSSQL_PORT = 1433
RESERVED = {"postgresql": 3}
"""Connections of the server's limit that it keeps for its administrators: PostgreSQL's default of
`superuser_reserved_connections`. MySQL has one beyond its limit."""
ADMINISTRATORS = {
    "postgresql": ("postgres",),
    "mysql": ("root",),
    "mssql": ("sa",),
    "oracle": ("sys", "system"),
    "db2": ("db2inst1",),
}
"""Who each kind of server makes its administrator when it is installed."""
_OURS = ("url", "username", "password", "driverClassName")
_WRITTEN = regex(
    "user(name)?|password|host|server(name)?|port(number)?|database(name)?|dbname|pg(host|port|dbname)"
)
"""Options that say what other keys of `database:` say, in the drivers' several words."""


def check(cluster: Cluster) -> Iterator[Diagnostic]:
    """Check what reaches the database through OpenJPA, dbcp2 and the driver."""
    yield from _loopback(cluster)
    yield from _administrator(cluster)
    yield from _connections(cluster)
    yield from _several(cluster)
    yield from _carried(cluster.database.user, "user")
    kind = cluster.database.kind.value
    try:
        jdbc_url.encode(kind, cluster.database.name.value)
    except ValueError as error:
        yield BAD_SETTING.at(cluster.database.name.span, f"The database name is invalid: {error}.")
    yield from _options(cluster, kind)
    if kind == "mysql":
        yield from _mysql(cluster)
    seen: set[str] = set()
    for name, value in cluster.database.pool.items():
        if name.lower() in seen:
            message = f"`{name[:80]}` is set twice, in two spellings."
            yield BAD_SETTING.at(_name_span(name, value), message, hint="Keep only one of them.")
        seen.add(name.lower())
        yield from _pool(name, value)


def _mysql(cluster: Cluster) -> Iterator[Diagnostic]:
    """Check what the stock URL leaves to the server's defaults, which MySQL 8 changed."""
    url = database_url.text(cluster)
    options = jdbc_url.canonical(url)[1]
    if not jdbc_url.mysql_8_lets_in(url):
        yield KEY.at(
            cluster.database.kind.span,
            "Without TLS, MySQL 8 rejects the first login of an account of its default type.",
            hint='Write `database.options: {sslMode: "REQUIRED"}`, or `{allowPublicKeyRetrieval:'
            ' "true"}`; MariaDB needs neither.',
        )
    collation = options.get("connectionCollation", "")
    if collation and not _EVERY_CHARACTER.match(collation):
        own = cluster.database.options.get("connectionCollation")
        whose = "" if own else "the stock file's "
        yield NO_EMOJI.at(
            own.span if own else cluster.database.kind.span,
            f"With {whose}`connectionCollation={quoted(collation)}` emoji cannot be stored.",
            hint="Write `database.options: {connectionCollation: utf8mb4_general_ci}`.",
        )


def _loopback(cluster: Cluster) -> Iterator[Diagnostic]:
    for server in cluster.database.servers:
        host = server.host
        if not server.on_loopback or len(cluster.nodes) == 1:
            continue
        first = cluster.nodes[0].name.value
        yield LOOPBACK.at(
            host.span,
            f"`{host.value}` resolves to a different host on every node: each node would use "
            "its own database.",
            hint=f"Write the database server's address or, if it runs on a node, `host: {first}`.",
        )


def _administrator(cluster: Cluster) -> Iterator[Diagnostic]:
    kind, user = cluster.database.kind.value, cluster.database.user
    if user.value.lower() in ADMINISTRATORS[kind]:
        yield ADMINISTRATOR.at(
            user.span,
            f"`{user.value}` is the server's administrator: OpenMeetings would have all"
            " its privileges, "
            "and every node would hold its password.",
            hint="Write a dedicated user: `user: openmeetings`.",
        )


def _connections(cluster: Cluster) -> Iterator[Diagnostic]:
    """Hold what all nodes' pools may open against the server's limit, where the spec says it."""
    database, nodes = cluster.database, len(cluster.nodes)
    limit = database.max_connections
    stock = cluster.openmeetings.release.value.persistence[database.kind.value].connection
    pool = (*stock, *((name, setting.value) for name, setting in database.pool.items()))
    settings = {dbcp2.bean_name(name): text for name, text in pool}
    most = settings.get("maxTotal", dbcp2.MAX_TOTAL)
    if limit is None or not dbcp2.fits(dbcp2.SETTINGS["maxTotal"], most):
        return
    kept = RESERVED.get(database.kind.value, 0)
    needed = int(most) * nodes + kept
    if int(most) >= 0 and needed <= limit.value:
        return
    several = len(database.servers) > 1
    has = f"{'each server' if several else 'the server'} has {limit.value}" + (
        f", {kept} of them reserved for administrators" if kept else ""
    )
    ways = []
    if fitting := max(limit.value - kept, 0) // nodes:
        ways.append(f"write `pool: {{maxTotal: {fitting}}}`")
    if int(most) < 0:
        message = f"The nodes' pools may open an unlimited number of connections; {has}."
    else:
        message = (
            f"Pools of {most} on {nodes} nodes may open {int(most) * nodes} connections; {has}."
        )
        ways.append(f"raise {'each' if several else 'the'} server's limit to {needed}")
    hint = ", or ".join(ways)
    yield TOO_MANY.at(limit.span, message, hint=f"{hint[:1].upper()}{hint[1:]}." if hint else "")


def _several(cluster: Cluster) -> Iterator[Diagnostic]:
    """Check that the driver can go from one server to the next, and ends on one that can be written."""
    database = cluster.database
    kind, servers = database.kind.value, database.servers
    if database.service and kind != "oracle":
        message = "`database.service` is for Oracle only: other databases are identified by `name`."
        yield SEVERAL.at(database.service.span, message, hint="Write `name:` instead.")
    elif database.service and database.name.span:
        message = (
            "`database.service` and `database.name` both identify the database: the"
            " SID is not used."
        )
        hint = "Remove `name:`, or remove `service:` if the URL should use the SID."
        yield SEVERAL.at(database.name.span, message, hint=hint)
    if len(servers) == 1:
        return
    places: set[str] = set()
    for server in servers:
        if server.place in places:
            message = f"`{server.place}` is listed twice."
            yield SEVERAL.at(server.host.span, message, hint="Remove the duplicate.")
        places.add(server.place)
    if kind == "mssql":
        yield from _mirrored(cluster)
    if "," in database_url.filled(cluster):
        yield COMMA.at(
            servers[1].host.span,
            "Several hosts in the URL work, but OpenMeetings' installer splits the URL at the commas.",
            hint="Run the installer without its --db options: it then does not change the file.",
        )
    yield from _not_writable(database)


def _mirrored(cluster: Cluster) -> Iterator[Diagnostic]:
    """Check what mssql-jdbc can do: one partner, on the default port (its FailoverInfo)."""
    servers, options = cluster.database.servers, cluster.database.options
    if len(servers) > 2:
        yield SEVERAL.at(
            servers[2].host.span,
            f"SQL Server's driver supports one failover partner, but there are {len(servers)} servers.",
            hint="Write the principal and its mirror, or the listener of an availability group alone.",
        )
    if servers[1].port.value != MSSQL_PORT:
        yield SEVERAL.at(
            servers[1].port.span or servers[1].host.span,
            f"SQL Server's driver connects to a failover partner on port {MSSQL_PORT} only, not"
            f" {servers[1].port.value}.",
            hint=f"Let the partner listen on {MSSQL_PORT}: `{{host: ..., port: {MSSQL_PORT}}}`.",
        )
    for name, value in options.items():
        if name.lower() in ("failoverpartner", "multisubnetfailover"):
            hint = "Remove the option, or write only one host."
            message = f"`{name}` cannot be combined with a second host."
            yield SEVERAL.at(_name_span(name, value), message, hint=hint)


def _not_writable(database: Database) -> Iterator[Diagnostic]:
    """Find options with which a failover ends on a server that cannot be written."""
    name, right = database_url.WRITABLE.get(database.kind.value, ("", ""))
    said = database.options.get(name)
    if said and str(said.value) not in (right, "master"):
        yield READ_ONLY.at(
            said.span,
            f"With `{name}={quoted(str(said.value))}` OpenMeetings may connect to a "
            "read-only server.",
            hint=f"Remove it: omconf writes `{name}={right}`.",
        )


def _carried(value: Value[str], what: str) -> Iterator[Diagnostic]:
    try:
        connection_properties.quote(value.value)
    except ValueError as error:
        yield UNQUOTABLE.at(
            value.span,
            f"OpenJPA's ConnectionProperties cannot represent this {what}: {error}.",
            hint=f"Rename the database {what}.",
        )
        return
    if "," in value.value:
        yield COMMA.at(
            value.span,
            f"The comma in the {what} works, but OpenMeetings' installer splits the value there.",
            hint=f"Rename the {what} if you use the installer or its command line.",
        )


def _options(cluster: Cluster, kind: str) -> Iterator[Diagnostic]:
    for name, value in cluster.database.options.items():
        place = value.span
        if not jdbc_url.FORMS[kind].start:
            yield BAD_SETTING.at(
                place,
                "The stock Oracle URL uses a SID, and that format has no parameters.",
                hint="Remove `options`.",
            )
            return
        text = "" if isinstance(value.value, SecretRef) else value.value
        try:
            encoded = jdbc_url.encode(kind, name)
            jdbc_url.encode(kind, text or "0")
        except ValueError as error:
            yield BAD_SETTING.at(place, f"The option `{name[:80]}` cannot be written: {error}.")
            continue
        if _WRITTEN.fullmatch(name.lower()):
            yield BAD_SETTING.at(
                _name_span(name, value),
                f"`{name}` is set by omconf.",
                hint="Use host, port, name, user and password of `database:`.",
            )
        elif text and in_plain(name, text):
            yield plain_property(name, place, f"Write `{name[:80]}: {{env: NAME}}`, for example.")
        elif not text and not hides(name):
            yield BAD_SETTING.at(
                place,
                f"The option `{name[:80]}` is not known to hold a secret: omconf would"
                " show its deployed value.",
                hint="Write its value, or use an option whose name marks it as a secret.",
            )
        elif encoded != name or not jdbc_url.NAME.fullmatch(name):
            yield BAD_SETTING.at(
                _name_span(name, value),
                f"`{name[:80]}` is not a JDBC option name.",
                hint="Write the option's name without `&`, `;`, `=` and similar characters.",
            )
        elif kind != "mssql" and (spelled := _spelled(kind, name)) != name:
            yield BAD_SETTING.at(
                _name_span(name, value),
                f"The driver ignores `{name}`: option names are case-sensitive.",
                hint=f"Write `{spelled}`.",
            )


def _spelled(kind: str, name: str) -> str:
    """Write a parameter's name as its driver's documentation does; mssql-jdbc takes any case."""
    return jdbc_parameters.SPELLED.get(kind, {}).get(name.lower(), name)


def _name_span(name: str, value: Value[str] | Value[SecretRef]) -> Span | None:
    """The place of a setting's name, for what is wrong with the name."""
    return getattr(name, "span", None) or value.span


def _pool(name: str, value: Value[str]) -> Iterator[Diagnostic]:
    key = dbcp2.bean_name(name)
    if key in _OURS:
        yield BAD_SETTING.at(
            _name_span(name, value),
            f"`{name}` is set by omconf.",
            hint="Use host, port, name, user and password of `database:`.",
        )
        return
    form = dbcp2.SETTINGS.get(key)
    if form is None:
        import difflib

        near = difflib.get_close_matches(key, dbcp2.SETTINGS, n=1)
        yield BAD_SETTING.at(
            _name_span(name, value),
            f"`{name[:80]}` is not a setting of the connection pool (dbcp2).",
            hint=f"Did you mean `{near[0]}`?"
            if near
            else "The settings are those of BasicDataSource.",
        )
        return
    text = value.value
    good = dbcp2.fits(form, text)
    if not good:
        yield BAD_SETTING.at(value.span, f"`{name}` must be {form}.")
        return
    try:
        connection_properties.quote(text)
    except ValueError as error:
        yield BAD_SETTING.at(value.span, f"`{name}` cannot be written: {error}.")
