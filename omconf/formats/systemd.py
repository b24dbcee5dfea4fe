"""Names and values of systemd's units: what it reads as it is meant.

Sources: systemd.unit(5), systemd.syntax(7), systemd-escape(1), measured with systemd 252.
"""

from __future__ import annotations

import re

SERVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9:_.-]*(?:@[A-Za-z0-9:_.-]+)?\.service")
"""The name of a service: no template without an instance, which cannot be started, and none that
begins with `-`, which systemctl takes for an option, though systemd has such units."""
UNIT = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9:_.-]*(?:@[A-Za-z0-9:_.-]*)?"
    r"\.(?:automount|device|mount|path|service|slice|socket|swap|target|timer)"
)
"""The name of a unit of any kind."""
MAX_UNIT = 255
"""Bytes of a unit's name (NAME_MAX)."""
MAX_SERVICE = MAX_UNIT - len(".d")
"""Bytes of a unit's name that has a folder of drop-ins beside it (NAME_MAX)."""

_KEPT = re.compile(rb"[^A-Za-z0-9:_.]")


def value(text: str) -> str:
    """Write a path for a setting that takes a list of them: `%` twice, in quotes around a blank."""
    doubled = text.replace("%", "%%")
    return f'"{doubled}"' if " " in doubled else doubled


def mount_unit(path: str) -> str:
    """Return the unit that mounts a path in its plain form, as `systemd-escape -p --suffix=mount`.

    Of a name over `MAX_UNIT` bytes, systemd before 250 makes no unit.
    """
    name = path.strip("/").encode("utf-8", "surrogateescape")
    escaped = b"-".join(
        _KEPT.sub(lambda found: b"\\x%02x" % found[0][0], part) for part in name.split(b"/")
    )
    if escaped.startswith(b"."):
        escaped = b"\\x2e" + escaped[1:]
    return f"{escaped.decode('ascii')}.mount"
