"""The text of hazelcast.xml: the stock file of the release with the clustering page's edits."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from omconf.artifacts.contents import Line, line
from omconf.formats import header
from omconf.formats.xml import escape, escaped
from omconf.hazelcast import hazelcast_extra
from omconf.hazelcast.hazelcast_extra import Extra
from omconf.origin import FromFormat, FromPage, FromRelease, Value
from omconf.releases import HAZELCAST_NAMESPACE

if TYPE_CHECKING:
    from omconf.cluster.model import Cluster, Node
    from omconf.releases import StockElement

NAME = FromPage("OM nodes configuration: a unique instance-name for each server")
URL = FromPage("OM nodes configuration: server.url is the server's full public URL")
JOIN = FromPage("OM nodes configuration: replace the disabled join by the multicast join")
INTERFACE = FromPage("OM nodes configuration: interfaces, where there is more than one")
XML = FromFormat("XML")

REMOVED_PROPERTIES = ("hazelcast.discovery.enabled",)
"""Stock properties that the clustering page deletes."""


def lines(cluster: Cluster, node: Node) -> tuple[Line, ...]:
    """Return a node's hazelcast.xml, line by line, each with its origins."""
    shared = _shared(cluster)
    return (
        *shared.top,
        line("  <instance-name>", escaped(node.instance_name), "</instance-name>", why=(NAME,)),
        line("  <member-attributes>", why=(XML,)),
        line(
            '    <attribute name="name">',
            escaped(node.instance_name),
            "</attribute>",
            why=(NAME,),
        ),
        line('    <attribute name="server.url">', escaped(node.url), "</attribute>", why=(URL,)),
        *shared.attributes,
        line("  </member-attributes>", why=(XML,)),
        *shared.properties,
        *_public_address(node),
        *shared.joins,
        *_interfaces(cluster, node),
        *shared.tail,
    )


def members(cluster: Cluster) -> list[Value[str]]:
    """Return the member list for tcp-ip: `host:port` if a port is set, here or by NAT.

    Without the port in the list, members on a port other than 5701 silently split (measured).
    """
    port = cluster.hazelcast.port
    return [
        Value(f"{n.listed_as.value}:{port.value}", n.listed_as.origin)
        if port and not n.public_port
        else n.listed_as
        for n in cluster.nodes
    ]


def _public_address(node: Node) -> tuple[Line, ...]:
    if node.public_address is None:
        return ()
    return (line("    <public-address>", node.seen_at, "</public-address>"),)


def _interfaces(cluster: Cluster, node: Node) -> tuple[Line, ...]:
    chosen = cluster.hazelcast.interfaces
    if chosen and chosen.value == "none":
        return ()
    return (
        line('    <interfaces enabled="true">', why=(INTERFACE,)),
        line("      <interface>", chosen or node.address, "</interface>", why=(INTERFACE,)),
        line("    </interfaces>", why=(INTERFACE,)),
    )


@lru_cache(maxsize=2)
def extra(cluster: Cluster) -> Extra:
    """Return the further elements in the file that the spec names."""
    if cluster.hazelcast.extra is None:
        return Extra()
    release = cluster.openmeetings.release.value
    return hazelcast_extra.read(cluster.hazelcast.extra.value, release)


def _further(cluster: Cluster, parent: str) -> list[Line]:
    indent = "    " if parent else "  "
    return [
        line(text, why=(further.origin,))
        for further in extra(cluster).elements.get(parent, ())
        for text in written(further.element, indent)
    ]


class _Shared(NamedTuple):
    """The elements that all nodes share, in the order of the file."""

    top: list[Line]
    attributes: list[Line]
    properties: list[Line]
    joins: list[Line]
    tail: list[Line]


@lru_cache(maxsize=2)
def _shared(cluster: Cluster) -> _Shared:
    release = cluster.openmeetings.release.value
    stock = FromRelease(release.name, "hazelcast.xml")
    namespace = HAZELCAST_NAMESPACE
    location = f"{namespace} {namespace}/hazelcast-config-{release.hazelcast_xsd}.xsd"
    top = [
        line('<?xml version="1.0" encoding="UTF-8"?>', why=(XML,)),
        line("<!-- ", header.text(cluster.name), " -->", why=(XML,)),
        line(f'<hazelcast xmlns="{namespace}"', why=(stock,)),
        line('           xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"', why=(stock,)),
        line(f'           xsi:schemaLocation="{location}">', why=(stock,)),
        line("  <cluster-name>", escaped(cluster.hazelcast.cluster_name), "</cluster-name>"),
    ]
    properties = [line("  <properties>", why=(stock,))]
    shipped = {k: Value(v, stock) for k, v in release.hazelcast.properties}
    for name, value in {**shipped, **cluster.hazelcast.properties}.items():
        if name not in REMOVED_PROPERTIES:
            start = f'    <property name="{escape(name)}">'
            properties.append(line(start, escaped(value), "</property>"))
    properties += [line("  </properties>", why=(stock,)), line("  <network>", why=(JOIN,))]
    joins = []
    port = cluster.hazelcast.port
    if port:
        joins.append(line('    <port auto-increment="false">', port, "</port>"))
    joins += _join(cluster)
    tail = [
        *_further(cluster, "network"),
        line("  </network>", why=(JOIN,)),
    ]
    for name in release.hazelcast.maps:
        tail.append(line(f'  <map name="{escape(name)}">', why=(stock,)))
        for element in release.hazelcast.map_content:
            tail += [line(text, why=(stock,)) for text in written(element, "    ")]
        tail.append(line("  </map>", why=(stock,)))
    tail += [*_further(cluster, ""), line("</hazelcast>", why=(stock,))]
    return _Shared(top, _further(cluster, "member-attributes"), properties, joins, tail)


def _join(cluster: Cluster) -> list[Line]:
    d = cluster.discovery
    lines = [line("    <join>", why=(JOIN,))]
    if d.kind.value == "multicast":
        lines += [
            line('      <multicast enabled="true">', why=(JOIN, d.kind.origin)),
            line("        <multicast-group>", d.group, "</multicast-group>", why=(JOIN,)),
            line("        <multicast-port>", d.port, "</multicast-port>", why=(JOIN,)),
            line(
                "        <multicast-time-to-live>", d.ttl, "</multicast-time-to-live>", why=(JOIN,)
            ),
            line(
                "        <multicast-timeout-seconds>",
                d.timeout,
                "</multicast-timeout-seconds>",
                why=(JOIN,),
            ),
            line("      </multicast>", why=(JOIN,)),
            line('      <tcp-ip enabled="false"/>', why=(JOIN, d.kind.origin)),
        ]
    else:
        lines += [
            line('      <multicast enabled="false"/>', why=(JOIN, d.kind.origin)),
            line('      <tcp-ip enabled="true">', why=(JOIN, d.kind.origin)),
            line("        <member-list>", why=(JOIN,)),
            *(line("          <member>", member, "</member>") for member in members(cluster)),
            line("        </member-list>", why=(JOIN,)),
            line("      </tcp-ip>", why=(JOIN,)),
        ]
    return [*lines, line("    </join>", why=(JOIN,))]


def written(element: StockElement, indent: str) -> list[str]:
    """Write an element; one without children takes one line."""
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in element.attributes)
    start = f"{indent}<{element.tag}{attributes}"
    if element.children:
        inner = [text for child in element.children for text in written(child, indent + "  ")]
        return [start + ">", *inner, f"{indent}</{element.tag}>"]
    return [f"{start}>{escape(element.text)}</{element.tag}>" if element.text else start + "/>"]
