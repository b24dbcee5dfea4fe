"""Reads the database's URL into facts of the spec: servers, TLS, and further parameters.

Accepts what cluster/database_url.py writes, and the equivalent forms that people write by hand.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from omconf.adopt import database_tls
from omconf.artifacts.persistence import CONNECTION
from omconf.artifacts.persistence import KIND as PERSISTENCE
from omconf.cluster.database_url import OF_TLS, WRITABLE
from omconf.formats import jdbc_servers, jdbc_url, oracle_net
from omconf.rules import NOT_KEPT
from omconf.secrets import Secret, hides, quoted, tells

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.adopt.model import Seen
    from omconf.releases import PersistenceStock, Release

_BASES = {
    "postgresql": re.compile(r"jdbc:postgresql://([^/:,]+):([0-9]{1,5})/(.*)"),
    "mysql": re.compile(r"jdbc:mysql://([^/:,()=]+):([0-9]{1,5})/(.*)"),
    "mssql": re.compile(r"jdbc:sqlserver://([^/:;\\]+):([0-9]{1,5})()"),
    "oracle": re.compile(r"jdbc:oracle:thin:@([^/:(]+):([0-9]{1,5}):(.*)"),
    "db2": re.compile(r"jdbc:db2://([^/:]+):([0-9]{1,5})/(.*)"),
}
"""Host, port and database in the canonical base of a URL."""
_SEVERAL = re.compile(r"jdbc:[a-z]+://([^/:,()=]+:[0-9]{1,5}(?:,[^/:,()=]+:[0-9]{1,5})+)/(.*)")
_NO_FORM = (
    "The database's URL has no host with a port that a spec can express, or a list of hosts.",
    "Set database.host, .port and .name in the spec.",
)
_ACCOUNT = (
    "The database's URL contains an account, which a spec cannot express.",
    "Write the account as Username and Password of `openjpa.ConnectionProperties`.",
)
_WITH_ACCOUNT = re.compile(r"jdbc:(?:[a-z]+://[^/]*|oracle:thin:[^@]+)@.*", re.DOTALL)
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ZONE = (
    "without it, this release's driver takes the database server's time zone: set"
    " database.options.{} to that zone, or times are written otherwise from now on"
)
Place = tuple[str, int]
Servers = list[tuple[str, int]]


def facts(node: Seen, kind: str, url: str, release: Release, place: Place) -> None:
    """Note the facts in the URL of a node's database."""
    stock = release.persistence[kind]
    base, options = jdbc_url.canonical(url)
    told = set(_servers(node, kind, base, options, stock, place))
    told |= database_tls.facts(node, kind, options, release, place)
    _options(node, kind, url, stock, place, told)
    if (name := stock.zone_option) and name.lower() not in map(str.lower, options):
        node.why[PERSISTENCE.name, f"properties/{CONNECTION}/Url/{name}"] = _ZONE.format(name)


def _servers(
    node: Seen,
    kind: str,
    base: str,
    options: Mapping[str, str],
    stock: PersistenceStock,
    place: Place,
) -> tuple[str, ...]:
    """Note servers and database; returns the parameters that follow from the servers."""
    told: tuple[str, ...] = ()
    service = ""
    if kind == "oracle":
        thin = jdbc_url.THIN.match(base)
        target = oracle_net.read(base[thin.end() :]) if thin else None
        if target is None or any(protocol != "TCP" for *_, protocol in target.places):
            node.say(NOT_KEPT, *_unusable(base, place))
            return ()
        servers, name = [(host, port) for host, port, _ in target.places], target.name
        service = "" if target.data == "SID" else name
    elif match := _BASES[kind].fullmatch(base):
        servers = [(match[1], int(match[2]))]
        name = match[3]
        further, told = _further(kind, options)
        servers += further
    elif kind in WRITABLE and (match := _SEVERAL.fullmatch(base)):
        cut = (server.partition(":") for server in match[1].split(","))
        servers, name = [(host, int(port)) for host, _, port in cut], match[2]
        option, usual = WRITABLE[kind]
        told = (option,) if options.get(option) == usual else ()
    else:
        node.say(NOT_KEPT, *_unusable(base, place))
        return ()
    if kind == "mssql":
        name = options.get(jdbc_servers.DATABASE, "")
        told += (jdbc_servers.DATABASE,)
    elif jdbc_url.FORMS[kind].percent:
        name = unquote_plus(name)
    _hosts(node, servers, stock, place)
    if service:
        node.tell(("database", "service"), service, place)
    else:
        node.tell(("database", "name"), name, place, default=stock.name)
    return told


