"""JVM options in shell, as people write them in Tomcat's setenv.sh and catalina.sh.

catalina.sh sources setenv.sh and evaluates both variables once more. Read are assignments with quotes,
continued lines, `export`, `+=`, and variables that the files themselves set; what depends on anything
else keeps its `$`: it is not known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS", "CATALINA_OPTS")
"""What gives options to the JVM that runs Tomcat, in its order: Java's own two, catalina.sh's two."""
_TOKEN = re.compile(
    r"(?P<end>\n)|^[ \t]*+\#[^\n]*+"
    r"|(?:^|[;&|{]|\b(?:then|else|do)[ \t])[ \t]*+(?:(?:export[ \t]++)?"
    r"(?P<name>[A-Za-z_]\w*+)(?P<more>\+?)=|unset[ \t]++(?P<gone>[A-Za-z_][\w \t]*+))",
    re.MULTILINE,
)
_VALUE = re.compile(
    r"""(?:\$\([^()\n]*+\)|`[^`\n]*+`|[^\s;&|<>()'"\\]|\\(?:.|\n)|'[^']*+'|"(?:[^"\\]|\\(?:.|\n))*+")*+""",
    re.DOTALL,
)
_OTHERS = (
    r"""\\(?P<escaped>.|\n)|\$\{(?P<braced>\w++)(?::?-(?P<default>[^}]{0,1000}+))?\}"""
    r"""|\$(?P<name>\w++)|(?P<quote>")"""
)
_PIECE = re.compile(f"'(?P<plain>[^']*+)'|{_OTHERS}", re.DOTALL)
_QUOTED_PIECE = re.compile(f"(?P<plain>(?!))|{_OTHERS}", re.DOTALL)
"""Between double quotes, where a single quote is a character like others."""
_SOURCES = re.compile(
    r"(?:^|[;&|{]|\b(?:then|else|do)[ \t])[ \t]*+(?:\.|source)[ \t]++[^\n;&|#]*?setenv\.sh",
    re.MULTILINE,
)
_MARK = "\0"
_LINE = re.compile(r"\0([0-9]++)\0")
_LEADING = re.compile(r"(?:\0([0-9]++)\0)++")
_WORD = re.compile(
    r"""(?:\$\([^()]*+\)|`[^`]*+`|[^\s'"\\]|\\.|'[^']*+'|"(?:[^"\\]|\\.)*+")++""", re.DOTALL
)
_QUOTED = re.compile(r"""'([^']*+)'|"((?:[^"\\]|\\.)*+)"|\\(.)""", re.DOTALL)
_IN_DOUBLE = re.compile(r'\\([\\"$`\n])')
_EVALUATED = re.compile(
    r"""'[^']*+'|"(?:[^"\\]|\\.)*+"|\\.|[$`]|(?P<slip>['"\n;&|<>()]|(?<!\S)\#)""", re.DOTALL
)
_MOST = 100_000
"""Characters that a variable may come to."""

Value = str | list["Value"]
"""A variable's text, in parts: what it has of other variables is not copied."""


@dataclass(frozen=True, slots=True)
class Script:
    """Shell text, the path of its file, and the line there with which it begins."""

    text: str
    path: str = ""
    line: int = 1


@dataclass(frozen=True, slots=True)
class Option:
    """A JVM option that is set by hand: by which variable, in which line of which file from 1."""

    text: str
    line: int
    path: str = ""
    variable: str = VARIABLES[0]

    @property
    def known(self) -> bool:
        """Whether its text says all of it."""
        return "$" not in self.text and "`" not in self.text


@dataclass(frozen=True, slots=True)
class Slip:
    """A character of a variable for which catalina.sh runs another command, and starts no Tomcat."""

    name: str
    char: str
    line: int


def sourcing(text: str, path: str) -> tuple[Script, Script]:
    """Cut catalina.sh into what is before it sources setenv.sh, and what is behind that."""
    found = _SOURCES.search(text)
    cut = found.start() if found else len(text)
    return Script(text[:cut], path), Script(text[cut:], path, text.count("\n", 0, cut) + 1)


def options(text: str) -> list[Option]:
    """Read the options that a file alone sets; see `evaluated`."""
    return evaluated([Script(text)])


