"""For all 14 releases and 5 databases: what is written is the stock file, save for the cluster edits.

The edits are those of the clustering page. The expectations below are made from the releases' facts
alone; the written files are read by lxml alone.
"""

from __future__ import annotations

import pytest
from lxml import etree

from omconf.artifacts import hazelcast, persistence
from omconf.artifacts.contents import Line
from omconf.cluster import database_url
from omconf.formats import connection_properties
from omconf.origin import FromSpec
from omconf.releases import HAZELCAST_NAMESPACE, RELEASES, StockElement
from tests.clusters import DATABASES, simple

EACH = [(release, kind) for release in RELEASES for kind in DATABASES]


def _plain(element: etree._Element) -> object:
    tag = etree.QName(element).localname
    attributes = {
        str(k): " ".join(str(v).split()) for k, v in element.attrib.items() if "}" not in str(k)
    }
    return tag, attributes, (element.text or "").strip(), [_plain(child) for child in element]


def _stock(element: StockElement) -> object:
    children = [_stock(child) for child in element.children]
    return element.tag, dict(element.attributes), element.text, children


@pytest.mark.parametrize("name", RELEASES)
def test_hazelcast_is_the_stock_file_with_the_pages_edits(name: str) -> None:
    cluster = simple(openmeetings={"release": name})
    artifact = hazelcast.KIND.render(cluster, cluster.nodes[1])[0]
    root = etree.fromstring(artifact.data, etree.XMLParser(remove_comments=True))
    assert root.tag == f"{{{HAZELCAST_NAMESPACE}}}hazelcast"
    written = {}
    for child in root:
        key = etree.QName(child).localname + str(child.get("name", ""))
        assert key not in written
        written[key] = _plain(child)
    stock = RELEASES[name].hazelcast
    expected: dict[str, object] = {
        f"map{m}": ("map", {"name": m}, "", [_stock(e) for e in stock.map_content])
        for m in stock.maps
    }
    kept = [p for p in stock.properties if p[0] != "hazelcast.discovery.enabled"]
    properties: list[object] = [("property", {"name": k}, v, []) for k, v in kept]
    expected["properties"] = ("properties", {}, "", properties)
    # The page's edits:
    expected["cluster-name"] = ("cluster-name", {}, "conference", [])
    expected["instance-name"] = ("instance-name", {}, "om2", [])
    url = "https://om2.example.org:5443/openmeetings"
    expected["member-attributes"] = (
        "member-attributes",
        {},
        "",
        [
            ("attribute", {"name": "name"}, "om2", []),
            ("attribute", {"name": "server.url"}, url, []),
        ],
    )
    multicast: list[object] = [
        ("multicast-group", {}, "224.2.2.3", []),
        ("multicast-port", {}, "54327", []),
        ("multicast-time-to-live", {}, "32", []),
        ("multicast-timeout-seconds", {}, "2", []),
    ]
    joins = [
        ("multicast", {"enabled": "true"}, "", multicast),
        ("tcp-ip", {"enabled": "false"}, "", []),
    ]
    interfaces: object = (
        "interfaces",
        {"enabled": "true"},
        "",
        [("interface", {}, "10.1.1.2", [])],
    )
    expected["network"] = ("network", {}, "", [("join", {}, "", joins), interfaces])
    assert written == expected


@pytest.mark.parametrize(("name", "kind"), EACH)
def test_persistence_is_the_stock_file_with_the_pages_edits(name: str, kind: str) -> None:
    cluster = simple(openmeetings={"release": name}, database={"kind": kind})
    artifact = persistence.KIND.render(cluster, cluster.nodes[0])[0]
    root = etree.fromstring(artifact.data, etree.XMLParser(remove_comments=True))
    release = RELEASES[name]
    stock = release.persistence[kind]
    space = release.jpa.namespace
    assert root.tag == f"{{{space}}}persistence"
    assert root.get("version") == release.jpa.version
    (unit,) = root
    assert dict(unit.attrib) == {"name": stock.unit, "transaction-type": stock.transaction_type}
    provider, *classes, exclude, properties = unit
    assert provider.text == stock.provider
    assert [c.text for c in classes] == list(release.entities)
    assert exclude.text == stock.exclude_unlisted_classes
    written = [(p.get("name"), p.get("value")) for p in properties]
    names = [n for n, _ in stock.properties]
    assert [n for n, _ in written] == [*names, "openjpa.RemoteCommitProvider"]
    for (_, value), (stock_name, stock_value) in zip(written, stock.properties, strict=False):
        if stock_name == "openjpa.ConnectionProperties":
            expected = dict(stock.connection)
            expected["Url"] = expected["Url"].format(
                host="10.1.1.250", port=stock.port, name=stock.name
            )
            if stock.zone_option:
                expected["Url"] += f"&{stock.zone_option}=Etc%2FUTC"
            expected |= {"Username": "openmeetings", "Password": "@omconf:database.password@"}
            pairs = connection_properties.split(value or "")
            assert pairs == list(expected.items())
        else:
            assert value == stock_value
    assert written[-1][1] == "tcp(Addresses=127.0.0.1)"


@pytest.mark.parametrize("name", RELEASES)
def test_old_mysql_drivers_are_told_the_time_zone(name: str) -> None:
    def url_of(**options: str) -> Line:
        om = {"release": name, "timezone": "Europe/Berlin"}
        cluster = simple(openmeetings=om, database={"kind": "mysql", "options": options})
        artifact = persistence.KIND.render(cluster, cluster.nodes[0])[0]
        return next(line for line in artifact.lines if "jdbc:mysql:" in line.text)

    needed = name in ("5.0.0", "5.0.1", "5.1.0")
    line = url_of()
    assert ("serverTimezone=Europe%2FBerlin" in line.text) is needed
    keys = [origin.key for origin in line.origins if isinstance(origin, FromSpec)]
    assert ("openmeetings.timezone" in keys) is needed
    assert (database_url.DRIVER in line.origins) is needed
    line = url_of(serverTimezone="UTC")
    assert "serverTimezone=UTC" in line.text
    assert "Berlin" not in line.text
    assert database_url.DRIVER not in line.origins
