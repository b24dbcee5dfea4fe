"""Absolute paths that every file carries in which omconf writes one.

The allow-list is what all of them carry: `/etc/exports` and fstab (where spaces are written as octal
codes), systemd's `RequiresMountsFor=` and `Environment=`, a POSIX shell's single quotes inside double
ones, `check.conf`, and Markdown's code spans. smb.conf carries less (`smb_conf.PATH`).
tests/real/test_hostile_values.py tries each character with the programs themselves.
"""

from __future__ import annotations

from omconf.regex import regex

CARRIED = regex(r"(?:[A-Za-z0-9/ !#%&()+,.:;<=>@\[\]^_{|}~-]|[^\x00-\x7f])+")
"""ASCII without quotes, backslashes, `$`, `*`, `?` and control characters, and all beyond ASCII."""
PLAIN = regex(r"(?:/(?!\.{1,2}(?:/|$))[^/\x00-\x1f\x7f-\x9f\ud800-\udfff]+)+")
"""Absolute, below the root, in its plain form, of printable characters."""
CREDENTIALS = regex(
    r"(?:/(?!\.{1,2}/)[A-Za-z0-9._+@-]+)*/(?!(?i:smb\.conf|smbpasswd)$)(?=[^/]*(?i:smb|cifs|samba|cred))"
    r"[A-Za-z0-9._+@-]+"
)
"""A credentials file of a cifs mount: its path ends no option of fstab, and its name says what it is,
since omconf may read and replace what lies there."""
MAX_PATH = 1000
"""Bytes of a path; exportfs stops reading at one of over 1024 (measured)."""
MAX_PART = 255
"""Bytes of a file's name (NAME_MAX)."""


def is_below(path: str, folder: str) -> bool:
    """Tell whether a path is a folder, or is below it."""
    return f"{path.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")


def overlap(one: str, other: str) -> bool:
    """Tell whether two folders are one, or one is below the other."""
    return is_below(one, other) or is_below(other, one)
