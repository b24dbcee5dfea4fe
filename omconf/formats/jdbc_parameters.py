"""The parameters of a JDBC URL: their names, and one spelling of values that mean the same to a driver.

Sources, as classes of the first and last drivers that a release ships (tests/real/test_agreement.py
compares with them): SslMode.of and HostRequirement of pgJDBC, DefaultPropertySet and
BooleanPropertyDefinition of Connector/J, java.net.URL for its stores.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES = {
    "mysql": (
        *("allowPublicKeyRetrieval", "autoReconnect", "cachePrepStmts", "characterEncoding"),
        *("connectionCollation", "connectTimeout", "createDatabaseIfNotExist", "requireSSL"),
        *("rewriteBatchedStatements", "serverTimezone", "socketTimeout", "sslMode", "tcpKeepAlive"),
        *("useSSL", "useUnicode", "verifyServerCertificate"),
    ),
    "postgresql": (
        *("ApplicationName", "connectTimeout", "currentSchema", "loginTimeout", "socketTimeout"),
        *("ssl", "sslcert", "sslfactory", "sslkey", "sslmode", "sslrootcert", "targetServerType"),
        *("tcpKeepAlive", "reWriteBatchedInserts", "prepareThreshold"),
    ),
    "mssql": (
        *("databaseName", "encrypt", "failoverPartner", "loginTimeout", "trustServerCertificate"),
        *("hostNameInCertificate", "multiSubnetFailover", "trustStore", "trustStorePassword"),
        *("trustStoreType", "serverName", "portNumber", "instanceName"),
    ),
}
SPELLED = {kind: {name.lower(): name for name in names} for kind, names in _NAMES.items()}
"""Parameters as the documentation of each driver spells them, by their names in lower case."""
_MSSQL_SYNONYMS = {
    "database": "databasename",
    "server": "servername",
    "port": "portnumber",
    "username": "user",
}
"""mssql-jdbc's other names of properties, in lower case (SQLServerDriver)."""
_POSTGRESQL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_MYSQL_MODES = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")
_LEGACY = ("useSSL", "verifyServerCertificate", "requireSSL")
_BOOLEANS = (
    *("allowPublicKeyRetrieval", "autoReconnect", "cachePrepStmts", "createDatabaseIfNotExist"),
    *("failOverReadOnly", "rewriteBatchedStatements", "tcpKeepAlive", *_LEGACY),
    *("alwaysSendSetIsolation", "cacheServerConfiguration", "elideSetAutoCommits"),
    *("enableQueryTimeouts", "useLocalSessionState"),
)
_TRUE, _FALSE = ("true", "yes"), ("false", "no")
_STORES = ("trustCertificateKeyStoreUrl", "clientCertificateKeyStoreUrl")
_FILE = regex(r"file:(?://(?:localhost)?(?=/))?(/[^?#]*)", re.IGNORECASE)


def mssql_name(name: str) -> str:
    """The name of a property as SQL Server's documentation spells it; mssql-jdbc takes any case."""
    lower = name.strip().lower()
    return SPELLED["mssql"].get(_MSSQL_SYNONYMS.get(lower, lower), lower)


def canonical(kind: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Write decoded parameters, under the driver's own names, in one way; what is unknown stays."""
    found = dict(parameters)
    if kind == "postgresql":
        _postgresql(found)
    elif kind == "mysql":
        _mysql(found)
    elif kind == "mssql" and (partner := found.get("failoverPartner")):
        found["failoverPartner"] = partner.lower()  # the name of a host
    return found


def _postgresql(found: dict[str, str]) -> None:
    """`ssl` counts where there is no `sslmode`; without both it is `prefer`."""
    ssl, mode = found.pop("ssl", None), found.get("sslmode")
    if mode is None and ssl is not None and ssl.lower() in ("", "true"):
        found["sslmode"] = "verify-full"
    elif mode is not None and mode.lower() in _POSTGRESQL_MODES:
        found["sslmode"] = mode.lower()
    if found.get("sslmode") == "prefer":
        del found["sslmode"]
    if target := found.get("targetServerType"):
        target = target.replace("lave", "econdary").replace("master", "primary")
        found["targetServerType"] = target


def _mysql(found: dict[str, str]) -> None:
    """The three older words count where there is no `sslMode`; without all it is `PREFERRED`."""
    for name in _BOOLEANS:
        value = found.get(name, "").lower()
        if value in (*_TRUE, *_FALSE):
            found[name] = "true" if value in _TRUE else "false"
    legacy = {name: found[name] for name in _LEGACY if name in found}
    mode = found.get("sslMode")
    if mode is not None and mode.upper() in _MYSQL_MODES:
        found["sslMode"] = mode.upper()
    known = mode is None or mode.upper() in _MYSQL_MODES
    if known and all(value in ("true", "false") for value in legacy.values()):
        for name in legacy:
            del found[name]
        if legacy and mode is None:
            found["sslMode"] = _by_legacy(legacy)
    if found.get("sslMode") == "PREFERRED":
        del found["sslMode"]
    for name in _STORES:
        if file := _FILE.fullmatch(found.get(name, "")):
            found[name] = f"file:{quote(unquote(file[1], errors='surrogateescape'))}"


def _by_legacy(legacy: Mapping[str, str]) -> str:
    if legacy.get("useSSL") == "false":
        return "DISABLED"
    if legacy.get("verifyServerCertificate") == "true":
        return "VERIFY_CA"
    return "REQUIRED" if legacy.get("requireSSL") == "true" else "PREFERRED"
