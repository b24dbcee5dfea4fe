"""persistence.xml read backwards: what artifacts/persistence.py renders, as facts of the spec."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from omconf.adopt.model import NOT_KEPT
from omconf.artifacts.persistence import (
    CONNECTION,
    KIND,
    REMOTE_COMMITS,
    SCHEMAS,
    connects,
    spelling,
)
from omconf.check import deployed_xml
from omconf.formats import connection_properties, jdbc, jdbc_servers, oracle_net
from omconf.formats.xml import flatten
from omconf.secrets import Secret, hides, in_plain, masked, quoted

if TYPE_CHECKING:
    from lxml.etree import _Element

    from omconf.adopt.model import Common, Seen
    from omconf.releases import PersistenceStock

ENV = "OM_DB_PASSWORD"
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
    "The database's URL has a form that a spec cannot say: several hosts, or none.",
    "Set database.host, .port and .name by hand.",
)
_STOCK_USER = re.compile(r"\$\{\w{1,40}\}")
_SECRET_PARTS = ("Username", "Password")
Item = tuple[str, int]


def items(text: str) -> dict[str, Item]:
    """Read the properties of the unit, by their names, as they stand and with their lines."""
    document, _ = deployed_xml.read(text, SCHEMAS)
    unit: _Element | None = None if document is None else document.find("{*}persistence-unit")
    if unit is None:
        return {}
    return {
        key.removeprefix("properties/"): (value, line)
        for key, value, line in flatten(unit)
        if key.startswith("properties/")
    }


def kind_of(url: str) -> str:
    """Tell the kind of database of a URL; nothing for one that no cluster can use."""
    found = (kind for kind, form in jdbc.FORMS.items() if url.startswith(form.prefix))
    return next(found, "")


def facts(node: Seen, common: Common) -> None:
    """Note what a node's persistence.xml says."""
    path = node.path(KIND.places[0])
    text = node.text(path)
    found = items(text) if text is not None else {}
    if not found:
        return
    packed, line = found.get(CONNECTION, ("", 0))
    pairs = {spelling(name): value for name, value in connection_properties.split(packed)}
    url = pairs.get("Url", "")
    kind = kind_of(url)
    place = (path, line)
    if not kind:
        message = "`openjpa.ConnectionProperties` has no URL of a database that a cluster can use."
        node.say(NOT_KEPT, message, place, "An embedded database cannot be shared.")
        return
    stock = common.release.persistence[kind]
    node.tell(("database", "kind"), kind, place)
    _server(node, kind, url, stock, place)
    _login(node, pairs, place)
    _options(node, kind, url, stock, place)
    node.covers |= {("database", "pool"), ("persistence", "properties")}
    shipped = {spelling(name): value for name, value in stock.connection}
    for name, value in pairs.items():
        if name in ("Url", *_SECRET_PARTS) or (name, shipped.get(name)) == _driver(value):
            continue
        if shipped.get(name) == value:
            node.tell(("database", "pool", name), value, place, default=value)
        elif name == "DriverClassName" or in_plain(name, value):
            node.say(NOT_KEPT, f"`{quoted(name)}` of the connection is left out.", place)
        else:
            node.tell(("database", "pool", name), value, place)
    for name, (value, at) in found.items():
        if name not in (CONNECTION, REMOTE_COMMITS[0]):
            _property(node, name, " ".join(value.split()), (path, at), stock)


def _driver(value: str) -> tuple[str, str]:
    """The driver of the stock file, which no spec says."""
    return "DriverClassName", value


def _property(
    node: Seen, name: str, value: str, place: tuple[str, int], stock: PersistenceStock
) -> None:
    shipped = dict(stock.properties).get(name)
    key = ("persistence", "properties", name)
    if shipped == value:
        node.tell(key, value, place, default=shipped)
    elif connects(name):
        message = f"`{quoted(name)}` is a second way to the database, which no spec has."
        node.say(NOT_KEPT, message, place)
    elif in_plain(name, value) or masked(value) != value:
        message = f"The property `{quoted(name)}` is a secret: a spec cannot hold it."
        node.say(NOT_KEPT, message, place, "The plan lists it as one that goes.")
    else:
        node.tell(key, value, place)


