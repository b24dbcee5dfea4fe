"""The external server files that let every node log in: who, from where; the password is not shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from omconf.artifacts.contents import ExternalFile
from omconf.artifacts.database_access import KIND
from omconf.bundle.compile import compile_bundle, contents
from omconf.origin import FromSpec
from omconf.rules import UNUSABLE_FILE
from omconf.secrets import Secret
from tests import first
from tests.clusters import DATABASES, cluster_of, rules_of, simple, spec_of, specs


def _files(nodes: int = 2, **database: Any) -> dict[str, ExternalFile]:
    cluster = simple(nodes, database=database)
    return {h.path.removeprefix("database/"): h for h in KIND.external_files(cluster)}


def test_postgresql() -> None:
    files = _files(user='o"m', name="om's")
    assert sorted(files) == ["pg_hba.conf", "postgresql.sql"]
    rules = files["pg_hba.conf"].text
    assert "#   listen_addresses = 'localhost,10.1.1.250'\n#   port = 5432\n" in rules
    block = rules[rules.index("# BEGIN") :]
    assert block == (
        "# BEGIN omconf: conference\n"
        'host "om\'s" "o""m" 10.1.1.1/32 scram-sha-256\n'
        'host "om\'s" "o""m" 10.1.1.2/32 scram-sha-256\n'
        "# END omconf: conference\n"
    )
    statements = files["postgresql.sql"].text
    assert "SELECT format('CREATE ROLE %I', 'o\"m')\n" in statements
    assert 'ALTER ROLE "o""m" LOGIN PASSWORD @omconf:database.password@;\n' in statements
    assert 'ALTER DATABASE "om\'s" OWNER TO "o""m";\n' in statements
    assert "'CREATE DATABASE %I ENCODING UTF8 TEMPLATE template0', 'om''s')\n" in statements
    assert "superuser" not in statements.partition("\\set")[2].lower()


def test_mysql() -> None:
    files = _files(kind="mysql", user="o'm", name="om_x")
    assert sorted(files) == ["mysql.sql"]
    text = files["mysql.sql"].text
    assert "CREATE DATABASE IF NOT EXISTS `om_x` CHARACTER SET utf8mb4" in text
    for address in ("10.1.1.1", "10.1.1.2"):
        account = f"'o''m'@'{address}'"
        assert f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY @omconf:" in text
        assert f"ALTER USER {account} IDENTIFIED BY @omconf:database.password@;\n" in text
        assert f" ON `om\\_x`.* TO {account};\n" in text
    assert text.endswith("  AND host NOT IN ('10.1.1.1', '10.1.1.2');\n")
    assert "'%'" not in text


KEY = {"client_key": "/etc/om/key.p12"}


@pytest.mark.parametrize(
    ("tls", "kind", "how"),
    [
        ({}, "hostssl", "scram-sha-256"),
        ({"mode": "require"}, "hostssl", "scram-sha-256"),
        ({**KEY, "ca": "/etc/om/ca.pem"}, "hostssl", "scram-sha-256 clientcert=verify-ca"),
    ],
)
def test_with_tls_postgresql_lets_nobody_in_without(
    tls: dict[str, Any], kind: str, how: str
) -> None:
    rules = _files(name="om", user="o", tls=tls)["pg_hba.conf"]
    whom = [f'{kind} "om" "o" 10.1.1.{number}/32' for number in (1, 2)]
    assert KIND.read(rules.text).items == dict.fromkeys(whom, how)
    assert rules.meaning is not None
    assert not rules.meaning.fault(rules.lines)
    assert "#   ssl = on\n" in rules.text
    assert ("ssl_ca_file" in rules.text) is ("client_key" in tls)


@pytest.mark.parametrize(("tls", "asked"), [({}, "SSL"), (KEY, "X509"), (None, None)])
def test_with_tls_mysql_lets_nobody_in_without(
    tls: dict[str, Any] | None, asked: str | None
) -> None:
    password = {"client_key_password": {"env": "STORE"}} if tls else {}
    given: dict[str, Any] = {} if tls is None else {"tls": {**tls, **password}}
    text = _files(kind="mysql", **given)["mysql.sql"].text
    ends = [f" REQUIRE {asked};" if asked else "@;"]
    accounts = [line for line in text.splitlines() if " IDENTIFIED BY " in line]
    assert len(accounts) == 4
    assert all(line.endswith(ends[0]) for line in accounts)
    assert ("REQUIRE" in text) is (asked is not None)


def test_the_step_says_what_becomes_of_logins_without_tls() -> None:
    for tls in (False, True):
        step = KIND.external(simple(database={"tls": {}} if tls else {}))
        assert step is not None
        assert ("logins without TLS are refused" in step.text) is tls


@pytest.mark.parametrize("kind", ["mssql", "oracle", "db2"])
def test_others_are_told_what_is_needed(kind: str) -> None:
    (text,) = _files(kind=kind, user="meet", name="rooms").values()
    assert text.path == f"database/{kind}.txt"
    for needed in ("meet", "rooms", "10.1.1.1 (om1)", "10.1.1.2 (om2)", "10.1.1.250, TCP port"):
        assert needed in text.text
    assert not text.sensitive


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_database_on_a_node_is_reached_through_the_nodes_address(kind: str) -> None:
    text = "".join(h.text for h in _files(3, kind=kind, host={"node": "om2"}).values())
    assert "10.1.1.2" in text
    assert "127.0.0.1" not in text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_one_node_on_loopback_comes_from_there(host: str) -> None:
    files = _files(1, host=host)
    assert KIND.read(files["pg_hba.conf"].text).items == {
        'host "openmeetings" "openmeetings" 127.0.0.1/32': "scram-sha-256"
    }
    assert "listen_addresses = 'localhost'" in files["pg_hba.conf"].text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(specs())
def test_every_node_is_let_in_whatever_names_there_are(data: dict[str, Any]) -> None:
    cluster = cluster_of(data)
    files = {h.path: h for h in KIND.external_files(cluster)}
    for external in files.values():
        assert all(line.origins for line in external.lines), external.path
        assert external.mode == (0o600 if external.sensitive else 0o644)
    text = "".join(h.text for h in files.values())
    assert all(node.address.value in text for node in cluster.nodes)
    if rules := files.get("database/pg_hba.conf"):
        reading = KIND.read(rules.text)
        assert set(reading.items.values()) == {"scram-sha-256"}
        assert [key.split(" ")[-1] for key in reading.items] == [
            f"{node.address.value}/32" for node in cluster.nodes
        ]
        assert not reading.findings


@pytest.mark.parametrize("kind", DATABASES)
def test_nodes_get_nothing_and_every_line_follows_the_spec(kind: str) -> None:
    cluster = simple(database={"kind": kind})
    assert [KIND.render(cluster, n) for n in cluster.nodes] == [[], []]
    assert [KIND.paths(cluster, n) for n in cluster.nodes] == [(), ()]
    lines = [line for h in KIND.external_files(cluster) for line in h.lines]
    said = {o.key for line in lines for o in line.origins if isinstance(o, FromSpec)}
    assert said >= {"database.user", "database.host", "nodes.om2.address"}
    manual = KIND.external(cluster)
    assert manual is not None
    assert (manual.who, manual.files) == (
        "database",
        tuple(h.path for h in KIND.external_files(cluster)),
    )
    assert manual.text.startswith("On the database server 10.1.1.250: ")
    filled = [h for h in KIND.external_files(cluster) if h.sensitive]
    assert ("`omconf build --reveal-secrets`" in manual.text) is bool(filled)
    let_in, start = first.asks("database", "database server"), first.starts
    assert first.nodes(cluster, let_in) == ("om1", "om2")
    places = first.order(cluster, let_in, start)
    assert places == sorted(places), "who has no account yet does not start"


def test_the_password_is_filled_in_as_one_text() -> None:
    for kind, expected in (("postgresql", "E'a''b\\\\c'"), ("mysql", "'a''b\\\\c'")):
        held = contents(compile_bundle(simple(database={"kind": kind})))
        (script,) = (c for path, c in held if path.startswith("database/") and c.sensitive)
        filled = script.filled({"database.password": Secret("a'b\\c")})
        assert expected in filled
        assert "@omconf:" not in filled
        assert script.mode == 0o600


@pytest.mark.parametrize(
    ("kind", "key", "name"),
    [
        ("postgresql", "user", "u" * 64),
        ("postgresql", "user", "ü" * 32),
        ("postgresql", "name", "/x"),
        ("postgresql", "user", "/x"),
        ("postgresql", "user", "pg_om"),
        ("postgresql", "user", "public"),
        ("mysql", "user", "om\U0001f600"),
        ("mysql", "name", "om\U0001f600"),
    ],
)
def test_names_that_the_server_takes_for_others_are_refused(kind: str, key: str, name: str) -> None:
    assert rules_of(spec_of(database={"kind": kind, key: name})) == {"OM216"}


@pytest.mark.parametrize(
    ("kind", "key", "name"),
    [
        ("postgresql", "user", "u" * 63),
        ("postgresql", "name", "pg_om"),
        ("postgresql", "name", "om\U0001f600"),
        ("mysql", "name", "/x"),
    ],
)
def test_names_that_it_takes(kind: str, key: str, name: str) -> None:
    assert rules_of(spec_of(database={"kind": kind, key: name})) == set()


@pytest.mark.parametrize("key", ["user", "name"])
def test_a_name_with_a_line_break_is_refused(key: str) -> None:
    assert "OM260" in rules_of(spec_of(database={key: "om\nhost all all 0.0.0.0/0 trust"}))


def test_a_deployed_line_that_is_cut_short() -> None:
    reading = KIND.read("host all all 10.1.1.1/32 md5\nhost all all 10.1.1.1/32 trust\nhost all\n")
    assert reading.items == {"host all all 10.1.1.1/32": "md5"}, "the first line counts"
    assert [(f.rule, f.line) for f in reading.findings] == [(UNUSABLE_FILE, 3)]


def test_a_node_beyond_nat_may_come_from_both_addresses() -> None:
    data = spec_of(2)
    data["nodes"]["om2"]["public_address"] = "203.0.113.5"
    files = {f.path: f.text for f in KIND.external_files(cluster_of(data))}
    for address in ("10.1.1.1", "10.1.1.2", "203.0.113.5"):
        assert f" {address}/32 scram-sha-256" in files["database/pg_hba.conf"]
