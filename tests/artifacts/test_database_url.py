"""The URL of a database with several servers, TLS and secrets: written, and compared by the plan."""

from __future__ import annotations

from typing import Any

import pytest

from omconf.artifacts import firewall, node_check, persistence
from omconf.artifacts.effect import Change
from omconf.check import check, database
from omconf.cluster import database_url
from omconf.formats import jdbc_url, oracle_net
from omconf.secrets import Secret
from tests.clusters import cluster_of, errors_of, rules_of, simple, spec_of

TWO: list[Any] = ["db1.example.org", {"host": "db2", "port": 6000}]
URL = f"properties/{persistence.CONNECTION}/Url"
SEVERAL = {
    "postgresql": "jdbc:postgresql://db1.example.org:5432,db2:6000/openmeetings?targetServerType=primary",
    "oracle": (
        "jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS_LIST=(ADDRESS=(PROTOCOL=TCP)(HOST=db1.example.org)"
        "(PORT=1521))(ADDRESS=(PROTOCOL=TCP)(HOST=db2)(PORT=6000)))(CONNECT_DATA=(SID=openmeetings)))"
    ),
    "db2": (
        "jdbc:db2://db1.example.org:50000/openmeet:clientRerouteAlternateServerName=db2;"
        "clientRerouteAlternatePortNumber=6000;"
    ),
}


def url(**database: Any) -> str:
    return database_url.text(simple(database=database))


@pytest.mark.parametrize("kind", SEVERAL)
def test_several_servers(kind: str) -> None:
    assert url(kind=kind, host=TWO) == SEVERAL[kind]


def test_mysql_stays_writable_after_a_failover() -> None:
    base, options = jdbc_url.canonical(url(kind="mysql", host=TWO))
    assert base == "jdbc:mysql://db1.example.org:3306,db2:6000/openmeetings"
    assert options["failOverReadOnly"] == "false"
    assert "failOverReadOnly" not in url(kind="mysql", host="db1.example.org")


def test_sql_server_has_one_partner_on_its_usual_port() -> None:
    two = ["sql1.example.org", {"host": "sql2"}]
    assert url(kind="mssql", host=two).endswith("databaseName=openmeetings;failoverPartner=sql2")
    for wrong in (TWO, [*two, {"host": "sql3"}]):
        assert rules_of(spec_of(database={"kind": "mssql", "host": wrong})) == {"OM280"}
    options = {"MultiSubnetFailover": True}
    assert rules_of(spec_of(database={"kind": "mssql", "host": two, "options": options})) == {
        "OM280"
    }


def test_an_oracle_service() -> None:
    service = {"kind": "oracle", "host": "db1.example.org", "service": "om.example.org"}
    assert url(**service) == "jdbc:oracle:thin:@//db1.example.org:1521/om.example.org"
    assert "(SERVICE_NAME=om.example.org)" in url(**service | {"host": TWO})
    assert rules_of(spec_of(database=service | {"kind": "mysql"})) == {"OM280"}
    assert rules_of(spec_of(database=service)) == set()
    assert rules_of(spec_of(database=service | {"name": "om"})) == {"OM280"}


def test_a_descriptor_by_hand_is_the_same() -> None:
    ours = jdbc_url.canonical(SEVERAL["oracle"])
    by_hand = """jdbc:oracle:thin:@( description = (connect_data=(sid=openmeetings))
      (address_list=(FAILOVER=yes)(load_balance=OFF)
        (address=(host=db1.example.org)(protocol=tcp)(port=1521))
        (address=(host=db2)(protocol=tcp)(port=6000))))"""
    assert jdbc_url.canonical(by_hand) == ours
    assert jdbc_url.canonical(by_hand.replace("OFF", "on")) == (ours[0], {"LOAD_BALANCE": "on"})
    assert jdbc_url.canonical(by_hand.replace("db2", "db3")) != ours
    same = ("jdbc:oracle:thin:@h/om", "jdbc:oracle:thin:@//h:1521/om")
    assert jdbc_url.canonical(same[0]) == jdbc_url.canonical(same[1])


