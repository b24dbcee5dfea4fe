"""Reads a git configuration file as data: includes are not followed, nothing is run.

The grammar is that of "CONFIGURATION FILE, Syntax" in git-config(1).
"""

from __future__ import annotations

import os
import re
from dataclasses import field
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.files import read as files

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES = 1024 * 1024
"""A repository's configuration is small; a larger file is not read."""

_BLANK = re.compile(r"(?:\s++|[#;][^\n]*+)*+")
_SECTION = re.compile(r'\[([A-Za-z0-9.-]++)(?:[ \t]++"((?:[^"\\\n]|\\[^\n])*+)")?[ \t]*+\]')
_KEY = re.compile(r"([A-Za-z][A-Za-z0-9-]*+)[ \t]*+(=)?")
_VALUE = re.compile(r'(?:[^"\\\n#;]|\\(?:.|\n)|"(?:[^"\\\n]|\\(?:.|\n))*+")*+')
_TOKEN = re.compile(r'\\(.|\n)|(")|([ \t\r]+)|([^\\" \t\r]+)')
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", "\\": "\\", '"': '"', "\n": ""}
_TRUE = ("true", "yes", "on", "1")


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one file: all values by `section.key` or `section.subsection.key`.

    Sections and keys are in lower case, subsections as they are written. A key without a value is
    `true`.
    """

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def last(self, name: str) -> str | None:
        """Return the value that counts, the last one."""
        return self.values.get(name, (None,))[-1]

    def is_true(self, name: str) -> bool:
        """Tell whether a boolean is set."""
        return (self.last(name) or "").lower() in _TRUE


def read(path: str) -> Config:
    """Read a file; a missing one is empty.

    Raises OSError when it cannot be read, ValueError (with a reason for people) when it is not a
    git configuration.
    """
    try:
        return parse(files.contents(path, MAX_BYTES).data)
    except FileNotFoundError:
        return Config()
    except files.TooLargeError as error:
        raise ValueError(f"it has more than {MAX_BYTES >> 20} MiB") from error


def parse(data: bytes) -> Config:
    """Parse the text of a configuration file. Raises ValueError, which names the line."""
    text = os.fsdecode(data.removeprefix(b"\xef\xbb\xbf")).replace("\r\n", "\n")
    values: dict[str, list[str]] = {}
    section = ""
    at = _end(_BLANK, text, 0)
    while at < len(text):
        if head := _SECTION.match(text, at):
            section, at = f"{_section(head)}.", head.end()
        elif key := _KEY.match(text, at):
            value, at = _value(text, key.end()) if key[2] else ("true", key.end())
            values.setdefault(f"{section}{key[1].lower()}", []).append(value)
        else:
            raise ValueError(f"line {text.count(chr(10), 0, at) + 1} is not valid git syntax")
        at = _end(_BLANK, text, at)
    return Config({name: tuple(found) for name, found in values.items()})


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _section(head: re.Match[str]) -> str:
    name, subsection = head[1].lower(), head[2]
    return name if subsection is None else f"{name}." + _ESCAPED.sub(r"\1", subsection)


def _value(text: str, at: int) -> tuple[str, int]:
    """Read a value: quotes and escapes resolved, white space around it dropped."""
    end = _end(_VALUE, text, at)
    if end < len(text) and text[end] not in "\n#;":
        raise ValueError(f"line {text.count(chr(10), 0, end) + 1} is not valid git syntax")
    parts: list[str] = []
    kept, quoted = 0, False
    for escape, quote, blank, plain in _TOKEN.findall(text[at:end]):
        if quote:
            quoted = not quoted
        elif escape:
            if escape not in _ESCAPES:
                raise ValueError(f"line {text.count(chr(10), 0, at) + 1} has an unknown escape")
            parts.append(_ESCAPES[escape])
        elif blank and not quoted:
            if parts:
                parts.append(blank)
            continue
        else:
            parts.append(blank or plain)
        kept = len(parts)
    return "".join(parts[:kept]), end
