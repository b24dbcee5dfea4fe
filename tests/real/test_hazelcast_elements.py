"""What each line of Hazelcast knows: the list here against the XSDs and parsers in the jars."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from omconf.artifacts.hazelcast import KIND
from omconf.hazelcast.items import MEMBER
from omconf.releases import HAZELCAST_NAMESPACE, hazelcast_elements
from tests.artifacts.test_hazelcast_hints import NUMBERS
from tests.needs import needs
from tests.real.classes import compiled
from tests.real.programs import JAVA, run
from tests.real.test_hazelcast import FAST, _jars

pytestmark = needs("jars")
XS = "{http://www.w3.org/2001/XMLSchema}"
NEWEST = "5.6.0"
"""This jar carries the XSDs of all lines from 4.0 on."""
LINES = ("4.0", "4.1", "4.2", "5.0", "5.1", "5.2", "5.3", "5.4", "5.5", "5.6")
JARS = ("4.0.2", "4.1", "4.2.1", "5.0", "5.1.4", "5.2.1", "5.3.6", "5.5.0", "5.6.0")


class Xsd:
    """One of Hazelcast's schemas, as far as elements and attributes go."""

    def __init__(self, root: Any) -> None:
        self.named = {(part.tag, part.get("name")): part for part in root if part.get("name")}

    def paths(self, element: Any, above: tuple[str, ...] = ()) -> Iterator[str]:  # noqa: C901
        """Name what may stand in an element, four levels deep."""
        children: dict[str, Any] = {}
        open_ = False
        stack, seen = [element, *self.type(element.get("type"))], list[Any]()
        while stack:
            part = stack.pop()
            if any(part is known for known in seen):
                continue
            seen.append(part)
            for inner in part.iterchildren(f"{XS}*"):
                name = inner.get("name") or self.local(inner.get("ref"))
                match inner.tag.removeprefix(XS):
                    case "element":
                        children[name] = inner
                    case "attribute":
                        yield "/".join((*above, f"@{name}"))
                    case "any":
                        open_ = True
                    case "group" | "attributeGroup" if inner.get("ref"):
                        stack.append(self.named[inner.tag, name])
                    case "extension":
                        stack += [inner, *self.type(inner.get("base"))]
                    case "annotation" | "simpleType" | "unique" | "key":
                        pass
                    case _:
                        stack.append(inner)
        if open_ or (children and len(above) == hazelcast_elements.DEPTH):
            yield "/".join((*above, "*"))
            return
        for name, child in children.items():
            declared = self.named[f"{XS}element", name] if child.get("ref") else child
            yield "/".join((*above, name))
            yield from self.paths(declared, (*above, name))

    def type(self, name: str | None) -> list[Any]:
        found = self.named.get((f"{XS}complexType", self.local(name)))
        return [] if found is None else [found]

    def local(self, name: str | None) -> str:
        return (name or "").rpartition(":")[2]


@cache
def of_line(line: str) -> frozenset[str]:
    jar = JAVA / "lib/hazelcast" / f"hazelcast-{NEWEST}.jar"
    with zipfile.ZipFile(jar) as archive:
        root = etree.fromstring(archive.read(f"hazelcast-config-{line}.xsd"))
    xsd = Xsd(root)
    return frozenset(xsd.paths(xsd.named[f"{XS}element", "hazelcast"]))


@pytest.mark.parametrize("line", LINES)
def test_the_list_is_what_the_schemas_of_the_jar_say(line: str) -> None:
    number = tuple(map(int, line.split(".")))
    listed = {
        path
        for path, (first, last) in hazelcast_elements._known().items()
        if first <= number <= last
    }
    deepest = {p for p in of_line(line) if p.count("/") < hazelcast_elements.DEPTH}
    assert listed == deepest


