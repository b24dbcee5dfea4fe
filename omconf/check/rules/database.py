"""Rules about the database and the way to it (OM211 to OM214)."""

from __future__ import annotations

import difflib
import ipaddress
from typing import TYPE_CHECKING

from omconf.diagnostics import Diagnostic, Rule, Severity
from omconf.formats import connection_properties, jdbc
from omconf.spec.checks import UNQUOTABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.cluster.model import Cluster
    from omconf.origin import Value

LOOPBACK = Rule("OM211", Severity.ERROR, "a database on loopback for more than one node")
COMMA = Rule("OM213", Severity.WARNING, "a comma that OpenMeetings' installer cannot read")
BAD_SETTING = Rule("OM214", Severity.ERROR, "a JDBC option or pool setting that cannot be carried")

_FLAG, _COUNT, _TIME, _TEXT = "true or false", "a whole number", "milliseconds", "text"
POOL = {
    "maxTotal": _COUNT,
    "maxIdle": _COUNT,
    "minIdle": _COUNT,
    "initialSize": _COUNT,
    "maxOpenPreparedStatements": _COUNT,
    "numTestsPerEvictionRun": _COUNT,
    "maxWaitMillis": _TIME,
    "maxConnLifetimeMillis": _TIME,
    "minEvictableIdleTimeMillis": _TIME,
    "softMinEvictableIdleTimeMillis": _TIME,
    "timeBetweenEvictionRunsMillis": _TIME,
    "removeAbandonedTimeout": _COUNT,
    "validationQueryTimeout": _COUNT,
    "defaultQueryTimeout": _COUNT,
    "testOnBorrow": _FLAG,
    "testOnCreate": _FLAG,
    "testOnReturn": _FLAG,
    "testWhileIdle": _FLAG,
    "poolPreparedStatements": _FLAG,
    "cacheState": _FLAG,
    "lifo": _FLAG,
    "fastFailValidation": _FLAG,
    "logAbandoned": _FLAG,
    "logExpiredConnections": _FLAG,
    "removeAbandonedOnBorrow": _FLAG,
    "removeAbandonedOnMaintenance": _FLAG,
    "autoCommitOnReturn": _FLAG,
    "rollbackOnReturn": _FLAG,
    "clearStatementPoolOnReturn": _FLAG,
    "accessToUnderlyingConnectionAllowed": _FLAG,
    "defaultAutoCommit": _FLAG,
    "defaultReadOnly": _FLAG,
    "defaultTransactionIsolation": _TEXT,
    "defaultCatalog": _TEXT,
    "defaultSchema": _TEXT,
    "validationQuery": _TEXT,
    "evictionPolicyClassName": _TEXT,
}
"""Settings of dbcp2's BasicDataSource (its Javadoc), which takes them with either first letter."""
_OURS = ("url", "username", "password", "driverClassName")


def check(cluster: Cluster) -> Iterator[Diagnostic]:
    """Check what reaches the database through OpenJPA, dbcp2 and the driver."""
    yield from _loopback(cluster)
    yield from _carried(cluster.database.user, "user")
    kind = cluster.database.kind.value
    try:
        jdbc.encode(kind, cluster.database.name.value)
    except ValueError as error:
        yield BAD_SETTING.at(
            cluster.database.name.span, f"The database name cannot be written: {error}."
        )
    yield from _options(cluster, kind)
    for name, value in cluster.database.pool.items():
        yield from _pool(name, value)


def _loopback(cluster: Cluster) -> Iterator[Diagnostic]:
    host = cluster.database.host
    try:
        loopback = ipaddress.ip_address(host.value).is_loopback
    except ValueError:
        loopback = host.value.lower() in ("localhost", "localhost.localdomain", "ip6-localhost")
    if loopback and len(cluster.nodes) > 1:
        first = cluster.nodes[0].name.value
        yield LOOPBACK.at(
            host.span,
            f"`{host.value}` is another host on every node: each would look for a database of its"
            " own.",
            hint=f"Write the database server's address; when it runs on a node, `host: {first}`.",
        )


def _carried(value: Value[str], what: str) -> Iterator[Diagnostic]:
    try:
        connection_properties.quote(value.value)
    except ValueError as error:
        yield UNQUOTABLE.at(
            value.span,
            f"OpenJPA's ConnectionProperties cannot carry this {what}: {error}.",
            hint=f"Rename the database {what}.",
        )
        return
    if "," in value.value:
        yield COMMA.at(
            value.span,
            f"The comma in the {what} works, but OpenMeetings' own installer splits there.",
            hint=f"Rename the {what} if the installer or its command line is to be used.",
        )


def _options(cluster: Cluster, kind: str) -> Iterator[Diagnostic]:
    for name, value in cluster.database.options.items():
        place = value.span
        if not jdbc.FORMS[kind].start:
            yield BAD_SETTING.at(
                place,
                "The stock Oracle URL names a SID, and that form has no parameters.",
                hint="Remove `options`.",
            )
            return
        try:
            encoded = jdbc.encode(kind, name)
            jdbc.encode(kind, value.value)
        except ValueError as error:
            yield BAD_SETTING.at(place, f"The option `{name[:80]}` cannot be written: {error}.")
            continue
        if encoded != name:
            yield BAD_SETTING.at(place, f"`{name[:80]}` is no name of a JDBC option.")
        if kind == "mssql" and name.lower() in ("databasename", "database", "servername", "port"):
            yield BAD_SETTING.at(
                place, f"`{name}` is written by omconf.", hint="Use host, port and name."
            )


def _pool(name: str, value: Value[str]) -> Iterator[Diagnostic]:
    key = name[:1].lower() + name[1:]
    if key in _OURS:
        yield BAD_SETTING.at(
            value.span,
            f"`{name}` is written by omconf.",
            hint="Use host, port, name, user and password of `database:`.",
        )
        return
    form = POOL.get(key)
    if form is None:
        near = difflib.get_close_matches(key, POOL, n=1)
        yield BAD_SETTING.at(
            value.span,
            f"`{name[:80]}` is no setting of the connection pool (dbcp2).",
            hint=f"Did you mean `{near[0]}`?" if near else "Its settings are BasicDataSource's.",
        )
        return
    text = value.value
    good = {
        _FLAG: text in ("true", "false"),
        _COUNT: text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 11,
        _TIME: text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 19,
        _TEXT: True,
    }[form]
    if not good:
        yield BAD_SETTING.at(value.span, f"`{name}` must be {form}.")
        return
    try:
        connection_properties.quote(text)
    except ValueError as error:
        yield BAD_SETTING.at(value.span, f"`{name}` cannot be written: {error}.")
