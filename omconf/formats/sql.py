"""Texts and names in SQL, whatever stands in them: PostgreSQL's way, and that of MySQL and MariaDB."""

from __future__ import annotations

import re


def postgresql_text(text: str) -> str:
    """Write a text; with a backslash in it, in the form that `standard_conforming_strings` spares.

    psql puts no variables (`:name`) into quoted texts or names (measured with psql 15).
    Raises ValueError, without the text, for what SQL cannot carry.
    """
    quoted = _carried(text).replace("'", "''")
    return "E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in text else f"'{quoted}'"


def postgresql_name(name: str) -> str:
    """Write the name of a role or a database just as it is, in its own case."""
    return '"' + name.replace('"', '""') + '"'


def mysql_text(text: str) -> str:
    """Write a text, for a session whose `sql_mode` is without `NO_BACKSLASH_ESCAPES`.

    Raises ValueError, without the text, for what SQL cannot carry.
    """
    return "'" + _carried(text).replace("\\", "\\\\").replace("'", "''") + "'"


def mysql_name(name: str) -> str:
    """Write the name of a database just as it is."""
    return "`" + name.replace("`", "``") + "`"


def mysql_pattern(name: str) -> str:
    """Write the name of a database where GRANT takes a pattern: `_` and `%` stand for themselves."""
    return mysql_name(re.sub(r"[\\_%]", r"\\\g<0>", name))


def _carried(text: str) -> str:
    if "\0" in text:
        raise ValueError("SQL cannot carry a NUL character")
    return text
