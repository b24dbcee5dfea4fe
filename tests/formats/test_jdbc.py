"""JDBC URLs of the five databases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.formats import jdbc

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
    assert jdbc.split(url) == (base, parameters)


def test_parameters_are_added_or_replaced() -> None:
    url = "jdbc:mysql://h:1/d?useSSL=false&x=1"
    assert jdbc.with_parameters("mysql", url, {"useSSL": "true", "y": "2"}) == (
        "jdbc:mysql://h:1/d?useSSL=true&x=1&y=2"
    )
    assert jdbc.with_parameters("db2", "jdbc:db2://h:1/d", {"a": "1"}) == "jdbc:db2://h:1/d:a=1;"
    with pytest.raises(ValueError, match="Oracle"):
        jdbc.with_parameters("oracle", "jdbc:oracle:thin:@h:1:s", {"a": "1"})


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_what_is_encoded_means_the_same(value: str) -> None:
    for kind in ("postgresql", "mysql"):
        url = jdbc.with_parameters(kind, f"jdbc:{kind}://h:1/d", {"a": jdbc.encode(kind, value)})
        _, parameters = jdbc.split(url)
        assert jdbc.meaning(url, parameters["a"]) == value