def evaluated(
    scripts: Sequence[Script], environment: Mapping[str, tuple[str, str, int]] | None = None
) -> list[Option]:
    """Read the options that scripts set, in the order in which catalina.sh gives them to the JVM.

    `environment` is what the first one starts with: value, path and line, by name.
    """
    values, places = _values(scripts, environment or {})
    return [
        Option(text, places[number][1], places[number][0], name)
        for name in VARIABLES
        for text, number in _options(values[name])
    ]


def slips(text: str) -> list[Slip]:
    """Find what catalina.sh's `eval` takes for the shell's own: a bare `|`, an open quote.

    At most one a variable, and none behind what only the node's shell knows.
    """
    values, places = _values([Script(text)], {})
    found = ((name, _slip(value)) for name, value in values.items())
    return [Slip(name, slip[0], places[slip[1]][1]) for name, slip in found if slip]


def _values(
    scripts: Sequence[Script], environment: Mapping[str, tuple[str, str, int]]
) -> tuple[dict[str, str], list[tuple[str, int]]]:
    """Resolve both variables; the numbers of marks in them lead to a path and a line."""
    places: list[tuple[str, int]] = []

    def mark(path: str, line: int) -> str:
        if places[-1:] != [(path, line)]:
            places.append((path, line))
        return f"{_MARK}{len(places) - 1}{_MARK}"

    values: dict[str, Value] = dict.fromkeys(VARIABLES, "")
    for name, (value, path, line) in environment.items():
        known = value.replace(_MARK, "")
        values[name] = [mark(path, line), known] if name in VARIABLES and known else known
    for script in scripts:
        _run(script, values, mark)
    return {name: _flat(values.get(name, "")) for name in VARIABLES}, places


def _run(script: Script, values: dict[str, Value], mark: Callable[[str, int], str]) -> None:
    """Carry out the assignments of a script."""
    text = script.text.replace(_MARK, "")
    end, line = 0, script.line
    for match in _TOKEN.finditer(text):
        line += match["end"] is not None
        name = match["name"]
        if match.start() < end:
            continue  # inside the value before
        for gone in (match["gone"] or "").split():
            values.pop(gone, None)
        if name is None:
            continue
        value = _VALUE.match(text, match.end())
        raw = value[0] if value else ""
        end = match.end() + len(raw)
        here = mark(script.path, line) if name in VARIABLES else ""
        parts = [values.get(name, "")] if match["more"] else []
        parts += [part for part in _expanded(raw, values, here) if part]
        # An empty value is an empty text, for `${NAME:-DEFAULT}`.
        values[name] = [here, *parts] if parts else ""


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


def _options(value: str) -> Iterator[tuple[str, int]]:
    """Split a variable's value into options, with the number of the mark that tells its place."""
    number = 0
    for found in _WORD.finditer(value):
        word = found[0]
        if marks := _LINE.findall(word):
            if leading := _LEADING.match(word):
                number = int(leading[1])
            word = _LINE.sub("", word)
        if word.replace("\\\n", ""):
            yield _unquoted(word), number
        number = int(marks[-1]) if marks else number


def _slip(value: str) -> tuple[str, int] | None:
    """Find the first slip in a variable's value, and the number of the mark before it."""
    plain = _LINE.sub("", value)
    for found in _EVALUATED.finditer(plain):
        if "$" in found[0] or "`" in found[0]:
            return None
        if char := found["slip"]:
            number = behind = 0
            for mark in _LINE.finditer(value):
                if mark.start() - behind > found.start():
                    break
                behind += len(mark[0])
                number = int(mark[1])
            return char, number
    return None


def _expanded(raw: str, values: Mapping[str, Value], mark: str) -> Iterator[Value]:
    """Resolve what the shell does when it reads an assignment, as far as the file tells.

    Behind options of an earlier line, `mark` says that those of this one go on.
    """
    quoted = False
    end = 0
    while found := (_QUOTED_PIECE if quoted else _PIECE).search(raw, end):
        yield raw[end : found.start()]
        end = found.end()
        if found["quote"]:
            quoted = not quoted
        elif found["plain"] is not None:
            yield found["plain"]
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

    def plain(found: re.Match[str]) -> str:
        single, double, escaped = found.groups()
        if double is not None:
            return _IN_DOUBLE.sub(lambda m: m[1].strip("\n"), double)
        return single if single is not None else escaped.strip("\n")

    return _QUOTED.sub(plain, word)
