"""The schemas, validated by both engines: what is good, what is bad and where, in which words."""

from __future__ import annotations

import subprocess
import sys
import timeit
from pathlib import Path
from typing import NamedTuple

import pytest
from lxml import etree

from omconf.resources import schema_path
from omconf.schema import xsd
from tests.schema.documents import (
    DEPLOYED,
    PERSISTENCE,
    PERSISTENCE_3,
    SECRET,
    WRITTEN,
    WRITTEN_TCP,
)

DOCUMENTS = {
    "written": (WRITTEN, "hazelcast.xsd"),
    "written-tcp": (WRITTEN_TCP, "hazelcast.xsd"),
    "deployed": (DEPLOYED, "hazelcast-deployed.xsd"),
    "persistence": (PERSISTENCE, "persistence-2.0.xsd"),
}


class Edit(NamedTuple):
    document: str
    place: str  # "LINE PATH", or "good"
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.document}: {self.old} => {self.new}"

    def apply(self) -> etree._Element:
        text = DOCUMENTS[self.document][0]
        assert text.count(self.old) == 1, self.old
        return read(text.replace(self.old, self.new))

    @property
    def schema(self) -> str:
        return DOCUMENTS[self.document][1]


def edits() -> list[Edit]:
    found = []
    document = place = ""
    for line in Path(__file__).with_name("edits.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            document = line.strip("[]")
        elif line.startswith("  "):
            words = line[2:].replace("(nothing)", "").replace("\\n", "\n").split(" => ")
            found += [Edit(document, place, words[0], new) for new in words[1:]]
        elif line and not line.startswith("#"):
            place = line
    return found


def read(text: str) -> etree._Element:
    document = xsd.parse(text.encode())
    assert not isinstance(document, xsd.Fault)
    return document


EDITS = edits()
BAD = [edit for edit in EDITS if edit.place != "good"]
GOOD = [edit for edit in EDITS if edit.place == "good"]


def test_the_list_is_long() -> None:
    assert len(BAD) >= 200
    assert len(set(EDITS)) == len(EDITS)


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        *DOCUMENTS.values(),
        (PERSISTENCE_3, "persistence-3.0.xsd"),
        (WRITTEN, "hazelcast-deployed.xsd"),
        (WRITTEN_TCP, "hazelcast-deployed.xsd"),
    ],
)
def test_both_engines_take_the_good_documents(text: str, schema: str) -> None:
    assert xsd.faults(read(text), schema) == []
    assert xsd.by_xmlschema(read(text), schema) == []


@pytest.mark.parametrize("edit", GOOD, ids=str)
def test_both_engines_take_what_is_good(edit: Edit) -> None:
    document = edit.apply()
    assert xsd.refusal(document, edit.schema) == []
    assert xsd.by_xmlschema(document, edit.schema) == []


@pytest.mark.parametrize("edit", BAD, ids=str)
def test_both_engines_find_what_is_bad_in_the_same_places(edit: Edit) -> None:
    document = edit.apply()
    explained = xsd.by_xmlschema(document, edit.schema)
    assert f"{explained[0].line} {explained[0].path}" == edit.place
    assert xsd.faults(document, edit.schema) == explained
    # libxml2 names the element of a bad attribute, not the attribute.
    refused = xsd.refusal(document, edit.schema)
    assert {(f.line, f.path) for f in refused} == {
        (f.line, f.path.partition("/@")[0]) for f in explained
    }
    for fault in (*explained, *refused):
        assert fault.reason
        assert SECRET not in f"{fault}"
        assert "{" not in fault.reason, "a namespace or a pattern shows"


GROUP = "multicast-group must be a multicast address, 224.0.0.0 to 239.255.255.255, but is om1"
REASONS = {
    "multicast-time-to-live must be a whole number from 1 to 255, but is 0": ">32< => >0<",
    GROUP: ">224.2.2.3< => >om1<",
    "enabled must be true or false, but is yes": 'multicast enabled="true => multicast enabled="yes',
    "exactly one of multicast and tcp-ip must be enabled": "false => true",
    "two attributes have the same name": '"server.url" => "name"',
    "the attribute name is missing": ' name="ROOMS_KEY" => ',
    "the attribute id is not allowed here": '<cluster-name => <cluster-name id="a"',
    "tcp-ip is missing in it": '<tcp-ip enabled="false"/> => ',
    "there is text where none is allowed": "</network> => </network>so",
    "there is an element where only text is allowed": "om1</i => <b/>om1</i",
    "member-attributes is in the place of instance-name": "<instance-name>om1</instance-name> => ",
    "list is not allowed here": "</properties> => </properties><list/>",
    "port is a duplicate": '</port> => </port><port auto-increment="true">1</port>',
    "the root element is not the one in the schema": "schema/config => schema/other",
}


@pytest.mark.parametrize("reason", REASONS)
def test_reasons_are_plain_sentences(reason: str) -> None:
    old, _, new = REASONS[reason].partition(" => ")
    document = read(WRITTEN.replace(old, new, 1))
    assert xsd.faults(document, "hazelcast.xsd")[0].reason == reason


