"""hazelcast.xml: a member's identity, and how it finds the others.

Sources: the clustering page, step "OM nodes configuration"; each release's stock file (releases/);
the behavior of Hazelcast 4.0 to 5.6 was measured.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from omconf.actions import Stage
from omconf.artifacts.contents import Artifact, Line, Ownership, line
from omconf.artifacts.effect import Change, Effect, restart
from omconf.artifacts.model import Kind
from omconf.artifacts.reading import Reading
from omconf.diagnostics import Diagnostic, Finding
from omconf.findings import plain_property, report
from omconf.formats import header, names
from omconf.formats.xml import escape, escaped
from omconf.hazelcast import deployed_members, hazelcast_extra
from omconf.hazelcast.hazelcast_extra import Extra
from omconf.hazelcast.items import (
    MEMBER,
    add_ports,
    drop_unused_interfaces,
    enabled,
    is_off,
    items_of,
)
from omconf.origin import FromFormat, FromPage, FromRelease, Value
from omconf.releases import HAZELCAST_NAMESPACE, hazelcast_elements
from omconf.rules import CONTRADICTION, UNUSABLE_FILE
from omconf.schema import deployed_xml
from omconf.secrets import hides, in_plain, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from omconf.cluster.model import Cluster, Node
    from omconf.releases import StockElement

NAME = FromPage("OM nodes configuration: a unique instance-name for each server")
URL = FromPage("OM nodes configuration: server.url is the server's full public URL")
JOIN = FromPage("OM nodes configuration: replace the disabled join by the multicast join")
INTERFACE = FromPage("OM nodes configuration: interfaces, where there is more than one")
XML = FromFormat("XML")

REMOVED_PROPERTIES = ("hazelcast.discovery.enabled",)
"""Stock properties that the clustering page deletes."""
ONE_FOR_ALL = ("hazelcast.local.localAddress", "hazelcast.local.publicAddress")
"""Properties that must differ between nodes."""
_JOINS = ("auto-detection", "multicast", "tcp-ip", "aws", "gcp", "azure", "kubernetes", "eureka")
_STRATEGIES = "discovery-strategies"
_SILENCE = "old and new members would not see each other and would silently form two clusters"
_OTHERWISE = "members with different discovery settings may not find each other"
_BECOMES = {
    "properties/hazelcast.partition.count": (
        "a restarted member would refuse to start beside old ones (Configuration mismatch)"
    ),
    "network/join/multicast/enabled": (
        "a restarted member would refuse to start beside old ones (Incompatible joiners)"
    ),
    "cluster-name": _SILENCE,
    "network/join/multicast/multicast-group": _SILENCE,
    "network/join/multicast/multicast-port": _SILENCE,
    "network/port": _SILENCE,
}
"""What a rolling change of an item would cause (measured), the worst first."""
_HOW_FAR = ("/multicast-time-to-live", "/multicast-timeout-seconds")
"""Members of one network may differ in these."""
_FORMING = (
    "network/join",
    "cluster-name",
    "network/port",
    "properties/hazelcast.partition.count",
)
_SPEC_KEYS = {
    "cluster-name": "hazelcast.cluster_name",
    "instance-name": "nodes.<name>.instance_name",
    "member-attributes/name": "nodes.<name>.instance_name",
    "member-attributes/server.url": "nodes.<name>.url",
    "network/port": "hazelcast.port",
    "network/interfaces/interface": "nodes.<name>.address",
    "network/public-address": "nodes.<name>.public_address",
    "network/join/multicast/multicast-group": "discovery.group",
    "network/join/multicast/multicast-port": "discovery.port",
    "network/join/multicast/multicast-time-to-live": "discovery.ttl",
    "network/join/multicast/multicast-timeout-seconds": "discovery.timeout",
}
"""The source of items that have their own keys in the spec."""
_BOOLEANS = ("/enabled", "/auto-increment")


class Hazelcast(Kind):
    """hazelcast.xml of each node."""

    name: ClassVar[str] = "hazelcast"
    ownership: ClassVar[Ownership] = Ownership.FILE
    stage: ClassVar[Stage] = Stage.OPENMEETINGS
    purpose: ClassVar[str] = "this member's identity, and how it finds the others"
    places: ClassVar[tuple[str, ...]] = ("{home}/webapps/{webapp}/WEB-INF/classes/hazelcast.xml",)

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        om = cluster.openmeetings
        shared = _shared(cluster)
        lines = (
            *shared.top,
            line("  <instance-name>", escaped(node.instance_name), "</instance-name>", why=(NAME,)),
            line("  <member-attributes>", why=(XML,)),
            line(
                '    <attribute name="name">',
                escaped(node.instance_name),
                "</attribute>",
                why=(NAME,),
            ),
            line(
                '    <attribute name="server.url">', escaped(node.url), "</attribute>", why=(URL,)
            ),
            *shared.attributes,
            line("  </member-attributes>", why=(XML,)),
            *shared.properties,
            *_public_address(node),
            *shared.joins,
            *_interfaces(cluster, node),
            *shared.tail,
        )
        path = self.paths(cluster, node)[0]
        return [
            Artifact(
                self.name,
                path,
                self.ownership,
                lines,
                owner=om.user.value,
                group=om.group.value,
                schema="hazelcast-deployed.xsd" if _by_user(cluster) else "hazelcast.xsd",
            )
        ]

    def read(self, text: str) -> Reading:
        document, findings = deployed_xml.read(
            text, {HAZELCAST_NAMESPACE: "hazelcast-deployed.xsd"}
        )
        if document is None:
            return Reading(findings=findings, broken=True)
        reading = Reading(findings=findings)
        disabled = tuple(f"network/join/{name}/" for name in _JOINS if is_off(document, name))
        if is_off(document, f"{_STRATEGIES}/{{*}}discovery-strategy"):
            disabled += (f"network/join/{_STRATEGIES}/",)
        ones: dict[str, int] = {}
        for name, value, number in items_of(document):
            boolean = name.endswith(_BOOLEANS)
            if boolean and value == "1":
                ones[name] = number
            # A disabled join counts as absent, as long as Hazelcast knows its elements.
            if f"{name}/".startswith(disabled):
                reading.lines.setdefault(name, number)
            else:
                reading.add(name, deployed_members.truth(value) if boolean else value, number)
        add_ports(reading.items, reading.lines)
        deployed_members.settle_defaults(reading.items, reading.lines)
        drop_unused_interfaces(reading.items)
        # Hazelcast allows auto-detection together with another join (measured).
        on = [name for name in _JOINS[1:] if "true" in enabled(document, name)]
        if len(on) > 1 and not findings:
            findings.append(deployed_members.two_joins(on, reading.lines))
        for finding in deployed_members.counts_as_false(ones):
            report(findings, finding)
        return reading

    def check(self, cluster: Cluster) -> Iterator[Diagnostic]:
        for name, value in cluster.hazelcast.properties.items():
            if name in REMOVED_PROPERTIES:
                message = f"The clustering page removes `{name}`; this would add it again."
                yield CONTRADICTION.at(value.span, message, hint="Remove it.")
            elif not name.startswith("hazelcast."):
                message = (
                    f"`{name[:80]}` is not a Hazelcast property: their names start with"
                    " `hazelcast.`."
                )
                yield CONTRADICTION.at(value.span, message)
            elif name in ONE_FOR_ALL:
                message = f"`{name}` would give all nodes one address."
                hint = "Set `nodes.<name>.address` or `.public_address` of each node instead."
                yield CONTRADICTION.at(value.span, message, hint=hint)
            elif in_plain(name, value.value):
                yield plain_property(name, value.span)
        if cluster.hazelcast.extra:
            yield from _extra(cluster).diagnostics
        chosen = cluster.hazelcast.interfaces
        if found := _no_match(cluster, chosen) if chosen else _names(cluster):
            yield found

    def across(
        self,
        cluster: Cluster,
        deployed: Mapping[str, Reading],
        fine: Iterable[str],
        hazelcast: Mapping[str, str],
    ) -> Iterator[tuple[str, Finding]]:
        items = {node: reading.items for node, reading in deployed.items()}
        lines = {node: reading.lines for node, reading in deployed.items()}
        if same := list(fine):
            called = {node.name.value: node.instance_name.value for node in cluster.nodes}
            one = next(node for node in cluster.nodes if node.name.value == same[0])
            meant = self.read(self.render(cluster, one)[0].text).items
            names = (deployed_members.NAME, deployed_members.ATTRIBUTE)
            items |= {node: meant | dict.fromkeys(names, called[node]) for node in same}
        yield from deployed_members.findings(items, lines, deployed)
        shipped = hazelcast_elements.lines_of(cluster.openmeetings.release.value)
        for node, reading in deployed.items():
            own = hazelcast.get(node)
            carried = hazelcast_elements.lines_of_jar(own) if own else shipped
            if not carried:
                continue
            unknown = hazelcast_elements.unknown_parts(reading.lines.items(), carried)
            for part, number in unknown.items():
                message = (
                    f"Hazelcast {carried[-1]} does not know `{quoted(part)}` and does not start."
                )
                hint = hazelcast_elements.REPLACED.get(part, "")
                yield node, Finding(UNUSABLE_FILE, number, message, hint)
        addresses = {
            n.name.value: {n.address.value, n.storage_address.value} for n in cluster.nodes
        }
        for node, reading in deployed.items():
            here = addresses.get(node)
            if here and (
                found := deployed_members.no_interface(reading.items, reading.lines, here)
            ):
                yield node, found

    def implied(self, items: Mapping[str, str]) -> Mapping[str, str]:
        """Return Hazelcast's cluster-name if none is set."""
        return {} if deployed_members.imports(items) else deployed_members.SAID_BY_NOBODY

    def keep(self, key: str, replaced: bool) -> str:
        if key.startswith("properties/") and not hides(key):
            return "hazelcast.properties"
        if replaced or key == "network/public-address":
            kind = key.startswith("network/join/") and key.endswith("/enabled")
            return _SPEC_KEYS.get(key, "discovery.kind" if kind else "")
        if hides(key) or key.startswith(("network/join/", "network/interfaces")):
            return ""
        if key.startswith("network/port"):
            return "hazelcast.port" if key == "network/port" else ""
        known = hazelcast_elements.unknown(key, (hazelcast_elements.NEWEST,)) is None
        return "hazelcast.extra" if known else ""

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        if changes and all(key.startswith(MEMBER) for key in changes):
            why = "members find each other when one of two lists the other (measured)"
            return Effect("next-restart", why)
        incompatible = sorted(k for k, change in changes.items() if _parts(cluster, k, change))
        if incompatible:
            becomes = next((w for k, w in _BECOMES.items() if k in incompatible), _OTHERWISE)
            why = f"{_words(incompatible)}: {becomes}"
            return restart(why, rolling=False, decided_by=tuple(incompatible))
        why = "hazelcast.xml is read when OpenMeetings starts; nodes restart one by one"
        moved = any(key.startswith("network/interfaces") for key in changes)
        needs = ("database", "storage") if moved else ()
        others = tuple(key for key in changes if not key.startswith(MEMBER))
        return restart(why, needs=needs, decided_by=others)


