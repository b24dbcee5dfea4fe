"""What is known of the mount options of cifs: names, values, what overrides what.

mount.cifs hands on what it does not know, and the kernel refuses it at boot. Sources: mount.cifs(8)
and mount.cifs.c of cifs-utils 7.0, smb3_fs_parameters of Linux 6.6, mount(8).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.formats import options
from omconf.formats.options import (
    ADDRESS,
    ANY_MOUNT,
    BYTES,
    PATH,
    SECONDS,
    WORD,
    Form,
    Known,
    matching,
    number,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

OWN = ("credentials", "cred", "username", "guest")
"""Options that say who logs in: the credentials file does."""
DOMAIN = ("domain", "dom", "workgroup")
ACCOUNT = frozenset({*OWN, *DOMAIN, "user", "password", "password2", "pass"})
"""Options that say as whom to mount."""
"""Options that name the domain of who logs in, which the credentials file may do."""

# The kernel takes 640 for a decimal number, and mount.cifs only warns of it.
_MODE = Form("an octal mode that starts with 0", lambda v: bool(re.fullmatch("0[0-7]{1,4}", v)))
_ID = matching("an account name or number", r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*\$?")
_NETBIOS = matching("a NetBIOS name of 15 characters at most", r"[A-Za-z0-9_.-]{1,15}")
_VERSION = words("1.0", "2.0", "2.1", "3", "3.0", "3.02", "3.0.2", "3.11", "3.1.1", "default")
_FLAVOUR = words("none", "krb5", "krb5i", "ntlmv2", "ntlmv2i", "ntlmssp", "ntlmsspi")

_FLAGS = """
    forceuid noforceuid forcegid noforcegid multichannel nomultichannel noblocksend noautotune
    nolease hard soft perm noperm nodelete mapposix nomapposix mapchars nomapchars
    sfu nosfu nodfs posixpaths noposixpaths unix nounix linux nolinux posix noposix nocase
    ignorecase brl nobrl nolock handlecache nohandlecache forcemandatorylock forcemand
    setuidfromacl idsfromsid setuids nosetuids dynperm nodynperm intr nointr strictsync
    nostrictsync serverino noserverino rwpidforward cifsacl acl noacl locallease sign
    ignore_signature signloosely seal noac fsc mfsymlinks multiuser sloppy nosharesock
    persistenthandles nopersistenthandles resilienthandles noresilienthandles tcpnodelay
    notcpnodelay nosparse domainauto rdma modesid modefromsid rootfs compress witness user_xattr
    nouser_xattr guest
"""
_KNOWN: Known = {
    **ANY_MOUNT,
    **dict.fromkeys(_FLAGS.split()),
    **dict.fromkeys(("uid", "gid", "cruid", "backupuid", "backupgid"), _ID),
    **dict.fromkeys(("file_mode", "dir_mode"), _MODE),
    "port": number(1, 65535),
    **dict.fromkeys(("rsize", "wsize", "bsize", "rasize", "esize", "min_enc_offload"), BYTES),
    **dict.fromkeys(("actimeo", "acregmax", "acdirmax", "closetimeo"), SECONDS),
    "echo_interval": number(1, 600, unit="seconds"),
    "handletimeout": number(0, unit="milliseconds"),
    "max_channels": number(1, 16),
    **dict.fromkeys(("max_credits", "max_cached_dirs", "retrans", "snapshot"), number(0)),
    **dict.fromkeys(("vers", "ver"), _VERSION),
    "sec": _FLAVOUR,
    "cache": words("none", "strict", "loose", "ro", "singleclient"),
    "reparse": words("default", "nfs", "wsl"),
    **dict.fromkeys(("ip", "addr", "srcaddr"), ADDRESS),
    **dict.fromkeys((*DOMAIN, "iocharset"), WORD),
    **dict.fromkeys(("netbiosname", "servern"), _NETBIOS),
    "prefixpath": matching("a path below the share", r"[^:@%=]+"),
    **dict.fromkeys(("credentials", "cred"), PATH),
    "username": WORD,
}
_GROUPED = options.groups(_KNOWN, (("hard", "soft"), *options.ANY_RIVALS))
_SYNONYMS = {
    "cred": "credentials",
    "ver": "vers",
    "dom": "domain",
    "workgroup": "domain",
    "addr": "ip",
    "nolock": "nobrl",
    "ignorecase": "nocase",
    "vers=3.0.2": "vers=3.02",
    "vers=3.11": "vers=3.1.1",
}


def check_mount(option: str) -> options.Verdict | None:
    """Check one mount option of cifs; None when there is nothing to say against it."""
    return options.check_mount(option, _KNOWN)


def exists(name: str) -> bool:
    """Tell whether an option of this name is known, or anybody's to use (`x-...`)."""
    return name in _KNOWN or name.lower().startswith("x-")


def settle_mount(given: Iterable[str]) -> tuple[str, ...]:
    """Reduce mount options of cifs to what they come to, sorted."""
    return options.settle(given, _KNOWN, _GROUPED, _SYNONYMS)
