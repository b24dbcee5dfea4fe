"""Additional Hazelcast configuration: merged in, and refused with its own place where it is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from omconf.artifacts import hazelcast
from omconf.origin import FromSpec
from omconf.pipeline.compiled import Compiled, compile_spec
from tests.command import EXAMPLES, omconf

SPEC = (EXAMPLES / "clustering-page/cluster.yaml").read_text()
HEAD = '<hazelcast xmlns="http://www.hazelcast.com/schema/config">\n'
GOOD = f"""{HEAD}
  <!-- a comment -->
  <network><rest-api enabled="true">
    <endpoint-group name="HEALTH_CHECK" enabled="true"/>
  </rest-api></network>
  <member-attributes><attribute name="rack">r &amp; d</attribute></member-attributes>
  <executor-service name="default"><pool-size>4</pool-size></executor-service>
  <map name="mine"><backup-count>2</backup-count></map>
</hazelcast>
"""


def check(tmp_path: Path, extra: str) -> Compiled:
    (tmp_path / "extra.xml").write_text(extra)
    spec = tmp_path / "cluster.yaml"
    spec.write_text(SPEC + "hazelcast: {extra: extra.xml}\n")
    return compile_spec(str(spec))


def test_further_elements_stand_where_they_belong(tmp_path: Path) -> None:
    compiled = check(tmp_path, GOOD)
    assert compiled.diagnostics == []
    assert compiled.bundle is not None
    artifact = next(a for a in compiled.bundle.nodes[0].artifacts if a.kind == "hazelcast")
    items = hazelcast.KIND.read(artifact.text).items
    assert items["network/rest-api/endpoint-group[HEALTH_CHECK]/enabled"] == "true"
    assert items["member-attributes/rack"] == "r & d"
    assert items["executor-service[default]/pool-size"] == "4"
    assert items["map[mine]/backup-count"] == "2"
    line = next(line for line in artifact.lines if "pool-size" in line.text)
    (origin,) = line.origins
    assert isinstance(origin, FromSpec)
    assert (origin.span.file, origin.span.line) == (str(tmp_path / "extra.xml"), 8)


def test_a_plain_root_will_do(tmp_path: Path) -> None:
    plain = GOOD.replace(HEAD, "<hazelcast>\n")
    with_it, without = check(tmp_path, GOOD), check(tmp_path, plain)
    assert with_it.bundle == without.bundle


def test_a_pipe_that_somebody_holds_open_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "extra.xml")
    spec = tmp_path / "cluster.yaml"
    spec.write_text(SPEC + "hazelcast: {extra: extra.xml}\n")
    held = os.open(tmp_path / "extra.xml", os.O_RDWR)
    (found,) = compile_spec(str(spec)).diagnostics
    os.close(held)
    assert found.rule.id == "OM105"
    assert found.span is not None
    assert (found.span.line, found.span.column) == (1 + SPEC.count("\n"), 20)


WRONG = [
    ("<cluster-name>x</cluster-name>", "OM261", 2, 3),
    ("<properties><property name='a'>b</property></properties>", "OM261", 2, 3),
    ("<network>\n <port>1</port></network>", "OM261", 3, 2),
    ("<network><join/></network>", "OM261", 2, 12),
    ("<member-attributes><attribute name='name'>x</attribute></member-attributes>", "OM261", 2, 22),
    ("<map name='ROOMS_KEY'/>", "OM261", 2, 3),
    ("<import resource='x.xml'/>", "OM261", 2, 3),
    ("<network><reuse-address>1</reuse-address></network> x", "OM263", 2, 3),
    ("<x:y xmlns:x='urn:x'/>", "OM263", 2, 3),
    ("<cluster-name", "OM263", 3, 1),
    ("<network/><network/>", "OM263", 2, 3),
    ("<advanced-network enabled='true'/>", "OM261", 2, 3),
    ("<management-center/>\n <management-center/>", "OM263", 3, 2),
    ("<management-center/><management-center/>", "OM263", 2, 23),
    ("<network><rest-api/><rest-api/></network>", "OM263", 2, 23),
    ("<map name='m'/><map name='n'/><map name='m'/>", "OM263", 2, 33),
    ("<network foo='1'/>", "OM263", 2, 3),
    ("<member-attributes foo='1'/>", "OM263", 2, 3),
    (
        "<member-attributes><attribute name='a' x=''>1</attribute></member-attributes>",
        "OM263",
        2,
        3,
    ),
    ("<topic name='t'><a>@omconf:x@</a></topic>", "OM260", 2, 19),
    ("<topic name='&#64;omconf:x@'/>", "OM260", 2, 3),
    ("<a><properties><property name='p.password'>x</property></properties></a>", "OM262", 2, 3),
]


@pytest.mark.parametrize(("extra", "rule", "line", "column"), WRONG)
def test_wrong(tmp_path: Path, extra: str, rule: str, line: int, column: int) -> None:
    compiled = check(tmp_path, f"{HEAD}  {extra}\n</hazelcast>\n")
    assert compiled.failed
    places = [
        (d.rule.id, d.span.file, d.span.line, d.span.column)
        for d in compiled.diagnostics
        if d.span is not None
    ]
    assert (rule, str(tmp_path / "extra.xml"), line, column) in places


@pytest.mark.parametrize("attribute", ["foo='1'", "xmlns:x='urn:x' x:foo='1'"])
def test_the_root_has_no_attributes(tmp_path: Path, attribute: str) -> None:
    compiled = check(tmp_path, GOOD.replace("<hazelcast ", f"<hazelcast {attribute} "))
    (found,) = compiled.diagnostics
    assert found.span is not None
    assert (found.rule.id, found.span.line, found.span.column) == ("OM263", 1, 1)


def test_what_may_stand_there_more_than_once(tmp_path: Path) -> None:
    schema = "http://www.w3.org/2001/XMLSchema-instance"
    head = f"<hazelcast xmlns:xsi='{schema}' xsi:schemaLocation='a b' "
    more = "<map name='other'/><topic name='a'/><topic name='b'/><!-- @omconf:x@ --></hazelcast>"
    extra = GOOD.replace("<hazelcast ", head).replace("</hazelcast>", more)
    assert check(tmp_path, extra).diagnostics == []


def test_a_system_property_may_stand_for_a_secret(tmp_path: Path) -> None:
    keys = "<properties><property name='keyStorePassword'>${hz.password}</property></properties>"
    extra = GOOD.replace("</network>", f'<ssl enabled="true">{keys}</ssl></network>')
    assert extra != GOOD
    assert check(tmp_path, extra).diagnostics == []


def test_a_secret_is_not_shown(tmp_path: Path) -> None:
    extra = f"{HEAD}<security><password>hunter2</password><import/></security>\n</hazelcast>\n"
    (tmp_path / "extra.xml").write_text(extra)
    (tmp_path / "cluster.yaml").write_text(SPEC + "hazelcast: {extra: extra.xml}\n")
    result = omconf("validate", tmp_path / "cluster.yaml")
    assert result.code == 1
    assert "OM262" in result.err
    assert "hunter2" not in result.err + result.out
