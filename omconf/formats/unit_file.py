"""systemd's unit files: settings by section, and the environment that a service gets.

Sources: systemd.syntax(7), systemd.exec(5), measured with systemd 252. A specifier (`%h`) is known to
the node alone: it is kept behind a `$`.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from omconf.dataclass import dataclass
from omconf.formats import quoted_words
from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Setting(NamedTuple):
    """A setting of a unit file, in a line of it from 1."""

    section: str
    key: str
    value: str
    line: int


_ASSIGNMENT = regex(r"([A-Za-z_]\w*+)=(.*)", re.DOTALL)
_OPTION = regex(r"(?<![\w-])-D[\w.]+|\b[A-Z_]*JAVA\w*_OPTIONS=|\b(?:JAVA|CATALINA)_OPTS=")
"""A JVM option in a command, or a variable that gives some."""
_PIECE = regex(
    r"""(?P<blank>[ \t\n\r]++)|(?P<plain>[^ \t\n\r'"\\]++)|'(?P<single>(?:[^'\\]|\\.)*+)'"""
    r"""|"(?P<double>(?:[^"\\]|\\.)*+)"|(?P<escape>(?:\\.)(?:[0-9a-fA-F]*+))""",
    re.DOTALL,
)
_BLANKS = " \t\n\r"
"""WHITESPACE in systemd's string-util.h; `str.strip` takes more, such as U+00A0."""
_ESCAPE = regex(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_PAIR = regex(
    r"""[ \t\n\r]*+(?:[\#;][^\n\r]*+|(?P<name>[^=\n\r]++)(?:=(?P<quoted>(?:[ \t]*+(?:'[^']*+(?:'|\Z)"""
    r"""|"(?:[^"\\]|\\.)*+(?:"|\\?\Z)))*+)[ \t]*+"""
    r"""(?P<plain>(?:[^\\ \t\n\r]|\\(?:.|\Z)|[ \t]++(?![ \t\n\r]|\Z))*+))?|\Z)""",
    re.DOTALL,
)
"""A comment or an assignment in an EnvironmentFile; only the beginning of a value may be quoted."""
_QUOTED = regex(r"""'(?P<single>[^']*+)'?|"(?P<double>(?:[^"\\]|\\.)*+)(?:"|\\?\Z)""", re.DOTALL)
_IN_DOUBLE = regex(r'\\(?:\n|(["\\`$]))')
_IN_PLAIN = regex(r"\\(?:[\n\r]|(.)|\Z)")
_CODES = dict(zip("abfnrtvs", "\a\b\f\n\r\t\v ", strict=True))


def settings(text: str) -> Iterator[Setting]:
    """Yield the settings of a unit file, lines that end in a backslash joined by a blank."""
    section, parts, begin = "", list[str](), 0
    lines = text.removeprefix("\ufeff").split("\n")
    for number, raw in enumerate(lines, 1):
        content = raw.rstrip("\r")
        if content.lstrip(_BLANKS).startswith(("#", ";")):
            continue
        begin = begin or number
        joined = (len(content) - len(content.rstrip("\\"))) % 2 == 1
        parts.append(content[:-1] if joined else content)
        if joined and number < len(lines):
            continue
        whole, line = " ".join(parts).strip(_BLANKS), begin
        parts, begin = [], 0
        if whole.startswith("[") and whole.endswith("]"):
            section = whole[1:-1]
        elif "=" in whole:
            key, _, value = whole.partition("=")
            yield Setting(section, key.rstrip(_BLANKS), value.lstrip(_BLANKS), line)


@dataclass(slots=True)
class Environment:
    """What a service gets: value, path and line, by name.

    `files` and `commands` give more: what each is called, path and line.
    """

    values: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    files: list[tuple[str, str, int]] = field(default_factory=list)
    commands: list[tuple[str, str, int]] = field(default_factory=list)
    _unset: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Environment:
        """Read what a unit file and its drop-ins, in their order, give.

        An assignment that is no whole word is left out, as systemd does with a warning.
        """
        environment = cls()
        for path, text in texts.items():
            for setting in settings(text):
                if setting.section == "Service":
                    environment._set(path, setting)
        for word in environment._unset:
            name, equals, value = word.partition("=")
            given = environment.values.get(name)
            if given and (not equals or given[0] == value):
                del environment.values[name]
        return environment

    def _set(self, path: str, setting: Setting) -> None:
        """Take a setting in; an empty one takes back all those before it."""
        _, key, value, line = setting
        if key == "Environment":
            if not value:
                self.values.clear()
            for word in _words(_specified(value)):
                if found := _ASSIGNMENT.fullmatch(word):
                    self.values[found[1]] = (found[2], path, line)
        elif key == "EnvironmentFile":
            self._add(self.files, _words(value.removeprefix("-")), path, line)
        elif key == "UnsetEnvironment":
            if not value:
                self._unset.clear()
            self._unset += _words(_specified(value))
        elif key.startswith("Exec"):
            options = [found[0].rstrip("=") for found in _OPTION.finditer(value)][:1]
            self._add(self.commands, options, path, line)

    @staticmethod
    def _add(to: list[tuple[str, str, int]], names: list[str], path: str, line: int) -> None:
        if not names:
            to.clear()
        to += [(name, path, line) for name in names]


def assignments(text: str, path: str) -> dict[str, tuple[str, str, int]]:
    """Read an EnvironmentFile: `NAME=VALUE` a line, or more with quotes and backslashes.

    Sources: systemd.exec(5), and load_env_file() of systemd 252.
    """
    found: dict[str, tuple[str, str, int]] = {}
    line, counted = 1, 0
    for pair in _PAIR.finditer(text):
        name = (pair["name"] or "").rstrip(_BLANKS)
        if pair["plain"] is not None and name.isascii() and name.isidentifier():
            line += text.count("\n", counted, pair.start("name"))
            counted = pair.start("name")
            quoted = "".join(
                q["single"] or _IN_DOUBLE.sub(r"\1", q["double"] or "")
                for q in _QUOTED.finditer(pair["quoted"])
            )
            found[name] = (quoted + _IN_PLAIN.sub(r"\1", pair["plain"]), path, line)
    return found


def _specified(value: str) -> str:
    return re.sub(r"%(.)", lambda found: "%" if found[1] == "%" else f"$%{found[1]}", value)


def _words(text: str) -> list[str]:
    """Cut a value into words, without quotes and escapes; what a broken quote begins is left out."""
    words, at, inside = quoted_words.cut(text, _PIECE, _meaning)
    return words[:-1] if inside and at < len(text) else words


def _meaning(found: re.Match[str]) -> str:
    piece = found[str(found.lastgroup)]
    return piece if found["plain"] is not None else _ESCAPE.sub(_character, piece)


def _character(found: re.Match[str]) -> str:
    code = found[1]
    if len(code) > 1:
        number = int(code, 8) if code.isdigit() and len(code) == 3 else int(code[1:], 16)
        return chr(number) if number <= 0x10FFFF else ""
    return _CODES.get(code, code)
