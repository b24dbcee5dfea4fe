"""The reader of an unpacked OpenMeetings, over small ones that are written from the table."""

from __future__ import annotations

import os
import time
import zipfile
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

import pytest

from omconf.releases import CONNECTION_PROPERTIES, HAZELCAST_NAMESPACE, RELEASES
from omconf.releases.inspect import Difference, Problem, counterpart, differences, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from omconf.releases import Release, StockElement

WEB_INF = "webapps/openmeetings/WEB-INF"
HAZELCAST = f"{WEB_INF}/classes/hazelcast.xml"
META = f"{WEB_INF}/classes/META-INF"
JARS = {
    "postgresql": "postgresql-{}.jar",
    "mysql": "mysql-connector-j-{}.jar",
    "mssql": "mssql-jdbc-{}.jar",
    "oracle": "ojdbc11-{}.jar",
}


def xml(element: StockElement) -> str:
    attributes = "".join(f" {name}={quoteattr(value)}" for name, value in element.attributes)
    inner = element.text + "".join(map(xml, element.children))
    return f"<{element.tag}{attributes}>\n  {inner}<!-- a note --></{element.tag}>"


def hazelcast_xml(release: Release) -> str:
    stock = release.hazelcast
    content = "".join(map(xml, stock.map_content))
    maps = "".join(f'<map name="{name}">{content}</map>' for name in stock.maps)
    joins = "".join(f'<{join} enabled="false"/>' for join in stock.joins)
    properties = "".join(f'<property name="{k}">{v}</property>' for k, v in stock.properties)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><!-- licence --><hazelcast '
        f'xmlns="{HAZELCAST_NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="{HAZELCAST_NAMESPACE}\n {HAZELCAST_NAMESPACE}/hazelcast-config-'
        f'{release.hazelcast_xsd}.xsd">{maps}<instance-name>server-1</instance-name>'
        f'<member-attributes><attribute name="name">server-1</attribute><attribute '
        f'name="server.url">{stock.server_url}</attribute></member-attributes>'
        f"<network><join>{joins}</join></network><properties>{properties}</properties></hazelcast>"
    )


def persistence_xml(release: Release, database: str) -> str:
    stock = release.persistence[database]
    url = {"host": stock.host, "port": stock.port, "name": stock.name}
    connection = "\n\t, ".join(
        f"{name}={value.format(**url) if name == 'Url' else value}"
        for name, value in stock.connection
    )
    classes = "".join(f"<class>{name}</class>" for name in release.entities)
    properties = "".join(
        f"<property name={quoteattr(name)} "
        f"value={quoteattr(connection if name == CONNECTION_PROPERTIES else value, {chr(10): ' '})}"
        f"/>"
        for name, value in stock.properties
    )
    return (
        f'<persistence xmlns="{release.jpa.namespace}" version="{release.jpa.version}">'
        f'<persistence-unit name="{stock.unit}" transaction-type="{stock.transaction_type}">'
        f"<provider>{stock.provider}</provider>{classes}<exclude-unlisted-classes>"
        f"{stock.exclude_unlisted_classes}</exclude-unlisted-classes>"
        f"<properties>{properties}</properties></persistence-unit></persistence>"
    )


def unpack(root: Path, release: Release) -> Path:
    """Write what the reader looks at of a release, as it is shipped."""
    for folder in (META, f"{WEB_INF}/lib", "lib"):
        (root / folder).mkdir(parents=True)
    (root / HAZELCAST).write_text(hazelcast_xml(release))
    for database in release.persistence:
        text = persistence_xml(release, database)
        (root / META / f"{database}_persistence.xml").write_text(text)
    (root / META / "h2_persistence.xml").write_text("<not read/>")
    (root / META / "persistence.xml").write_text(persistence_xml(release, "postgresql"))
    jars = {JARS[database].format(v) for database, v in release.jdbc_drivers.items()}
    jars |= {f"openmeetings-{part}-{release.name}.jar" for part in ("web", "db")}
    jars |= {f"openjpa-{release.openjpa}.jar", f"openjpa-lib-{release.openjpa}.jar", "other-1.jar"}
    if release.hazelcast_jar:
        jars.add(f"hazelcast-{release.hazelcast_jar}.jar")
    for jar in jars:
        (root / WEB_INF / "lib" / jar).touch()
    with zipfile.ZipFile(root / "lib/catalina.jar", "w") as jar_file:
        manifest = f"Manifest-Version: 1.0\r\nImplementation-Version: {release.tomcat}\r\n"
        jar_file.writestr("META-INF/MANIFEST.MF", manifest)
    return root