def _unusable(base: str, place: Place) -> tuple[str, Place, str]:
    """Return why a spec cannot have the servers of a URL, the place, and a hint."""
    message, hint = _ACCOUNT if _WITH_ACCOUNT.fullmatch(base) else _NO_FORM
    return message, place, hint


def _further(kind: str, options: Mapping[str, str]) -> tuple[Servers, tuple[str, ...]]:
    """Return the servers that parameters name, and these parameters."""
    partner = options.get(jdbc_servers.PARTNER, "")
    if kind == "mssql" and _HOST.fullmatch(partner):
        return [(partner, int(jdbc_servers.PARTNER_PORT))], (jdbc_servers.PARTNER,)
    names, ports = (options.get(name, "").split(",") for name in jdbc_servers.ALTERNATES)
    whole = len(names) == len(ports) and all(map(_HOST.fullmatch, names))
    if kind == "db2" and whole and all(re.fullmatch("[0-9]{1,5}", each) for each in ports):
        return list(zip(names, map(int, ports), strict=True)), jdbc_servers.ALTERNATES
    return [], ()


def _hosts(node: Seen, servers: Servers, stock: PersistenceStock, place: Place) -> None:
    """Note the servers; each has its port if that differs from the first one's."""
    (host, port), *others = servers
    node.tell(("database", "port"), port, place, default=stock.port)
    if not others:
        node.tell(("database", "host"), host, place)
        return
    said: list[object] = []
    for each, own in servers:
        more = {"port": own} if own != port else {}
        said.append({"host": each, **more} if more or "." not in each else each)
    node.tell(("database", "host"), said, place)


def _options(
    node: Seen, kind: str, url: str, stock: PersistenceStock, place: Place, told: set[str]
) -> None:
    """Note the URL's parameters that are neither stock nor covered by other keys (`told`)."""
    node.covers.add(("database", "options"))
    template = dict(stock.connection)["Url"].format(host="h", port=1, name="n")
    written = {n: jdbc_url.decode(template, v) for n, v in jdbc_url.split(template)[1].items()}
    shipped = {**written, **jdbc_url.canonical(template)[1]}
    canonical = jdbc_url.canonical(url)[1]
    zone = node.fact("openmeetings", "timezone")
    said = jdbc_url.split(url.partition("#")[0] if kind == "mysql" else url)[1]
    meant = {name: jdbc_url.decode(url, text) for name, text in said.items()}
    spelled = {n.strip().lower(): n.strip() for n in said} if kind == "mssql" else {}
    tls = any(OF_TLS[kind].fullmatch(name.lower()) for name in told)
    for name, value in (canonical if kind in ("mssql", "oracle") else meant).items():
        if name in told or (tls and OF_TLS[kind].fullmatch(name.lower())):
            continue
        key = ("database", "options", spelled.get(name, name))
        if kind == "oracle":
            message = f"The descriptor's `{quoted(name)}` has no key in the spec."
            node.say(NOT_KEPT, message, place, "The plan lists it as deleted.")
            continue
        if hides(name):
            default: Any = {"env": database_tls.variable(key[-1])}
            node.tell(key, default, place, secret=Secret(value) if _known(value) else None)
            continue
        if tells(name, value):
            message = (
                f"The URL's parameter `{quoted(name)}` is a secret, which a spec cannot contain."
            )
            node.say(NOT_KEPT, message, place, "The plan lists it as deleted.")
            continue
        if stock.zone_option and name.lower() == stock.zone_option.lower() and zone:
            default = zone.value
        else:
            default = shipped.get(name)
        if default in (value, canonical.get(name, value)):
            node.tell(key, value, place, default=value)
        else:
            node.tell(key, value, place)


def _known(text: str) -> bool:
    return bool(text) and "@omconf:" not in text
