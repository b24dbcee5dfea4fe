"""What `omconf-node-check` prints on a node: findings and facts, one a line, read as hostile input."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = "/usr/local/sbin/omconf-node-check"

MAX_BYTES = 1024 * 1024
"""Bytes of one answer; a node of a cluster of 10,000 sends less."""
MAX_LINES = 20_000
"""Lines of one answer: in a cluster of 10,000, a node names each once, beside some 100 findings."""
MAX_TEXT = 2000
"""Characters of the text of a line."""

_LINE = regex(r"(ok|fail|warn|unknown|fact)\t([a-z][a-z-]{0,30})\t([^\t]*)")


class Status(StrEnum):
    """How a check ended: `warn` for what works but may fail one day, `unknown` for one not made."""

    OK = "ok"
    FAIL = "fail"
    WARN = "warn"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: which check it is of, how it ended, and what to say about it."""

    status: Status
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """All that the program printed: the checks in its order, facts by name."""

    checks: tuple[Check, ...] = ()
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def fact(self, name: str) -> str | None:
        """A fact that is there once."""
        values = self.facts.get(name, ())
        return values[0] if len(values) == 1 else None


def before(output: bytes) -> bytes:
    """Return what stands before the program's first line; empty if no line of it is there."""
    found = _LINE.search(output.decode("latin-1"))
    return output[: found.start()] if found else b""


def read(output: bytes, known: Mapping[str, str] = MappingProxyType({})) -> Said:
    """Read what the program printed.

    A fact's value that is in `known` is kept as the string that stands there, so that the names
    and addresses of a cluster are in memory once. Raises ValueError, with a reason for people, for
    anything that the program does not print.
    """
    if len(output) > MAX_BYTES or output.count(b"\n") > MAX_LINES:
        raise ValueError("it sent more output than a check produces")
    checks: list[Check] = []
    facts: dict[str, list[str]] = {}
    for line in output.decode("utf-8", "replace").removesuffix("\n").split("\n"):
        found = _LINE.fullmatch(line)
        if found is None or len(found[3]) > MAX_TEXT:
            raise ValueError("its response is not from omconf-node-check")
        word, name, text = found.groups()
        if word == "fact":
            facts.setdefault(name, []).append(known.get(text, text))
        else:
            checks.append(Check(Status(word), name, text))
    return Said(tuple(checks), {name: tuple(values) for name, values in facts.items()})
