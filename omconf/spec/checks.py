"""Checks of names, versions and texts of the spec.

The values that a format allows are defined by `omconf.formats`; a check adds a rule, a message
and a hint. Each raises a pydantic error whose type is a rule's id; errors.py turns it into a
diagnostic.
"""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any

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
from omconf.spec import mistakes
from omconf.spec.document import Float, Integer
from omconf.spec.refusal import refuse, short

if TYPE_CHECKING:
    from collections.abc import Collection

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
    """Refuse characters that no target format can represent, and the text of placeholders."""
    if not value.isprintable():
        refuse(
            UNCARRIABLE,
            "The value contains a line break or an invisible character.",
            f"Write it on one line, without such characters. {mistakes.BACKSLASH}",
        )
    if PLACEHOLDER in value:
        refuse(
            WRONG_VALUE,
            f"The text `{PLACEHOLDER}` is reserved for secret placeholders.",
            "Use another text; to read a secret, write `{env: NAME}`, for example.",
        )
    return value


def reason(value: str) -> str:
    """Refuse a blank reason."""
    if not value.strip():
        refuse(
            WRONG_VALUE, "The reason is blank.", "Give the reason, for later readers of the spec."
        )
    return value


def cluster_name(value: str) -> str:
    """Check the cluster's name, which is used in comments, unit names and as cluster-name."""
    if not _is_label(value):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not a valid cluster name.",
            "Use lower-case letters, digits and single hyphens between them, at most 63 characters.",
        )
    return value


def instance_name(value: str) -> str:
    """Check a member's name in Hazelcast."""
    if not names.INSTANCE.fullmatch(value) or len(value) > names.MAX_INSTANCE:
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not a valid member name.",
            "Use letters, digits, `.`, `_`, `-`, `:`, `@` and single spaces between them, at most"
            f" {names.MAX_INSTANCE} characters.",
        )
    return value


def _is_label(value: str) -> bool:
    return len(value) <= names.MAX_LABEL and names.LABEL.fullmatch(value) is not None


def label(name: str) -> str:
    """Turn a name into a host label; empty if it has no letters or digits."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-")


def node_name(value: str, taken: Collection[str] = ()) -> str:
    """Check a node's name: a lower-case host label, and not a folder of the bundle.

    The hint advises none of the names that are `taken`.
    """
    if value in RESERVED:
        refuse(
            NODE_NAME,
            f"A node cannot be named `{value}`: the bundle uses a folder of that name.",
            f"Name it `{value}1`, for example.",
        )
    if not _is_label(value):
        better = label(value)
        if not better or better in RESERVED or better in taken:
            better = next(name for i in count(1) if (name := f"om{i}") not in taken)
        refuse(
            NODE_NAME,
            f"`{value[:80]}` is not a valid node name: it must be a lower-case host label.",
            f"Write `{better}:`.",
        )
    return value


def former_name(value: str) -> str:
    """Check the name that a node had: no other one than it had helps."""
    if value in RESERVED or not _is_label(value):
        refuse(
            NODE_NAME,
            f"`{value[:80]}` cannot have been the name of a node.",
            "Write the name that the node had in the spec before, or remove the key.",
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
            else "To list all rules, run `omconf rules`."
        )
        refuse(WRONG_VALUE, f"`{value[:40]}` is not a rule id.", hint)
    return value


def webapp(value: str) -> str:
    """Check the webapp's folder name."""
    if not names.WEBAPP.fullmatch(value):
        refuse(
            UNCARRIABLE,
            f"`{value[:80]}` is not a valid folder name under webapps.",
            "Write `openmeetings`.",
        )
    return value


def unit(value: str) -> str:
    """Check the name of a systemd service unit, or `none`."""
    if value == "none":
        return value
    if value.startswith(OWN_UNITS):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not the unit of OpenMeetings: names of omconf's own units begin with"
            f" `{OWN_UNITS}`.",
            "Write `openmeetings.service`, or the unit that starts OpenMeetings.",
        )
    if not systemd.SERVICE.fullmatch(value) or len(value) > systemd.MAX_SERVICE:
        refuse(
            UNCARRIABLE,
            f"`{value[:80]}` is not a systemd service unit.",
            "Write `openmeetings.service`, or `none` without systemd.",
        )
    return value


def account(value: str) -> str:
    """Check the name of a Linux user or group."""
    if not names.ACCOUNT.fullmatch(value):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not a valid name of a Linux user or group.",
            "Use lower-case letters, digits, `_` and `-`, but no `-` or digit at the start.",
        )
    return value


def database_kind(value: Any) -> Any:
    """Check the kind of database: one of five that nodes can share."""
    known = ("postgresql", "mysql", "mssql", "oracle", "db2")
    if isinstance(value, str) and value.lower() in ("h2", "derby", "hsqldb"):
        refuse(
            EMBEDDED_DATABASE,
            f"`{value}` is embedded in one OpenMeetings, so nodes cannot share it.",
            "Use `postgresql`, `mysql`, `mssql`, `oracle` or `db2`.",
        )
    if value not in known:
        other = {"mariadb": "mysql", "postgres": "postgresql", "sqlserver": "mssql"}
        near = other.get(str(value).lower()) or meant(str(value), known)
        hint = f"Write `{near}`." if near else f"Use one of: {', '.join(known)}."
        refuse(WRONG_VALUE, "OpenMeetings does not support this kind of database.", hint)
    return value


def format_version(value: Any) -> Any:
    """Check the format version of the spec."""
    if value != 1 or isinstance(value, bool):
        refuse(
            WRONG_VERSION,
            "This omconf reads only format version 1 of the spec.",
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
            f"The OpenMeetings release `{value[:40]}` is not supported.",
            (f'Did you mean "{near}"? ' if near else "")
            + "To list all releases, run `omconf releases`.",
        )
    return value
