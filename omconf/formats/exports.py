"""`/etc/exports` as text: cut into words and entries as exportfs does it.

It follows what exportfs of nfs-utils 2.6 does with a file rather than exports(5) alone: the manual is
silent about a missing client, carriage returns and where reading stops.
"""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_right
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.diagnostics import Finding
from omconf.findings import report
from omconf.formats.block import MAX_ENTRIES, Entry, too_many
from omconf.formats.export_clients import network
from omconf.formats.nfs_options import ExportOptions, check_export
from omconf.regex import regex
from omconf.rules import BEYOND_LIMIT, UNUSABLE_FILE, WORLD_EXPORT
from omconf.secrets import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable


def read(text: str) -> tuple[list[Entry], list[Finding]]:
    """Read what a file exports: one entry a client, `PATH CLIENT` and its options in force.

    The options are merged with the line's and exportfs's own defaults (see `settle_export`). `*` stands
    for the world, named or not. Findings: OM310 for a world that nobody named, OM301 for what
    exportfs refuses. It reads nothing more after most errors; here reading goes on.
    """
    return _Reader(text).read()


def escape(path: str) -> str:
    r"""Write a path as exports(5) wants it: `\040` for a space, and so on.

    exportfs looks for octal codes in what it has already decoded, so digits that follow a backslash
    of the path are written as codes too.
    """
    return "".join(
        f"\\{ord(char):03o}"
        if char in ' "#\\\x7f'
        or ord(char) < 32
        or (char in "0123456789" and "\\" in path[max(0, at - 3) : at])
        else char
        for at, char in enumerate(path)
    )


def lets_in(clients: Iterable[str], address: str) -> bool:
    """Tell whether an address may be let in: who has which name, or is in a netgroup, is not known."""
    networks = [network(client) for client in clients]
    host = ipaddress.IPv4Address(address)
    return any(known is None or host in known for known in networks)


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the file, quotes and codes resolved; empty at the end of a line."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Defaults:
    """A line's options for the clients that follow, and what they come to as text."""

    options: ExportOptions
    text: str
    full: bool = False
    """Whether there was more than MAX_DEFAULTS allows."""


_NO_DEFAULTS = _Defaults(ExportOptions(), ",".join(ExportOptions().settled()))


@dataclass(slots=True)
class _Line:
    """A logical line: its path, its clients with their defaults, and the range that it takes."""

    path: str
    clients: list[tuple[_Word, _Defaults]]
    whole: tuple[int, int]


# What C's isspace() takes for white space; str.isspace() knows more.
_SPACE = " \t\n\v\f\r"
_PLAIN = regex(r'[^ \t\n\v\f\r"\\]+(?=[ \t\n])')
_OCTAL = regex(r"\\[0-3][0-7]{2}")
# Sizes of exportfs's buffers.
MAX_WORD = 511
"""Bytes of a client with its options, or of `-options`."""
_MAX_PATH = 1024
"""Bytes of a path."""
MAX_DEFAULTS = 1024
"""Bytes of the options in force for the clients of a line, its `-options` together. With every
option of exports(5) they have fewer; each client has them, so that more would multiply."""
_STOPS = "exportfs ignores the rest"


class _Scanner:
    """Cuts a file into words exactly as exportfs does."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def next(self) -> str:
        """Take a character; a backslash at a line's end and blanks after it are one space."""
        char = self.text[self.at : self.at + 1]
        self.at += len(char)
        if char == "\\" and self.text.startswith("\n", self.at):
            self.at += 1
            while self.text.startswith((" ", "\t"), self.at):
                self.at += 1
            return " "
        return char

    def skip(self, blanks: str) -> None:
        """Skip blanks and comments, which no backslash continues."""
        while self.at < len(self.text):
            before = self.at
            char = self.next()
            if char == "#":
                newline = self.text.find("\n", self.at)
                before = self.at = len(self.text) if newline < 0 else newline
                char = self.next()
            if char not in blanks:
                self.at = before
                return

    def word(self) -> _Word:
        """Take a word; the white space after it goes too, save for a line feed."""
        start = end = self.at
        if plain := _PLAIN.match(self.text, start):
            end = plain.end()
            self.at = end if self.text[end] == "\n" else end + 1
            return _Word(plain.group(), start, end)
        chars: list[str] = []
        quoted = False
        while True:
            before = self.at
            char = self.next()
            if not char or (char in _SPACE and not quoted):
                if char == "\n":
                    self.at = before
                return _Word(_joined(chars), start, end)
            end = self.at
            if char == '"':
                quoted = not quoted
                continue
            chars.append(char)
            if chars[-4:-3] == ["\\"] and _OCTAL.fullmatch(code := "".join(chars[-4:])):
                byte = int(code[1:], 8)
                chars[-4:] = [chr(byte) if byte < 128 else chr(0xDC00 + byte)]


