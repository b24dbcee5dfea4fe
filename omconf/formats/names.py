"""Names that stand in files of several formats and among the arguments of commands.

Each is an allow-list. None of them matches a name that begins with `-`, which a command would take for
an option, or that holds a character which a shell, systemd, `/etc/exports`, fstab, smb.conf, nft, XML
or Markdown reads as anything but a part of the name.
"""

from __future__ import annotations

from omconf.regex import regex

LABEL = regex(r"[a-z0-9]+(-[a-z0-9]+)*")
"""A cluster or a node: a lower-case host label, of `MAX_LABEL` characters at most."""
MAX_LABEL = 63
"""Characters of a label (RFC 1035)."""

INSTANCE = regex(r"[A-Za-z0-9_][A-Za-z0-9._:@-]{0,99}(?: [A-Za-z0-9._:@-]{1,99})*")
"""A Hazelcast member; Hazelcast takes any text, and trims it. `MAX_INSTANCE` characters at most."""
MAX_INSTANCE = 128

HOST = regex(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*")
"""A host's name or an IPv4 address (RFC 1123, and underscores), of `MAX_HOST` characters."""
MAX_HOST = 253
"""Characters of a host's name (RFC 1035, 255 octets with their lengths)."""
LOOPBACK = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")
"""Names that are another host on every host."""
NUMERIC = regex(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9a-fA-F]*)")
"""What inet_aton(3) reads as an IPv4 address, though only the four-part form looks like one."""

ACCOUNT = regex(r"[a-z_][a-z0-9_-]{0,30}\$?")
"""A user or a group of Linux, as useradd(8) takes it."""
SAMBA_ACCOUNT = regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}\$?")
"""An account of Samba: in smb.conf, `@`, `+` or `&` would make it a group, `%` a macro (smb.conf(5));
in a credentials file, a password follows `%` (mount.cifs(8))."""
DOMAIN_ACCOUNT = regex(
    rf"(?:[A-Za-z0-9][A-Za-z0-9.-]{{0,254}}\\)?{SAMBA_ACCOUNT.pattern}"
    rf"|{SAMBA_ACCOUNT.pattern}@{HOST.pattern}"
)
"""The same, or one of a Windows domain: `DOMAIN\\user`, or `user@domain` (a user principal name)."""
DOMAIN = regex(r"[A-Za-z0-9][A-Za-z0-9.-]{0,254}")
"""A Windows domain, by its NetBIOS or its DNS name."""
SHARE = regex(r"\w([\w .$-]*[\w.$-])?")
"""A share: in smb.conf `]` ends it and `%` is a macro, in fstab a slash begins a path below it."""
MAX_SHARE = 80
"""Characters of a share."""

EXPORT_CLIENT = regex(
    r"@[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}"
    # A `-` at the start begins options that exports(5) applies to the clients after it.
    r"|(?:[A-Za-z0-9_*?][A-Za-z0-9_*?-]{0,62}\.)*[A-Za-z0-9_*?][A-Za-z0-9_*?-]{0,62}"
    r"|[0-9.]{7,15}/[0-9.]{1,15}"
)
"""Whom an export lets in (exports(5)): a netgroup, a host's name or a pattern of names, a network."""
DEVICE = regex(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,14}")
"""A network device; the kernel's IFNAMSIZ allows 15 bytes."""

WEBAPP = regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
"""A folder under `webapps`; a file system allows 255 bytes."""

PROPERTY = regex(r"[A-Za-z_][A-Za-z0-9_.-]*")
"""A property of Hazelcast or JPA; Hazelcast would replace `${...}` in it."""

SSH_DESTINATION = regex(
    r"(ssh://)?(?![-@])(?:[A-Za-z0-9_.:\[\]-]|@(?![-@])){1,255}",
)
"""A destination of ssh(1): a host, `user@host` or a URI, without what ssh_config(5) expands (`%`)."""