@pytest.fixture
def om(tmp_path: Path) -> Path:
    return unpack(tmp_path, RELEASES["9.1.0"])


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_as_shipped_differs_in_nothing(tmp_path: Path, name: str) -> None:
    observed = read(unpack(tmp_path, RELEASES[name]))
    assert observed.release == name
    assert differences(observed) == []
    assert observed.problems == ()
    unread = {"hazelcast": RELEASES[name].hazelcast_jar, **dict.fromkeys(JARS), "openjpa": ""}
    unread |= RELEASES[name].jdbc_drivers
    lacking = [jar for jar in unread if unread[jar] is None]
    assert observed.missing == tuple(f"{WEB_INF}/lib: a jar of {jar}" for jar in lacking)


def test_each_change_is_one_difference(om: Path) -> None:
    near_cache = "eviction(eviction-policy=NONE), in-memory-format({}), cache-local-entries(true)"
    replace(om / HAZELCAST, ">\n  OBJECT<", ">BINARY<")
    replace(om / HAZELCAST, '<aws enabled="false"/>', "<gcp/>")
    (om / META / "oracle_persistence.xml").write_text(
        persistence_xml(RELEASES["6.2.0"], "oracle").replace("localhost:1521", "db:1521")
    )
    for file in (om / META).glob("*persistence.xml"):
        if "h2" not in file.name and "oracle" not in file.name:
            replace(file, "<class>", "<class>org.example.New</class><class>")
    replace(om / META / "mysql_persistence.xml", "maxTotal=100", "maxTotal=50")
    (om / META / "mariadb_persistence.xml").write_text("<persistence/>")
    (om / WEB_INF / "lib/hazelcast-5.7.0.jar").touch()
    lib = om / WEB_INF / "lib"
    (lib / "postgresql-42.7.13.jar").rename(lib / "postgresql-42.8.0.jar")
    observed = read(om)
    assert observed.problems == ()
    pool = f"mysql_persistence.xml: {CONNECTION_PROPERTIES}/maxTotal"
    oracle, jakarta = "oracle_persistence.xml", "https://jakarta.ee/xml/ns/persistence"
    others = "db2_persistence.xml, mssql_persistence.xml, mysql_persistence.xml"
    others += ", postgresql_persistence.xml, persistence.xml"
    dictionary = "oracle({}MaxAutoAssignNameLength=28, BatchLimit=100)"
    expected = [
        Difference("versions: hazelcast", None, "5.7.0"),
        Difference("versions: postgresql", "42.7.13", "42.8.0"),
        Difference(
            "hazelcast.xml: map[ONLINE_USERS_KEY]",
            f"near-cache({near_cache.format('OBJECT')})",
            f"near-cache({near_cache.format('BINARY')})",
        ),
        Difference(
            "hazelcast.xml: network/join",
            "auto-detection(enabled=false), multicast(enabled=false), tcp-ip(enabled=false)"
            ", aws(enabled=false)",
            "auto-detection(enabled=false), multicast(enabled=false), tcp-ip(enabled=false), gcp()",
        ),
        Difference("mariadb_persistence.xml", None, "a file the row lacks"),
        Difference(f"{others}: class[org.example.New]", None, "listed"),
        Difference(pool, "100", "50"),
        Difference(f"{oracle}: namespace", jakarta, "http://java.sun.com/xml/ns/persistence"),
        Difference(f"{oracle}: version", "3.0", "2.0"),
        Difference(
            f"{oracle}: property[openjpa.jdbc.DBDictionary]",
            dictionary.format(""),
            dictionary.format("UseTriggersForAutoAssign=true, "),
        ),
        Difference(
            f"{oracle}: {CONNECTION_PROPERTIES}/Url",
            "jdbc:oracle:thin:@localhost:1521:openmeetings",
            "jdbc:oracle:thin:@db:1521:openmeetings",
        ),
    ]
    assert sorted(differences(observed), key=str) == sorted(expected, key=str)