KIND = Hazelcast()


def _parts(cluster: Cluster, key: str, change: Change) -> bool:
    """Tell whether members that differ in an item cannot form one cluster (measured)."""
    default = deployed_members.DEFAULTS.get(key)
    same = default is not None and (change.before or default) == (change.after or default)
    unknown = deployed_members.VARIABLE in (change.before or "")
    if key.startswith(MEMBER) or key.endswith(_HOW_FAR) or same or unknown:
        return False
    if key.startswith("network/port"):
        return cluster.discovery.kind.value == "tcp-ip"
    return key.startswith(_FORMING)


def _words(keys: list[str]) -> str:
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    verb = "differs" if len(keys) == 1 else "differ"
    return f"{', '.join(keys[:3])}{more} {verb}"


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


def _no_match(cluster: Cluster, chosen: Value[str]) -> Diagnostic | None:
    """Report the first node whose address the interfaces pattern does not match."""
    for node in cluster.nodes if chosen.value != "none" else ():
        if not deployed_members.matches(chosen.value, node.address.value):
            message = f"`{chosen.value}` does not match {node.address.value}, the address of"
            hint = "Hazelcast starts only if one of the host's addresses matches."
            return CONTRADICTION.at(chosen.span, f"{message} `{node.name.value}`.", hint=hint)
    return None


