"""What `omconf-node-check` prints on a node: findings and facts, one a line, read as hostile input."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

PROGRAM = "/usr/local/sbin/omconf-node-check"

MAX_BYTES = 1024 * 1024
"""A node of a cluster of 10,000 says less."""
MAX_TEXT = 2000

_LINE = re.compile(r"(ok|fail|unknown|fact)\t([a-z][a-z-]{0,30})\t([^\t]*)")


class Status(StrEnum):
    """How a check ended; `unknown` when it could not be made."""

    OK = "ok"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: which check it is of, how it ended, and what to say about it."""

    status: Status
    name: str
    text: str


@dataclass(slots=True)
class Said:
    """All that the program printed: the checks in its order, facts by name."""

    checks: list[Check] = field(default_factory=list)
    facts: dict[str, list[str]] = field(default_factory=dict)

    def fact(self, name: str) -> str | None:
        """A fact that is said once."""
        values = self.facts.get(name, [])
        return values[0] if len(values) == 1 else None


def read(output: bytes) -> Said:
    """Read what the program printed.

    Raises ValueError, with a reason for people, for anything that it does not print.
    """
    if len(output) > MAX_BYTES:
        raise ValueError("it said more than a check ever does")
    said = Said()
    for line in output.decode("utf-8", "replace").removesuffix("\n").split("\n"):
        found = _LINE.fullmatch(line)
        if found is None or len(found[3]) > MAX_TEXT:
            raise ValueError("its answer is not that of omconf-node-check")
        word, name, text = found.groups()
        if word == "fact":
            said.facts.setdefault(name, []).append(text)
        else:
            said.checks.append(Check(Status(word), name, text))
    return said