START = '<hazelcast xmlns="http://www.hazelcast.com/schema/config">'
IN_ROOT = (
    "<group><name>om</name></group>",
    "<group><name>om</name><password>x</password></group>",
    '<management-center enabled="true">http://m</management-center>',
    '<management-center scripting-enabled="false"/>',
    "<management-center/>",
    '<semaphore name="s"><initial-permits>1</initial-permits></semaphore>',
    '<lock name="l"/>',
    '<executor-service name="e"><pool-size>4</pool-size></executor-service>',
    '<queue name="q"><max-size>5</max-size></queue>',
    '<map name="m"><backup-count>1</backup-count></map>',
    '<map name="m"><max-size policy="PER_NODE">5</max-size></map>',
    '<map name="m"><near-cache><cache-local-entries>true</cache-local-entries></near-cache></map>',
    "<cp-subsystem><cp-member-count>0</cp-member-count></cp-subsystem>",
    "<sql><executor-pool-size>1</executor-pool-size></sql>",
    "<sql><statement-timeout-millis>0</statement-timeout-millis></sql>",
    '<jet enabled="false"/>',
    '<tpc enabled="false"/>',
    '<user-code-namespaces enabled="false"/>',
    "<dynamic-configuration/>",
    '<integrity-checker enabled="false"/>',
    '<instance-tracking enabled="false"/>',
    "<mapreduce/>",
    "<nonsense/>",
    "<cluster-nam>x</cluster-nam>",
    "<security><client-block-unmapped-actions>true</client-block-unmapped-actions></security>",
    "<license-key>x</license-key>",
    "<lite-member enabled='false'/>",
    '<metrics enabled="false"/>',
    '<user-code-deployment enabled="false"/>',
    '<properties><property name="a" value="1"/></properties>',
    '<network><ssl><properties><property name="a" x="1">b</property></properties></ssl></network>',
    '<member-attributes><attribute name="a" value="1"/></member-attributes>',
    '<member-attributes><attribute name="a" type="int">1</attribute></member-attributes>',
)
IN_JOIN = (
    '<aws enabled="false">\n  <region>x</region>\n</aws>',
    '<aws enabled="false"/>',
    '<gcp enabled="false">\n  <zones>x</zones>\n</gcp>',
    '<kubernetes enabled="false">\n  <namespace>x</namespace>\n</kubernetes>',
    '<eureka enabled="false">\n  <namespace>x</namespace>\n</eureka>',
    '<auto-detection enabled="false">\n</auto-detection>',
    '<tcp-ip enabled="false"><hostname>a</hostname></tcp-ip>',
    '<tcp-ip enabled="false"><bogus>a</bogus></tcp-ip>',
    '<tcp-ip enabled="false" bogus="1"/>',
    '<aws enabled="false" bogus="1"/>',
    '<aws enabled="true" bogus="1"/>',
    '<aws enabled="false"><bogus/></aws>',
    '<auto-detection enabled="false" bogus="1"/>',
    "<discovery-strategies><bogus/></discovery-strategies>",
    '<tcp-ip enabled="false"><member>10.1.1.1</member></tcp-ip>',
    '<tcp-ip enabled="false"><members>10.1.1.1,10.1.1.2</members></tcp-ip>',
    '<tcp-ip enabled="false"><required-member>10.1.1.1</required-member></tcp-ip>',
    '<multicast enabled="false"><group>224.2.2.3</group></multicast>',
    '<multicast enabled="false"><loopbackModeEnabled>true</loopbackModeEnabled></multicast>',
)
NAME = "<h:cluster-name>om</h:cluster-name>"
PREFIXED = (
    f'{START[:-1]} xmlns:h="{HAZELCAST_NAMESPACE}">\n{NAME}\n</hazelcast>\n',
    f'<h:hazelcast xmlns:h="{HAZELCAST_NAMESPACE}">\n{NAME}\n</h:hazelcast>\n',
)
NAMES_ONLY = "it lacks content that it must have: only names are checked"
EXCEPTIONS = {
    "<dynamic-configuration/>": NAMES_ONLY,
    '<user-code-deployment enabled="false"/>': NAMES_ONLY,
    IN_JOIN[-1]: "it is an attribute: an item's name does not tell which of the two it is",
}
"""Snippets on which the verdicts differ for some jar, and why."""


def _documents() -> Iterator[tuple[str, str]]:
    for snippet in IN_ROOT:
        yield snippet, f"{START}\n{snippet}\n</hazelcast>\n"
    for snippet in IN_JOIN:
        yield snippet, f"{START}<network><join>\n{snippet}\n</join></network></hazelcast>\n"
    for text in PREFIXED:
        yield text, text


