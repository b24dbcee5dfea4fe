"""JVM options in shell, as people write them in Tomcat's setenv.sh and catalina.sh.

catalina.sh sources setenv.sh and evaluates both variables once more. What the scripts set is read by
shell_variables.py; here are the options in it, and the mistakes for which Tomcat would not start.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.formats import java
from omconf.formats.shell_variables import MARK, RUN, VARIABLES, Mistake, Script, Shell
from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TIME_ZONE = "-Duser.timezone="
_LEADING = regex(r"(?:\0([0-9]++)\0)++")
_WORD = regex(rf"""(?:{RUN}|[^\s'"\\]|\\.|'[^']*+'|"(?:{RUN}|[^"\\]|\\.)*+")++""", re.DOTALL)
_QUOTED = regex(r"""'([^']*+)'|"((?:[^"\\]|\\.)*+)"|\\(.)""", re.DOTALL)
_IN_DOUBLE = regex(r'\\([\\"$`\n])')
_EVALUATED = regex(
    r"""'[^']*+'|"(?:[^"\\]|\\.)*+"|\\.|[$`]|(?P<mistake>['"\n;&|<>()]|(?<!\S)\#)""", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Option:
    """A JVM option that is set by hand: by which variable, in which line of which file from 1."""

    text: str
    line: int
    path: str = ""
    variable: str = VARIABLES[0]
    sure: bool = True
    """False where a branch sets it, or sets it anew, that only the node knows to run."""
    literal: bool = False
    """True where it is quoted for good: `$` and a backtick in it are characters."""

    @property
    def known(self) -> bool:
        """Whether its text says all of it."""
        return self.sure and (self.literal or not {"$", "`"} & set(self.text))

    @property
    def opaque(self) -> bool:
        """Whether only the node's shell can tell which options it stands for."""
        return self.text.startswith(("$", "`"))


def options(text: str) -> list[Option]:
    """Read the options that a file alone sets; see `evaluated`."""
    return evaluated([Script(text)])


def evaluated(
    scripts: Sequence[Script], environment: Mapping[str, tuple[str, str, int]] | None = None
) -> list[Option]:
    """Read the options that scripts set, in the order in which catalina.sh gives them to the JVM.

    `environment` is what the first one starts with: value, path and line, by name. An option that
    takes the next word is read as the same in one word: `--add-opens=...`.
    """
    shell = Shell(scripts, environment or {})
    return [
        Option(text, line, path, name, number % 2 == 0)
        for name in VARIABLES
        for text, number in _joined(_options(shell.value(name)))
        for path, line in shell.places[number // 2 : number // 2 + 1]
    ]


def time_zone(
    scripts: Sequence[Script], environment: Mapping[str, tuple[str, str, int]] | None = None
) -> Option | None:
    """Read what `TZ` makes of the JVM's time zone: it counts where no option says another."""
    shell = Shell(scripts, environment or {})
    value = shell.value("TZ")
    zone = MARK.sub("", value).removeprefix(":")
    mark = MARK.search(value)
    if not zone or not mark or "TZ" not in shell.exported:
        return None
    path, line = shell.places[int(mark[1]) // 2]
    return Option(f"{TIME_ZONE}{zone}", line, path, "TZ", int(mark[1]) % 2 == 0)


def overwritten(text: str, name: str) -> list[int]:
    """Find the lines where a file sets a variable without what it had, or unsets it."""
    return [line for each, line in Shell([Script(text)], {}).anew if each == name]


def mistakes(text: str) -> list[Mistake]:
    """Find what catalina.sh's `eval` takes for the shell's own: a bare `|`, an open quote.

    At most one a variable, and none behind what only the node's shell knows.
    """
    shell = Shell([Script(text)], {})
    found = ((name, _mistake(shell.value(name))) for name in VARIABLES)
    mistakes = [
        Mistake(name, mistake[0], shell.places[mistake[1] // 2][1])
        for name, mistake in found
        if mistake
    ]
    return (
        mistakes
        + [s for s in shell.open if s.name not in {mistake.name for mistake in mistakes}][:1]
    )


def _options(value: str) -> Iterator[tuple[str, int]]:
    """Split a variable's value into options, with the number of the mark that tells its place."""
    number = 0
    for found in _WORD.finditer(value):
        word = found[0]
        if marks := MARK.findall(word):
            if leading := _LEADING.match(word):
                number = int(leading[1])
            word = MARK.sub("", word)
        if word.replace("\\\n", ""):
            yield _unquoted(word), number
        number = int(marks[-1]) if marks else number


def _joined(words: Iterator[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Join an option and the word that it takes; either is unsure if one of them is."""
    for word, number in words:
        taken = next(words, None) if word in java.IN_TWO_WORDS else None
        if taken is None:
            yield word, number
        elif taken[0].startswith("-"):  # a mistake: what it takes is missing
            yield word, number
            yield taken
        else:
            yield f"{java.IN_TWO_WORDS[word]}={taken[0]}", number | taken[1] % 2


def _mistake(value: str) -> tuple[str, int] | None:
    """Find the first mistake in a variable's value, and the number of the mark before it."""
    plain = MARK.sub("", value)
    for found in _EVALUATED.finditer(plain):
        if "$" in found[0] or "`" in found[0]:
            return None
        if char := found["mistake"]:
            number = behind = 0
            for mark in MARK.finditer(value):
                if mark.start() - behind > found.start():
                    break
                behind += len(mark[0])
                number = int(mark[1])
            return char, number
    return None


def _unquoted(word: str) -> str:
    """Take the quotes off a word that is evaluated once more."""

    def plain(found: re.Match[str]) -> str:
        single, double, escaped = found.groups()
        if double is not None:
            return _IN_DOUBLE.sub(lambda m: m[1].strip("\n"), double)
        return single if single is not None else escaped.strip("\n")

    return _QUOTED.sub(plain, word)
