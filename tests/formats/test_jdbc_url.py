"""JDBC URLs of the five databases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.formats import jdbc_url

SPLIT = [
    ("jdbc:postgresql://h:1/d?a=1&b=2", "jdbc:postgresql://h:1/d", {"a": "1", "b": "2"}),
    ("jdbc:postgresql://h:1/d", "jdbc:postgresql://h:1/d", {}),
    ("jdbc:mysql://h:1/d?a=1&&b", "jdbc:mysql://h:1/d", {"a": "1", "b": ""}),
    (
        "jdbc:sqlserver://h:1;databaseName=d;x={a;b}}c}",
        "jdbc:sqlserver://h:1",
        {"databaseName": "d", "x": "{a;b}}c}"},
    ),
    ("jdbc:db2://h:50000/d:a=1;b=2;", "jdbc:db2://h:50000/d", {"a": "1", "b": "2"}),
    ("jdbc:oracle:thin:@h:1521:sid", "jdbc:oracle:thin:@h:1521:sid", {}),
    ("jdbc:other:thing?a=1", "jdbc:other:thing?a=1", {}),
]


@pytest.mark.parametrize(("url", "base", "parameters"), SPLIT)
def test_split(url: str, base: str, parameters: dict[str, str]) -> None:
    assert jdbc_url.split(url) == (base, parameters)


SAME = [
    ("jdbc:postgresql://h/d", "jdbc:postgresql://h:05432/%64?"),
    ("jdbc:postgresql:om+db", "jdbc:postgresql://:5432/om%20db"),
    ("jdbc:postgresql:///d?a=x+y&b", "jdbc:postgresql://localhost/d?b=&&a=x%20y"),
    ("jdbc:postgresql://a,[::1]:5433/d", "jdbc:postgresql://a:5432,[::1]:5433/d"),
    ("jdbc:mysql://h/om%20db?useSSL=true", "jdbc:mysql://h:3306/om+db?use%53SL=%74rue#x"),
    ("jdbc:mysql://h", "jdbc:mysql://h:3306/"),
    ("jdbc:mysql://(host=h,port=3307)/d", "jdbc:mysql://h:3307/d"),
    ("jdbc:mysql://address=(port=3306)(host=h),i/d", "jdbc:mysql://h,(host=i)/d"),
    ("jdbc:mysql:loadbalance://a,b/d", "jdbc:mysql:loadbalance://a:3306,b/d"),
    ("jdbc:mysql://u@h/d", "jdbc:mysql://u@h:3306/d"),
    ("jdbc:sqlserver://h;databaseName=d", "jdbc:sqlserver://h:1433;DATABASENAME=d"),
    ("jdbc:sqlserver://h:1434;a=1", "jdbc:sqlserver://x:1;PortNumber=1434;server={h};a=1"),
    (
        "jdbc:sqlserver://h\\i;database=d",
        "jdbc:sqlserver://;databaseName=d;serverName=h;instancename=i",
    ),
    (
        "jdbc:oracle:thin:@h:1521/s?retry_count=3",
        "jdbc:oracle:thin:@//h/s?RETRY_COUNT=3&failover=ON",
    ),
]
_PG, _MY = "jdbc:postgresql://h/d?", "jdbc:mysql://h/d?"
SAME += [
    (f"{_PG}targetServerType=primary", f"{_PG}targetServerType=master"),
    (f"{_PG}targetServerType=preferSecondary", f"{_PG}targetServerType=preferSlave"),
    (f"{_PG}sslmode=verify-full", f"{_PG}ssl=true"),
    (f"{_PG}sslmode=verify-full", f"{_PG}ssl"),
    (f"{_PG}sslmode=Require", f"{_PG}ssl=true&sslmode=require"),
    (f"{_PG}ssl=false", f"{_PG}sslmode=prefer"),
    (f"{_MY}sslMode=VERIFY_IDENTITY", f"{_MY}sslMode=verify_identity&useSSL=false"),
    (f"{_MY}sslMode=VERIFY_CA", f"{_MY}useSSL=true&requireSSL=true&verifyServerCertificate=yes"),
    (f"{_MY}sslMode=REQUIRED", f"{_MY}requireSSL=TRUE"),
    (f"{_MY}sslMode=DISABLED", f"{_MY}useSSL=false&requireSSL=true"),
    (f"{_MY}useSSL=true", f"{_MY}sslMode=preferred"),
    (f"{_MY}failOverReadOnly=true", f"{_MY}failOverReadOnly=YES"),
    *(
        (f"{_MY}trustCertificateKeyStoreUrl=file:/a%20b", f"{_MY}trustCertificateKeyStoreUrl={url}")
        for url in ("file:///a%2520b", "FILE://localhost/a%20b")
    ),
]
DIFFERENT = [
    (f"{_PG}ssl=true", f"{_PG}sslmode=require"),
    (f"{_PG}ssl=true", _PG),
    (f"{_PG}sslmode=other", f"{_PG}sslmode=OTHER"),
    (f"{_MY}sslMode=REQUIRED", f"{_MY}useSSL=true"),
    (f"{_MY}useSSL=what", f"{_MY}useSSL=true"),
    (f"{_MY}trustCertificateKeyStoreUrl=/a", f"{_MY}trustCertificateKeyStoreUrl=file:/a"),
    ("jdbc:mysql://h/d?useSSL=false", "jdbc:mysql://h/d?usessl=false"),
    ("jdbc:postgresql://h/d?ssl=true", "jdbc:postgresql://h/d?SSL=true"),
    ("jdbc:postgresql://h/d?a=1", "jdbc:postgresql://h/d?%61=1"),
    ("jdbc:postgresql://h/d?a=1", "jdbc:postgresql://h/d?a=1#x"),
    ("jdbc:postgresql://h/d", "jdbc:postgresql://h/D"),
    ("jdbc:mysql://(host=h,user=x)/d", "jdbc:mysql://h/d"),
    ("jdbc:mysql://h/d?a%1bb=1", "jdbc:mysql://h/d?a\x1bb=1"),
    ("jdbc:mysql://a,b/d", "jdbc:mysql:loadbalance://a,b/d"),
    ("jdbc:sqlserver://h\\i;a=1", "jdbc:sqlserver://h;a=1"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_ways_to_write_one_url(one: str, other: str) -> None:
    assert jdbc_url.canonical(one) == jdbc_url.canonical(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_urls_that_a_driver_tells_apart(one: str, other: str) -> None:
    assert jdbc_url.canonical(one) != jdbc_url.canonical(other)


def test_parameters_are_added_or_replaced() -> None:
    url = "jdbc:mysql://h:1/d?useSSL=false&x=1"
    assert jdbc_url.with_parameters("mysql", url, {"useSSL": "true", "y": "2"}) == (
        "jdbc:mysql://h:1/d?useSSL=true&x=1&y=2"
    )
    assert (
        jdbc_url.with_parameters("db2", "jdbc:db2://h:1/d", {"a": "1"}) == "jdbc:db2://h:1/d:a=1;"
    )
    with pytest.raises(ValueError, match="Oracle"):
        jdbc_url.with_parameters("oracle", "jdbc:oracle:thin:@h:1:s", {"a": "1"})


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_what_is_encoded_means_the_same(value: str) -> None:
    for kind in ("postgresql", "mysql"):
        url = jdbc_url.with_parameters(
            kind, f"jdbc:{kind}://h:1/d", {"a": jdbc_url.encode(kind, value)}
        )
        _, parameters = jdbc_url.split(url)
        assert jdbc_url.decode(url, parameters["a"]) == value


def test_sql_server_trims_blanks_as_java_does() -> None:
    _, parameters = jdbc_url.canonical("jdbc:sqlserver://h;applicationName= om\u00a0 ")
    assert parameters["applicationname"] == "om\u00a0"