@needs("java", "javac")
@pytest.mark.parametrize("jar", JARS)
def test_what_is_refused_is_what_hazelcast_refuses(java: str, tmp_path: Path, jar: str) -> None:
    files = {}
    for number, (snippet, text) in enumerate(_documents()):
        (tmp_path / f"{number}.xml").write_text(text)
        files[str(tmp_path / f"{number}.xml")] = snippet, text
    classes = compiled(_jars(min(JARS)), JAVA / "Parse.java")
    done = run(java, *FAST, "-cp", f"{classes}:{_jars(jar)}", "Parse", *files)
    refused: dict[str, bool] = {}
    for line in done.stdout.splitlines():
        if line.startswith("file="):
            current = line.removeprefix("file=")
        refused[current] = line.startswith("refused=")
    differ = {}
    for file, (snippet, text) in files.items():
        reading = KIND.read(text)
        line = ".".join(jar.split(".")[:2])
        unknown = hazelcast_elements.unknown_parts(reading.lines.items(), (line,))
        if bool(unknown or reading.findings) != refused[file]:
            differ[snippet] = refused[file]
        # A plan looks only at files that differ: what no line knows is an item, also in a join that
        # is off.
        if hazelcast_elements.unknown_parts(reading.lines.items(), (hazelcast_elements.NEWEST,)):
            assert reading.items or reading.secrets or reading.findings, snippet
    assert {key: value for key, value in differ.items() if key not in EXCEPTIONS} == {}
    assert len(differ) <= len(EXCEPTIONS) < len(files) / 10


MEMBERS = (
    "<member>10.1.1.1, 10.1.1.2</member>",
    "<members>10.1.1.1</members><members>10.1.1.2,,10.1.1.3</members>",
    "<member-list><member>10.1.1.1, 10.1.1.2,</member><member>10.1.1.3</member></member-list>",
    "<interface>10.1.1.1,10.1.1.2</interface><member>10.1.1.3</member>",
    "<required-member>10.1.1.1</required-member>",
)


@needs("java", "javac")
@pytest.mark.parametrize("jar", JARS)
def test_members_and_ports_are_those_that_hazelcast_reads(
    java: str, tmp_path: Path, jar: str
) -> None:
    files = []
    for number, members in enumerate(MEMBERS):
        join = f'<multicast enabled="false"/><tcp-ip enabled="true">{members}</tcp-ip>'
        text = f"{START}<network><port>5701</port><join>{join}</join></network></hazelcast>"
        files.append(tmp_path / f"{number}.xml")
        files[-1].write_text(text)
    classes = compiled(_jars(min(JARS)), JAVA / "Parse.java")
    done = run(java, *FAST, "-cp", f"{classes}:{_jars(jar)}", "Parse", *map(str, files))
    assert done.stdout.count("port=5701 auto-increment=true\n") == len(files), done.stderr
    assert all("network/port" not in KIND.read(file.read_text()).items for file in files)
    listed = [
        [value for key, value in KIND.read(file.read_text()).items.items() if MEMBER in key]
        for file in files
    ]
    # Hazelcast 5.2 and newer keep an element's text whole until they join: then they split it so.
    known = re.findall(r"^tcp-ip=true\[(.*)\]$", done.stdout, re.MULTILINE)
    assert [re.findall("[^,; ]+", members) for members in known] == listed


@needs("java", "javac")
@pytest.mark.parametrize("jar", JARS)
def test_a_number_is_one_in_any_form(java: str, tmp_path: Path, jar: str) -> None:
    files = []
    for number, before in enumerate(("", "0", "+", "+00")):
        files.append(tmp_path / f"{number}.xml")
        files[-1].write_text(NUMBERS.format(before))
    classes = compiled(_jars(min(JARS)), JAVA / "Parse.java")
    done = run(java, *FAST, "-cp", f"{classes}:{_jars(jar)}", "Parse", *map(str, files))
    said = [part.partition("\n")[2] for part in done.stdout.split("file=")[1:]]
    assert len(said) == len(files), done.stderr
    # The partition count is a property, of which the file's text is printed.
    numbers = {re.sub("^property .*\n", "", part, flags=re.MULTILINE) for part in said}
    assert len(numbers) == 1
    assert "port=5701 auto-increment=false\n" in numbers.pop()
