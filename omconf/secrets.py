"""Hides secrets in texts, by names and forms, and has the type of a value that may travel nowhere."""

from __future__ import annotations

import hmac
import re
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, NoReturn, TypeVar

from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_T = TypeVar("_T")
HIDDEN = "(sensitive value)"
MAX_SAID = 300
"""Characters of a program's or a node's own words in a message."""
_SHORTEST_LINE = 16
"""Characters of a line of a key that is hidden by itself."""
_PW = r"(?:(?<![^\W_])|(?<=-d))pw(?![^\W_])"  # a word: `DB_PW`, `-Dpw`
_KEYS = "(?:access|license|api|private)[-_.]?key|encryption\\.key"
WORDS = f"pas+w|pass|{_PW}|pwd|secret|token|salt|credential|authorization|bearer|{_KEYS}"
SECRET_NAME = regex(f"(?i){WORDS}")
"""Names (of parameters, properties, elements, mount options) whose values are never shown."""
_CERTAIN = (
    "pass",
    "pasw",
    "pwd",
    "secret",
    "token",
    "salt",
    "credential",
    "authorization",
    "bearer",
)
_POSSIBLE = ("pw", "key")
# Bounded and possessive, so that a crafted value cannot cost quadratic time.
_NAMED = regex(
    rf"(?i)((?:{WORDS})[\w.-]{{0,20}}+[\"']?"
    rf"(?:(?:\s{{1,3}}+value)?\s{{0,3}}+=\s{{0,3}}+|>|:\s{{1,3}}+(?!\{{))[\"']?)"
    rf"(?!{re.escape(HIDDEN)}|\*{{8}})(?<!\bcredentials=(?=/))(?<!\bsecretfile=(?=/))[^;&,)\s]+"
)
# `--password ...` as a program's own option, and `Bearer ...`: a blank stands before the value.
_BEHIND = regex(
    rf"(?i)((?<![\w-])--?[\w-]{{0,40}}?(?:{WORDS})[\w-]{{0,20}}+\s{{1,3}}+(?!-)"
    rf"|\bbearer\s{{1,3}}+(?=\S{{8}}))(?!{re.escape(HIDDEN)}|\*{{8}})[^\s'\"]+"
)
_BEFORE_AT = regex(r"(?<!\S)\S+(?=@)")
# `-u name:...`, and `//name:...@` with blanks in it, which no word ends.
_USER_AND = regex(
    r"((?<!\S)(?:-u|--user)[ =]\s{0,3}[^\s:]{1,100}:|//[^/:@\s]{1,100}:(?=[^/@]{1,200}@))[^@\n]+"
)
_NAME_END = regex(r"[\w.-]")
_HOST = regex(r"(?://|thin:)[^/:]*+[/:]")
_PLAIN = regex(
    r"(?i)(?:pas+w\w{0,20}|pwd|secret)=(?!\$\{)[^;&,\s]|//[^/:@\s]{1,100}:(?!\$\{)[^/@\s]{1,200}@"
)
_MAX_KEPT = 200
"""Characters of the longest text for which an answer is kept."""
_LOGIN = regex(r"(?i)\buser(?:name)?\s{0,9}=")
_CALLED = regex(r"(?<![\w-])(?!property|param|attribute)[\w-]{1,100}+\[[^\[\]]{0,300}\]")


def remembered(ask: Callable[[str], _T]) -> Callable[[str], _T]:
    """Keep what a function returns for short texts: nodes say mostly the same."""
    kept = lru_cache(maxsize=4096)(ask)

    @wraps(ask)
    def answer(text: str) -> _T:
        return kept(text) if len(text) <= _MAX_KEPT else ask(text)

    return answer


def speaks(text: str) -> bool:
    """Tell whether SECRET_NAME stands in a text: ten times as fast, which counts for whole files."""
    if text.isascii():
        lower = text.lower()
        if any(word in lower for word in _CERTAIN):
            return True
        if not any(part in lower for part in _POSSIBLE):
            return False
    return SECRET_NAME.search(text) is not None


@remembered
def hides(key: str) -> bool:
    """Tell whether an item's key says that its value is a secret, in any part of it.

    What a map or a queue is called says nothing of what stands in it.
    """
    return speaks(_CALLED.sub("", key))


