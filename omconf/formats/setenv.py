"""JVM options in shell, as people write them in Tomcat's setenv.sh.

catalina.sh sources the file and evaluates both variables once more. Read are assignments with quotes,
continued lines, `export`, `+=`, and variables that the file itself sets; what depends on anything else
keeps its `$`: it is not known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLES = ("JAVA_OPTS", "CATALINA_OPTS")
"""What catalina.sh hands to the JVM that runs Tomcat."""
_TOKEN = re.compile(
    r"(?P<end>\n)|^[ \t]*+\#[^\n]*+"
    r"|(?:^|[;&|{]|\b(?:then|else|do)[ \t])[ \t]*+(?:export[ \t]++)?"
    r"(?P<name>[A-Za-z_]\w*+)(?P<more>\+?)=",
    re.MULTILINE,
)
_VALUE = re.compile(
    r"""(?:[^\s;&|<>()'"\\]|\\(?:.|\n)|'[^']*+'|"(?:[^"\\]|\\(?:.|\n))*+")*+""", re.DOTALL
)
_PIECE = re.compile(
    r"""'(?P<plain>[^']*+)'|\\(?P<escaped>.|\n)|\$\{(?P<braced>\w++)(?::?-(?P<default>[^}]*+))?\}"""
    r"""|\$(?P<name>\w++)|(?P<quote>")""",
    re.DOTALL,
)
_MARK = "\0"
_LINE = re.compile(r"\0([0-9]++)\0")
_LEADING = re.compile(r"(?:\0([0-9]++)\0)++")
_WORD = re.compile(r"""(?:[^\s'"\\]|\\.|'[^']*+'|"(?:[^"\\]|\\.)*+")++""", re.DOTALL)
_QUOTED = re.compile(r"""'([^']*+)'|"((?:[^"\\]|\\.)*+)"|\\(.)""", re.DOTALL)
_MOST = 100_000
"""Characters that a variable may come to."""

Value = str | list["Value"]
"""A variable's text, in parts: what it has of other variables is not copied."""


@dataclass(frozen=True, slots=True)
class Option:
    """A JVM option that is set by hand, in a line of the file from 1."""

    text: str
    line: int

    @property
    def known(self) -> bool:
        """Whether its text says all of it."""
        return "$" not in self.text and "`" not in self.text


def options(text: str) -> list[Option]:
    """Read the options that a file sets, in the order in which catalina.sh gives them to the JVM."""
    text = text.replace(_MARK, "")
    values: dict[str, Value] = dict.fromkeys(VARIABLES, "")
    end, line = 0, 1
    for match in _TOKEN.finditer(text):
        line += match["end"] is not None
        name = match["name"]
        if name is None or match.start() < end:
            continue  # inside the value before
        value = _VALUE.match(text, match.end())
        raw = value[0] if value else ""
        end = match.end() + len(raw)
        mark = f"{_MARK}{line}{_MARK}" if name in VARIABLES else ""
        parts = [values.get(name, "")] if match["more"] else []
        parts += [part for part in _expanded(raw, values, mark) if part]
        # An empty value is an empty text, for `${NAME:-DEFAULT}`.
        values[name] = [mark, *parts] if parts else ""
    return [option for name in VARIABLES for option in _options(_flat(values[name]))]


def _flat(value: Value) -> str:
    """Write a value out, up to `_MOST` characters: each assignment may double it."""
    parts: list[str] = []
    size, stack = 0, [value]
    while stack and size < _MOST:
        part = stack.pop()
        if isinstance(part, str):
            parts.append(part)
            size += len(part) + 1
        else:
            stack += reversed(part)
            size += 1
    return "".join(parts)


def _options(value: str) -> Iterator[Option]:
    """Split a variable's value into options; marks in it tell the lines of the file."""
    line = 0
    for found in _WORD.finditer(value):
        word = found[0]
        if marks := _LINE.findall(word):
            if leading := _LEADING.match(word):
                line = int(leading[1])
            word = _LINE.sub("", word)
        if word:
            yield Option(_unquoted(word), line)
        line = int(marks[-1]) if marks else line


def _expanded(raw: str, values: Mapping[str, Value], mark: str) -> Iterator[Value]:
    """Resolve what the shell does when it reads an assignment, as far as the file tells.

    Behind options of an earlier line, `mark` says that those of this one go on.
    """
    quoted = False
    end = 0
    for found in _PIECE.finditer(raw):
        yield raw[end : found.start()]
        end = found.end()
        if found["quote"]:
            quoted = not quoted
        elif found["plain"] is not None:
            yield found[0] if quoted else found["plain"]
        elif (escaped := found["escaped"]) is not None:
            kept = quoted and escaped not in '"$`\\\n'
            yield found[0] if kept else escaped.replace("\n", "")
        else:
            name = found["braced"] or found["name"]
            default = found["default"]
            value = values.get(name, found[0] if default is None else default)
            yield value or default or ""
            if value and name in VARIABLES:
                yield mark
    yield raw[end:]


def _unquoted(word: str) -> str:
    """Take the quotes off a word that is evaluated once more."""
    return re.sub(
        r"""'([^']*+)'|"((?:[^"\\]|\\.)*+)"|\\(.)""", lambda m: m[1] or m[2] or m[3] or "", word
    )
