"""Stock files as flat facts: an item's path in the file's own words, and what the file says there.

The same functions flatten a row of the table and a file that was read, so the two compare item by
item. Order is not kept: in these files it has no meaning.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from omconf import secrets
from omconf.releases.model import CONNECTION_PROPERTIES, StockElement
from omconf.releases.table import HAZELCAST_NAMESPACE
from omconf.secrets import HIDDEN, SECRET_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from omconf.releases.model import Release

Facts = dict[str, str]
"""What a file says, by item: `map[ROOMS_KEY]`, `property[openjpa.Log]`, ..."""

_STOCK_SECRET = re.compile(r"(?:\$\{\w{1,40}\})?")
_XSD = re.compile(r"hazelcast-config-([0-9.]+)\.xsd")


def masked(name: str, value: str) -> str:
    """Return the value without its secrets; the installer's `${db_pass}` is none."""
    if SECRET_NAME.search(name) and not _STOCK_SECRET.fullmatch(value):
        return HIDDEN
    return secrets.masked(value)


def is_shared(item: str) -> bool:
    """Tell whether an item is the same in all persistence files of a release."""
    return item in {"namespace", "version"} or item.startswith("class[")


def hazelcast_facts(namespace: str, root: StockElement) -> Facts:
    """Flatten a `hazelcast.xml`."""
    facts = {"namespace": namespace}
    if match := _XSD.search(dict(root.attributes).get("schemaLocation", "")):
        facts["xsd"] = match[1]
    return facts | _numbered(_hazelcast_items(root))


def persistence_facts(namespace: str, root: StockElement) -> Facts:
    """Flatten a `persistence.xml`: its first unit, and the names of all units."""
    units = [child for child in root.children if child.tag == "persistence-unit"]
    return {
        "namespace": namespace,
        "version": dict(root.attributes).get("version", ""),
        "persistence-unit": ", ".join(dict(unit.attributes).get("name", "") for unit in units),
    } | _numbered(item for unit in units[:1] for item in _unit_items(unit))


def stock_hazelcast(row: Release) -> Facts:
    """Return the facts of the row's `hazelcast.xml`."""
    stock = row.hazelcast
    attributes = (("name", stock.instance_name), ("server.url", stock.server_url))
    joins = tuple(StockElement(join, (("enabled", "false"),)) for join in stock.joins)
    schema = ("schemaLocation", f"hazelcast-config-{row.hazelcast_xsd}.xsd")
    children = (
        *(StockElement("map", (("name", name),), "", stock.map_content) for name in stock.maps),
        StockElement("instance-name", text=stock.instance_name),
        StockElement("member-attributes", children=_named("attribute", attributes)),
        StockElement("network", children=(StockElement("join", children=joins),)),
        StockElement("properties", children=_named("property", stock.properties)),
    )
    return hazelcast_facts(
        HAZELCAST_NAMESPACE, StockElement("hazelcast", (schema,), children=children)
    )


def stock_shared(row: Release) -> Facts:
    """Return what the row says of every persistence file."""
    classes = {f"class[{name}]": "listed" for name in row.entities}
    return {"namespace": row.jpa.namespace, "version": row.jpa.version} | classes


def stock_persistence(row: Release, database: str) -> Facts:
    """Return the facts of the row's `META-INF/<database>_persistence.xml`."""
    stock = row.persistence[database]
    place = {"host": stock.host, "port": stock.port, "name": stock.name}
    connection = dict(stock.connection)
    connection["Url"] = connection["Url"].format_map(place)
    properties = {name: text for name, text in stock.properties if name != CONNECTION_PROPERTIES}
    return {
        **stock_shared(row),
        "persistence-unit": stock.unit,
        "transaction-type": stock.transaction_type,
        "provider": stock.provider,
        "exclude-unlisted-classes": stock.exclude_unlisted_classes,
        **{f"property[{name}]": text for name, text in properties.items()},
        **{_connection_item(name): text for name, text in connection.items()},
    }


def _hazelcast_items(root: StockElement) -> Iterator[tuple[str, str]]:
    for child in root.children:
        if child.tag == "map" or not child.children:
            yield _label(child), _content(child)
        else:
            yield from ((f"{child.tag}/{_label(part)}", _content(part)) for part in child.children)


def _unit_items(unit: StockElement) -> Iterator[tuple[str, str]]:
    yield from ((name, value) for name, value in unit.attributes if name != "name")
    for child in unit.children:
        if child.tag == "class":
            yield f"class[{child.text}]", "listed"
        elif child.tag == "properties":
            for part in child.children:
                attributes = dict(part.attributes)
                name, value = attributes.get("name", ""), attributes.get("value", "")
                if name == CONNECTION_PROPERTIES:
                    yield from _connection_items(value)
                else:
                    yield f"property[{name}]", masked(name, value)
        else:
            yield child.tag, _content(child)


def _connection_items(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        shown = masked(name, value)
        yield _connection_item(name), shown
        if HIDDEN in shown:
            return  # a secret may hold commas: what follows may be part of it


def _connection_item(name: str) -> str:
    return f"{CONNECTION_PROPERTIES}/{name}"


def _named(tag: str, pairs: Iterable[tuple[str, str]]) -> tuple[StockElement, ...]:
    return tuple(StockElement(tag, (("name", name),), text) for name, text in pairs)


def _label(element: StockElement) -> str:
    name = dict(element.attributes).get("name")
    return element.tag if name is None else f"{element.tag}[{name}]"


def _content(element: StockElement) -> str:
    """Write an element's attributes (but its name), text and children in one line."""
    attributes = dict(element.attributes)
    own = attributes.pop("name", "")
    parts = [f"{name}={masked(name, value)}" for name, value in attributes.items()]
    if element.text:
        parts.append(masked(f"{element.tag} {own}", element.text))
    parts += [f"{_label(child)}({_content(child)})" for child in element.children]
    return ", ".join(parts)


def _numbered(pairs: Iterable[tuple[str, str]]) -> Facts:
    """Keep repeated items apart: `network/join`, `network/join (2)`."""
    seen: Counter[str] = Counter()
    facts: Facts = {}
    for item, value in pairs:
        seen[item] += 1
        facts[item if seen[item] == 1 else f"{item} ({seen[item]})"] = value
    return facts