def in_plain(name: str, value: str) -> bool:
    """Tell whether a property of the spec is a secret, or holds one: `https://user:...@host`.

    A `${...}` instead of the value is none.
    """
    return hides(name) or _PLAIN.search(value) is not None


def tells(name: str, value: str) -> bool:
    """Tell whether a value that is to be written down is a secret, or holds one in any form.

    Unlike `masked`, it takes a user's name alone for none: `-Djms.user=om`.
    """
    return in_plain(name, value) or _covered(value) != value


@remembered
def masked(text: str) -> str:
    """Hide the secrets inside a text: `password=...`, `//user:...@host`, `user:...@host`.

    A text with a login in it is hidden as a whole: its password may be spelt in any broken way.
    """
    return HIDDEN if _LOGIN.search(text) else _covered(text)


def _covered(text: str) -> str:
    text = _BEHIND.sub(rf"\1{HIDDEN}", text)
    text = _NAMED.sub(rf"\1{HIDDEN}", text)
    text = _USER_AND.sub(rf"\1{HIDDEN}", text)
    return _BEFORE_AT.sub(_without_login, text) if "@" in text else text


def _without_login(found: re.Match[str]) -> str:
    """Hide what follows the user's name in a word that an `@` ends."""
    word = found[0]
    if host := _HOST.search(word):
        cut = host.end()
    else:
        cut = word.rfind(":") + 1
        if cut < 2 or "/" in word[cut:] or not _NAME_END.match(word, cut - 2):
            return word
    return word if cut == len(word) else word[:cut] + HIDDEN


def masked_lines(lines: Iterable[str]) -> Iterator[str]:
    """Hide each line that speaks of a secret as a whole: where its value ends is the program's to say.

    So is a line that continues a hidden one, after a backslash.
    """
    goes_on = False
    for line in lines:
        hidden = goes_on or speaks(line)
        yield HIDDEN if hidden else masked(line)
        goes_on = hidden and line.rstrip("\r").endswith("\\")


def last_line(lines: Iterable[str], hide: Callable[[str], str] = masked) -> str:
    """Return the last line that is not blank, hidden and cut to the length that a message can have.

    It is what a program on another machine says of its failure: hostile text.
    """
    line = hide(next((line for line in reversed([line.strip() for line in lines]) if line), ""))
    return line if len(line) <= MAX_SAID else line[: MAX_SAID - 3] + "..."


def quoted(text: str) -> str:
    """Return a word of a deployed file as a message may quote it: masked, and cut short."""
    text = masked(text)
    return text if len(text) <= 80 else text[:77] + "..."


class Secret:
    """A secret's value. It can be compared and revealed on purpose, and nothing else.

    Printing, formatting and `repr` show `(sensitive value)`; pickling and copying are refused. The
    value has no attribute's name, by which deepdiff, and all that walks objects, would find it.
    """

    __slots__: tuple[str, ...] = ("value",)

    def __init__(self, value: str, *beside: str) -> None:
        _VALUE.__set__(self, (value, *beside))

    def reveal(self) -> str:
        """Return the value. Every call of this is a place to look at in a review."""
        return self.texts()[0]

    def texts(self) -> tuple[str, ...]:
        """Return the value, and what stands beside it where it was read: to hide all of them."""
        texts: tuple[str, ...] = _VALUE.__get__(self)
        return texts

    def _bytes(self) -> bytes:
        return self.reveal().encode("utf-8", "surrogatepass")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._bytes(), other._bytes())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")


class SecretFile(Secret):
    """The content of a secret file, its bytes as surrogate escapes where they are no UTF-8.

    Of a key in text its lines are hidden one by one; what is binary stands in no text.
    """

    __slots__ = ()

    def texts(self) -> tuple[str, ...]:
        """Return nothing for the value itself, and the lines that hold the secret."""
        content = self.reveal()
        if any("\udc80" <= char <= "\udcff" for char in content):
            return ("",)
        lines = (line.strip() for line in content.split("\n"))
        return ("", *(line for line in lines if len(line) >= _SHORTEST_LINE and line[0] != "-"))

    def reveal(self) -> str:
        """Return the content."""
        return super().texts()[0]

    def _bytes(self) -> bytes:
        return self.reveal().encode("utf-8", "surrogateescape")


_VALUE = Secret.__dict__["value"]
del Secret.value  # type: ignore[attr-defined]
Secret.__slots__ = ()