BROKEN = ["(", ")", "(a=b", "(a=b))", "(a=)", "=(", "(a=(b=c)d)", "(" * 9999, "(a=" * 9999, ""]


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_descriptor_stays_as_it_is(text: str) -> None:
    assert oracle_net.canonical(text) == (text, {})


def _effect(kind: str, before: str, after: list[Any], **more: Any) -> bool:
    """Whether nodes can change from a hand-written URL one by one."""
    hosts = [{"host": h} if isinstance(h, str) and h[:2] in ("db", "sq") else h for h in after]
    cluster = simple(3, database={"kind": kind, "host": hosts, **more})
    (old, was), (new, now) = map(jdbc_url.canonical, (before, database_url.text(cluster)))
    values: dict[str, tuple[str | None, str | None]] = {URL: (old, new)}
    values |= {f"{URL}/{name}": (was.get(name), now.get(name)) for name in {**was, **now}}
    changes = {key: Change("update", *each) for key, each in values.items() if len({*each}) > 1}
    return persistence.KIND.effect_on(cluster, "om1", changes, "update").rolling


@pytest.mark.parametrize(
    ("kind", "before", "after", "rolling"),
    [
        ("postgresql", "//db1.example.org/openmeetings", TWO, True),
        ("postgresql", "//db2:6000,DB1.example.org/openmeetings", TWO, True),
        ("postgresql", "//db2/openmeetings", TWO, False),
        ("postgresql", "//db3,db4/openmeetings", TWO, False),
        ("postgresql", "//db1.example.org/other", TWO, False),
        ("mysql", "//db1.example.org/openmeetings", TWO, True),
        ("mysql", "//db2:6000,db1.example.org/openmeetings", TWO, False),
        ("postgresql", "//localhost,10.1.1.2/openmeetings", ["om1", "om2"], True),
    ],
)
def test_another_server_of_one_database_is_no_other_database(
    kind: str, before: str, after: list[Any], rolling: bool
) -> None:
    assert _effect(kind, f"jdbc:{kind}:{before}", after) is rolling


_ADDRESS = "(ADDRESS=(PROTOCOL=tcp)(HOST={})(PORT=1521))"
_BOTH = _ADDRESS.format("db1") + _ADDRESS.format("DB2.example.org.")
_SERVICE = "(CONNECT_DATA=(SERVER=dedicated)(service_name=OM.example.org))"
_ORACLE = [
    (f"(DESCRIPTION={_BOTH}{_SERVICE})", True),
    (f"(description={_SERVICE}(LOAD_BALANCE=on)(FAILOVER=off)(CONNECT_TIMEOUT=3){_BOTH})", True),
    (f"(DESCRIPTION=(ADDRESS_LIST={_BOTH})(ADDRESS_LIST={_BOTH}){_SERVICE})", True),
    (f"(DESCRIPTION_LIST=(DESCRIPTION={_BOTH}{_SERVICE})(DESCRIPTION={_BOTH}{_SERVICE}))", True),
    (f"(DESCRIPTION={_ADDRESS.format('db1')}{_SERVICE})", True),
    ("//db1:1521,db2.example.org:1521/om.example.org:dedicated?connect_timeout=3", True),
    ("db1,db2.example.org:1521/om.example.org", True),
    (f"(DESCRIPTION={_BOTH}{_SERVICE.replace('OM', 'OTHER')})", False),
    (f"(DESCRIPTION={_BOTH.replace('1521', '1522')}{_SERVICE})", False),
    (f"(DESCRIPTION={_BOTH}{_SERVICE.replace('service_name', 'SID')})", False),
    (f"(DESCRIPTION=(SOURCE_ROUTE=yes){_BOTH}{_SERVICE})", False),
    (f"(DESCRIPTION={_BOTH})", False),
]


@pytest.mark.parametrize(("text", "rolling"), _ORACLE)
def test_a_descriptor_of_the_same_service_is_no_other_database(text: str, rolling: bool) -> None:
    hosts = ["db1", "db2.example.org"]
    before = f"jdbc:oracle:thin:@{text}"
    assert _effect("oracle", before, hosts, service="om.example.org") is rolling


