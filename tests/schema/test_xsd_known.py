"""What a schema knows, read from the schema itself, and the copy that holds nothing else."""

from __future__ import annotations

import time

import pytest
from lxml import etree

from omconf.schema import xsd
from omconf.schema.vocabulary import Attribute, Shape, vocabulary
from tests.schema.documents import DEPLOYED, PERSISTENCE, PERSISTENCE_3, WRITTEN, WRITTEN_TCP

SCHEMA = "hazelcast-deployed.xsd"

STRANGE = """\
<hazelcast xmlns="http://www.hazelcast.com/schema/config" xmlns:x="urn:x" id="1" x:id="2">
  <management-center scripting-enabled="true"><console-enabled/></management-center>
  <x:network><port>0</port></x:network>
  <network>
    <rest-api enabled="true">
      <endpoint-group name="HEALTH_CHECK" enabled="true"/>
    </rest-api>
    <port auto-increment="true" x:a="1" b="2">5701</port>
    <join>
      <multicast enabled="true" loopbackModeEnabled="false">
        <trusted-interfaces><interface>10.1.1.*</interface></trusted-interfaces>
        <multicast-port>54327</multicast-port>
      </multicast>
      <discovery-strategies/>
    </join>
  </network>
  <map name="a"><backup-count>1</backup-count></map>
  <network xmlns=""><port>0</port></network>
  <port>0</port>
  <map name="b"/>
</hazelcast>
"""


def read(text: str) -> etree._Element:
    document = xsd.parse(text.encode())
    assert not isinstance(document, xsd.Fault)
    return document


def test_only_what_is_known_stays() -> None:
    document = read(STRANGE)
    before = etree.tostring(document)
    copy = xsd.known(document, SCHEMA)
    kept: list[object] = [
        (element.sourceline, etree.QName(element).localname, dict(element.items()))
        for element in copy.iter()
    ]
    assert kept == [
        (1, "hazelcast", {}),
        (4, "network", {}),
        (8, "port", {"auto-increment": "true"}),
        (9, "join", {}),
        (10, "multicast", {"enabled": "true"}),
        (12, "multicast-port", {}),
        (17, "map", {"name": "a"}),
        (20, "map", {"name": "b"}),
    ]
    assert etree.tostring(document) == before, "the original is as it was"
    assert xsd.faults(document, SCHEMA)
    assert xsd.faults(copy, SCHEMA) == []
    assert xsd.by_xmlschema(copy, SCHEMA) == []


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        (DEPLOYED, SCHEMA),
        (WRITTEN, SCHEMA),
        (WRITTEN_TCP, SCHEMA),
        (WRITTEN, "hazelcast.xsd"),
        (PERSISTENCE, "persistence-2.0.xsd"),
        (PERSISTENCE_3, "persistence-3.0.xsd"),
    ],
)
def test_all_that_the_good_documents_hold_is_known(text: str, schema: str) -> None:
    document = read(text)
    copy = xsd.known(document, schema)
    assert [(e.tag, e.text, e.sourceline) for e in copy.iter()] == [
        (e.tag, e.text, e.sourceline) for e in document.iter()
    ]
    for element, same in zip(document.iter(), copy.iter(), strict=True):
        gone = set(element.attrib) - set(same.attrib)
        assert gone <= {"{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"}


def test_text_stays_when_the_element_before_it_goes() -> None:
    text = '<hazelcast xmlns="http://www.hazelcast.com/schema/config">%s</hazelcast>'
    name = xsd.known(read(text % "<instance-name>o<b/>m<b/>1</instance-name>"), SCHEMA)[0]
    assert (name.text, len(name)) == ("om1", 0)
    copy = xsd.known(read(text % "<a/>x<map name='a'/><b/>y<c/>z"), SCHEMA)
    assert (copy.text, copy[0].tail) == ("x", "yz")
    assert [fault.reason for fault in xsd.faults(copy, SCHEMA)] == [
        "there is text where none is allowed"
    ]


def test_comments_and_instructions_go() -> None:
    root = etree.fromstring(
        '<hazelcast xmlns="http://www.hazelcast.com/schema/config"><!-- a --><?b c?>'
        "<instance-name>o<!-- d -->m<?e?>1</instance-name></hazelcast>"
    )
    copy = xsd.known(root, SCHEMA)
    assert [etree.QName(e).localname for e in copy.iter()] == ["hazelcast", "instance-name"]
    assert copy[0].text == "om1"


@pytest.mark.parametrize("root", ["<a><b/></a>", "<hazelcast/>", '<hazelcast xmlns="urn:a"/>'])
def test_an_unknown_root_stays_to_be_refused(root: str) -> None:
    copy = xsd.known(read(root), SCHEMA)
    assert etree.tostring(copy).decode() == root
    assert len(xsd.faults(copy, SCHEMA)) == 1


def test_a_file_of_strange_things_is_cleaned_in_time() -> None:
    begin = time.monotonic()
    inside = "<a/>x" * 19_000 + "<network " + " ".join(f'a{i}=""' for i in range(100)) + "/>"
    text = f'<hazelcast xmlns="http://www.hazelcast.com/schema/config">{inside}</hazelcast>'
    assert len(xsd.known(read(text), SCHEMA)) == 1
    assert time.monotonic() - begin < 2


def test_the_vocabulary_follows_names_and_includes() -> None:
    words = vocabulary("persistence-3.0.xsd")
    assert words.namespace == "https://jakarta.ee/xml/ns/persistence"
    unit = words.roots["persistence"].children["persistence-unit"]
    assert unit.attributes == {
        "name": Attribute("a name without white space", required=True),
        "transaction-type": Attribute("RESOURCE_LOCAL or JTA", required=False),
    }
    assert unit.children["class"] == Shape("the full name of a Java class", many=True)
    assert unit.children["properties"].children["property"].attributes["value"] == Attribute(
        "", required=True
    )
    assert words.constraints == {"property-names": "two properties have the same name"}


@pytest.mark.parametrize(
    "schema",
    ["hazelcast.xsd", "hazelcast-deployed.xsd", "persistence-2.0.xsd", "persistence-3.0.xsd"],
)
def test_every_value_is_described_in_words(schema: str) -> None:
    """Free text alone is left without: that of properties and attributes."""
    free = {"attribute", "property", "value"}
    stack = list(vocabulary(schema).roots.items())
    while stack:
        name, shape = stack.pop()
        stack += shape.children.items()
        for attribute, rule in shape.attributes.items():
            assert rule.says or attribute in free, (name, attribute)
        if not shape.children and not shape.attributes:
            assert shape.says or name in free, name
