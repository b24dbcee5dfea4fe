"""PostgreSQL's pg_hba.conf: its names, and its lines read back.

Source: the chapter "The pg_hba.conf File" of PostgreSQL's manual. A line is held against a client from
the first on; the first that matches counts.
"""

from __future__ import annotations

import re

from omconf.secrets import HIDDEN, hides

_WORD = r'(?:"[^"]*"|[^ \t\r,"#])+'
_FIELD = re.compile(rf"#.*|{_WORD}(?:,[ \t]*{_WORD})*")
_KEYWORD = re.compile("all|sameuser|samerole|samegroup|replication|[+@/].*")
_MASK = re.compile(r"[0-9]+(\.[0-9]+){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*")
_TYPES = {"local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"}


def name(text: str) -> str:
    """Write the name of a role or a database: in quotes no word means anything but itself.

    Save for one that starts with a slash, from PostgreSQL 16 on: it is a regular expression.
    """
    return '"' + text.replace('"', '""') + '"'


def records(text: str) -> list[tuple[int, str, str]]:
    """Read the lines that let clients in or keep them out, as (line number, whom, how).

    Whom: type, databases, users and addresses; how: the method and its options (a secret among them is
    hidden), empty where the line is cut short. Names are spelt as `name` writes them.
    """
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        fields = [field for field in _FIELD.findall(line) if not field.startswith("#")]
        if not fields or fields[0] not in _TYPES:
            continue
        address = 0 if fields[0] == "local" else 1
        if address and len(fields) > 4 and _MASK.fullmatch(fields[4]):
            address = 2
        who = [fields[0], *(_spelled(field) for field in fields[1:3]), *fields[3 : 3 + address]]
        how = [_shown(field) for field in fields[3 + address :]]
        found.append((number, " ".join(who), " ".join(how)))
    return found


def _spelled(field: str) -> str:
    words = re.findall(_WORD, field)
    return ",".join(word if _KEYWORD.fullmatch(word) else name(_plain(word)) for word in words)


def _shown(option: str) -> str:
    key, equals, _ = _plain(option).partition("=")
    return f"{key}={HIDDEN}" if equals and hides(key) else option


def _plain(word: str) -> str:
    """Undo the quotes; one that follows a closing quote at once is part of the name."""
    return re.sub(r'"([^"]*)"(?=("?))', r"\1\2", word)
