"""Rows for the kinds: what stands in a deployed file of each, and in a block of it.

A kind's reader gets the text as a whole file and, where omconf owns a block, inside and behind one, as
finding and merging the block reads it again. test_linear.py holds the growth of the steps.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from tests.command import ROOT
from tests.linear.formats import HBA, PROPERTIES, XML
from tests.linear.row import LINES, ROWS, Read, Text, row

if TYPE_CHECKING:
    from omconf.artifacts.model import Kind
    from omconf.artifacts.reading import Reading

_NO_KINDS = ("contents", "effect", "model", "reading")
"""Modules beside the kinds."""


def _read_kind(name: str) -> Read:
    from omconf.artifacts.model import BlockKind
    from omconf.ownership import OWNED
    from tests.clusters import cluster_of, spec_of

    kind: Kind = import_module(f"omconf.artifacts.{name.removeprefix('kind ')}").KIND
    if not isinstance(kind, BlockKind) or name == "kind database_access":
        return kind.read
    share = {"kind": "cifs", "share": "om", "password": {"env": "SMB"}} if "samba" in name else {}
    cluster = cluster_of(spec_of(2, storage={**share}))
    made = [a for node in cluster.nodes for a in kind.render(cluster, node)]
    begin, end = "# BEGIN omconf: conference\n", "# END omconf: conference\n"

    def read_it(kind: Kind, text: str) -> Reading:
        return kind.read(text)

    def read(text: str) -> object:
        kind.read(text)
        for deployed in (text, f"{begin}{text}\n{end}{text}"):
            owned = OWNED[kind.ownership]
            present = owned.present(kind, "conference", deployed, made[0], read_it)
            owned.merge(kind, "conference", deployed, made[0].text, present)
        return present

    return read


TAKEN: list[str | Text] = [
    "/opt/omdata 10.1.1.2(rw) (ro)\n",
    "/opt/omdata 10.1.1.%d(rw)\n",
    Text(" 10.1.1.2(rw) (ro)", "/opt/omdata"),
    "/a h%d\n",
    Text(" h%d", "/a"),
]
FSTAB: list[str | Text] = [
    *LINES,
    "10.1.1.1:/opt/omdata /opt/omdata nfs rw 0 0\n",
    "a /m%d ext4 rw 0 0\n",
    "a b c d e f\n",
    *(Text(part, "a /b nfs ") for part in ("a,", '"', '",', "\\040", "\\", "timeo=%d,")),
    *(Text(part, "a /b cifs ") for part in ("pass=a,", "user=a,", '"a,')),
    Text("a ", ""),
]
SAMBA: list[str | Text] = [
    *LINES,
    "[a]\n",
    "[om]\npath=/a\n",
    Text("path = /a%d\n", "[om]\n"),
    Text("p%d=a\n", "[om]\n"),
    *(Text(part, "[om]\nhosts allow =") for part in (" a%d", " ", "\t \t", "\\\n", "\\ ", "a,")),
    Text("a", "["),
    "]",
    "=a\n",
]
JVM: list[str | Text] = [
    *LINES,
    *(
        Text(part, 'omconf_options="\\\n')
        for part in ("'a", "'a'", " '-Da=b%d'\\\n", '\\"', "\\", "'\\''", "a' ", '"a', "' '")
    ),
    "-DDATA_DIR=a\n",
    Text("a,", "-Dopenjpa.serialization.class.whitelist="),
    "serialization.class.whitelist=",
    *("; ", "then ", "then\t", ";export ", "; export", "JAVA_OPTS=", "JAVA_OPTS=\n", "unset "),
    Text(" ", ";", "export"),
    Text("\t", ";export"),
]
START = '<hazelcast xmlns="http://www.hazelcast.com/schema/config">'
HAZELCAST: list[str | Text] = [
    *(
        Text(t.part, t.head.replace("<a", START[:-1], 1), t.tail.replace("</a>", "</hazelcast>"))
        for t in XML
        if isinstance(t, Text)
    ),
    Text(
        "<member>m%d</member>",
        f'{START}<network><join><tcp-ip enabled="true">',
        "</tcp-ip></join></network></hazelcast>",
    ),
    Text(
        "m, ",
        f"{START}<network><join><tcp-ip><members>",
        "</members></tcp-ip></join></network></hazelcast>",
    ),
    Text(
        '<property name="a%d">b</property>',
        f"{START}<properties>",
        "</properties></hazelcast>",
    ),
    Text("<cluster-name>a</cluster-name>", START, "</hazelcast>"),
    Text("a", f'{START}<map name="', '"><b/><c/><d/></map></hazelcast>'),
]
_UNIT = (
    '<persistence xmlns="https://jakarta.ee/xml/ns/persistence" version="3.0">'
    '<persistence-unit name="a">'
)
_PROPERTY = f'{_UNIT}<properties><property name="openjpa.ConnectionProperties" value="'
_END = "</properties></persistence-unit></persistence>"
PERSISTENCE: list[str | Text] = [
    *(
        Text(part, _PROPERTY, f'"/>{_END}')
        for part in ("a,", "a%d=b,", "Password=a,", "'a,", "a=jdbc:mysql:?,")
    ),
    Text("b,", f"{_PROPERTY}Password=a,", f'"/>{_END}'),
    Text("b%d=c&amp;", f"{_PROPERTY}Url=jdbc:mysql://h/d?", f'"/>{_END}'),
    Text('<property name="a%d" value="b"/>', f"{_UNIT}<properties>", _END),
    Text("<class>a%d</class>", _UNIT, "</persistence-unit></persistence>"),
]
CREDENTIALS: list[str | Text] = [*LINES, "user=a%b\n", "pass=a\n", Text("a", "user="), "%", "dom"]
FACTS: list[str | Text] = [*LINES, "release=%d\n", Text("a", "#!"), "node\n"]
SCRIPTS: list[str | Text] = [*LINES, "password=a\\\n", "l%d\n"]

row("kind exports", texts=TAKEN, large=32 * 1024)(lambda: _read_kind("kind exports"))
row("kind fstab", texts=FSTAB, large=64 * 1024)(lambda: _read_kind("kind fstab"))
row("kind samba", texts=SAMBA, large=64 * 1024)(lambda: _read_kind("kind samba"))
row("kind setenv", texts=JVM)(lambda: _read_kind("kind setenv"))
# shlex copies a word at each of its characters, which shows in long words only.
LONG_WORD: list[str | Text] = [Text("a", "omconf_options=\"\\\n '")]
row("kind setenv, a long word", texts=LONG_WORD, large=1 << 20)(lambda: _read_kind("kind setenv"))
row("kind hazelcast", texts=HAZELCAST, large=32 * 1024)(lambda: _read_kind("kind hazelcast"))
row("kind persistence", texts=PERSISTENCE, large=64 * 1024)(lambda: _read_kind("kind persistence"))
row("kind cifs_credentials", texts=CREDENTIALS)(lambda: _read_kind("kind cifs_credentials"))
row("kind openmeetings_properties", texts=PROPERTIES)(
    lambda: _read_kind("kind openmeetings_properties")
)
row("kind node_check", texts=FACTS, large=64 * 1024)(lambda: _read_kind("kind node_check"))
row("kind database_access", texts=HBA)(lambda: _read_kind("kind database_access"))
for _module in sorted((ROOT / "omconf/artifacts").glob("[a-z]*.py")):
    # Kinds without texts of their own; omconf is imported only when steps are counted.
    if (_name := f"kind {_module.stem}") not in ROWS and _module.stem not in _NO_KINDS:
        row(_name, texts=SCRIPTS)(lambda name=_name: _read_kind(name))
