"""A pattern is compiled when it is first used, and is then as `re.compile` makes it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from omconf.regex import regex


def test_it_is_compiled_at_its_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []

    def counted(text: str, flags: int = 0) -> Any:
        compiled.append(text)
        return real(text, flags)

    real = re.compile
    monkeypatch.setattr(re, "compile", counted)
    found: Any = regex(r"(?P<key>\w+)=(.*)", re.DOTALL)
    assert found.pattern == r"(?P<key>\w+)=(.*)"
    assert compiled == []
    assert found.fullmatch("a=b\nc").groups() == ("a", "b\nc")
    assert found.fullmatch("a") is None
    assert found.sub(r"\2", "a=b") == "b"
    assert found.groupindex == {"key": 1}
    assert found.flags & re.DOTALL
    assert len(compiled) == 1


def test_a_wrong_name_is_an_error() -> None:
    with pytest.raises(AttributeError, match="fulmatch"):
        regex("a").fulmatch("a")  # type: ignore[attr-defined]
