"""What an import says of values that a spec has no words for, and which are none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.adopt.test_references import mount_cifs
from tests.adopt.trees import CLASSES, by_hand, edit, imported, put
from tests.command import omconf

HAZELCAST = f"opt/open/{CLASSES}/hazelcast.xml"
PERSISTENCE = f"opt/open/{CLASSES}/META-INF/persistence.xml"
NODES = ("om1", "om2", "om3")


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    by_hand(tmp_path / "trees")
    return tmp_path / "trees"


def _tcp_ip(trees: Path, attributes: str = "", inside: str = "") -> None:
    members = "".join(f"<member>10.1.1.{number}</member>" for number in (1, 2, 3))
    for node in NODES:
        listed = f"{inside}<member-list>{members}</member-list>"
        join = f'<tcp-ip enabled="true"{attributes}>{listed}</tcp-ip>'
        edit(trees / node, HAZELCAST, r"(?s)<multicast .*</multicast>", join)


@pytest.mark.parametrize("release", ["5.0.0", "9.1.0"])
def test_hazelcasts_own_timeout_means_the_same(tmp_path: Path, release: str) -> None:
    by_hand(tmp_path, release)
    _tcp_ip(tmp_path, ' connection-timeout-seconds="5"')
    done, found = imported(tmp_path)
    assert found["differences"] == []
    assert done.code == 0


def test_a_join_without_a_key_in_a_spec_says_so(trees: Path) -> None:
    _tcp_ip(
        trees, ' connection-timeout-seconds="15"', "<required-member>10.1.1.1</required-member>"
    )
    done, found = imported(trees)
    assert done.code == 2
    assert {(d["key"].rpartition("/")[2], d["reason"]) for d in found["differences"]} == {
        (key, "a spec has no key for it, and Hazelcast's default takes its place")
        for key in ("connection-timeout-seconds", "required-member")
    }


def test_an_empty_value_says_so(trees: Path) -> None:
    for node in NODES:
        empty = '<property name="hazelcast.foo"></property></properties>'
        edit(trees / node, HAZELCAST, "</properties>", empty)
        empty = '<properties><property name="openjpa.jdbc.foo" value=""/>'
        edit(trees / node, PERSISTENCE, "<properties>", empty)
    done, found = imported(trees)
    assert done.code == 2
    assert {d["reason"] for d in found["differences"]} == {"a spec cannot set an empty value"}
    err = omconf("import", "--deployed", trees).err
    assert err.count("foo: an empty value -> nothing\n") == 2


def test_a_node_that_is_added_differs_from_the_spec(trees: Path, tmp_path: Path) -> None:
    spec = tmp_path / "cluster.yaml"
    omconf("import", "--deployed", trees, "--node", "om1", "--node", "om2", "-o", spec)
    edit(trees / "om3", HAZELCAST, "54327", "54999")
    further = '<property name="hazelcast.foo">x</property></properties>'
    edit(trees / "om3", HAZELCAST, "</properties>", further)
    env = {"OM_DB_PASSWORD": "pa55-postgresql"}
    _, found = imported(trees, "--node", "om3", "--into", spec, env=env)
    assert {d["key"]: d["reason"] for d in found["differences"]} == {
        "network/join/multicast/multicast-port": "the spec's `discovery` has another value",
        "properties/hazelcast.foo": "the spec has another value, or none",
    }


def test_modes_of_a_cifs_mount(trees: Path) -> None:
    mount_cifs(trees)
    for node in NODES:
        edit(trees / node, "etc/fstab", ",file_mode=0640,dir_mode=0750", "")
    done, found = imported(trees)
    assert done.code == 2
    assert all("file_mode and dir_mode" in d["reason"] for d in found["differences"])


@pytest.mark.parametrize(
    ("database", "before", "after"),
    [
        ("mysql", "jdbc:mysql://", "jdbc:mysql://root:pw@"),
        ("oracle", "jdbc:oracle:thin:@", "jdbc:oracle:thin:u/pw@"),
        ("mssql", "jdbc:sqlserver://[^;]*", r"jdbc:sqlserver://a\\b"),
    ],
)
def test_a_url_that_no_spec_has(tmp_path: Path, database: str, before: str, after: str) -> None:
    by_hand(tmp_path, database=database)
    for node in NODES:
        edit(tmp_path / node, PERSISTENCE, before, after)
    _, found = imported(tmp_path)
    said = [d["message"] for d in found["diagnostics"] if "database's URL" in d["message"]]
    assert len(said) == len(NODES)
    assert all(("contains an account" in each) is ("pw" in after) for each in said)


def test_explicit_leaves_out_nothing_of_a_stock_file(trees: Path) -> None:
    _, found = imported(trees, "--explicit")
    assert [d for d in found["diagnostics"] if d["rule"] == "OM352"] == []


@pytest.fixture
def mysql(tmp_path: Path) -> Path:
    by_hand(tmp_path / "trees", database="mysql")
    return tmp_path / "trees"


def test_another_driver_goes_with_what_to_know_of_the_releases(mysql: Path, tmp_path: Path) -> None:
    for node in NODES:
        edit(mysql / node, PERSISTENCE, "com.mysql.cj.jdbc.Driver", "org.mariadb.jdbc.Driver")
    done, found = imported(mysql, "-o", tmp_path / "cluster.yaml")
    assert done.code == 2
    assert all("Connector/J" in d["reason"] for d in found["differences"])
    said = [d for d in found["diagnostics"] if d["rule"] == "OM352"]
    assert [(d["node"], d["path"]) for d in said] == [(node, f"/{PERSISTENCE}") for node in NODES]
    drivers = ["org.mariadb.jdbc.Driver", "com.mysql.cj.jdbc.Driver"]
    assert all(d["message"].split("`")[1::2] == drivers for d in said)
    assert {(d["before"], d["after"]) for d in found["differences"]} == {tuple(drivers)}
    env = {"OM_DB_PASSWORD": "pa55-mysql"}
    planned = omconf("plan", tmp_path / "cluster.yaml", "--deployed", mysql, env=env).out
    lines = [each for each in planned.splitlines() if "DriverClassName" in each]
    assert lines
    assert not [each for each in lines if "database.pool" in each]


def test_a_url_of_mariadbs_own_driver_is_named_with_what_to_write(mysql: Path) -> None:
    for node in NODES:
        edit(mysql / node, PERSISTENCE, "jdbc:mysql:", "jdbc:mariadb:")
    done = omconf("import", "--deployed", mysql)
    assert done.code == 1
    assert done.findings == [("OM350", f"{node}:/{PERSISTENCE}:50") for node in NODES]
    assert done.err.count("`database.kind: mysql`") == len(NODES)


def test_one_nodes_url_of_mariadb_is_a_warning(mysql: Path) -> None:
    edit(mysql / "om3", PERSISTENCE, "jdbc:mysql:", "jdbc:mariadb:")
    _, found = imported(mysql)
    (said,) = (d for d in found["diagnostics"] if "jdbc:mariadb:" in d["message"])
    assert (said["rule"], said["severity"]) == ("OM352", "warning")
    assert yaml.safe_load(found["spec"])["database"]["kind"] == "mysql"


def test_an_embedded_database_is_no_missing_key(trees: Path) -> None:
    for node in NODES:
        edit(trees / node, PERSISTENCE, "jdbc:postgresql:[^\n]*", "jdbc:h2:./omdb")
    done = omconf("import", "--deployed", trees)
    assert done.findings == [("OM350", f"{node}:/{PERSISTENCE}:50") for node in NODES]


def test_the_same_difference_of_several_nodes_is_drawn_once(mysql: Path) -> None:
    for node in NODES:  # a URL without the stock file's parameters, and other maps
        edit(mysql / node, PERSISTENCE, r"\?autoReconnect=[^,\n]*", "?useSSL=false")
        edit(mysql / node, HAZELCAST, r'(<map name="[^"]*">)', r"\1<backup-count>5</backup-count>")
    edit(mysql / "om3", HAZELCAST, "54327", "54329")
    done, found = imported(mysql)
    assert done.code == 2
    each = {(d["key"], d["before"]) for d in found["differences"] if "before" in d}
    assert len(found["differences"]) > 2 * len(each)  # the document names every node's
    err = omconf("import", "--deployed", mysql).err
    drawn = err.partition("differences remain")[2].partition("Secrets")[0]
    of_all = [line for line in drawn.splitlines() if line.startswith("  om1, om2, om3: ")]
    keys = [line.split()[4].rstrip(":") for line in of_all]
    assert any(key.endswith("/Url/autoReconnect") for key in keys)
    assert any(key.startswith("map[") for key in keys)
    assert len(keys) == len(set(keys))
    assert drawn.count("  om3: ") == 1
    assert "multicast-port: 54329 -> 54327" in drawn


def test_a_mount_of_several_nodes_is_left_alone_once(trees: Path) -> None:
    for node in ("om2", "om3"):
        with (trees / node / "etc/fstab").open("a") as fstab:
            fstab.write("backup:/export /backup nfs ro 0 0\n")
    _, found = imported(trees)
    said = [d["message"] for d in found["diagnostics"] if "/backup" in d["message"]]
    assert said == [
        "The mount `/backup` here and on 1 more node is not the data folder; omconf leaves it alone."
    ]


@pytest.mark.parametrize("storage", [True, False])
def test_lines_that_cannot_be_read_are_reported(trees: Path, storage: bool) -> None:
    if not storage:  # the plan then has nothing to do in either file
        for node in NODES:
            for name in ("fstab", "exports"):
                (trees / node / "etc" / name).unlink(missing_ok=True)
    for name in ("fstab", "exports"):
        file = trees / "om1/etc" / name
        before = file.read_text() if file.exists() else ""
        put(trees / "om1", f"etc/{name}", f"{before}/srv y(rw\n")
    setenv = trees / "om1/opt/open/bin/setenv.sh"
    setenv.write_bytes(setenv.read_bytes() + b"# M\xfcller\n\xfc\n")
    _, found = imported(trees)
    said = [(d["rule"], d.get("path", "")) for d in found["diagnostics"] if d.get("node") == "om1"]
    for rule, path in (
        ("OM329", "/etc/fstab"),
        ("OM329", "/etc/exports"),
        ("OM352", "/opt/open/bin/setenv.sh"),
    ):
        assert said.count((rule, path)) == 1, said


@pytest.mark.parametrize(
    ("file", "pattern", "more"),
    [
        (HAZELCAST, "(?=<property name=)", '<property name="a b">1</property>\n'),
        (PERSISTENCE, '(?=<property name="openjpa.Remote)', '<property name="a b" value="1"/>\n'),
        (PERSISTENCE, "(5432/openmeetings)", r"\1?a%5Bb=1"),
        (PERSISTENCE, "(?=, Username=)", ", maxTotl=1\n"),
    ],
)
def test_a_value_that_the_spec_refuses_is_named_with_its_line(
    trees: Path, file: str, pattern: str, more: str
) -> None:
    for node in ("om1", "om2", "om3"):
        edit(trees / node, file, pattern, more)
    _, found = imported(trees)
    said = [d for d in found["diagnostics"] if " is left out: " in d["message"]]
    assert [(d["rule"], d["node"], d["path"]) for d in said] == [("OM352", "om1", f"/{file}")]
    assert all(d["line"] for d in said)


@pytest.mark.parametrize("rest", ["wort99", "wo=rt99", "geheim", "a,b=c"])
@pytest.mark.parametrize("env", ["geheim", "geheim,{}", None])
def test_a_password_without_quotes_ends_at_its_comma(
    trees: Path, rest: str, env: str | None
) -> None:
    for node in NODES:
        edit(trees / node, PERSISTENCE, "pa55-postgresql", f"geheim,{rest}")
    done, found = imported(trees, env={"OM_DB_PASSWORD": env.format(rest)} if env else {})
    state = {"geheim": "equal", None: "unknown"}.get(env, "different")
    assert [s["state"] for s in found["secrets"]] == [state]
    assert done.code == 2
    keys = {d["key"].rpartition("/")[2]: d["reason"] for d in found["differences"]}
    assert ("Password" in keys) == (state == "different")
    assert "ends at the comma" in keys["(sensitive value)"]
    said = [d for d in found["diagnostics"] if d["rule"] == "OM352"]
    assert [(d["node"], d["path"]) for d in said] == [(n, f"/{PERSISTENCE}") for n in NODES]
    assert all(d["line"] for d in said)
    assert not re.search(r"\bwo\b|wort99|rt99|b=c", done.out + done.err)
    assert "pool" not in yaml.safe_load(found["spec"])["database"]


@pytest.mark.parametrize("release", ["5.0.0", "5.0.1", "5.1.0"])
def test_a_url_without_the_zone_of_the_server_says_what_to_set(
    tmp_path: Path, release: str
) -> None:
    by_hand(tmp_path, release, "mysql")
    for node in NODES:
        edit(tmp_path / node, PERSISTENCE, "&amp;serverTimezone=[^,]*", "")
    done, found = imported(tmp_path)
    assert done.code == 2
    told = {(d["key"].rpartition("/")[2], d["reason"]) for d in found["differences"] if d["key"]}
    ((key, reason),) = told
    assert key == "serverTimezone"
    assert "database.options" in reason
