"""The JDBC URL of the database: its servers, how a driver fails over, and the parameters.

Sources: the drivers' own documentation of several hosts (pgJDBC "Connection Failover", Connector/J
"Multi-Host Connections", mssql-jdbc "failoverPartner", Oracle Net's descriptors, JCC's client
reroute). What each driver does with them is tried in tests/real.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from omconf.formats import jdbc_parameters, jdbc_servers, jdbc_url, oracle_net
from omconf.origin import FromFormat, Value
from omconf.secret_sources import SecretRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.cluster.model import Cluster, Database, DatabaseTls
    from omconf.origin import Origin
    from omconf.releases import Release

WRITES = FromFormat(
    "OpenMeetings writes: after a failover too, it needs a server that can be written"
)
DRIVER = FromFormat("this release's driver needs the time zone in its URL")
WRITABLE = {"postgresql": ("targetServerType", "primary"), "mysql": ("failOverReadOnly", "false")}
"""What has a driver end on a server that can be written, where the spec does not say it otherwise.

Without it pgJDBC takes any server that answers, a standby too, and Connector/J has every connection
read-only that is not to the first host."""

OLD_TLS = FromFormat("this release's driver asks MariaDB for TLS 1.1 at most, which Java refuses")
JAVA_CAS = "org.postgresql.ssl.DefaultJavaSSLFactory"
"""Has pgJDBC trust the CAs that Java does; its own factory looks for a file."""
LEGACY_TLS = ("useSSL", "requireSSL", "verifyServerCertificate")
"""Connector/J's older words for `sslMode`, which counts where both stand; the stock URL has one."""
_STORES = {"jks": "JKS", "p12": "PKCS12"}
OF_TLS = {
    "postgresql": re.compile(
        "ssl|sslmode|ssl(root)?cert|sslkey|sslpassword|sslfactory|sslhostnameverifier"
    ),
    "mysql": re.compile(
        "usessl|requiressl|verifyservercertificate|sslmode|(trust|client)certificatekeystore\\w+"
    ),
    "mssql": re.compile(
        "encrypt|trustservercertificate|truststore(type|password)?|servercertificate"
    ),
    "oracle": re.compile("(?!)"),
    "db2": re.compile("ssl\\w+"),
}
"""Options, in lower case, that say what `database.tls` says."""

Parameter = Value[str] | Value[SecretRef]


def template(cluster: Cluster) -> str:
    """Return the stock URL of the release."""
    stock = cluster.openmeetings.release.value.persistence[cluster.database.kind.value]
    return dict(stock.connection)["Url"]


def own_parameters(cluster: Cluster) -> dict[str, Parameter]:
    """Return the parameters that the stock URL does not have, by name; later ones came over earlier."""
    database = cluster.database
    kind = database.kind.value
    return {
        **_zone(cluster),
        **_failover(database),
        **_tls(cluster),
        **{_spelled(kind, name): value for name, value in database.options.items()},
    }


def origins(cluster: Cluster) -> tuple[Origin, ...]:
    """Return the origins of the parameters that omconf or the spec adds to the stock URL."""
    found = [value.origin for value in own_parameters(cluster).values()]
    return (*found, DRIVER) if _zone(cluster) else tuple(found)


def filled(cluster: Cluster) -> str:
    """Fill the stock URL with servers and database name.

    Raises ValueError for a name that the driver's URL cannot carry; the rules find it before.
    """
    database = cluster.database
    kind, servers = database.kind.value, database.servers
    name = jdbc_url.encode(kind, database.name.value)
    places = [(server.host.value, server.port.value) for server in servers]
    if kind == "oracle" and (len(places) > 1 or database.service):
        data = "SERVICE_NAME" if database.service else "SID"
        name = database.service.value if database.service else name
        if len(places) == 1:
            return f"jdbc:oracle:thin:@//{places[0][0]}:{places[0][1]}/{name}"
        return f"jdbc:oracle:thin:@{oracle_net.descriptor(places, data, name)}"
    joined = ",".join(f"{host}:{port}" for host, port in places)
    host, port = places[0]
    text = template(cluster)
    if kind in WRITABLE:
        return text.replace("{host}:{port}", joined).format(name=name)
    return text.format(host=host, port=port, name=name)


def text(cluster: Cluster, secrets: Mapping[str, str] | None = None) -> str:
    """Write the whole URL, with a text for each secret in it, by its name: empty where it has none.

    Raises ValueError for what the driver's URL cannot carry; the rules find it before.
    """
    kind = cluster.database.kind.value
    parameters = {
        jdbc_url.encode(kind, name): (secrets or {}).get(_secret_name(value), "")
        if isinstance(value.value, SecretRef)
        else jdbc_url.encode(kind, value.value)
        for name, value in own_parameters(cluster).items()
    }
    dropped = LEGACY_TLS if kind == "mysql" and cluster.database.tls else ()
    return jdbc_url.with_parameters(kind, filled(cluster), parameters, dropped)


