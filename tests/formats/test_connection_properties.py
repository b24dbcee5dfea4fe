"""Quoting as OpenJPA reads it: the cases that were measured, and the rule over all texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.formats.connection_properties import guarded, quote, split
from omconf.secrets import HIDDEN

MEASURED = {
    "plain": "plain",
    "a;b=c&d<e>$f${x}\\g#h%i+j@k:l/m?n(o){p}": "a;b=c&d<e>$f${x}\\g#h%i+j@k:l/m?n(o){p}",
    "inner space": "inner space",
    "in'ner": "in'ner",
    "trailing'": "trailing'",
    "'leading": '"\'leading"',
    '"leading': '""leading"',
    "a,b": '"a,b"',
    'a",b': "'a\",b'",
    "a,b\"c'd": '"a,"b"c\'d',
    "a,b'c": '"a,b\'c"',
}
IMPOSSIBLE = [" xyz", "xyz ", "xy ,z", "a,'\",b", "\ttab"]


@pytest.mark.parametrize("value", MEASURED)
def test_measured(value: str) -> None:
    assert quote(value) == MEASURED[value]
    assert split(f"A=1, P={quote(value)}, B=2") == [("A", "1"), ("P", value), ("B", "2")]


@pytest.mark.parametrize("value", IMPOSSIBLE)
def test_impossible(value: str) -> None:
    with pytest.raises(ValueError, match=r"lost|enclose") as refused:
        quote(value)
    assert value not in str(refused.value)


@given(st.text("ab,'\" =;", max_size=10), st.sampled_from([", ", ",\n    ", ","]))
def test_what_is_quoted_is_read_back(value: str, between: str) -> None:
    try:
        quoted = quote(value)
    except ValueError:
        return
    assert split(f"A=1{between}P={quoted}{between}B=2") == [("A", "1"), ("P", value), ("B", "2")]


def test_the_stock_files_way_of_writing() -> None:
    text = "DriverClassName=org.postgresql.Driver\n\t, Url=jdbc:x\n\t, Username= , Password="
    assert split(text) == [
        ("DriverClassName", "org.postgresql.Driver"),
        ("Url", "jdbc:x"),
        ("Username", ""),
        ("Password", ""),
    ]


@given(st.text(max_size=60))
def test_any_text_can_be_split(text: str) -> None:
    assert all(isinstance(pair, tuple) for pair in split(text))


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        (
            "url=x,Password=a,b",
            [("Url", "x", False), ("Password", "a", False), (HIDDEN, "b", True)],
        ),
        (
            "Password=a,b=c,maxTotal=9,d",
            [("Password", "a", False), ("maxTotal", "9", False), (HIDDEN, "b=c,d", True)],
        ),
        ("Password='a,b'", [("Password", "a,b", False)]),
        ("odd=1,Password=a", [("odd", "1", False), ("Password", "a", False)]),
        (
            "Username=a,b,Url=jdbc:a=b",
            [("Username", "a", False), ("Url", "jdbc:a=b", False), (HIDDEN, "b", True)],
        ),
        ("Username=a=b", [("Username", "a=b", True)]),
    ],
)
def test_what_may_be_a_secret_is_guarded(text: str, pairs: list[tuple[str, str, bool]]) -> None:
    assert [tuple(pair) for pair in guarded(text)] == pairs
