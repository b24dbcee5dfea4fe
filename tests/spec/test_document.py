"""YAML 1.2 core scalars, places, and files that are no spec at all."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.spec.parse import MAX_BYTES, parse

SCALARS: dict[str, Any] = {
    "no": "no",
    "on": "on",
    "y": "y",
    "0644": 644,
    "0o644": 0o644,
    "0x1F": 31,
    "1_000": "1_000",
    "12:30:45": "12:30:45",
    "2026-01-01": "2026-01-01",
    "9.1.0": "9.1.0",
    "9.1": 9.1,
    ".5": 0.5,
    "1e3": 1000.0,
    ".inf": math.inf,
    "~": None,
    "null": None,
    "true": True,
    "TRUE": True,
    "'true'": "true",
    '"5"': "5",
    "!!str 5": "5",
    "<<": "<<",
}


@pytest.mark.parametrize("text", SCALARS)
def test_core_scalars(text: str) -> None:
    document, found = parse(f"key: {text}\n".encode(), "c.yaml")
    assert not found
    assert document.data == {"key": SCALARS[text]}
    assert isinstance(document.data["key"], type(SCALARS[text]))
    assert isinstance(document.data["key"], bool) == isinstance(SCALARS[text], bool)


def test_every_key_and_value_has_its_place() -> None:
    document, _ = parse(b"a: 1\nb:\n  c: [x, {d: yz}]\n", "c.yaml")
    key, value = document.keys["b", "c", 1, "d"], document.values["b", "c", 1, "d"]
    assert (key.line, key.column, key.end_column) == (3, 11, 12)
    assert (value.line, value.column, value.end_column) == (3, 14, 16)
    assert document.span(("b", "nothing")) == document.values[("b",)]


def test_an_anchor_may_be_used_again() -> None:
    document, found = parse(b"a: &x {b: 1}\nc: *x\n", "c.yaml")
    assert not found
    assert document.data == {"a": {"b": 1}, "c": {"b": 1}}


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (i + 1, i + 1, b",".join([b"*%c" % i] * 10)) for i in range(97, 107)
)
BROKEN: list[tuple[bytes, str, int, int]] = [
    (b"", "OM101", 1, 1),
    (b"# only a comment\n", "OM101", 1, 1),
    (b"a: 1\nb: [1, 2\n", "OM101", 2, 9),
    (b"a: 1\n\tb: 2\n", "OM101", 2, 1),
    (b"a: b: c\n", "OM101", 1, 5),
    (b"a: *nowhere\n", "OM101", 1, 4),
    (b"a: !!python/object/apply:os.system [x]\n", "OM101", 1, 4),
    (b"a: !mine 1\n", "OM101", 1, 4),
    (b"? [a]\n: 1\n", "OM101", 1, 3),
    (b"a: 1\n---\nb: 2\n", "OM101", 2, 1),
    (b"a: 1\nb: \x07\n", "OM101", 2, 4),
    (b"a: '\x00'\n", "OM101", 1, 5),
    (b'a: "\\ud800"\n', "OM101", 1, 7),
    (b"a: 1\nb: 2\na: 3\n", "OM102", 3, 1),
    (b"a: 1\nb: \xff\n", "OM107", 2, 4),
    ("a: ü\n".encode("utf-16"), "OM107", 1, 1),
    (b"a: " + b"[" * 200 + b"]" * 200, "OM107", 1, 103),
    (b"a: " + b"[" * 100_000, "OM107", 1, 103),
    (b"- " * 10_000 + b"x", "OM107", 1, 201),
    (b"a: &a [*a]\n", "OM107", 1, 4),
    (b"[" + b"1," * 400_000 + b"]", "OM107", 1, 1),
    (b"a: 1\n\t\n", "OM101", 2, 1),
    (b"a: 'x\n\n", "OM101", 1, 6),
    (b"%YAML 1.2\na: 1\n", "OM101", 1, 1),
    (b"a: 1\n%YAML 1.1\n", "OM101", 2, 1),
    (b"%YAML 1.1\n---\na: 1\nb: [\n", "OM101", 4, 5),
    (b"#" * (MAX_BYTES + 1), "OM107", 1, 1),
    (BOMB, "OM107", 1, 22),
    (b"a: &a " + b"x" * 100_000 + b"\nb: [" + b"*a, " * 99 + b"*a]\n", "OM107", 1, 4),
    (b"a: &a {? " + b"x" * 100_000 + b" : 1}\nb: [" + b"*a, " * 99 + b"*a]\n", "OM107", 1, 10),
    (b"a: " + b"x" * 200_000, "OM107", 1, 4),
    (b"x" * 1023 + b": " + b"x" * 200_000, "OM107", 1, 1026),
    (b'? "' + b"x" * 200_000 + b'"\n: 1\n', "OM107", 1, 3),
]


@pytest.mark.parametrize(("data", "rule", "line", "column"), BROKEN, ids=range(len(BROKEN)))
def test_broken_files(data: bytes, rule: str, line: int, column: int) -> None:
    _, found = parse(data, "c.yaml")
    assert [d.rule.id for d in found] == [rule]
    span = found[0].span
    assert span is not None
    assert (span.line, span.column) == (line, column)


SAID = [
    ("a:\n\tb: 1\n", "there is a tab here"),
    ("a: |\n\tb\n", "there is a tab here"),
    ("a: @b\n", "`@` cannot start a text"),
    ("a: `b`\n", "a backquote cannot start a text"),
    ("a: 1\nb: [1, 2\n", "the `[` of line 2 is not closed before this"),
    ("a: {b: 1\nc: 2\n", "the `{` of line 1 is not closed before this"),
    ("a: b: c\n", "there is a `: ` where none is allowed"),
    ("a:\n  b: 1\n c: 2\n", "a key is missing here, in the mapping of line 1 goes on"),
    ("a:\n  - x\n  y: 1\n", "a `- ` is missing here, in the list of line 2 goes on"),
    ("a: 1\n---\nb: 2\n", "a second document begins here"),
    ("a: 'x\n\n", "the quote that opens on line 1 is not closed"),
    ("%YAML 2.0\n---\na: 1\n", "there is a directive here that cannot be used"),
    ("%FOO\n---\na: 1\n", "there is a directive here that cannot be used"),
    ("a: 1\n...\nfoo\n", "there is text after the end of the document"),
    ("a: *b\n", "there is an alias without an anchor above it"),
]


@pytest.mark.parametrize(("text", "said"), SAID)
def test_what_is_no_yaml_is_said_in_plain_words(text: str, said: str) -> None:
    _, (found,) = parse(text.encode(), "c.yaml")
    assert found.message == f"This is not YAML: {said}."


@given(st.binary(max_size=400))
def test_no_bytes_cause_an_exception(data: bytes) -> None:
    document, found = parse(data, "c.yaml")
    # YAML reads a null also in `~`, `null`, and an anchor or a tag with nothing behind it.
    null = any(word in data.lower() for word in (b"null", b"~", b"&", b"!"))
    assert found or document.data is not None or null


SHOWN = [
    ("password: {env: X} hunter2", "password: {env: X} ********"),
    ("db: {password: {env: X}, port: 1}", "db: {password: {env: X}, port: 1}"),
    ("password: hunter2", "password: ********"),
    ("db: {password: hunter2, x: 1}", "db: {password: ********"),
    ('  "secret" : hunter2', '  "secret" : ********'),
    ("passwrd: hunter2", "passwrd: ********"),
    ("password: {env: OM_DB_PASSWORD}", "password: {env: OM_DB_PASSWORD}"),
]


@pytest.mark.parametrize(("line", "shown"), SHOWN)
def test_a_line_is_shown_without_its_secret(line: str, shown: str) -> None:
    document, _ = parse(line.encode(), "c.yaml")
    assert document.source(1) == shown
