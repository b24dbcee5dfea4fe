"""Texts and names in SQL, read back as the servers do; tests/real asks real ones."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omconf.formats import sql

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def _unquoted(written: str, mark: str) -> str:
    assert written[0] == written[-1] == mark
    inner = written[1:-1]
    assert mark not in inner.replace(mark * 2, "")
    return inner.replace(mark * 2, mark)


def _unescaped(text: str) -> str:
    assert re.fullmatch(r"(?:[^\\]|\\\\)*", text, re.DOTALL)
    return text.replace("\\\\", "\\")


@given(TEXT)
def test_a_text_is_read_back(text: str) -> None:
    written = sql.postgresql_text(text)
    assert written.startswith("E'") == ("\\" in text)
    read = _unquoted(written.removeprefix("E"), "'")
    assert (_unescaped(read) if written.startswith("E") else read) == text
    assert _unescaped(_unquoted(sql.mysql_text(text), "'")) == text


@given(TEXT)
def test_a_name_is_read_back(name: str) -> None:
    assert _unquoted(sql.postgresql_name(name), '"') == name
    assert _unquoted(sql.mysql_name(name), "`") == name


@given(st.text("a_%\\`"))
def test_a_pattern_stands_for_the_one_name(name: str) -> None:
    pattern = _unquoted(sql.mysql_pattern(name), "`")
    assert re.fullmatch(r"(?:[^_%\\]|\\[_%\\])*", pattern)
    assert re.sub(r"\\(.)", r"\1", pattern) == name


@pytest.mark.parametrize("encode", [sql.postgresql_text, sql.mysql_text])
def test_a_nul_is_refused_unseen(encode: object) -> None:
    with pytest.raises(ValueError, match=r"^SQL cannot carry a NUL character$"):
        encode("hunter2\0")  # type: ignore[operator]
