"""JAVA_OPTS of setenv.sh: how an option is quoted there, and read back.

catalina.sh sources setenv.sh and evaluates JAVA_OPTS once more. So each option is one word in
single quotes for that evaluation, inside the double quotes of the assignment (POSIX, Quoting).
"""

from __future__ import annotations

import re

from omconf.formats import quoted_words

ONE_WORD = re.compile(r""" '(?:[^'\\"$`]|\\[\\"$`]|'\\\\'')*'[\\"]""")
"""A line of the block whose option is one quoted word."""


def quoted(option: str) -> str:
    """Quote an option for both evaluations: the inverse of `plain`."""
    once = "'" + option.replace("'", "'\\''") + "'"
    return re.sub(r'([\\"$`])', r"\\\1", once)


def plain(raw: str) -> str:
    """Read one line of the block: the option in it, or the text itself if not quoted by `quoted`."""
    text = raw.strip().removesuffix("\\").removesuffix('"')
    once = re.sub(r'\\([\\"$`])', r"\1", text)
    words = split(once) if "'" in once else None
    return once if words is None else " ".join(words)


# shlex.split gives the same, but copies the word at each character.
_PIECE = re.compile(
    r"""(?P<blank>[ \t\r\n]++)|(?P<plain>[^ \t\r\n'"\\]++)|'(?P<single>[^']*+)'"""
    r"""|"(?P<double>(?:[^"\\]|\\.)*+)"|\\(?P<escaped>.)""",
    re.DOTALL,
)


def split(text: str) -> list[str] | None:
    """Split a text into words as a shell does, and remove quotes; None if a quote is not closed."""
    words, at, _ = quoted_words.cut(text, _PIECE, _meaning)
    return words if at == len(text) else None


def _meaning(found: re.Match[str]) -> str:
    piece = found[str(found.lastgroup)]
    return re.sub(r'\\([\\"])', r"\1", piece) if found["double"] else piece
