"""What a row of the table is: a reader, and texts that are hard for it, as long as one wants them.

A `Text` is a part that is repeated, between a head and a tail; `%d` in it is the number of the
repetition, for parts that must differ. The decorator `row` adds a reader to `ROWS`, and makes it only
when a test runs it, as steps.py has to rewrite the modules that it imports first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Read = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Text:
    """A part that is repeated, between a beginning and an end; `%d` in it is its number."""

    part: str
    head: str = ""
    tail: str = ""

    def of(self, size: int) -> str:
        """Repeat the part until the text has so many characters, or a few more."""
        if "%d" not in self.part:
            return self.head + self.part * (size // len(self.part) + 1) + self.tail
        parts = []
        length = number = 0
        while length < size:
            parts.append(self.part.replace("%d", str(number)))
            length += len(parts[-1])
            number += 1
        return self.head + "".join(parts) + self.tail


@dataclass(frozen=True, slots=True)
class Row:
    """A reader, made when it is used: modules are imported only then."""

    reader: Callable[[], Read]
    texts: tuple[Text, ...]
    small: int = 3_000
    """Characters of a text whose steps are counted; the other has twice as many."""
    large: int = 256 * 1024
    """Characters of a text that is read within a limit of processor time."""


ROWS: dict[str, Row] = {}


def row(*names: str, texts: list[str | Text], **sizes: int) -> Callable[[Any], Any]:
    """Add a row for each name; with several, the decorated function is told which."""

    def add(make: Any) -> Any:
        given = tuple(text if isinstance(text, Text) else Text(text) for text in texts)
        for name in names:

            def reader(name: str = name) -> Read:
                found: Read = make(name) if len(names) > 1 else make()
                return found

            ROWS[name] = Row(reader, given, **sizes)
        return make

    return add


WORDS: list[str | Text] = [
    "a",
    "a b",
    " ",
    "=",
    ",",
    ":",
    "a=b,",
    "\\",
    '"',
    "'",
    "-",
    "/a",
    "1.",
    "@",
]
LINES: list[str | Text] = ["\n", "a=b\n", "a\\\n", "# a\n", "\r\n", "'a", "\\ \\\n", "k%d=v\n"]
