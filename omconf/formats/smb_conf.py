"""Values of `/etc/samba/smb.conf`: which ones Samba reads as they stand.

Source: smb.conf(5), and lib/util/tini.c of Samba 4.17: `%` begins a macro, several blanks are one, and
those at the ends are lost.
"""

from __future__ import annotations

from omconf.regex import regex

PATH = regex(r"(?! )(?:(?!%|  | $)(?:[ -~]|[^\x00-\x7f]))+")
"""The path of a share, of those that `paths.CARRIED` allows."""
SPECIAL = ("global", "homes", "printers", "ipc$", "admin$", "print$")
"""Sections that mean something else than a share of that name."""
