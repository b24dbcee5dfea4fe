"""JDBC URLs of the five databases: how each driver cuts and encodes one, and one spelling of equals.

The names and values of their parameters are in jdbc_parameters.py, their servers in jdbc_servers.py.

Sources: the drivers' own documentation of their URL forms (pgjdbc, Connector/J, mssql-jdbc, the
Oracle thin driver's SID form, IBM's JCC driver) and the stock files of OpenMeetings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_plus

from omconf.dataclass import dataclass
from omconf.formats import jdbc_parameters, oracle_net
from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True, slots=True)
class Form:
    """How one driver writes a URL: what starts, separates and ends its parameters."""

    prefix: str
    start: str
    between: str
    end: str = ""
    percent: bool = False
    """Whether the driver decodes percent signs, and `+` as a blank, in the database and in values."""


FORMS = {
    "postgresql": Form("jdbc:postgresql:", "?", "&", percent=True),
    "mysql": Form("jdbc:mysql:", "?", "&", percent=True),
    "mssql": Form("jdbc:sqlserver:", ";", ";"),
    "oracle": Form("jdbc:oracle:", "", ""),
    "db2": Form("jdbc:db2:", ":", ";", ";"),
}
NAME = regex(r"[A-Za-z][A-Za-z0-9_.-]*")
"""A parameter's name, of any driver."""
_TRIMMED = "".join(map(chr, range(0x21)))
"""What Java's `String.trim` takes off; `str.strip` takes more, such as U+00A0."""
_BARE = regex(r"[A-Za-z0-9_$#.-]+")
_BARE_DB2 = regex(r"[A-Za-z0-9_$#@.,/+*()=~%-]+")


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
        raise ValueError(
            f"a {kind} URL can only contain letters, digits and `_ $ # . -{more}` there"
        )
    return value


def with_parameters(
    kind: str, url: str, parameters: dict[str, str], without: Collection[str] = ()
) -> str:
    """Add parameters (already encoded) to a URL, in the place of those of the same name.

    Those `without` go, unless they are added.

    Raises ValueError for a kind whose URL has no parameters (Oracle's SID form).
    """
    if not parameters:
        return url
    form = FORMS[kind]
    if not form.start:
        raise ValueError("an Oracle URL with a SID cannot have parameters")
    base, present = split(url)
    kept = {name: value for name, value in present.items() if name not in without}
    merged = {**kept, **parameters}
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
    """Split a URL, written in one way whatever way its driver takes; values as they are meant.

    Names of hosts have no case. A host or port that is left out is the driver's own, and a database's
    name is encoded as `encode` does it. mssql-jdbc takes parameters in any case; pgJDBC and Connector/J
    ignore one in another case (docs/agreement.md).
    """
    kind = next((kind for kind, form in FORMS.items() if url.startswith(form.prefix)), "")
    if kind == "mysql":
        url = url.partition("#")[0]  # Connector/J takes the rest for a fragment
    base, parameters = split(url)
    if kind == "oracle" and (thin := THIN.match(base)):
        text, settings = oracle_net.canonical(base[thin.end() :])
        return thin[0] + text, settings
    if kind == "mysql":
        parameters = {_plain_name(name): value for name, value in parameters.items()}
    if kind == "mssql":
        parameters = {
            jdbc_parameters.mssql_name(n): v.strip(_TRIMMED) for n, v in parameters.items()
        }
    decoded = {name: decode(url, value) for name, value in parameters.items()}
    if kind == "mssql":
        base = _mssql_server(base, decoded)
    if port := _PORTS.get(kind):
        base = _with_server(base, kind, port)
    return base, jdbc_parameters.canonical(kind, decoded)


THIN = regex(r"jdbc:oracle:thin:@")
_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433, "db2": 50000}
"""What the drivers connect to where a URL names no port (their own documentation)."""


def mysql_8_lets_in(url: str) -> bool:
    """Tell whether Connector/J can log in by MySQL 8's default kind of account for the first time.

    It needs TLS, or leave to ask for the server's public key (its manual).
    """
    options = canonical(url)[1]
    encrypted = options.get("sslMode") != "DISABLED"
    return encrypted or options.get("allowPublicKeyRetrieval") == "true"


