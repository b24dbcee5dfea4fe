"""Checks of names, versions and texts of the spec.

What a format can carry is known to that format (`omconf.formats`); a check adds a rule, a message
and a hint. Each raises a pydantic error whose type is a rule's id; errors.py turns it into a
diagnostic.
"""

from __future__ import annotations

import re
from typing import Any

from omconf.diagnostics import meant
from omconf.formats import names, systemd
from omconf.rules import (
    EMBEDDED_DATABASE,
    NODE_NAME,
    OUT_OF_RANGE,
    UNCARRIABLE,
    UNKNOWN_RELEASE,
    WRONG_VALUE,
    WRONG_VERSION,
)
from omconf.spec.document import Float, Integer
from omconf.spec.refusal import refuse, short

RESERVED = ("storage", "database")
PLACEHOLDER = "@omconf:"
OWN_UNITS = "omconf-"
"""The prefix of omconf's own units."""


def text(value: Any) -> Any:
    """Return a number or bool as the text written in the spec: quotes make no difference."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.text if isinstance(value, (Integer, Float)) else value


def clean(value: str) -> str:
    """Refuse characters that no target format carries, and the text of placeholders."""
    if not value.isprintable():
        refuse(
            UNCARRIABLE,
            "The value holds a line break or a character that cannot be seen.",
            "Write it in one line, without such characters.",
        )
    if PLACEHOLDER in value:
        refuse(
            WRONG_VALUE,
            f"The text `{PLACEHOLDER}` is reserved for the places of secrets.",
            "Write another text; a secret is read from `{env: NAME}`, for example.",
        )
    return value


def reason(value: str) -> str:
    """Refuse a blank reason."""
    if not value.strip():
        refuse(WRONG_VALUE, "The reason is blank.", "Say why, for whoever reads the spec next.")
    return value


def cluster_name(value: str) -> str:
    """Check the cluster's name, which is used in comments, unit names and as cluster-name."""
    if not _is_label(value):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is no name for a cluster.",
            "Use lower-case letters, digits and single hyphens between them, 63 characters at most.",
        )
    return value


def instance_name(value: str) -> str:
    """Check what Hazelcast calls a member."""
    if not names.INSTANCE.fullmatch(value) or len(value) > names.MAX_INSTANCE:
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is no name for a member.",
            "Use letters, digits, `.`, `_`, `-`, `:`, `@` and single blanks between them,"
            f" {names.MAX_INSTANCE} characters at most.",
        )
    return value


def _is_label(value: str) -> bool:
    return len(value) <= names.MAX_LABEL and names.LABEL.fullmatch(value) is not None


def label(name: str) -> str:
    """Turn a name into a host label; empty if it has no letter or digit."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-")


def node_name(value: str) -> str:
    """Check a node's name: a lower-case host label, and not a folder of the bundle."""
    if value in RESERVED:
        refuse(
            NODE_NAME,
            f"A node cannot be named `{value}`: the bundle keeps that folder for itself.",
            f"Name it `{value}1`, for example.",
        )
    if not _is_label(value):
        better = label(value)
        refuse(
            NODE_NAME,
            f"`{value[:80]}` is no name for a node: it must be a lower-case host label.",
            f"Write `{better}:`" if better and better not in RESERVED else "Write `om1:`",
        )
    return value


def one_or_more(value: Any) -> Any:
    """Return a text as a list of one."""
    return [value] if isinstance(value, str) else value


def timeout(value: int) -> int:
    """Check a timeout in seconds."""
    if not 1 <= value <= 3600:
        refuse(OUT_OF_RANGE, f"A timeout of {short(value)} s is out of range (1 to 3600 seconds).")
    return value


def rule_id(value: str) -> str:
    """Check the form of a rule's id; whether the rule exists is checked later."""
    if not re.fullmatch(r"OM[0-9]{3}", value):
        better = value.upper()
        hint = (
            f"Write `{better}`."
            if re.fullmatch(r"OM[0-9]{3}", better)
            else "`omconf rules` lists all."
        )
        refuse(WRONG_VALUE, f"`{value[:40]}` is no id of a rule.", hint)
    return value


def webapp(value: str) -> str:
    """Check the webapp's folder name."""
    if not names.WEBAPP.fullmatch(value):
        refuse(
            UNCARRIABLE, f"`{value[:80]}` is no folder name under webapps.", "Write `openmeetings`."
        )
    return value


def unit(value: str) -> str:
    """Check the name of a systemd service unit, or `none`."""
    if value == "none":
        return value
    if value.startswith(OWN_UNITS):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` cannot start OpenMeetings: omconf's own units begin with `{OWN_UNITS}`.",
            "Write `openmeetings.service`, or the unit that starts OpenMeetings.",
        )
    if not systemd.SERVICE.fullmatch(value) or len(value) > systemd.MAX_SERVICE:
        refuse(
            UNCARRIABLE,
            f"`{value[:80]}` is no systemd service unit.",
            "Write `openmeetings.service`, or `none` where there is no systemd.",
        )
    return value


def account(value: str) -> str:
    """Check the name of a Linux user or group."""
    if not names.ACCOUNT.fullmatch(value):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is no name of a Linux user or group.",
            "Use lower-case letters, digits, `_` and `-`, and no `-` or digit at the start.",
        )
    return value


def database_kind(value: Any) -> Any:
    """Check the kind of database: one of five that nodes can share."""
    known = ("postgresql", "mysql", "mssql", "oracle", "db2")
    if isinstance(value, str) and value.lower() in ("h2", "derby", "hsqldb"):
        refuse(
            EMBEDDED_DATABASE,
            f"`{value}` lives inside one OpenMeetings, so nodes cannot share it.",
            "Use `postgresql`, `mysql`, `mssql`, `oracle` or `db2`.",
        )
    if value not in known:
        other = {"mariadb": "mysql", "postgres": "postgresql", "sqlserver": "mssql"}
        near = other.get(str(value).lower()) or meant(str(value), known)
        hint = f"Write `{near}`." if near else f"One of: {', '.join(known)}."
        refuse(WRONG_VALUE, "This is no kind of database that OpenMeetings knows.", hint)
    return value


def format_version(value: Any) -> Any:
    """Check the format version of the spec."""
    if value != 1 or isinstance(value, bool):
        refuse(
            WRONG_VERSION,
            "This omconf reads format version 1 of the spec.",
            "Write `omconf: 1`; a newer format needs a newer omconf.",
        )
    return value


def release(value: str) -> str:
    """Check that the OpenMeetings release is known."""
    from omconf.releases import RELEASES, nearest

    if value not in RELEASES:
        near = nearest(value)
        refuse(
            UNKNOWN_RELEASE,
            f"The OpenMeetings release `{value[:40]}` is not known.",
            (f'Did you mean "{near}"? ' if near else "") + "`omconf releases` lists all.",
        )
    return value