def test_what_differs_in_a_descriptor_is_an_item_of_its_own() -> None:
    text = _ORACLE[1][0]
    base, settings = jdbc_url.canonical(f"jdbc:oracle:thin:@{text}")
    assert settings == {
        "CONNECT_DATA/SERVER": "DEDICATED",
        "CONNECT_TIMEOUT": "3",
        "FAILOVER": "off",
        "LOAD_BALANCE": "on",
    }
    assert "TIMEOUT" not in base
    assert persistence.KIND.keep(f"{URL}/CONNECT_TIMEOUT", False) == ""
    one = f"(DESCRIPTION={_ADDRESS.format('h')}(CONNECT_DATA=(SERVICE_NAME=om)))"
    assert oracle_net.canonical(one) == ("//h:1521/om", {})
    assert oracle_net.canonical(one.replace("SERVICE_NAME", "SID")) == ("h:1521:om", {})
    assert "TCPS" in oracle_net.canonical(one.replace("tcp", "tcps"))[0]


_MSSQL = [
    ("//;serverName=sql1;portNumber=1433;databaseName=om;failoverPartner=SQL2", True),
    ("//SQL1;DATABASE=om", True),
    ("//sql2;databaseName={om};failoverPartner=sql1.", True),
    ("//;port=1433;SERVER={sql2};database=om;FAILOVERPARTNER=sql1", True),
    ("//sql1\\inst:1433;databaseName=om", True),
    ("//sql1\\inst;databaseName=om", False),
    ("//sql1;serverName=sql3;databaseName=om", False),
    ("//sql1;databaseName=other;failoverPartner=sql2", False),
    ("//sql1;failoverPartner=sql2", False),
]


@pytest.mark.parametrize(("text", "rolling"), _MSSQL)
def test_the_properties_of_sql_server_name_the_same_database(text: str, rolling: bool) -> None:
    assert _effect("mssql", f"jdbc:sqlserver:{text}", ["sql1", "sql2"], name="om") is rolling


def test_another_name_on_the_same_sql_server_is_another_database() -> None:
    assert _effect("mssql", "jdbc:sqlserver://sql1;databaseName=om", ["sql1"], name="om")
    assert not _effect("mssql", "jdbc:sqlserver://sql1;databaseName=x", ["sql1"], name="om")


def test_an_alternate_of_db2_is_of_the_same_pair() -> None:
    before = (
        "jdbc:db2://db2:50000/om:clientRerouteAlternateServerName=DB1,db3;"
        "clientRerouteAlternatePortNumber=50000,50000;"
    )
    assert _effect("db2", before, ["db1", "db4"], name="om")
    assert not _effect("db2", before.replace("DB1", "db5"), ["db1", "db4"], name="om")


@pytest.mark.parametrize(
    ("kind", "name", "before", "refused"),
    [
        ("postgresql", "sslmode", None, True),
        ("postgresql", "sslmode", "disable", True),
        ("postgresql", "sslmode", "require", False),
        ("mysql", "sslMode", "DISABLED", True),
        ("mysql", "sslMode", "REQUIRED", False),
        ("mssql", "encrypt", "false", True),
    ],
)
def test_nodes_that_turn_tls_on_restart_before_the_server_asks_for_it(
    kind: str, name: str, before: str | None, refused: bool
) -> None:
    cluster = simple(3, database={"kind": kind, "tls": {}})
    after = jdbc_url.canonical(database_url.text(cluster))[1][name]
    change = {f"{URL}/{name}": Change("update", before, after)}
    effect = persistence.KIND.effect_on(cluster, "om1", change, "update")
    assert effect.rolling
    assert not effect.needs
    assert ("refuse other logins" in effect.why) is refused


