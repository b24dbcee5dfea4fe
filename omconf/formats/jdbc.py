"""JDBC URLs of the five databases: their parts, their parameters, and what cannot be written.

Sources: the drivers' own documentation of their URL forms (pgjdbc, Connector/J, mssql-jdbc, the
Oracle thin driver's SID form, IBM's JCC driver) and the stock files of OpenMeetings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote


@dataclass(frozen=True, slots=True)
class Form:
    """How one driver writes a URL: what starts, separates and ends its parameters."""

    prefix: str
    start: str
    between: str
    end: str = ""
    percent: bool = False
    """Whether the driver decodes percent signs in names and values."""


FORMS = {
    "postgresql": Form("jdbc:postgresql:", "?", "&", percent=True),
    "mysql": Form("jdbc:mysql:", "?", "&", percent=True),
    "mssql": Form("jdbc:sqlserver:", ";", ";"),
    "oracle": Form("jdbc:oracle:", "", ""),
    "db2": Form("jdbc:db2:", ":", ";", ";"),
}
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
"""A parameter's name, of any driver."""
_BARE = re.compile(r"[A-Za-z0-9_$#.-]+")
_BARE_DB2 = re.compile(r"[A-Za-z0-9_$#@.,/+*()=~%-]+")


def encode(kind: str, value: str) -> str:
    """Write a database name or a parameter's value as the driver of this kind reads it.

    Raises ValueError with the reason where the driver has no way to write it.
    """
    form = FORMS[kind]
    if form.percent:
        return quote(value, safe="")
    if kind == "mssql":
        if re.search(r"[;{}\s]", value):
            return "{" + value.replace("}", "}}") + "}"
        return value
    bare, more = (_BARE_DB2, " @ , / + * ( ) = ~ %") if kind == "db2" else (_BARE, "")
    if not bare.fullmatch(value):
        raise ValueError(f"a {kind} URL can only carry letters, digits and `_ $ # . -{more}` there")
    return value


def with_parameters(kind: str, url: str, parameters: dict[str, str]) -> str:
    """Add parameters (already encoded) to a URL, in the place of those of the same name.

    Raises ValueError for a kind whose URL has no parameters (Oracle's SID form).
    """
    if not parameters:
        return url
    form = FORMS[kind]
    if not form.start:
        raise ValueError("the URL of an Oracle SID has no parameters")
    base, present = split(url)
    merged = {**present, **parameters}
    return base + form.start + form.between.join(f"{k}={v}" for k, v in merged.items()) + form.end


def split(url: str) -> tuple[str, dict[str, str]]:
    """Split a URL of any of the kinds into its base and its parameters, values as written."""
    form = next((f for f in FORMS.values() if url.startswith(f.prefix)), None)
    if form is None or not form.start:
        return url, {}
    head = len(form.prefix)
    if form.start == ":":  # Db2: the parameters start at the first colon behind the database name
        slash = url.find("/", head + 2)
        cut = url.find(":", slash) if slash > 0 else -1
    else:
        cut = url.find(form.start, head)
    if cut < 0:
        return url, {}
    parameters = {}
    for part in _parts(url[cut + 1 :], form.between):
        name, _, value = part.partition("=")
        if name:
            parameters[name] = value
    return url[:cut], parameters


def canonical(url: str) -> tuple[str, dict[str, str]]:
    """Split a URL, written in one way whatever way its driver takes: the port, the names' case.

    A port that is left out is the driver's own. Connector/J and mssql-jdbc take names in any case.
    """
    base, parameters = split(url)
    kind = next((kind for kind, form in FORMS.items() if url.startswith(form.prefix)), "")
    if port := _PORTS.get(kind):
        base = _with_port(base, FORMS[kind].prefix, port)
    if kind in ("mysql", "mssql"):
        parameters = {_SPELLED.get(n.lower(), n.lower()): v for n, v in parameters.items()}
    return base, parameters


_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433, "db2": 50000}
"""What the drivers connect to where a URL names no port (their own documentation)."""
_SPELLED = {
    name.lower(): name
    for name in (
        "allowPublicKeyRetrieval",
        "autoReconnect",
        "cachePrepStmts",
        "characterEncoding",
        "connectionCollation",
        "connectTimeout",
        "createDatabaseIfNotExist",
        "databaseName",
        "encrypt",
        "failoverPartner",
        "loginTimeout",
        "requireSSL",
        "rewriteBatchedStatements",
        "serverTimezone",
        "sslMode",
        "tcpKeepAlive",
        "trustServerCertificate",
        "useSSL",
        "useUnicode",
        "verifyServerCertificate",
    )
}
"""Parameters as the drivers' documentation spells them."""


def mysql_8_lets_in(url: str) -> bool:
    """Tell whether Connector/J can log in by MySQL 8's default kind of account for the first time.

    It needs TLS, or leave to ask for the server's public key (its manual).
    """
    options = canonical(url)[1]
    encrypted = options.get("sslMode", "DISABLED").upper() != "DISABLED" or any(
        options.get(name, "false") == "true" for name in ("useSSL", "requireSSL")
    )
    return encrypted or options.get("allowPublicKeyRetrieval") == "true"


def _with_port(base: str, prefix: str, port: int) -> str:
    tail = base[len(prefix) :]
    if not tail.startswith("//") and prefix != FORMS["postgresql"].prefix:
        return base
    if not tail.startswith("//"):  # pgJDBC: `jdbc:postgresql:NAME` is on this host
        tail = f"///{tail.lstrip('/')}"
    hosts = re.split("[/;]", tail[2:], maxsplit=1)[0]
    rest = tail[2 + len(hosts) :]
    named = [
        host if re.search(r"\\|\]?:[0-9]+$|[()]", host) else f"{host or 'localhost'}:{port}"
        for host in hosts.split(",")
    ]
    return f"{prefix}//{','.join(named)}{rest}"


def server(base: str) -> tuple[str, str, str]:
    """Cut the canonical base of a URL into what is before its host, the host, and the rest."""
    found = re.fullmatch(r"(jdbc:[a-z0-9]+://)([^/:;,]+)((?:[:;/].*)?)", base)
    return (found[1], found[2].lower(), found[3]) if found else (base, "", "")


def _parts(text: str, between: str) -> list[str]:
    """Cut at the separator, but not inside SQL Server's braces (`}}` in them is one brace)."""
    parts = text.split(between)
    if between != ";" or "{" not in text:
        return parts
    joined: list[list[str]] = []
    depth = False
    for part in parts:
        if depth:
            joined[-1].append(part)
        else:
            joined.append([part])
        for brace in re.findall(r"\{|\}+", part):
            depth = brace == "{" or (depth and len(brace) % 2 == 0)
    return [between.join(inner) for inner in joined]


def meaning(url: str, value: str) -> str:
    """Undo percent encoding where the URL's driver does, so that equal values compare equal."""
    form = next((f for f in FORMS.values() if url.startswith(f.prefix)), None)
    return unquote(value) if form and form.percent else value
