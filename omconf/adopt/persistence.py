"""Reads persistence.xml, as artifacts/persistence.py renders it, into facts of the spec."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.adopt import database_url, reasons
from omconf.artifacts.persistence import (
    CONNECTION,
    KIND,
    REMOTE_COMMITS,
    SCHEMAS,
    connects,
)
from omconf.formats import connection_properties, jdbc_url
from omconf.formats.xml import flatten
from omconf.rules import MISSING_SETTING, NOT_KEPT
from omconf.schema import deployed_xml
from omconf.secrets import Secret, in_plain, masked, quoted, tells

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lxml.etree import _Element

    from omconf.adopt.model import Common, Seen
    from omconf.formats.connection_properties import Pair
    from omconf.releases import PersistenceStock

ENV = "OM_DB_PASSWORD"
_STOCK_USER = re.compile(r"\$\{\w{1,40}\}")
_SECRET_PARTS = ("Username", "Password")
MARIADB = "jdbc:mariadb:"
"""Begins the URLs of MariaDB's own driver."""
Item = tuple[str, int]
"""A value and its line, or a path and a line of it."""


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
    found = (kind for kind, form in jdbc_url.FORMS.items() if url.startswith(form.prefix))
    return next(found, "")


def facts(node: Seen, common: Common) -> None:
    """Note the facts in a node's persistence.xml."""
    path = node.path(KIND.places[0])
    text = node.text(path)
    found = items(text) if text is not None else {}
    if not found:
        return
    packed, line = found.get(CONNECTION, ("", 0))
    given = {pair.name: pair for pair in connection_properties.guarded(packed)}  # the last counts
    pairs = {pair.name: pair.value for pair in given.values() if not pair.hidden}
    url = pairs.get("Url", "")
    kind = kind_of(url)
    place = (path, line)
    if not kind:
        return  # see no_database
    stock = common.release.persistence[kind]
    node.tell(("database", "kind"), kind, place)
    _login(node, pairs, place)
    database_url.facts(node, kind, url, common.release, place)
    node.covers |= {("database", "pool"), ("persistence", "properties")}
    _settings(node, [*given.values()], kind, dict(stock.connection), place)
    for name, (value, at) in found.items():
        if name not in (CONNECTION, REMOTE_COMMITS[0]):
            _property(node, name, " ".join(value.split()), (path, at), stock)


def _settings(
    node: Seen,
    given: Sequence[Pair],
    kind: str,
    stock: Mapping[str, str],
    place: Item,
) -> None:
    """Note the settings of the pool; `stock` are those of the stock file."""
    shipped = {connection_properties.spelling(name): value for name, value in stock.items()}
    behind = any(pair.name == "Password" for pair in given if not pair.hidden)
    for name, value, hidden in given:
        if hidden:
            _hidden(node, name, place, behind=behind)
            continue
        if name in ("Url", *_SECRET_PARTS) or (name, shipped.get(name)) == _driver(value):
            continue
        if shipped.get(name) == value:
            node.tell(("database", "pool", name), value, place, default=value)
        elif name == "DriverClassName":
            _other_driver(node, kind, value, shipped.get(name, ""), place)
        elif tells(name, value):
            node.say(NOT_KEPT, f"`{quoted(name)}` of the connection is left out.", place)
        else:
            node.tell(("database", "pool", name), value, place)


def _hidden(node: Seen, name: str, place: Item, *, behind: bool) -> None:
    """Report a setting that may be a secret, or a part of a password with a comma."""
    message = f"`{quoted(name)}` of the connection is left out: it may be a secret."
    hint = ""
    if behind:
        message = "The password ends at a comma, and what follows is left out: OpenJPA ignores it."
        hint = "If it belongs to the password, enclose that in quotes: `Password='...,...'`."
        hint += " Otherwise delete it."
        key = f"properties/{CONNECTION}/{name}"
        node.why[KIND.name, key] = "the password ends at the comma before it: OpenJPA ignores it"
    node.say(NOT_KEPT, message, place, hint)


def no_database(nodes: Sequence[Seen]) -> None:
    """Report URLs that no spec has: an error where no node has another one."""
    left = [node for node in nodes if not node.fact("database", "kind")]
    rule = MISSING_SETTING if len(left) == len(nodes) else NOT_KEPT
    for node in left:
        path = node.path(KIND.places[0])
        found = items(node.text(path) or "")
        packed, line = found.get(CONNECTION, ("", 0))
        pairs = {pair.name: pair.value for pair in connection_properties.guarded(packed)}
        if found:
            node.say(rule, *_unusable(pairs.get("Url", ""), (path, line)))


def _unusable(url: str, place: Item) -> tuple[str, Item, str]:
    """Return why a spec cannot have a URL, the item that holds it, and a hint what to write instead."""
    if url.lower().startswith(MARIADB):
        message = f"A spec has no `{MARIADB}` URL: OpenMeetings ships no driver for it."
        hint = (
            "Write it as a `jdbc:mysql:` URL with the parameters of Connector/J, which OpenMeetings"
            " ships and which works with MariaDB. In a spec: `database.kind: mysql`."
        )
        return message, place, hint
    message = "`openjpa.ConnectionProperties` has no URL of a database that a cluster can use."
    hint = "Migrate to a database server: nodes cannot share an embedded database."
    return message, place, hint


def _other_driver(node: Seen, kind: str, value: str, shipped: str, place: Item) -> None:
    message = (
        f"The driver `{quoted(masked(value))}` is left out: omconf uses the one that the release"
        f" ships, `{shipped}`."
    )
    hint = "Connector/J works with MySQL and with MariaDB." if kind == "mysql" else ""
    node.say(NOT_KEPT, message, place, hint)


def _driver(value: str) -> tuple[str, str]:
    """The driver in the stock file, for which the spec has no key."""
    return "DriverClassName", value


def _property(
    node: Seen, name: str, value: str, place: tuple[str, int], stock: PersistenceStock
) -> None:
    shipped = dict(stock.properties).get(name)
    key = ("persistence", "properties", name)
    if shipped == value:
        if not connects(name):  # a spec has no key for what omconf writes of these
            node.tell(key, value, place, default=shipped)
    elif connects(name):
        message = f"`{quoted(name)}` is a second connection setting, for which a spec has no key."
        node.say(NOT_KEPT, message, place)
    elif in_plain(name, value) or masked(value) != value:
        message = f"The property `{quoted(name)}` is a secret, which a spec cannot contain."
        node.say(NOT_KEPT, message, place, "The plan lists it as deleted.")
        node.why[KIND.name, f"properties/{name}"] = reasons.WITHHELD
    else:
        node.tell(key, value, place)


def _login(node: Seen, pairs: dict[str, str], place: tuple[str, int]) -> None:
    user, password = (pairs.get(name, "") for name in _SECRET_PARTS)
    if user and not _STOCK_USER.fullmatch(user):
        node.tell(("database", "user"), user, place)
    known = password and not _STOCK_USER.fullmatch(password) and "@omconf:" not in password
    secret = Secret(password) if known else None
    node.tell(("database", "password"), {"env": ENV}, place, secret=secret)