def _names(cluster: Cluster) -> Diagnostic | None:
    """Report the first name in a member list, if the interfaces match only one node.

    Hazelcast ignores names whose address no interface matches, and starts alone (measured).
    """
    for member in (node.member for node in cluster.nodes if node.member):
        if not names.NUMERIC.fullmatch(member.value):
            message = (
                f"Hazelcast does not look for `{member.value}`: it ignores host names that do not"
                f" match its interfaces, and each node lists only its own address there."
            )
            hint = (
                "Set a pattern that matches all nodes: `hazelcast: {interfaces: 10.1.1.*}`, for"
                " example."
            )
            return CONTRADICTION.at(member.span, message, hint=hint)
    return None


def _by_user(cluster: Cluster) -> bool:
    """Tell whether the file has elements that omconf itself does not write."""
    return cluster.hazelcast.extra is not None or cluster.hazelcast.interfaces is not None


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
def _extra(cluster: Cluster) -> Extra:
    """Return the further elements in the file that the spec names."""
    if cluster.hazelcast.extra is None:
        return Extra()
    release = cluster.openmeetings.release.value
    return hazelcast_extra.read(cluster.hazelcast.extra.value, release)


def _further(cluster: Cluster, parent: str) -> list[Line]:
    indent = "    " if parent else "  "
    return [
        line(text, why=(further.origin,))
        for further in _extra(cluster).elements.get(parent, ())
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
