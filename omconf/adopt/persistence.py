"""Reads persistence.xml, as artifacts/persistence.py renders it, into facts of the spec."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.adopt import database_url
from omconf.artifacts.persistence import (
    CONNECTION,
    KIND,
    REMOTE_COMMITS,
    SCHEMAS,
    connects,
    spelling,
)
from omconf.formats import connection_properties, jdbc
from omconf.formats.xml import flatten
from omconf.rules import NOT_KEPT
from omconf.schema import deployed_xml
from omconf.secrets import Secret, in_plain, masked, quoted, tells

if TYPE_CHECKING:
    from lxml.etree import _Element

    from omconf.adopt.model import Common, Seen
    from omconf.releases import PersistenceStock

ENV = "OM_DB_PASSWORD"
_STOCK_USER = re.compile(r"\$\{\w{1,40}\}")
_SECRET_PARTS = ("Username", "Password")
Item = tuple[str, int]


def items(text: str) -> dict[str, Item]:
    """Read the properties of the unit by name: literal values and lines."""
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
    """Return the kind of database of a URL; empty if a cluster cannot use it."""
    found = (kind for kind, form in jdbc.FORMS.items() if url.startswith(form.prefix))
    return next(found, "")


def facts(node: Seen, common: Common) -> None:
    """Note the facts in a node's persistence.xml."""
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
        node.say(
            NOT_KEPT,
            message,
            place,
            "Migrate to a database server: nodes cannot share an embedded database.",
        )
        return
    stock = common.release.persistence[kind]
    node.tell(("database", "kind"), kind, place)
    _login(node, pairs, place)
    database_url.facts(node, kind, url, common.release, place)
    node.covers |= {("database", "pool"), ("persistence", "properties")}
    shipped = {spelling(name): value for name, value in stock.connection}
    for name, value in pairs.items():
        if name in ("Url", *_SECRET_PARTS) or (name, shipped.get(name)) == _driver(value):
            continue
        if shipped.get(name) == value:
            node.tell(("database", "pool", name), value, place, default=value)
        elif name == "DriverClassName" or tells(name, value):
            node.say(NOT_KEPT, f"`{quoted(name)}` of the connection is left out.", place)
        else:
            node.tell(("database", "pool", name), value, place)
    for name, (value, at) in found.items():
        if name not in (CONNECTION, REMOTE_COMMITS[0]):
            _property(node, name, " ".join(value.split()), (path, at), stock)


def _driver(value: str) -> tuple[str, str]:
    """The driver in the stock file, for which the spec has no key."""
    return "DriverClassName", value


def _property(
    node: Seen, name: str, value: str, place: tuple[str, int], stock: PersistenceStock
) -> None:
    shipped = dict(stock.properties).get(name)
    key = ("persistence", "properties", name)
    if shipped == value:
        node.tell(key, value, place, default=shipped)
    elif connects(name):
        message = f"`{quoted(name)}` is a second connection setting, for which a spec has no key."
        node.say(NOT_KEPT, message, place)
    elif in_plain(name, value) or masked(value) != value:
        message = f"The property `{quoted(name)}` is a secret, which a spec cannot contain."
        node.say(NOT_KEPT, message, place, "The plan lists it as deleted.")
    else:
        node.tell(key, value, place)


def _login(node: Seen, pairs: dict[str, str], place: tuple[str, int]) -> None:
    user, password = (pairs.get(name, "") for name in _SECRET_PARTS)
    if user and not _STOCK_USER.fullmatch(user):
        node.tell(("database", "user"), user, place)
    known = password and not _STOCK_USER.fullmatch(password) and "@omconf:" not in password
    secret = Secret(password) if known else None
    node.tell(("database", "password"), {"env": ENV}, place, secret=secret)