def _plain_name(name: str) -> str:
    """Decode a parameter's name, where that gives a name."""
    decoded = unquote_plus(name)
    return decoded if NAME.fullmatch(decoded) else name


_START = regex(r"jdbc:(?:mysql:(?:loadbalance|replication)|[a-z]+)://")
_SERVER = regex(r"([^@/]*@)?(\[[^\]]*\]|[^:\\@()\[\]=]*)(?::([0-9]{1,9}))?")
_GROUPS = regex(r"(?:[^,(]|\([^()]*+\)|\()++")
_KEYED = regex(r"address=((?:\([a-z]+=[^()=,]*\))+)|\(([a-z]+=[^()=,]*(?:,[a-z]+=[^()=,]*)*)\)")


_MSSQL = regex(r"(jdbc:sqlserver://)([^:\\]*)(?:\\([^:]*))?(?::(.*))?")


def _mssql_server(base: str, parameters: dict[str, str]) -> str:
    """Write the server of mssql-jdbc's properties into the URL, and take them away.

    What stands later counts; an instance does not where there is a port (its Util.parseUrl and manual).
    """
    found = _MSSQL.fullmatch(base)
    if found is None:
        return base
    names = ("serverName", "instanceName", "portNumber")
    said = zip(names, found.groups()[1:], strict=True)
    host, instance, port = (parameters.pop(name, "") or (text or "").strip() for name, text in said)
    end = f":{port}" if port else f"\\{instance}" if instance else ""
    return f"{found[1]}{host}{end}"


def _with_server(base: str, kind: str, port: int) -> str:
    """Write hosts with their ports, and the database behind them, in one way."""
    start = _START.match(base)
    if start:
        prefix, tail = start[0], base[start.end() :]
    elif kind == "postgresql" and not base.startswith(f"{FORMS[kind].prefix}/"):
        prefix = f"{FORMS[kind].prefix}//"  # pgJDBC: `jdbc:postgresql:NAME` is on this host
        tail = f"/{base[len(FORMS[kind].prefix) :]}"
    else:
        return base
    hosts = re.split("[/;]", tail, maxsplit=1)[0]
    rest = tail[len(hosts) :]
    if FORMS[kind].percent:
        rest = _database(kind, rest)
    named = (
        _server(host, port)
        for host in (_GROUPS.findall(hosts) if "(" in hosts else hosts.split(","))
    )
    return f"{prefix}{','.join(named)}{rest}"


def _server(host: str, port: int) -> str:
    """Write a host with its port; Connector/J's forms with names where they say no more than that."""
    if keyed := _KEYED.fullmatch(host):
        words = re.split(r"[(),]+", (keyed[1] or keyed[2]).strip("()"))
        said = dict(word.split("=") for word in words)
        if said.keys() <= {"host", "port"}:
            host = f"{said.get('host', '')}:{said.get('port', port)}"
    found = _SERVER.fullmatch(host)
    if not found:
        return host
    return f"{found[1] or ''}{(found[2] or 'localhost').lower()}:{int(found[3] or port)}"


def _database(kind: str, rest: str) -> str:
    """Encode a database name, of `/NAME`, as `encode` does it."""
    if not rest and kind == "mysql":
        return "/"
    # What looks like a parameter stays as it is, so that a password in it is found.
    kept = "[=:;@&]" if kind == "mysql" else "[=:;@&]|(?<!^)/"
    if not rest or re.search(f"%(?![0-9A-Fa-f]{{2}})|{kept}", rest):
        return rest
    return f"/{quote(unquote_plus(rest[1:]), safe='')}"


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


def decode(url: str, value: str) -> str:
    """Decode a parameter's value as the URL's driver does: percent signs, or SQL Server's braces."""
    form = next((f for f in FORMS.values() if url.startswith(f.prefix)), None)
    if form is FORMS["mssql"] and value.startswith("{") and value.endswith("}"):
        return value[1:-1].replace("}}", "}")
    return unquote_plus(value) if form and form.percent else value