def _secret_name(value: Parameter) -> str:
    """Return a secret's name: its place in the spec, as in its placeholder."""
    return getattr(value.origin, "key", "")


def secrets(cluster: Cluster) -> dict[str, Value[SecretRef]]:
    """Return the secrets in the URL by their names."""
    return {
        _secret_name(value): Value(value.value, value.origin)
        for value in own_parameters(cluster).values()
        if isinstance(value.value, SecretRef)
    }


def _zone(cluster: Cluster) -> dict[str, Parameter]:
    """Return the parameter with the nodes' time zone, for a driver that needs one and has none.

    OpenMeetings' own installer adds it too. Connector/J takes names in any case.
    """
    om, database = cluster.openmeetings, cluster.database
    name = om.release.value.persistence[database.kind.value].zone_option
    if name is None or name.lower() in map(str.lower, database.options):
        return {}
    return {name: om.timezone}


def _failover(database: Database) -> dict[str, Parameter]:
    """Return the parameters that a driver needs to fail over to the next server."""
    others = database.servers[1:]
    if not others:
        return {}
    kind = database.kind.value
    if kind in WRITABLE:
        name, value = WRITABLE[kind]
        return {name: Value(value, WRITES)}
    if kind == "mssql":
        return {jdbc_servers.PARTNER: others[0].host}
    if kind == "db2":
        names, ports = (
            ",".join(map(str, words))
            for words in ([s.host.value for s in others], [s.port.value for s in others])
        )
        origin = others[0].host.origin
        return {
            "clientRerouteAlternateServerName": Value(names, origin),
            "clientRerouteAlternatePortNumber": Value(ports, origin),
        }
    return {}


def _tls(cluster: Cluster) -> dict[str, Parameter]:
    database = cluster.database
    if database.tls is None:
        return {}
    return of_tls(database.kind.value, database.tls, cluster.openmeetings.release.value)


def of_tls(kind: str, tls: DatabaseTls, release: Release) -> dict[str, Parameter]:
    """Return the parameters by which a driver is told of TLS; none for one that was not tried."""
    if kind not in _TLS:
        return {}
    found = _TLS[kind](tls)
    if kind == "mysql" and release.connector_j_needs_protocol:
        found["enabledTLSProtocols"] = Value("TLSv1.2", OLD_TLS)
    return found


def _postgresql_tls(tls: DatabaseTls) -> dict[str, Parameter]:
    mode = tls.mode
    found: dict[str, Parameter] = {"sslmode": mode}
    if tls.ca:
        found["sslrootcert"] = tls.ca.path
    elif mode.value != "require":
        found["sslfactory"] = Value(JAVA_CAS, mode.origin)
    for name, file in (("sslcert", tls.client_cert), ("sslkey", tls.client_key)):
        if file:
            found[name] = file.path
    return found | _given({"sslpassword": tls.client_key_password})


def _mysql_tls(tls: DatabaseTls) -> dict[str, Parameter]:
    modes = {"require": "REQUIRED", "verify-ca": "VERIFY_CA", "verify-full": "VERIFY_IDENTITY"}
    found: dict[str, Parameter] = {"sslMode": Value(modes[tls.mode.value], tls.mode.origin)}
    stores = {"trust": (tls.ca, tls.ca_password)}
    stores["client"] = (tls.client_key, tls.client_key_password)
    for whose, (file, password) in stores.items():
        if file:
            start = f"{whose}CertificateKeyStore"
            url = f"file:{quote(file.path.value)}"
            found[f"{start}Url"] = Value(url, file.path.origin)
            found[f"{start}Type"] = Value(_STORES.get(file.format, "JKS"), file.path.origin)
            found |= _given({f"{start}Password": password})
    return found


def _mssql_tls(tls: DatabaseTls) -> dict[str, Parameter]:
    origin = tls.mode.origin
    trusts = "true" if tls.mode.value == "require" else "false"
    found: dict[str, Parameter] = {"encrypt": Value("true", origin)}
    found["trustServerCertificate"] = Value(trusts, origin)
    if tls.ca:
        found["trustStore"] = tls.ca.path
        found["trustStoreType"] = Value(_STORES.get(tls.ca.format, "JKS"), tls.ca.path.origin)
    return found | _given({"trustStorePassword": tls.ca_password})


def _given(passwords: Mapping[str, Value[SecretRef] | None]) -> dict[str, Parameter]:
    return {name: value for name, value in passwords.items() if value is not None}


_TLS = {"postgresql": _postgresql_tls, "mysql": _mysql_tls, "mssql": _mssql_tls}
"""How each driver is told of TLS; those of Oracle and Db2 could not be tried."""


def _spelled(kind: str, name: str) -> str:
    """Write a name as omconf does where the driver takes any case, so that it stands once."""
    return jdbc_parameters.SPELLED[kind].get(name.lower(), name) if kind == "mssql" else name