def test_every_fault_is_told_once_and_in_order() -> None:
    text = WRITTEN
    for old, new in ((">32<", "><"), (">5701<", ">0<"), ('"LRU"', '"lru"'), (">om1</i", "></i")):
        text = text.replace(old, new)
    assert [(f.line, f.path) for f in xsd.faults(read(text), "hazelcast.xsd")] == [
        (7, "instance-name"),
        (18, "network/port"),
        (23, "network/join/multicast/multicast-time-to-live"),
        (41, "map[ROOMS_KEY]/near-cache/eviction/@eviction-policy"),
    ]


def test_long_and_odd_values_are_not_shown() -> None:
    for value in ("9" * 100, "5\u202e701", "\u00ad"):
        edit = Edit("written", "", ">5701<", f">{value}<")
        reason = xsd.faults(edit.apply(), edit.schema)[0].reason
        assert reason == "port must be a whole number from 1 to 65535"


@pytest.mark.parametrize(
    "property_",
    [
        f'<property name="" value="{SECRET}"/>',
        f'<property value="{SECRET}"/>',
        f'<property name="a" value="{SECRET}">x</property>',
        f'<property name="a" valu="{SECRET}"/>',
        f'<property name="a" value="" other="{SECRET}"/>',
        f'<property name="Password={SECRET}" value=""/><a/>',
        f'<property name="{SECRET} {SECRET}" value=""/>',
        f'<property name="a" value="b">{SECRET}</property>',
        f'<property name="openjpa.DataCache" value="{SECRET}"/>',
        f'<property name="a" value="{SECRET}"/>{SECRET}',
        f'<property name="a" value="{SECRET}"/><property/>',
        f'<property name="a"><value>{SECRET}</value></property>',
    ],
)
def test_a_secret_in_a_property_never_shows(property_: str) -> None:
    document = read(PERSISTENCE.replace("    </properties>", f"    {property_}\n    </properties>"))
    explained = xsd.faults(document, "persistence-2.0.xsd")
    refused = xsd.refusal(document, "persistence-2.0.xsd")
    assert explained
    assert refused
    assert SECRET not in f"{explained} {refused}"


@pytest.mark.parametrize(
    ("document", "old", "new"),
    [
        ("deployed", ">5701<", ">5701\u00a0<"),
        ("written", '"LRU"', '"\u2003LRU"'),
        ("written", "</join>", "\u00a0</join>"),
        ("persistence", "user.User<", "user.User\u3000<"),
    ],
)
def test_white_space_of_other_scripts_is_none(document: str, old: str, new: str) -> None:
    """The one known difference: xmlschema takes it for white space, XML and libxml2 do not."""
    edit = Edit(document, "", old, new)
    assert xsd.by_xmlschema(edit.apply(), edit.schema) == []
    assert xsd.faults(edit.apply(), edit.schema)


def test_when_the_engines_disagree_the_refusal_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xsd, "by_xmlschema", lambda *_: [])
    edit = Edit("written", "", ">32<", ">0<")
    assert xsd.faults(edit.apply(), edit.schema) == [
        xsd.Fault(
            23,
            "network/join/multicast/multicast-time-to-live",
            "multicast-time-to-live has an invalid value",
        )
    ]


def test_a_schema_location_is_never_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    text = WRITTEN.replace(
        "https://www.hazelcast.com/schema/config/hazelcast-config-5.5.xsd",
        "http://127.0.0.1:9/a.xsd urn:other http://127.0.0.1:9/b.xsd",
    )
    assert xsd.faults(read(text), "hazelcast.xsd") == []
    assert xsd.by_xmlschema(read(text), "hazelcast.xsd") == []
    assert xsd.faults(read(text.replace(">32<", "><")), "hazelcast.xsd")


def test_many_elements_are_validated_in_time() -> None:
    members = "".join(f"<member>10.2.{i // 250}.{i % 250}</member>" for i in range(10_000))
    text = WRITTEN_TCP.replace("<member>10.1.1.3</member>", members)
    assert xsd.faults(read(text), "hazelcast.xsd") == []
    bad = xsd.faults(read(text.replace(">10.2.9.9<", ">10.2.9<")), "hazelcast.xsd")
    assert [fault.path for fault in bad] == ["network/join/tcp-ip/member-list/member[2262]"]


def test_a_good_document_costs_next_to_nothing() -> None:
    document = read(WRITTEN)
    seconds = min(
        timeit.repeat(lambda: xsd.faults(document, "hazelcast.xsd"), number=100, repeat=5)
    )
    assert seconds / 100 < 0.001


def test_xmlschema_is_loaded_only_for_what_is_refused() -> None:
    program = (
        "import sys; from omconf.schema import xsd; from tests.schema.documents import *;"
        "assert xsd.faults(xsd.parse(WRITTEN.encode()), 'hazelcast.xsd') == [];"
        "assert 'xmlschema' not in sys.modules;"
        "assert xsd.faults(xsd.parse(WRITTEN.replace('>32<', '>0<').encode()), 'hazelcast.xsd');"
        "assert 'xmlschema' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize(
    "schema",
    [
        "hazelcast.xsd",
        "hazelcast-types.xsd",
        "hazelcast-deployed.xsd",
        "persistence-2.0.xsd",
        "persistence-3.0.xsd",
        "persistence-unit.xsd",
    ],
)
def test_every_schema_says_what_it_is_for(schema: str) -> None:
    root = etree.parse(str(schema_path(schema))).getroot()
    before = root.getprevious()
    assert before is not None
    assert before.tag is etree.Comment
