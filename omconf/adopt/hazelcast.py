"""Reads hazelcast.xml, as artifacts/hazelcast renders it, into facts of the spec."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from omconf.adopt import reasons
from omconf.artifacts.hazelcast import KIND, SCHEMAS
from omconf.artifacts.hazelcast.rendering import REMOVED_PROPERTIES, written
from omconf.cluster.model import ExtraFile
from omconf.formats.xml import children, local
from omconf.hazelcast import hazelcast_extra
from omconf.hazelcast.items import items_of
from omconf.releases import HAZELCAST_NAMESPACE
from omconf.rules import NOT_KEPT
from omconf.schema import deployed_xml
from omconf.secrets import in_plain, masked, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lxml.etree import _Element

    from omconf.adopt.model import Common, Seen
    from omconf.releases import Release, StockElement

EXTRA = ("hazelcast", "extra")
"""Facts below this key are elements of the file that it names, by their path in it."""
_JOIN = "network/join/"
_MULTICAST = f"{_JOIN}multicast/multicast-"
_DISCOVERY = {
    "group": (f"{_MULTICAST}group", "224.2.2.3"),
    "port": (f"{_MULTICAST}port", 54327),
    "ttl": (f"{_MULTICAST}time-to-live", 32),
    "timeout": (f"{_MULTICAST}timeout-seconds", 2),
}
_ADDRESS = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}")
_INTERFACE = "network/interfaces/interface"
_OWN = {
    "": {"cluster-name", "instance-name", "properties", "network", "member-attributes"},
    "network": {"port", "join", "interfaces", "public-address"},
    "member-attributes": {"attribute[name]", "attribute[server.url]"},
}
"""What omconf itself writes, by parent element."""
_VARIABLE = re.compile(r"\$\{[^{}]*\}")
Item = tuple[str, int]


def raw(text: str) -> tuple[_Element | None, dict[str, Item]]:
    """Read the items that are in effect, with their literal values and lines."""
    document, _ = deployed_xml.read(text, SCHEMAS)
    if document is None:
        return None, {}
    counted = KIND.read(text)
    known = {*counted.items, *counted.secrets}
    return document, {key: (value, line) for key, value, line in items_of(document) if key in known}


def name_of(node: Seen) -> Item | None:
    """Return the instance-name and its line."""
    text = node.text(node.path(KIND.places[0]))
    return raw(text)[1].get("instance-name") if text is not None else None


def facts(node: Seen, common: Common) -> None:
    """Note the facts in a node's hazelcast.xml."""
    path = node.path(KIND.places[0])
    text = node.text(path)
    if text is None:
        return
    document, items = raw(text)
    if document is None:
        return
    stock = common.release.hazelcast
    value, line = items.get("cluster-name", ("dev", 0))
    node.tell(("hazelcast", "cluster_name"), value, (path, line))
    _url(node, path, items)
    _discovery(node, path, items)
    _network(node, path, items)
    node.covers.add(("hazelcast", "properties"))
    shipped = dict(stock.properties)
    for key, (value, line) in items.items():
        name = key.removeprefix("properties/")
        if name != key and name not in REMOVED_PROPERTIES:
            _property(node, name, value, (path, line), shipped.get(name))


def further(nodes: Sequence[Seen], release: Release, secret: Callable[[str], bool]) -> None:
    """Note the elements that omconf does not write, for the file of `hazelcast.extra`.

    `secret` tells whether a text holds the value of a known secret.
    """
    told: set[str] = set()
    for node in nodes:
        path = node.path(KIND.places[0])
        text = node.text(path)
        document = deployed_xml.read(text, SCHEMAS)[0] if text is not None else None
        if document is None:
            continue
        node.covers.add(EXTRA)
        replaced: dict[str, str] = {}
        for whole, found, line in _further(document, release):
            done = len(replaced)
            element = _without_secrets(found, whole, secret, replaced)
            if not _keep(node, whole, element, (path, line), release, secret):
                continue
            for name, key in [*replaced.items()][done:]:
                node.properties[name] = key
                node.why[KIND.name, key] = reasons.REPLACED
                if name not in told:
                    message = f"The secret `{quoted(key)}` is replaced by `${{{name}}}`."
                    hint = f"Set the system property `{name}` in each node's JVM"
                    node.say(NOT_KEPT, message, (path, line), f"{hint} before the first apply.")
        told |= replaced.keys()


def _url(node: Seen, path: str, items: dict[str, Item]) -> None:
    url, line = items.get("member-attributes/server.url", ("", 0))
    if not url.isprintable():
        message = "`server.url` is left out: it contains an invisible character."
        node.say(NOT_KEPT, message, (path, line))
    elif url:
        node.tell(("nodes", "*", "url"), url, (path, line))


def _discovery(node: Seen, path: str, items: dict[str, Item]) -> None:
    tcp = items.get(f"{_JOIN}tcp-ip/enabled")
    multicast = items.get(f"{_JOIN}multicast/enabled", ("", 0))
    by_list = tcp is not None and tcp[0] == "true"
    line = tcp[1] if tcp and by_list else multicast[1]
    kind = "tcp-ip" if by_list else "multicast"
    guess = "" if by_list or multicast[0] == "true" else "no join is enabled"
    node.tell(("discovery", "kind"), kind, (path, line), default="multicast", guess=guess)
    if by_list:
        return
    for key, (name, default) in _DISCOVERY.items():
        text, line = items.get(name, (str(default), 0))
        number = (
            int(text) if isinstance(default, int) and re.fullmatch("[0-9]{1,9}", text) else text
        )
        node.tell(("discovery", key), number, (path, line), default=default)


