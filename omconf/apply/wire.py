"""What omconf and the program on a node (node.sh) say to each other: lines, commands and answers."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

from omconf.dataclass import dataclass
from omconf.formats import printf

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from omconf.process import Answer


SLACK = 30
"""Seconds that a node may take to answer, beyond what its program may take."""


LEASE_SECONDS = 30
"""As long a node keeps a lock without a sign of its holder, where no program holds it."""
SHORT = 200
"""Bytes of a line that a node's shell reads itself, byte by byte."""


def command(*fields: bytes | str) -> bytes:
    """Write a command and its fields as a line."""
    return b"|".join([printf.written(each) for each in fields])


def framed(lines: Sequence[bytes]) -> bytes:
    """Write commands as they are sent; after a long one nothing may be, before it is answered."""
    text = b"\n".join(lines)
    alone = len(lines) == 1 and len(text) <= SHORT
    return text + b"\n" if alone else b"%d\n%b" % (len(text), text)


def key(path: str) -> str:
    """Return the key under which a node's journal keeps a file, or a service."""
    return hashlib.sha256(printf.written(path)).hexdigest()


_NUMBER = re.compile("[0-9]{0,4}")
_ACCESS = re.compile(r"(?:[0-7]{1,4}\|[0-9]{1,10}\|[0-9]{1,10})?")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a node answers: whether it did what it was told, and some words."""

    ok: bool
    words: tuple[str, ...] = ()

    @classmethod
    def of(cls, line: bytes) -> Reply:
        """Read an answer; raises ValueError for what no node program says."""
        verdict, *words = line.decode("ascii", "replace").split("|")
        if verdict not in ("ok", "failed"):
            raise ValueError("not an answer of the node program")
        return cls(verdict == "ok", tuple(words))

    def word(self, number: int) -> str:
        """Return the word at this index; empty if there is none."""
        return self.words[number] if number < len(self.words) else ""

    @property
    def number(self) -> int:
        """The answer as a number; raises LostError for what no node program says."""
        return int(self._like(_NUMBER) or 0)

    @property
    def access(self) -> str:
        """The answer as `MODE|UID|GID`, or empty; raises LostError as `number` does."""
        return self._like(_ACCESS)

    def _like(self, form: re.Pattern[str]) -> str:
        text = "|".join(self.words)
        if not form.fullmatch(text):
            raise LostError("unexpected response from the node program")
        return text


class LostError(Exception):
    """Raised when a node does not answer any more; the text says why, `said` what ssh said last."""

    def __init__(self, text: str, *, said: str = "") -> None:
        super().__init__(text)
        self.said = said


class OtherError(LostError):
    """Raised when a node answers, but not as the node program does."""


class LeftError(LostError):
    """Raised when a second signal ends the wait for a node; `running`: it was at something."""

    def __init__(self, text: str = "it was interrupted again", *, running: bool = False) -> None:
        super().__init__(text)
        self.running = running


UNWRITABLE = "omconf cannot write to /var/lib/omconf on this node"
"""Why a node that responds cannot take its lock, or note what begins."""


class FencedError(LostError):
    """Raised when a node answers that somebody broke its lock: it does nothing more for this omconf."""

    def __init__(self) -> None:
        super().__init__("somebody broke its lock")


def lost(node: str, error: LostError) -> str:
    """Return why a node does nothing more, with its name."""
    own = isinstance(error, LeftError | FencedError)
    return f"{node}: {error}" if own else f"{node} does not respond: {error}"


QUESTIONS = ("look", "room", "program", "systemd", "account", "reads")
"""Commands that change nothing: what follows one is carried out whatever the answer is."""


class Command(NamedTuple):
    """A command, and the number of its answers."""

    fields: tuple[bytes | str, ...]
    answers: int = 1

    @classmethod
    def of_rows(cls, fields: Sequence[str], rows: Sequence[Sequence[bytes | str]]) -> Command:
        """Return a command about some files, with an answer to each row."""
        # A shell takes no notice of an empty field at the end.
        return cls((*fields, *(field for row in rows for field in row), "."), len(rows))

    def ends(self, replies: Iterable[Reply]) -> Reply | None:
        """Return the answer after which nothing is carried out any more; None if there is none."""
        failed = (reply for reply in replies if not reply.ok)
        return None if self.fields[0] in QUESTIONS else next(failed, None)


class Line(Protocol):
    """A connection to the program on a node."""

    def tell(self, *fields: bytes | str) -> None:
        """Send a command together with the next one, which has its answer if it fails."""

    def ask_all(self, commands: Iterable[Command]) -> list[list[Reply]]:
        """Send commands at once, and wait for all answers to each; raises LostError.

        What is not carried out, because one before it failed, has the answer of that one.
        """

    def ask(self, *fields: bytes | str, seconds: float = 60) -> Reply:
        """Send a command and wait for its answer; raises LostError."""

    def ask_each(self, fields: Sequence[str], rows: Iterable[Sequence[bytes | str]]) -> list[Reply]:
        """Send a command about some files, a row each, and wait for an answer to each row.

        Raises LostError. The answer `before` says that another row is why nothing was done.
        """

    def output(self, words: Sequence[str], stdin: bytes, *, seconds: int) -> Answer:
        """Run a program there and return what it prints: hostile bytes; raises LostError."""

    def said(self) -> str:
        """Return what programs printed on the node since the last call: hostile text."""
