"""hazelcast.xml: a member's identity, and how it finds the others.

Sources: the clustering page, step "OM nodes configuration"; each release's stock file (releases/);
the behavior of Hazelcast 4.0 to 5.6 was measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from omconf.actions import Stage
from omconf.artifacts.contents import Artifact, Ownership
from omconf.artifacts.hazelcast import checks, compatibility, rendering
from omconf.artifacts.model import Kind
from omconf.artifacts.reading import Reading
from omconf.diagnostics import Diagnostic, Finding
from omconf.findings import report
from omconf.hazelcast import deployed_members
from omconf.hazelcast.items import (
    STRATEGIES,
    add_ports,
    drop_unused_interfaces,
    enabled,
    is_off,
    items_of,
    joins,
    pairs,
    unknown_attributes,
)
from omconf.releases import HAZELCAST_NAMESPACE, hazelcast_elements
from omconf.rules import UNUSABLE_FILE
from omconf.schema import deployed_xml
from omconf.secrets import hides, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lxml.etree import _Element

    from omconf.artifacts.effect import Change, Effect
    from omconf.cluster.model import Cluster, Node

SCHEMAS = {HAZELCAST_NAMESPACE: "hazelcast-deployed.xsd"}
"""The schema of deployed files by their namespace."""
_CLOUDS = ("auto-detection", "aws", "gcp", "azure", "kubernetes", "eureka")
_JOINS = ("auto-detection", "multicast", "tcp-ip", *_CLOUDS[1:])
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


class Hazelcast(Kind):
    """hazelcast.xml of each node."""

    name: ClassVar[str] = "hazelcast"
    ownership: ClassVar[Ownership] = Ownership.FILE
    stage: ClassVar[Stage] = Stage.OPENMEETINGS
    purpose: ClassVar[str] = "this member's identity, and how it finds the others"
    places: ClassVar[tuple[str, ...]] = ("{home}/webapps/{webapp}/WEB-INF/classes/hazelcast.xml",)

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """Return hazelcast.xml: the release's stock file with the clustering page's edits."""
        om = cluster.openmeetings
        return [
            Artifact(
                self.name,
                self.paths(cluster, node)[0],
                self.ownership,
                rendering.lines(cluster, node),
                owner=om.user.value,
                group=om.group.value,
                schema="hazelcast-deployed.xsd" if _by_user(cluster) else "hazelcast.xsd",
            )
        ]

    def read(self, text: str) -> Reading:
        """Read the elements as Hazelcast does, by their path below the root (`network/port`).

        Elements of a disabled join have a line, but are no items if Hazelcast knows them. Findings:
        OM301 for what the schema for deployed files refuses, for a root element with a prefix, for an
        attribute that no join in a cloud, property or member attribute has and for a second join,
        OM334 for a `1` that Hazelcast takes for false.
        """
        document, findings = deployed_xml.read(text, SCHEMAS)
        if document is None:
            return Reading(findings=findings, broken=True)
        reading = Reading(findings=findings)
        if document.prefix:
            said = (
                f"Hazelcast takes `hazelcast` only without the prefix `{quoted(document.prefix)}`."
            )
            hint = f'Write `<hazelcast xmlns="{HAZELCAST_NAMESPACE}">`.'
            number: Any = document.sourceline
            report(findings, Finding(UNUSABLE_FILE, number, said, hint))
        of = joins(document)
        disabled = tuple(
            f"network/join/{name}/" for name in (*_JOINS, STRATEGIES) if is_off(of.get(name, ()))
        )
        ones: dict[str, int] = {}
        for name, value, number in items_of(document):
            if value == "1" and deployed_members.is_boolean(name):
                ones[name] = number
            # A disabled join counts as absent, as long as Hazelcast knows its elements.
            if f"{name}/".startswith(disabled) and _is_known(name):
                reading.lines.setdefault(name, number)
            else:
                reading.add(name, deployed_members.settled(name, value), number)
        add_ports(reading.items, reading.lines)
        deployed_members.settle_defaults(reading.items, reading.lines)
        drop_unused_interfaces(reading.items)
        # Hazelcast allows auto-detection together with another join (measured).
        on = [name for name in _JOINS[1:] if "true" in enabled(of.get(name, ()))]
        if len(on) > 1 and not findings:
            findings.append(deployed_members.two_joins(on, reading.lines))
        for finding in (*_attributes(document, of), *deployed_members.counts_as_false(ones)):
            report(findings, finding)
        return reading

    def check(self, cluster: Cluster) -> Iterator[Diagnostic]:
        """Check the properties, further elements, interfaces and member names of the spec."""
        return checks.diagnostics(cluster)

    def across(
        self,
        cluster: Cluster,
        deployed: Mapping[str, Reading],
        fine: Iterable[str],
        hazelcast: Mapping[str, str],
    ) -> Iterator[tuple[str, Finding]]:
        """Find what keeps deployed members apart, and what a node's Hazelcast does not start with.

        OM301 for an element that the version of its jar does not know; for the others, see
        `deployed_members.findings` and `no_interface`.
        """
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
        """Return the item's own key, or the one of all properties or further elements; see `Kind`.

        A secret has none, nor does a join or an interface that omconf removes.
        """
        if key.startswith("properties/") and not hides(key):
            return "hazelcast.properties"
        if replaced or key == "network/public-address":
            kind = key.startswith("network/join/") and key.endswith("/enabled")
            return _SPEC_KEYS.get(key, "discovery.kind" if kind else "")
        if hides(key) or key.startswith(("network/join/", "network/interfaces")):
            return ""
        if key.startswith("network/port"):
            return "hazelcast.port" if key == "network/port" else ""
        return "hazelcast.extra" if _is_known(key) else ""

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """Return the restart that a change needs: of all nodes at once where members would not join."""
        return compatibility.effect(cluster, changes)


KIND = Hazelcast()


def _is_known(key: str) -> bool:
    return hazelcast_elements.unknown(key, (hazelcast_elements.NEWEST,)) is None


def _attributes(document: _Element, of: Mapping[str, Sequence[_Element]]) -> Iterator[Finding]:
    """Find attributes that no Hazelcast knows and items do not tell: of clouds' joins and of pairs."""
    clouds = ((f"network/join/{join}", of.get(join, ())) for join in _CLOUDS)
    for path, elements in (*clouds, *pairs(document)):
        for name, line in unknown_attributes(path, elements):
            what = f"the attribute `{quoted(name)}` of `{path}`"
            message = f"Hazelcast does not know {what} and does not start."
            yield Finding(UNUSABLE_FILE, line, message, "Remove the attribute.")


def _by_user(cluster: Cluster) -> bool:
    """Tell whether the file has elements that omconf itself does not write."""
    return cluster.hazelcast.extra is not None or cluster.hazelcast.interfaces is not None