def _network(node: Seen, path: str, items: dict[str, Item]) -> None:
    port = items.get("network/port")
    said = int(port[0]) if port and re.fullmatch("[0-9]{1,5}", port[0]) else None
    node.tell(("hazelcast", "port"), said, (path, port[1] if port else 0), default=None)
    if public := items.get("network/public-address"):
        node.tell(("nodes", "*", "public_address"), public[0], (path, public[1]))
    chosen, line = items.get(_INTERFACE, ("none", 0))
    if _ADDRESS.fullmatch(chosen):
        node.tell(("nodes", "*", "address"), chosen, (path, line))
        chosen = ""
    node.tell(("hazelcast", "interfaces"), chosen or None, (path, line), default=None)


def _property(
    node: Seen, name: str, value: str, place: tuple[str, int], shipped: str | None
) -> None:
    if in_plain(name, value) or masked(value) != value:
        message = f"The property `{quoted(name)}` is a secret, which a spec cannot contain."
        node.say(NOT_KEPT, message, place, "The plan lists it as deleted.")
        node.why[KIND.name, f"properties/{name}"] = reasons.WITHHELD
    elif shipped is None:
        node.tell(("hazelcast", "properties", name), value, place)
    else:
        node.tell(("hazelcast", "properties", name), value, place, default=shipped)


def _further(document: _Element, release: Release) -> Iterator[tuple[str, StockElement, int]]:
    """Yield the file's elements that omconf does not write, with their path and line."""
    times: Counter[str] = Counter()
    maps = {f"map[{name}]": release.hazelcast.map_content for name in release.hazelcast.maps}
    for parent, own in _OWN.items():
        for above in [document] if not parent else document.iterfind(f"{{*}}{parent}"):
            for child in children(above):
                name = child.get("name")
                key = local(child) if name is None else f"{local(child)}[{name}]"
                if key in own or (not parent and key in maps):
                    continue
                times[f"{parent}/{key}"] += 1
                if (
                    count := times[f"{parent}/{key}"]
                ) > 1:  # two with the same name, or without one
                    key = f"{key}#{count}"
                line: int | None = child.sourceline  # type: ignore[assignment]
                whole = f"{parent}/{key}" if parent else key
                yield whole, hazelcast_extra.copied(child), line or 0


def _keep(
    node: Seen,
    key: str,
    element: StockElement,
    place: tuple[str, int],
    release: Release,
    secret: Callable[[str], bool],
) -> bool:
    """Keep a further element for the file of `hazelcast.extra`; return whether it is allowed there."""
    parent = _parent(key)
    text = "\n".join(written(element, "    " if parent else "  "))
    kept = hazelcast_extra.read(ExtraFile("extra", file_of({key: text}).encode()), release)
    why = kept.diagnostics[0].message if kept.diagnostics else ""
    if secret(text):  # as a name: values are replaced
        why = "it contains the value of a secret."
    if why:
        node.say(NOT_KEPT, f"`{quoted(key)}` cannot be kept in hazelcast.extra: {why}", place)
        return False
    node.tell((*EXTRA, key), text, place)
    return True


def _without_secrets(
    element: StockElement, key: str, secret: Callable[[str], bool], replaced: dict[str, str]
) -> StockElement:
    """Replace each secret by a variable, for which Hazelcast inserts a system property's value.

    Adds the key of each value to `replaced`, by the name of the property.
    """

    def plain(name: str, value: str) -> str:
        if not value or _VARIABLE.fullmatch(value):
            return value
        if not (in_plain(name, value) or masked(value) != value or secret(value)):
            return value
        words = re.sub(r"[^A-Za-z0-9]+", ".", name).strip(".").lower()
        variable, number = f"om.{words}", 2
        while variable in replaced:
            variable, number = f"om.{words}.{number}", number + 1
        replaced[variable] = name
        return f"${{{variable}}}"

    label = dict(element.attributes).get("name")
    inner = tuple(
        _without_secrets(
            child, f"{key}/{dict(child.attributes).get('name') or child.tag}", secret, replaced
        )
        for child in element.children
    )
    attributes = tuple(
        (name, value if name == "name" and value == label else plain(f"{key}/{name}", value))
        for name, value in element.attributes
    )
    return replace(element, attributes=attributes, text=plain(key, element.text), children=inner)


def _parent(key: str) -> str:
    """Return the parent of a further element; empty for the root."""
    above, slash, _ = key.partition("/")
    return above if slash and above in hazelcast_extra.CONTAINERS else ""


def file_of(elements: dict[str, str]) -> str:
    """Write the file that `hazelcast.extra` names from its elements by path."""
    inside: dict[str, list[str]] = {}
    for key, text in elements.items():
        inside.setdefault(_parent(key), []).append(text)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<hazelcast xmlns="{HAZELCAST_NAMESPACE}">']
    for parent in ("member-attributes", "network"):
        if parent in inside:
            lines += [f"  <{parent}>", *inside[parent], f"  </{parent}>"]
    return "\n".join([*lines, *inside.get("", ()), "</hazelcast>", ""])
