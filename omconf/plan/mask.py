"""Hides secrets by their values in a text: under a mistyped key, in a comment, in a message.

How much a value may hide depends on how likely it is to stand somewhere by chance, because a hidden
word in a text that everybody knows would itself give the secret away:

- A distinct value is hidden everywhere, also inside a longer word.
- An ordinary value (a plain word or a few short ones, a number, or a part of a name that the plan
  prints anyway) is hidden as a whole word in deployed text, and in what a message quotes.
- A value of fewer than `SHORTEST` characters is hidden in deployed text where it is all of a value.
"""

from __future__ import annotations

import json
import re
import shlex
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote, quote_plus

from omconf.formats import connection_properties, properties, sql, utf8, xml
from omconf.regex import regex
from omconf.secrets import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from omconf.diagnostics import Diagnostic
    from omconf.secrets import Secret

SHORTEST = 4
"""Characters of the shortest value that is hidden inside longer texts."""
_ORDINARY = regex(r"[A-Za-z][a-z]{0,11}|[A-Z]{1,12}|[0-9]{1,12}|(?=.{1,16}$)[a-z]+(?: [a-z]+)+")
_PLACEHOLDER = regex(r"@omconf:[\w.-]+@|\$\{[^{}]*\}")
_BETWEEN = regex(r"[,=;&?:\s\"'{}\\]+")
"""Where readers of deployed files cut values apart."""
_QUOTED = regex(r"`[^`]*`|(?<=, but is ).*")
"""What a message quotes of a deployed file; the second is the schemas' way."""
_CUT = regex(r" ?\.\.\.")
_MAX_CUT = 1000
"""Characters of a secret that are searched before a cut."""
# As html.escape does; to import html reads its table of 2,000 names.
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_HTML = _MARKUP | {ord('"'): "&quot;"}
_ENCODINGS: tuple[Callable[[str], str], ...] = (
    str,
    str.lower,
    lambda text: " ".join(text.split()),
    utf8.replaced,
    xml.escape,
    lambda text: text.translate(_HTML | {ord("'"): "&#x27;"}),
    lambda text: text.translate(_MARKUP),
    lambda text: text.translate(_HTML | {ord("'"): "&apos;"}),
    lambda text: text.translate(_HTML | {ord("'"): "&#39;"}),
    lambda text: quote(text, safe="", errors="surrogatepass"),
    lambda text: quote(text, errors="surrogatepass"),
    lambda text: quote_plus(text, errors="surrogatepass"),
    properties.written,
    lambda text: properties.written(text, " =:#!"),
    lambda text: sql.postgresql_text(text).removeprefix("E")[1:-1],
    lambda text: sql.mysql_text(text)[1:-1],
    connection_properties.quote,
    lambda text: xml.escape(connection_properties.quote(text)),
    lambda text: shlex.quote(text).removeprefix("'").removesuffix("'"),
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: ascii(text)[1:-1],
    lambda text: re.sub(r"[\x00-\x20\\\x7f]", lambda found: f"\\{ord(found[0]):03o}", text),
    lambda text: text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$"),
)
"""How a value stands in files: as each of the formats writes it, and as programs quote texts."""


class Mask:
    """Hides the values of secrets in texts, each in one pass."""

    __slots__ = ("_anywhere", "_distinct", "_inside", "_short", "_texts", "_values", "_words")

    def __init__(self, secrets: Iterable[Secret] = (), public: Iterable[str] = ()) -> None:
        """Take secrets, and names that are printed whatever the secrets are."""
        known = "\n".join(public)
        distinct, words, short = set[str](), set[str](), set[str]()
        for text in dict.fromkeys(_texts(secrets)):
            for form in _forms(text):
                if len(form) < SHORTEST:
                    short.add(form)
                elif _ORDINARY.fullmatch(form) or form in known:
                    words.add(form)
                else:
                    distinct.add(form)
        self._distinct = sorted(distinct, key=len, reverse=True)
        self._inside = _compiled(distinct)
        self._words = _compiled(words, r"(?<![\w.-])", r"(?![\w.-])")
        self._short = _compiled(short, r"(?:^|(?<=[=/])|(?<==[\"']))", r"(?=$|[\"'\s,;&])")
        self._anywhere = _compiled(words | short, r"(?<!\w)", r"(?!\w)")
        # The same texts stand on many nodes.
        self._texts: dict[str, str] = {}
        self._values: dict[str, str] = {}

    def __repr__(self) -> str:
        return "Mask()"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a mask holds secrets: it cannot be pickled or copied")

    def text(self, text: str) -> str:
        """Hide distinct values in a text of any kind."""
        found = self._texts.get(text)
        if found is None:
            found = self._texts[text] = self._without_beginnings(_hidden(self._inside, text))
        return found

    def value(self, text: str) -> str:
        """Hide all values in a text that stands in a deployed file."""
        found = self._values.get(text)
        if found is None:
            found = _hidden(self._short, _hidden(self._words, self.text(text)))
            self._values[text] = found
        return found

    def message(self, text: str) -> str:
        """Hide distinct values in a message for people, and ordinary ones in what it quotes."""
        text = self.text(text)
        if self._words is None:
            return text
        return _QUOTED.sub(lambda found: _hidden(self._words, found[0]), text)

    def holds(self, text: str) -> bool:
        """Tell whether any value may stand in a text; one too many does no harm here."""
        return any(p is not None and p.search(text) for p in (self._inside, self._anywhere))

    def diagnostic(self, found: Diagnostic) -> Diagnostic:
        """Hide values in what a finding says."""
        return replace(found, message=self.message(found.message), hint=self.text(found.hint))

    def _without_beginnings(self, text: str) -> str:
        """Hide what is left of a value where a text was cut short before it came here."""
        for cut in reversed(list(_CUT.finditer(text))):
            head = text[: cut.start()]
            for form in self._distinct:
                longest = min(len(form) - 1, len(head), _MAX_CUT)
                if form[:SHORTEST] in head and (
                    size := next(
                        (n for n in range(longest, SHORTEST - 1, -1) if head.endswith(form[:n])), 0
                    )
                ):
                    text = head[:-size] + HIDDEN + text[cut.start() :]
                    break
        return text


def _texts(secrets: Iterable[Secret]) -> Iterator[str]:
    """Go through values, and the pieces that readers of files may cut them into."""
    for secret in secrets:
        value, *beside = secret.texts()
        yield from beside
        if value and not _PLACEHOLDER.fullmatch(value):
            yield value
            yield from filter(None, _BETWEEN.split(value))


def _forms(text: str) -> set[str]:
    found = set()
    for encode in _ENCODINGS:
        with suppress(ValueError):
            found.add(encode(text))
    percent = {form for form in found if "%" in form}
    found |= {re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), form) for form in percent}
    return found - {""}


def _compiled(forms: set[str], before: str = "", after: str = "") -> re.Pattern[str] | None:
    """Make one alternation, longest first, in groups by the first character; None for nothing."""
    if not forms:
        return None
    groups = []
    for first, same in groupby(sorted(forms, key=lambda f: (f[0], -len(f), f)), lambda f: f[0]):
        groups.append(f"{re.escape(first)}(?:{'|'.join(re.escape(form[1:]) for form in same)})")
    return re.compile(f"(?m){re.escape(HIDDEN)}|{before}(?:{'|'.join(groups)}){after}")


def _hidden(pattern: re.Pattern[str] | None, text: str) -> str:
    return text if pattern is None else pattern.sub(HIDDEN, text)
