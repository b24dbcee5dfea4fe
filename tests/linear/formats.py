"""Rows for omconf/formats: each module that reads text.

A row is a reader of the module with texts that are hard for it: what makes a parser look back, or start
again, at each of many repetitions. test_linear.py repeats them and holds the growth of the steps.
"""

from __future__ import annotations

import re
from contextlib import suppress

from tests.linear.row import LINES, WORDS, Read, Text, row


@row(
    "formats.block",
    texts=[*LINES, "# BEGIN omconf: a\n", "# BEGIN omconf: a", "# END omconf: b \t"],
)
def _block() -> Read:
    from omconf.formats import block

    def read(text: str) -> object:
        found = block.find(text, "conference")
        entries = [
            block.Entry("k", "v", i, i, (i, i + 1), (i, i + 2), 2) for i in range(len(text) // 8)
        ]
        with suppress(ValueError):
            block.merge(text, "conference", text, entries)
        return found, block.outside(text, None), block.inside(text, None)

    return read


OPTIONS: list[str | Text] = [
    *WORDS,
    *(
        Text(part, f"{name}=", "!")
        for name in ("timeo", "sec", "vers", "port")
        for part in ("1", ":", "a:")
    ),
    *(
        Text(part, "x-systemd.idle-timeout=", "!")
        for part in ("1", "1s", "1.1", "11m", "1min", "1hours")
    ),
    *(Text(part, "anonuid=", "!") for part in ("1", "-")),
    Text("%d:", "sec="),
    Text("a", "refer=", "@"),
    Text("f", "fsid="),
]


@row("formats.options", "formats.nfs_options", "formats.cifs_options", texts=OPTIONS)
def _options(name: str) -> Read:
    from omconf.formats import cifs_options, nfs_options

    def read(text: str) -> object:
        if name == "formats.cifs_options":
            return cifs_options.check_mount(text), cifs_options.settle_mount(text.split(","))
        if name == "formats.options":
            return nfs_options.check_mount(text), nfs_options.settle_mount(text.split(","))
        return nfs_options.check_export(text)

    return read


EXPORTS: list[str | Text] = [
    *LINES,
    Text("-rw h%d ", "/p "),
    Text("h%d ", "/p "),
    Text("h(rw) ", "/p "),
    Text("h%d(x%d) ", "/p -rw,sync,no_subtree_check "),
    Text("-x%d h ", "/p "),
    Text("-sec=f%d,rw h ", "/p "),
    Text("x%d,", "/p -", " h h h"),
    Text("a%d:", "/p h(sec=", ",rw)"),
    '/a h "" ',
    "/a\r",
    Text(' ""', "/a"),
    Text("\\040", "/"),
    Text("a", '"'),
    Text("\\\n", "/a "),
    "/a 10.1.1.%d/24(rw) (ro)\n",
    "(",
]


# What the defaults of a line grow to is small beside these.
@row("formats.exports", texts=EXPORTS, small=12_000, large=64 * 1024)
def _exports() -> Read:
    from omconf.formats import exports

    return exports.read


@row("adopt.mounts", texts=EXPORTS, small=12_000, large=64 * 1024)
def _exported() -> Read:
    from omconf.adopt import mounts
    from omconf.adopt.model import Seen
    from omconf.artifacts.exports import PATH
    from omconf.deployed.snapshot import DeployedFile, NodeFiles
    from omconf.deployed.survey import Survey

    def read(text: str) -> object:
        files = NodeFiles({PATH: DeployedFile(text.encode())})
        return [*mounts.exported(Seen("om1", Survey("om1"), files))]

    return read


CONNECTION: list[str | Text] = [
    *WORDS,
    "a%d=b,",
    Text("a,", "Password=b,"),
    Text('a,"', '"'),
    Text("a,", 'a="'),
    Text("};", "jdbc:sqlserver://h;a={"),
    Text("a;", "jdbc:sqlserver://h;a={"),
    Text("p%d=v&", "jdbc:postgresql://h/d?"),
    Text("p%d=v;", "jdbc:db2://h/d:"),
    Text("h,", "jdbc:db2://h/d:clientRerouteAlternateServerName="),
    Text("sslMode=a&", "jdbc:mysql://h/d?"),
]


DESCRIPTOR: list[str | Text] = [
    *("(a=", "(a=b)", "()", "a ", " (", "=", "h/", '"', "h,", "h:1,", "a&"),
    *(Text("(address=(host=h)(a=b))", "(description=", ")"), Text("h:1,", "//", "h/s")),
    Text("(address_list=(a=b))", "(description=(connect_data=(sid=s))(address=(host=h))", ")"),
    *(Text(between, "(d=", ")") for between in ("(a=b)", "(a=(b=c))", " ", "a ")),
]


@row("formats.oracle_net", texts=DESCRIPTOR, large=64 * 1024)
def _descriptor() -> Read:
    from omconf.formats import oracle_net

    return oracle_net.canonical


@row(
    *("formats.connection_properties", "formats.jdbc_url", "formats.jdbc_parameters"),
    "formats.jdbc_servers",
    texts=CONNECTION,
)
def _connection(name: str) -> Read:
    from omconf.formats import connection_properties, jdbc_servers, jdbc_url

    def pairs(text: str) -> object:
        with suppress(ValueError):
            connection_properties.quote(text)
        return connection_properties.split(text)

    def url(text: str) -> object:
        for kind in jdbc_url.FORMS:
            with suppress(ValueError):
                jdbc_url.encode(kind, text)
        return jdbc_servers.servers(*jdbc_url.canonical(text)), jdbc_url.decode(text, text)

    return pairs if name == "formats.connection_properties" else url


@row(
    *("formats.dbcp2", "formats.sql", "formats.header", "formats.utf8"),
    texts=[*WORDS, "1", "omconf: ", "\\_", "''", "\udcff"],
)
def _small(name: str) -> Read:
    from omconf.formats import dbcp2, header, sql, utf8

    texts = (sql.postgresql_text, sql.postgresql_name, sql.mysql_text, sql.mysql_name)
    return {
        "formats.dbcp2": lambda text: [
            dbcp2.fits(form, text) for form in {*dbcp2.SETTINGS.values()}
        ],
        "formats.sql": lambda text: [write(text) for write in (*texts, sql.mysql_pattern)],
        "formats.header": header.cluster_of,
        "formats.utf8": utf8.replaced,
    }[name]


CHECK_LINES: list[str | Text] = [
    *LINES,
    "ok\ta\tb\n",
    "fact\tmember\t%d\n",
    "ok\t",
    Text("a", "ok\tb\t"),
]


@row("formats.node_check", texts=CHECK_LINES)
def _node_check() -> Read:
    from omconf.formats import node_check

    def read(text: str) -> object:
        with suppress(ValueError):
            return node_check.read(text.encode())
        return None

    return read


HBA: list[str | Text] = [
    *WORDS,
    *(Text(part, "host ", "!") for part in ('"', '""', "a,", ", ", '"a"', ',"', "a ", '"a" ')),
    "host d%d u 10.1.1.1/32 md5\n",
    "host d u\n",
    "local all all password=a\n",
]


@row("formats.pg_hba", texts=HBA)
def _pg_hba() -> Read:
    from omconf.formats import pg_hba

    return pg_hba.records


PROPERTIES: list[str | Text] = [
    *LINES,
    *(Text(part, "kurento.ws.url=") for part in ("\\", "a", "\\u0041", "\\\n", " ")),
    "\\=",
    "kurento.kuid=a\n",
]


@row("formats.properties", texts=PROPERTIES)
def _properties() -> Read:
    from omconf.formats import properties

    def read(text: str) -> object:
        properties.pair(text, text)
        return properties.read(text), properties.merge(text, {"kurento.kuid": "b", "other": "c"})

    return read


DIFF: list[str | Text] = ["a\n", "l%d\n", "a\nb\n", "l%d\na\n", "\n", "\n\n}\n"]


@row("formats.text_diff", "views.difference", "plan.items.by_line", texts=DIFF, large=64 * 1024)
def _diff(name: str) -> Read:
    from omconf.bundle.comparison import Difference
    from omconf.formats import text_diff
    from omconf.plan import items
    from omconf.views.difference import draw

    ours = "".join(f"l{3 * i}\na\n\n}}\n" for i in range(150))

    def compare(text: str) -> object:
        return text_diff.compare(text.split("\n"), ours.split("\n"))

    def check(text: str) -> object:
        difference = Difference("a", "different", text.encode(), ours.encode(), 0o644, 0o644)
        return draw(difference)

    by_line: Read = lambda text: items.by_line(text, ours)  # noqa: E731
    return {"formats.text_diff": compare, "views.difference": check}.get(name, by_line)


SHELL: list[str | Text] = [
    *LINES,
    *("JAVA_OPTS=-Da=b\n", 'JAVA_OPTS="$JAVA_OPTS -Dx=%d"\n', "A%d=b\n", "; then ", "# X=y\n"),
    *(
        Text(part, 'JAVA_OPTS="')
        for part in ("$A ", "${A:-b} ", "-Da=b ", "'a' ", "\\", "'", "a", " ", "\\\n")
    ),
    Text("a", "JAVA_OPTS='"),
    Text('"$JAVA_OPTS$JAVA_OPTS"\nJAVA_OPTS=', "JAVA_OPTS="),
]


@row(
    "formats.java_opts",
    "formats.quoted_words",
    texts=["'a", "'a'", "'-Da=b%d'", '\\"', "\\", "'\\''", "a' ", '"a', "' '", "a"],
)
def _java_opts(_: str) -> Read:
    from omconf.formats import java_opts

    return java_opts.plain


@row(
    "formats.setenv",
    "formats.shell_variables",
    "formats.shell_branches",
    texts=[
        *SHELL,
        *("if a; then\n", "case a in b) c;;\n", "fi\n", "f%d() {\n", "(", "((a", "{ ", "&&\n"),
        *("'a' # b\n", '"$(a" ', "'$(a'\")", "cat <<E%d\n", "return || a\n", "a \\\n"),
    ],
)
def _setenv(name: str) -> Read:
    from omconf.formats import setenv

    return lambda text: (setenv.options(text), setenv.mistakes(text))


@row("formats.fstab", texts=[*LINES, "a:/b /c nfs hard 0 0\n", "\\040", Text("a,", "a:/b /c nfs ")])
def _fstab() -> Read:
    from omconf.formats import fstab

    return fstab.read


PLACE: list[str | Text] = [
    *WORDS,
    Text("a,", "a,", ":/vol glusterfs defaults"),
    Text("a,", "", ":6789:/ ceph defaults"),
    Text("a", "om@", ".fs=/ ceph fsid=1"),
    Text("=", "om@a.", "/ ceph defaults"),
    Text("a.", "", ":/ nfs defaults"),
    Text("/", "a:", " nfs defaults"),
    Text("../", "a:/", " nfs defaults"),
    Text("a,", "a:/b nfs "),
    Text("backup-volfile-servers=a:b,", "a:/vol glusterfs "),
    Text("f", "fs-", ":/ efs tls"),
]


@row("formats.mount_place", texts=PLACE)
def _mount_place() -> Read:
    from omconf.formats import mount_place

    return lambda text: mount_place.read(f"{text} 0 0")


@row("formats.export_clients", texts=[*WORDS, "a.", "*.", "*?", Text("1.", "1.1.1.1/")])
def _export_clients() -> Read:
    from omconf.formats import export_clients

    return lambda text: (export_clients.network(text), export_clients.is_world(text))


UNIT: list[str | Text] = [
    *LINES,
    *("[Service]\n", "Environment=A=b\n", "A=b\\\n", "# c\n", "UnsetEnvironment=A\n"),
    *(
        Text(part, "[Service]\nEnvironment=")
        for part in ("A%d=b ", "'A=b' ", '"', "'", "\\", "\\x41", "a", " ", "%", "%%")
    ),
]


@row("formats.unit_file", texts=[*UNIT, "A%d=b \\\n", "A='b' \"c\\\n\" d\n", Text(" ", "A=")])
def _unit_file() -> Read:
    from omconf.formats.unit_file import Environment, assignments

    return lambda text: (Environment.of({"a": text}), assignments(text, "a"))


@row(
    "formats.smb_hosts", texts=["10.1.1.1 ", "10. ", "EXCEPT ", "a", " ", "10.1.1.0/24 ", "1.", "/"]
)
def _smb_hosts() -> Read:
    from omconf.formats.smb_hosts import allows

    return lambda text: (allows("10.1.1.1", text), allows("10.1.1.1", "", text))


@row("formats.tomcat", texts=UNIT)
def _tomcat() -> Read:
    from omconf.formats.tomcat import given

    return lambda text: given("/bin/setenv.sh", {"/bin/setenv.sh": "", "/a.service": text})


@row("formats.printf", texts=["\\101", "%%", "\\", "%", "a", "-", "\\1"])
def _printf() -> Read:
    from omconf.formats import printf

    return lambda text: (printf.written(text), printf.meaning(text.encode()))


XML: list[str | Text] = [
    Text("<b/>", "<a>", "</a>"),
    Text("<b%d>c</b%d>", "<a>", "</a>"),
    Text('<map name="m%d"/>', "<a>", "</a>"),
    Text("<b/>", f'<a><map name="{"n" * 400}">', "</map></a>"),
    Text("<b>", "<a>"),
    Text("a", "<a><b>", "</b></a>"),
    Text("a b ", '<a><b c="', '"/></a>'),
    Text("<!-- -->", "", "<a/>"),
    Text("<?a?>", "", "<!DOCTYPE a>"),
    Text("<!-- ", ""),
    Text("&#10;", "<a>", "</a>"),
    Text(' a%d="b"', "<a", "/>"),
]


@row("formats.xml", "formats.xml_reader", texts=XML)
def _xml(name: str) -> Read:
    from lxml import etree

    from omconf.formats import xml, xml_reader

    def read(text: str) -> object:
        with suppress(etree.XMLSyntaxError):
            return list(xml.flatten(etree.fromstring(text.encode())))
        return xml.escape(text)

    hostile: Read = lambda text: xml_reader.parse(text.encode())  # noqa: E731
    return read if name == "formats.xml" else hostile


GRAMMARS = ("names", "paths", "smb_conf", "java", "markdown", "systemd", "urls")
"""Modules that say what a value may be: patterns, and ways of writing it."""


@row(
    *(f"formats.{name}" for name in GRAMMARS),
    texts=[*WORDS, "/a", "a.", "a-", "@a", " ", "a:1", "%", "https://a", Text("a", "ssh://", "!")],
)
def _grammars(name: str) -> Read:
    from importlib import import_module

    module = import_module(f"omconf.{name}")
    patterns = [value for value in vars(module).values() if isinstance(value, re.Pattern)]
    texts = [pattern for pattern in patterns if isinstance(pattern.pattern, str)]
    writers = [
        getattr(module, n)
        for n in ("cell", "code", "link", "value", "mount_unit")
        if n in vars(module)
    ]

    def read(text: str) -> object:
        return [p.fullmatch(text) for p in texts], [write(text) for write in writers]

    return read
