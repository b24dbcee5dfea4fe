"""Values of `/etc/samba/smb.conf`: which ones Samba reads as they stand.

Source: smb.conf(5), and lib/util/tini.c of Samba 4.17: `%` begins a macro, several blanks are one, and
those at the ends are lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.diagnostics import Finding
from omconf.regex import regex
from omconf.rules import UNKNOWN, UNUSABLE_FILE
from omconf.secrets import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omconf.formats.block import Entry

PATH = regex(r"(?! )(?:(?!%|  | $)(?:[ -~]|[^\x00-\x7f]))+")
"""The path of a share, of those that `paths.CARRIED` allows."""
SPECIAL = ("global", "homes", "printers", "ipc$", "admin$", "print$")
"""Sections that mean something else than a share of that name."""


def unread(entries: Iterable[Entry]) -> list[Finding]:
    """Find parameters by which Samba reads another file, or none: measured with 4.17."""
    found = []
    for entry in entries:
        section, _, name = entry.key.partition("]/")
        match name.replace(" ", ""), entry.value.lower():
            case "include", _:
                message = f"`{quoted(entry.value)}` is included: it is neither read nor compared."
                hint = "Check that it sets nothing of the share, or of who may use it."
            case "configfile", _ if section == "[global":
                message = f"Samba reads `{quoted(entry.value)}` instead, if it is there."
                hint = "Move its settings here, and remove `config file`."
            case "configbackend", "registry" if section == "[global":
                message = "Samba reads its registry instead of this file: `config backend`."
                hint = "Write `include = registry`, with which Samba reads both."
                found.append(Finding(UNUSABLE_FILE, entry.line, message, hint))
                continue
            case _:
                continue
        found.append(Finding(UNKNOWN, entry.line, message, hint))
    return found