def test_an_unknown_release_is_compared_with_the_newest(om: Path) -> None:
    for jar in (om / WEB_INF / "lib").glob("openmeetings-*.jar"):
        jar.rename(jar.with_name(jar.name.replace("9.1.0", "9.2.0")))
    for file in (om / META).glob("*persistence.xml"):
        if "h2" not in file.name:
            replace(file, "org.apache.openmeetings.db.entity.user.UserContact", "org.example.New")
            replace(file, '"openjpa.QueryCache" value="true"', '"openjpa.QueryCache" value="no"')
    # The settings of the file in use are the installer's: not compared.
    contact = "*persistence.xml: class[org.apache.openmeetings.db.entity.user.UserContact]"
    assert counterpart(read(om)).name == "9.1.0"
    assert differences(read(om)) == [
        Difference("release", "9.1.0", "9.2.0"),
        Difference(contact, "listed", None),
        Difference("*persistence.xml: property[openjpa.QueryCache]", "true", "no"),
        Difference("*persistence.xml: class[org.example.New]", None, "listed"),
    ]


def test_jars_of_two_releases_are_a_problem(om: Path) -> None:
    (om / WEB_INF / "lib/openmeetings-util-9.0.0.jar").touch()
    observed = read(om)
    assert observed.release is None
    assert observed.problems == (
        Problem(f"{WEB_INF}/lib", "jars of several releases: 9.0.0, 9.1.0"),
    )


LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "lol"}">' for i in range(12))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<hazelcast><map></hazelcast>", "line 1: "),
        (b"", "line 1: "),
        (b"\xff\xfe\x00<", "line 1: "),
        (b'<?xml version="1.0" encoding="nonsense"?><hazelcast/>', "line 1: "),
        (b"<persistence/>", "its root is not <hazelcast>"),
        (b"<hazelcast>" + b"<a>" * 20 + b"</a>" * 20 + b"</hazelcast>", "nested deeper than 16"),
        (b"<hazelcast>" + b" " * 300_000 + b"</hazelcast>", "larger than 256 KiB"),
        (b'<!DOCTYPE h [<!ENTITY e "x">]><hazelcast>&e;</hazelcast>', "line 1: there is a DOCTYPE"),
        # libxml2 refuses these by itself, in the words of its version.
        (f"<!DOCTYPE h [{LAUGHS}]><hazelcast>&l11;</hazelcast>".encode(), ""),
        (f"<!DOCTYPE h [{LAUGHS}]><hazelcast a='&l11;'/>".encode(), ""),
        (b'<!DOCTYPE h SYSTEM "file:///etc/passwd"><hazelcast/>', "line 1: there is a DOCTYPE"),
        (
            b'<!DOCTYPE h [<!ENTITY e SYSTEM "/etc/passwd">]><hazelcast>&e;</hazelcast>',
            "line 1: there is a DOCTYPE",
        ),
    ],
)
def test_a_hostile_file_is_a_problem(om: Path, content: bytes, why: str) -> None:
    (om / HAZELCAST).write_bytes(content)
    start = time.perf_counter()
    observed = read(om)
    assert time.perf_counter() - start < 10
    [problem] = observed.problems
    assert problem.path == HAZELCAST
    assert problem.message.startswith(why)
    assert len(problem.message) <= 400
    assert differences(observed) == []


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("make", [a_pipe, a_folder])
@pytest.mark.parametrize("file", [HAZELCAST, f"{META}/persistence.xml", "lib/catalina.jar"])
def test_what_is_no_file_is_a_problem(om: Path, make: Callable[[Path], None], file: str) -> None:
    make(om / file)
    assert read(om).problems == (Problem(file, "not a regular file"),)


