"""What a hazelcast.xml of earlier days, or of another notation, is told to write instead."""

from __future__ import annotations

import re

import pytest

from omconf.artifacts import hazelcast
from omconf.releases import HAZELCAST_NAMESPACE, hazelcast_elements
from omconf.releases.hazelcast_elements import NEWEST, REPLACED

ROOT = f'<hazelcast xmlns="{HAZELCAST_NAMESPACE}">'
FILE = f"{ROOT}<network><join>%s</join></network></hazelcast>"


def hints(text: str) -> set[tuple[str, str]]:
    return {(f.rule.id, f.hint) for f in hazelcast.KIND.read(text).findings}


@pytest.mark.parametrize("part", sorted(REPLACED))
def test_what_is_replaced_is_gone(part: str) -> None:
    assert hazelcast_elements.unknown(part, (NEWEST,)) == part
    assert not part.startswith("map/") or REPLACED[part]


@pytest.mark.parametrize("parent", ["map", "map/near-cache"])
@pytest.mark.parametrize("old", ["max-size", "eviction-policy"])
def test_eviction_is_one_element(parent: str, old: str) -> None:
    hint = REPLACED[f"{parent}/{old}"]
    names = re.findall(r" ([a-z-]+)=", hint)
    assert names == ["size", "max-size-policy", "eviction-policy"]
    for name in names:
        assert hazelcast_elements.unknown(f"{parent}/eviction/{name}", ("4.0", NEWEST)) is None


@pytest.mark.parametrize("root", ["<hazelcast>", '<hazelcast xmlns="urn:other">'])
def test_the_namespace_is_written_out(root: str) -> None:
    text = (FILE % "").replace(ROOT, root)
    assert hints(text) == {("OM301", f"Write `{ROOT}`.")}


@pytest.mark.parametrize(
    ("word", "meant"),
    [("yes", "true"), ("on", "true"), ("TRUE", "true"), ("no", "false"), ("Off", "false")],
)
def test_a_boolean_of_another_notation(word: str, meant: str) -> None:
    assert hints(FILE % f'<multicast enabled="{word}"/>') == {("OM301", f"Write `{meant}`.")}


def test_a_word_that_is_no_boolean_at_all() -> None:
    assert hints(FILE % '<multicast enabled="maybe"/>') == {("OM301", "")}


@pytest.mark.parametrize(
    ("inner", "on"),
    [
        ("", False),
        ('<discovery-strategy enabled="false" class="a.B"/>', False),
        ('<discovery-strategy class="a.B"/>', False),
        ('<discovery-strategy enabled="true" class="a.B"/>', True),
        ('<discovery-strategy enabled="${x}" class="a.B"/>', True),
    ],
)
def test_only_an_enabled_strategy_is_a_join(inner: str, on: bool) -> None:
    text = FILE % f"<discovery-strategies>{inner}</discovery-strategies>"
    items = hazelcast.KIND.read(text).items
    assert any("discovery-strategies" in key for key in items) == on


TAKEN = """<hazelcast xmlns="http://www.hazelcast.com/schema/config"><network>
<public-address>${a}:${b}</public-address>
<port auto-increment="${c}" port-count="${d}">${e}</port>
<join><multicast enabled="${f}"><multicast-group>${g}</multicast-group>
<multicast-port>${h}</multicast-port><multicast-time-to-live>${i}</multicast-time-to-live>
<multicast-timeout-seconds>${j}</multicast-timeout-seconds></multicast>
<tcp-ip enabled="${k}" connection-timeout-seconds="${l}"><member>${m}</member></tcp-ip></join>
<interfaces enabled="${n}"><interface>10.1.1.${o}</interface></interfaces></network>
<map name="${p}"><near-cache><eviction eviction-policy="${q}"/>
<in-memory-format>${r}</in-memory-format><cache-local-entries>${s}</cache-local-entries>
</near-cache></map></hazelcast>"""


def test_a_variable_is_taken_wherever_a_value_is() -> None:
    reading = hazelcast.KIND.read(TAKEN)
    assert reading.findings == []
    assert reading.items["network/join/multicast/multicast-port"] == "${h}"


@pytest.mark.parametrize("name", "cdefghijklnoqrs")
def test_a_brace_that_is_never_closed_is_no_variable(name: str) -> None:
    """Hazelcast leaves such a text as it is."""
    assert hints(TAKEN.replace(f"${{{name}}}", f"${{{name}")) != set()


@pytest.mark.parametrize("text", ["", "<hazelcast", f"{ROOT}<network>", "<a b='<'/>"])
def test_what_is_no_xml_has_a_hint(text: str) -> None:
    ((rule, hint),) = hints(text)
    assert (rule, hint) == ("OM301", "Correct the XML, or restore the file from a backup.")


@pytest.mark.parametrize("value", ["abc", "99999", "-1"])
def test_a_number_that_is_none_has_a_hint(value: str) -> None:
    inner = f'<multicast enabled="true"><multicast-port>{value}</multicast-port></multicast>'
    assert hints(FILE % inner) == {("OM301", "Write a whole number from 0 to 65535.")}


NUMBERS = """<hazelcast xmlns="http://www.hazelcast.com/schema/config">
<properties><property name="hazelcast.partition.count">{0}271</property></properties>
<network><port port-count="{0}7" auto-increment="false">{0}5701</port><join>
<multicast enabled="true"><multicast-port>{0}54328</multicast-port>
<multicast-timeout-seconds>{0}3</multicast-timeout-seconds>
<multicast-time-to-live>{0}9</multicast-time-to-live></multicast>
<tcp-ip enabled="false" connection-timeout-seconds="{0}8"/></join></network></hazelcast>"""


@pytest.mark.parametrize("before", ["0", "+", "+00", "0" * 5000])
def test_a_number_is_one_in_any_form(before: str) -> None:
    kind = hazelcast.KIND
    plain, other = kind.read(NUMBERS.format("")), kind.read(NUMBERS.format(before))
    assert other.items == plain.items
    assert (plain.items["network/port"], other.findings) == ("5701", [])


@pytest.mark.parametrize("value", ["5701x", "0x1645", "١٢", "5_701", "", "${port}", "9" * 5000])
def test_what_is_no_number_stays(value: str) -> None:
    text = NUMBERS.format("").replace("5701", value)
    assert hazelcast.KIND.read(text).items.get("network/port", "") == value