def _joined(chars: list[str]) -> str:
    """Join characters, and the bytes among them to characters where they are UTF-8."""
    word = "".join(chars)
    try:
        return word.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # text that no bytes were decoded to
        return word


class _Reader:
    """Reads a file's words to entries and findings."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.scanner = _Scanner(text)
        self.entries: list[Entry] = []
        self.findings: list[Finding] = []
        self.seen: dict[tuple[str, str], int] = {}
        self.newlines = [found.start() for found in re.finditer("\n", text)]
        self.done = 0  # the end of the last logical line

    def read(self) -> tuple[list[Entry], list[Finding]]:
        stopped = False
        while True:
            self.scanner.skip(" \t\n")
            if self.scanner.at >= len(self.text):
                return self.entries, self.findings
            path = self.scanner.word()
            if path.text:
                self.read_line(self.words(path))
            elif not stopped:
                stopped = True
                hint = "Remove the content of the line, a carriage return or empty quotes."
                self.refuse(path, f"This line looks empty but is not: {_STOPS}.", hint)
            self.done = self.scanner.at

    def words(self, path: _Word) -> _Line:
        """Read a line's words; a client that has no name is an empty word where it could stand."""
        clients: list[tuple[_Word, _Defaults]] = []
        defaults = _NO_DEFAULTS
        place = path
        while (word := self.word()).text or not clients:
            if word.text.startswith("-"):
                defaults = self.defaults(word, defaults)
                place, word = word, self.word()
            clients.append((word if word.text else _Word("", place.start, place.end), defaults))
            if len(self.entries) + len(clients) > MAX_ENTRIES:
                self.findings.append(too_many(self.line_of(word.start)))
                self.scanner.at = len(self.text)
                clients = []
                break
        start = self.start_of_line(path.start)
        if self.done > start:
            start = path.start
        end = self.scanner.at + self.text.startswith("\n", self.scanner.at)
        if _bytes(path) > _MAX_PATH:
            self.refuse(path, f"A path of over {_MAX_PATH} bytes: {_STOPS}.")
            clients = []
        elif not path.text.startswith("/"):
            self.refuse(path, f"`{quoted(path.text)}` is not an absolute path: exportfs fails.")
        return _Line(path.text.rstrip("/") or "/", clients, (start, end))

    def defaults(self, word: _Word, before: _Defaults) -> _Defaults:
        """Add the options of a `-options` word to those before it on the line."""
        if _bytes(word) > MAX_WORD:
            self.refuse(word, f"Options of over {MAX_WORD} bytes: {_STOPS}.")
            return before
        if before.full:
            return before
        options = before.options.plus(self.options(word, word.text[1:]))
        text = ",".join(options.settled())
        if len(text.encode("utf-8", "surrogatepass")) > MAX_DEFAULTS:
            message = f"The `-options` of this line exceed {MAX_DEFAULTS:,} bytes: omconf"
            message += " ignores those from here on."
            report(self.findings, Finding(BEYOND_LIMIT, self.line_of(word.start), message))
            return replace(before, full=True)
        return _Defaults(options, text)

    def word(self) -> _Word:
        self.scanner.skip(" \t")
        return self.scanner.word()

    def options(self, word: _Word, listed: str) -> tuple[str, ...]:
        options, wrong = _split(listed)
        for message, hint in wrong:
            self.refuse(word, f"{message} {_STOPS.capitalize()}.", hint)
        return options

    def read_line(self, read: _Line) -> None:
        before: _Word | None = None
        for word, defaults in read.clients:
            client, bracket, listed = word.text.partition("(")
            if _bytes(word) > MAX_WORD:
                self.refuse(word, f"A client of over {MAX_WORD} bytes: {_STOPS}.")
            elif bracket and (not listed.endswith(")") or ")" in listed[:-1]):
                message = (
                    f"The bracket of `{quoted(word.text)}` is not closed at its end: {_STOPS}."
                )
                self.refuse(word, message, "Write each client as one word: `host(rw,sync)`.")
            else:
                value = defaults.text
                if bracket:
                    own = self.options(word, listed[:-1])
                    value = ",".join(defaults.options.plus(own).settled())
                if not client:
                    writes = "rw" in value.split(",")
                    self.world(read.path, before, word, writes=writes)
                self.client(read, word, client, value)
            before = word

    def client(self, read: _Line, word: _Word, client: str, value: str) -> None:
        if client.startswith("-"):
            self.refuse(word, f"exportfs reads `{quoted(client)}` as a client name.")
        elif _bad_network(client):
            self.refuse(
                word, f"`{quoted(client)}` is not an address with a prefix length or a netmask."
            )
        name = client or "*"
        number = self.line_of(word.start)
        # exportfs tells the world without a name and without a bracket from `*`, here at least.
        twice = name.lower() if word.text else ""
        first = self.seen.setdefault((read.path, twice), word.start)
        if first != word.start:
            where = f"`{quoted(read.path)}` is exported to `{quoted(name)}`"
            message = f"{where} in line {self.line_of(first)} already"
            self.refuse(word, f"{message}: exportfs ignores this entry and fails.", "Keep one.")
        self.entries.append(
            Entry(
                f"{read.path} {name}",
                value,
                number,
                self.line_of(max(word.start, read.whole[1] - 1)),
                self.span(word, read.whole),
                read.whole,
                len(read.clients),
                unnamed=not client,
            )
        )

    def span(self, word: _Word, whole: tuple[int, int]) -> tuple[int, int]:
        """Find what goes with a client: its word, and one blank beside it."""
        if word.start > whole[0] and self.text[word.start - 1] in " \t":
            return word.start - 1, word.end
        return word.start, word.end + self.text.startswith((" ", "\t"), word.end)

    def world(self, path: str, before: _Word | None, word: _Word, *, writes: bool) -> None:
        mode = "read-write" if writes else "read-only"
        if word.text and before and before.text and "(" not in before.text:
            message = f"Because of the space, `{quoted(path)}` is exported to the world, {mode}."
            right = quoted(f"{escape(path)} {before.text}{word.text}")
            hint = f"Remove the space: `{right}`."
        else:
            message = f"Without a client's name, `{quoted(path)}` is exported to the world, {mode}."
            where = "before the bracket" if word.text else "after the path"
            hint = f"Name the clients, or write `*` {where} to export to everyone."
        report(self.findings, Finding(WORLD_EXPORT, self.line_of(word.start), message, hint))

    def refuse(self, word: _Word, message: str, hint: str = "") -> None:
        report(self.findings, Finding(UNUSABLE_FILE, self.line_of(word.start), message, hint))

    def line_of(self, at: int) -> int:
        return bisect_right(self.newlines, at - 1) + 1

    def start_of_line(self, at: int) -> int:
        line = self.line_of(at)
        return self.newlines[line - 2] + 1 if line > 1 else 0


def _bytes(word: _Word) -> int:
    return len(word.text.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=256)
def _split(listed: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Split options as exportfs does; also what is wrong with each, and a hint."""
    options = [option.lstrip(" \t") for option in listed.split(",")]
    if not options[-1]:
        options.pop()
    wrong = [
        (verdict.message, f"Write `{verdict.suggestion}`." if verdict.suggestion else "")
        for verdict in map(check_export, options)
        if verdict
    ]
    return tuple(options), tuple(wrong)


def _bad_network(client: str) -> bool:
    """Tell whether exportfs takes a client for a network, and refuses it."""
    address, slash, mask = client.partition("/")
    if not slash or client.startswith(("gss/", "@")) or re.search(r"[*?\[\\]", address):
        return False
    version = _version(address)
    if version is None:
        return True
    if "." in mask:
        return version != 4 or _version(mask) != 4
    # Nothing after the slash is 0.
    longest = 32 if version == 4 else 128
    return bool(mask) and not (re.fullmatch(r"\+?[0-9]{1,3}", mask) and int(mask) <= longest)


def _version(address: str) -> int | None:
    try:
        return None if "%" in address else ipaddress.ip_address(address).version
    except ValueError:
        return None