def _server(
    node: Seen, kind: str, url: str, stock: PersistenceStock, place: tuple[str, int]
) -> None:
    base, options = jdbc.canonical(url)
    match = _BASES[kind].fullmatch(base)
    if kind == "oracle" and not match:
        _oracle(node, base, stock, place)
        return
    if not match and kind in ("postgresql", "mysql") and (several := _SEVERAL.fullmatch(base)):
        _servers(node, several[1].split(","), stock, place)
        node.tell(("database", "name"), unquote_plus(several[2]), place, default=stock.name)
        return
    if not match:
        node.say(NOT_KEPT, _NO_FORM[0], place, _NO_FORM[1])
        return
    host, port, name = match.groups()
    if kind == "mssql":
        name = options.get(jdbc_servers.DATABASE, "")
    elif jdbc.FORMS[kind].percent:
        name = unquote_plus(name)
    partner = options.get(jdbc_servers.PARTNER, "") if kind == "mssql" else ""
    if partner and "\\" not in partner:
        _servers(node, [f"{host}:{port}", f"{partner}:{jdbc_servers.PARTNER_PORT}"], stock, place)
    else:
        node.tell(("database", "host"), host, place)
        node.tell(("database", "port"), int(port), place, default=stock.port)
    node.tell(("database", "name"), name, place, default=stock.name)


def _oracle(node: Seen, base: str, stock: PersistenceStock, place: tuple[str, int]) -> None:
    """Note the servers of a descriptor, and its service or SID."""
    thin = jdbc.THIN.match(base)
    target = oracle_net.read(base[thin.end() :]) if thin else None
    if target is None or any(protocol != "TCP" for *_, protocol in target.places):
        node.say(NOT_KEPT, _NO_FORM[0], place, _NO_FORM[1])
        return
    if len(target.places) > 1:
        _servers(node, [f"{host}:{port}" for host, port, _ in target.places], stock, place)
    else:
        host, port, _ = target.places[0]
        node.tell(("database", "host"), host, place)
        node.tell(("database", "port"), port, place, default=stock.port)
    if target.data == "SID":
        node.tell(("database", "name"), target.name, place, default=stock.name)
    else:
        node.tell(("database", "service"), target.name, place)


def _servers(
    node: Seen, servers: list[str], stock: PersistenceStock, place: tuple[str, int]
) -> None:
    """Note several servers, each with the port that is not the kind's own."""
    said: list[object] = []
    for server in servers:
        host, _, port = server.partition(":")
        own = {"port": int(port)} if port and int(port) != stock.port else {}
        said.append({"host": host, **own} if own or "." not in host else host)
    node.tell(("database", "host"), said, place)


def _login(node: Seen, pairs: dict[str, str], place: tuple[str, int]) -> None:
    user, password = (pairs.get(name, "") for name in _SECRET_PARTS)
    if user and not _STOCK_USER.fullmatch(user):
        node.tell(("database", "user"), user, place)
    known = password and not _STOCK_USER.fullmatch(password) and "@omconf:" not in password
    secret = Secret(password) if known else None
    node.tell(("database", "password"), {"env": ENV}, place, secret=secret)


def _options(
    node: Seen, kind: str, url: str, stock: PersistenceStock, place: tuple[str, int]
) -> None:
    """Note the parameters of the URL that are not the stock file's."""
    node.covers.add(("database", "options"))
    template = dict(stock.connection)["Url"].format(host="h", port=1, name="n")
    written = {n: jdbc.meaning(template, v) for n, v in jdbc.split(template)[1].items()}
    shipped = {**written, **jdbc.canonical(template)[1]}
    if "," in jdbc.canonical(url)[0]:
        shipped = {"targetServerType": "primary", **shipped}  # omconf's own, for several servers
    canonical = jdbc.canonical(url)[1]
    zone = node.fact("openmeetings", "timezone")
    said = jdbc.split(url.partition("#")[0] if kind == "mysql" else url)[1]
    meant = {name: jdbc.meaning(url, text) for name, text in said.items()}
    for name, value in (canonical if kind in ("mssql", "oracle") else meant).items():
        if kind == "mssql" and name == jdbc_servers.DATABASE:
            continue
        if kind == "mssql" and name == jdbc_servers.PARTNER and "\\" not in value:
            continue
        if kind == "oracle":
            message = f"The descriptor's `{quoted(name)}` has no place in a spec."
            node.say(NOT_KEPT, message, place, "The plan lists it as one that goes.")
            continue
        if hides(name) or in_plain(name, value):
            message = f"The URL's parameter `{quoted(name)}` is a secret: a spec cannot hold it."
            node.say(NOT_KEPT, message, place, "The plan lists it as one that goes.")
            continue
        if stock.zone_option and name.lower() == stock.zone_option.lower() and zone:
            default = zone.value
        else:
            default = shipped.get(name)
        if default in (value, canonical.get(name, value)):
            node.tell(("database", "options", name), value, place, default=value)
        else:
            node.tell(("database", "options", name), value, place)
