"""Single keys of a `.properties` file that OpenMeetings ships: the third way of owning a file.

omconf owns some keys; every other line of the file stays to the byte. Source of the format: Java's
Properties.load.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_PAIR = regex(r"[ \t\f]*((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=: \t\f]?[ \t\f]*(.*)", re.DOTALL)
_END = regex(r"(\r\n?|\n)")
_MALFORMED = regex(r"(?:[^\\]|\\[^u]|\\u[0-9a-fA-F]{4})*+\\u", re.DOTALL)
_ESCAPE = regex(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_NAMED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of a file: its value, and the lines (from 1, both included) that it stands in."""

    value: str
    line: int
    last_line: int


def read(text: str) -> dict[str, Setting]:
    """Read all keys; of a key that stands twice the last one counts, as in Java.

    Java reads the bytes as ISO 8859-1, whatever the text was decoded as.
    """
    settings = {}
    for first, last, logical in _logical_lines(text):
        if found := _PAIR.fullmatch(logical):
            settings[_plain(found[1])] = Setting(_plain(found[2]), first, last)
    return settings


def malformed(text: str) -> int | None:
    r"""Return the line of the first `\u` without four hexadecimal digits: Java refuses it."""
    if "\\u" not in text:  # as in most files, which need not be cut into lines a second time
        return None
    return next(
        (first for first, _, logical in _logical_lines(text) if _MALFORMED.match(logical)), None
    )


def merge(text: str, settings: Mapping[str, str]) -> str:
    """Put settings in the place of those of the same key, new ones at the end."""
    present = read(text)
    end = "\r\n" if "\r\n" in text else "\n"
    lines = _lines(text)
    result: list[str] = []
    line = 1
    starts = {s.line: (key, s) for key, s in present.items() if key in settings}
    while line <= len(lines):
        if line in starts:
            key, setting = starts[line]
            last = setting.last_line
            if setting.value == settings[key]:
                result += lines[line - 1 : last]
            else:
                ending = lines[last - 1][len(lines[last - 1].rstrip("\r\n")) :]
                result.append(pair(key, settings[key]) + ending)
            line = last + 1
            continue
        result.append(lines[line - 1])
        line += 1
    merged = "".join(result)
    new = [pair(key, value) for key, value in settings.items() if key not in present]
    if new and merged and not merged.endswith(("\n", "\r")):
        merged += end
    if new and _continues(_lines(merged)[-2:][0].rstrip("\r\n")):
        merged += end  # a last line that goes on would swallow the first of ours
    return merged + "".join(entry + end for entry in new)


def without(text: str, keys: Iterable[str]) -> str:
    """Take keys away, with all the lines that each stands in."""
    lines = _lines(text)
    gone = {key for key in keys if key}
    for key, setting in sorted(read(text).items(), key=lambda item: -item[1].line):
        if key in gone:
            del lines[setting.line - 1 : setting.last_line]
    return "".join(lines)


def pair(key: str, value: str) -> str:
    """Write `key=value` so that Java reads both back unchanged."""
    return f"{written(key, ' =:#!')}={written(value)}"


def written(text: str, special: str = "") -> str:
    """Write a text so that Java reads it back unchanged; `special` are more characters to escape."""
    named = {v: f"\\{k}" for k, v in _NAMED.items()}
    result = "".join(
        named.get(c) or (f"\\{c}" if c == "\\" or c in special else c if c < "\x7f" else _code(c))
        for c in text
    )
    return "\\" + result if result[:1] == " " else result


def _code(char: str) -> str:
    """Write a character as its UTF-16 codes: Java reads the file itself as ISO 8859-1."""
    data = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{data[at : at + 2].hex()}" for at in range(0, len(data), 2))


def _lines(text: str) -> list[str]:
    """Cut a text after its line ends; to Java a CR alone is one. The last has none."""
    parts = _END.split(text)
    return [line + end for line, end in zip(parts[::2], [*parts[1::2], ""], strict=True)]


def _logical_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield each key with its value as they are written, and their first and last line."""
    if not text.isascii():
        text = text.encode("utf-8", "surrogateescape").decode("latin-1")
    lines = [line.lstrip(" \t\f") for line in _END.split(text)[::2]]
    index = 0
    while index < len(lines):
        first = index
        if lines[index][:1] not in ("", "#", "!"):
            parts = [lines[index]]
            while _continues(parts[-1]) and index + 1 < len(lines):
                index += 1
                parts[-1] = parts[-1][:-1]
                parts.append(lines[index])
            logical = "".join(parts)
            yield (
                first + 1,
                index + 1,
                logical.removesuffix("\\") if _continues(logical) else logical,
            )
        index += 1


def _continues(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _plain(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        code = found[1]
        if len(code) == 5:
            return chr(int(code[1:], 16))
        return _NAMED.get(code, code)

    plain = _ESCAPE.sub(one, text)
    if plain.isascii():
        return plain
    # Two codes may be one character.
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