def test_what_does_not_go_together() -> None:
    def warned(**database: Any) -> set[str]:
        data = spec_of(database={"host": TWO, **database})
        return {d.rule.id for d in check(cluster_of(data))}

    assert warned() == {"OM213"}
    assert warned(options={"targetServerType": "any"}) == {"OM213", "OM281"}
    assert warned(options={"targetServerType": "master"}) == {"OM213"}
    twice = {"host": ["db1.example.org", "db1.example.org"]}
    assert rules_of(spec_of(database=twice)) == {"OM280"}
    assert rules_of(spec_of(database={"host": ["10.1.1.9", "localhost"]})) == {"OM211"}
    assert rules_of(spec_of(database={"host": ["10.1.1.9", "db7"]})) == {"OM230"}
    for wrong in ([], [7], [{"host": "a", "port": 0}], [{"host": "a", "port": "1"}], {"port": 1}):
        assert errors_of(spec_of(database={"host": wrong})), wrong


def test_a_limit_is_each_servers() -> None:
    found = database.check(simple(database={"host": TWO, "max_connections": 100}))
    (said,) = (d for d in found if d.rule.id == "OM215")
    assert "each server has 100" in said.message


def test_the_other_files_know_all_servers() -> None:
    cluster = simple(
        network={"firewall": "nftables"},
        database={"host": ["om1", {"node": "om2", "port": 6000}, {"host": "db3"}]},
    )
    facts = node_check.KIND.render(cluster, cluster.nodes[0])[1].text
    assert "\ndatabase=10.1.1.1 5432 10.1.1.2 6000 db3 5432\n" in facts
    tables = [firewall.KIND.render(cluster, node)[0].text for node in cluster.nodes]
    assert ["dport 5432 drop" in t for t in tables] == [True, False]
    assert ["dport 6000 drop" in t for t in tables] == [False, True]


SECRET = {"options": {"trustStorePassword": {"env": "STORE"}}}


def _with_secret(kind: str, secret: str) -> str:
    cluster = simple(database={"kind": kind, **SECRET})
    artifact = persistence.KIND.render(cluster, cluster.nodes[0])[0]
    names = {place.name for place in artifact.placeholders}
    assert names == {"database.password", "database.options.trustStorePassword"}
    return artifact.filled(dict.fromkeys(names, Secret(secret)))


@pytest.mark.parametrize("kind", ["postgresql", "mysql", "mssql", "db2"])
def test_a_secret_among_the_options_is_read_back(kind: str) -> None:
    reading = persistence.KIND.read(_with_secret(kind, "a.b%c"))
    assert reading.secrets[f"{URL}/trustStorePassword"] == Secret("a.b%c")
    assert not any("a.b" in value for value in reading.items.values())


def test_a_secret_that_the_url_cannot_carry() -> None:
    assert persistence.KIND.read(_with_secret("mssql", "a;b}c")).secrets[
        f"{URL}/trustStorePassword"
    ] == Secret("a;b}c")
    with pytest.raises(ValueError, match="would end the URL"):
        _with_secret("mssql", "a,b")
    with pytest.raises(ValueError, match="can only contain"):
        _with_secret("db2", "a;b")
    assert persistence.KIND.read(_with_secret("mysql", "a,'\"b")).secrets[
        f"{URL}/trustStorePassword"
    ] == Secret("a,'\"b")


def test_a_secret_stands_under_a_name_that_says_so() -> None:
    wrong = {"options": {"ApplicationName": {"env": "X"}}}
    assert rules_of(spec_of(database=wrong)) == {"OM214"}
    plain = {"options": {"sslpassword": "in plain text"}}
    assert rules_of(spec_of(database=plain)) == {"OM262"}


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("sslmode", "database.tls or .options"),
        ("sslkey", "database.tls or .options"),
        ("sslMode", "database.tls or .options"),
        ("trustCertificateKeyStoreUrl", "database.tls or .options"),
        ("encrypt", "database.tls or .options"),
        ("connectTimeout", "database.options"),
    ],
)
def test_what_keeps_an_option_of_the_url(option: str, hint: str) -> None:
    """Beside `tls`, options that say what it says are refused."""
    assert persistence.KIND.keep(f"{URL}/{option}", True) == hint