def test_links_lead_out_of_no_release(tmp_path: Path) -> None:
    """It is unpacked from an archive of anybody's."""
    om, outside = unpack(tmp_path / "om", RELEASES["9.1.0"]), tmp_path / "outside"
    (om / WEB_INF / "classes").rename(outside)
    (om / WEB_INF / "classes").symlink_to(outside)
    (om / "lib/catalina.jar").rename(tmp_path / "catalina.jar")
    (om / "lib/catalina.jar").symlink_to(tmp_path / "catalina.jar")
    observed = read(om)
    assert HAZELCAST in observed.missing
    assert observed.facts.keys() == {"versions"}
    assert "tomcat" not in observed.facts["versions"]
    assert observed.problems == (Problem("lib/catalina.jar", "not a regular file"),)
    (om / WEB_INF / "classes").unlink()
    (om / "classes").mkdir()
    outside.rename(om / "moved")
    (om / WEB_INF / "classes").symlink_to("/moved")
    assert HAZELCAST not in read(om).missing


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + b"\0" * 18, b"PK" + b"\xff" * 100])
def test_a_broken_jar_is_a_problem(om: Path, content: bytes) -> None:
    (om / "lib/catalina.jar").write_bytes(content)
    [problem] = read(om).problems
    assert problem.path == "lib/catalina.jar"


def test_nothing_to_read_is_one_problem(tmp_path: Path) -> None:
    layout = f"no OpenMeetings is unpacked here: no {WEB_INF}/classes and no {WEB_INF}/lib"
    assert read(tmp_path).problems == (Problem(str(tmp_path), layout),)
    nowhere = tmp_path / "nowhere"
    assert read(nowhere).problems == (Problem(str(nowhere), "no such folder"),)
    assert differences(read(nowhere)) == []


def test_parts_that_are_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / HAZELCAST).parent.mkdir(parents=True)
    (tmp_path / HAZELCAST).write_text(hazelcast_xml(RELEASES["9.1.0"]))
    observed = read(tmp_path)
    assert {f"{META}/persistence.xml", "lib/catalina.jar"} < {*observed.missing}
    assert f"{WEB_INF}/lib: a jar of openmeetings" in observed.missing
    assert (observed.release, observed.problems, differences(observed)) == (None, (), [])


def test_no_secret_and_no_control_character_is_shown(om: Path) -> None:
    for secret in ("hunter2", "'a,hunter2,b=hunter2'"):
        file = om / META / "mysql_persistence.xml"
        file.write_text(
            persistence_xml(RELEASES["9.1.0"], "mysql")
            .replace("${db_pass}", secret)
            .replace("useSSL=false", "password=hunter2")
            .replace("//localhost", "//root:hunter2@localhost")
            .replace("DefaultLevel", "\x9b\u202eLevel")
        )
        network = "<network><aws><secret-key>hunter2</secret-key><x password='hunter2'/></aws>"
        (om / HAZELCAST).write_text(
            hazelcast_xml(RELEASES["9.1.0"]).replace("<network>", network, 1)
        )
        observed = read(om)
        assert observed.problems == ()
        found = differences(observed)
        assert "(sensitive value)" in str(found)
        assert "hunter2" not in repr(observed)
        level = "mysql_persistence.xml: property[openjpa.Log]"
        assert [d.found for d in found if d.what == level] == ["\ufffd\ufffdLevel=WARN, Tool=INFO"]
