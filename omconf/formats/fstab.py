"""`/etc/fstab` as text: its lines as mount reads them, and what a mount's options come to.

It follows libmount (util-linux 2.38), with which mount and findmnt read fstab: three fields are
enough, and a comment on a line can follow the sixth only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.diagnostics import Finding
from omconf.findings import report
from omconf.formats import cifs_options, nfs_options
from omconf.formats.block import MAX_ENTRIES, Entry, too_many
from omconf.formats.options import DEFAULTS
from omconf.regex import regex
from omconf.rules import UNUSABLE_FILE
from omconf.secrets import HIDDEN, hides

if TYPE_CHECKING:
    from collections.abc import Iterable


def read(text: str) -> tuple[list[Entry], list[Finding]]:
    """Read what a file mounts, by mount point: `DEVICE TYPE OPTIONS DUMP PASS`.

    Swap has no mount point and is left out. Findings: OM301 for a line that libmount ignores with a
    parse error.
    """
    entries: list[Entry] = []
    findings: list[Finding] = []
    end = 0
    for number, raw in enumerate(text.split("\n"), start=1):
        start, end = end, min(end + len(raw) + 1, len(text))
        content = raw.removesuffix("\r").strip(" \t")
        if not content or content.startswith("#"):
            continue
        fields = re.split("[ \t]+", content)
        if wrong := _refusal(fields):
            report(findings, Finding(UNUSABLE_FILE, number, *wrong))
            continue
        if len(entries) == MAX_ENTRIES:
            findings.append(too_many(number))
            break
        *texts, dump, check = (fields + _MISSING[len(fields) :])[:6]
        device, target, kind, options = map(unescape, texts)
        kind = escape(kind)  # what has a blank in it stays one word
        if kind == "swap" or target in ("none", "swap"):
            continue
        value = f"{spelled(device, kind, options)} {_integer(dump)} {_integer(check)}"
        place = (start, end)
        entries.append(Entry(tidy(target), value, number, number, place, place))
    return entries, findings


def escape(path: str) -> str:
    r"""Write a path as fstab(5) wants it: `\040` for a space, `\134` for a backslash."""
    return re.sub(r"[\x00-\x20\\\x7f]", lambda found: f"\\{ord(found[0]):03o}", path)


def unescape(field: str) -> str:
    """Read a field as fstab(5) has it: the reverse of `escape`, for bytes of any encoding."""

    def decode(found: re.Match[str]) -> str:
        codes = bytes(int(code, 8) & 0xFF for code in found[0].split("\\")[1:])
        return codes.decode("utf-8", "surrogateescape")

    return re.sub(r"(?:\\[0-7]{3})+", decode, field)


_SLASHES = regex("//+")


def tidy(path: str) -> str:
    """Write a mount point as systemd names its unit: without doubled slashes, and one at its end."""
    return _SLASHES.sub("/", path).rstrip("/") or "/"


NFS = ("nfs", "nfs4")
CIFS = ("cifs", "smb3")
_ROOTED = ("efs", "glusterfs")
KIND = regex(r"[a-z0-9][a-z0-9_.-]{0,30}")
"""The type of a file system, as a spec may name it."""
_LOCAL = """
    autofs bcachefs btrfs devpts exfat ext2 ext3 ext4 f2fs iso9660 jfs ntfs ntfs3 overlay proc ramfs
    reiserfs squashfs swap sysfs tmpfs udf vfat xfs zfs
"""
LOCAL = frozenset(_LOCAL.split())
"""Types that one host alone mounts."""
_NETWORK = """
    afs ceph cifs gfs gfs2 glusterfs lustre ncp ncpfs nfs nfs4 ocfs2 orangefs pvfs2 smb3 smbfs sshfs
    davfs
"""
NETWORK = frozenset(_NETWORK.split())
"""Types that systemd orders behind the network without `_netdev` (fstype_is_network, systemd 252)."""


def needs_netdev(kind: str) -> bool:
    """Tell whether systemd takes a type for a local file system unless `_netdev` says otherwise."""
    return kind.removeprefix("fuse.") not in NETWORK


_NAME = regex(r"[a-z][a-z0-9_]{0,30}")
_MISSING = ["", "", "", "defaults", "0", "0"]


def _refusal(fields: list[str]) -> tuple[str, str] | None:
    """Return why mount ignores a line, and a hint; None if it does not."""
    if len(fields) < 3:
        message = f"mount ignores this line: {len(fields)} of at least 3 fields."
        return message, "The fields: device, mount point, type, options, dump, pass."
    for place, number in enumerate(fields[4:6], 5):
        if _integer(number) is None:
            hint = "Move the comment to its own line." if number.startswith("#") else ""
            # It may be the rest of a password with a blank in it, and is not shown.
            return f"mount ignores this line: field {place} is not a whole number.", hint
    return None


def _integer(text: str) -> int | None:
    """Read a number as libmount does: a C `long`, whose low 32 bits are kept; None for any other."""
    if not re.fullmatch("[+-]?0*[0-9]{1,19}", text):
        return None
    sign, digits = text[:1] == "-", text.lstrip("+-").lstrip("0")[-19:] or "0"
    number = -int(digits) if sign else int(digits)
    return (number + 2**31) % 2**32 - 2**31 if -(2**63) <= number < 2**63 else None


def spelled(device: str, kind: str, options: str) -> str:
    """Spell what is mounted by its meaning: `DEVICE TYPE OPTIONS`, one spelling of what is the same.

    `nfs4` is `nfs` with `vers=4`, unless an option names a version (nfs_nfs_version in network.c of
    nfs-utils). mount.efs takes `fs-1` for `fs-1:/`, mount.glusterfs `host:volume` for `host:/volume`.
    """
    # A comma inside double quotes belongs to the option (mount(8), `context=`).
    listed: list[str] = re.findall(r'(?:[^,"]|"[^"]*"?)+', options)
    if kind in NFS:
        server, colon, path = device.partition(":/")
        device = server + colon + path.rstrip("/")
        settled = nfs_options.settle_mount(["vers=4", *listed] if kind == "nfs4" else listed)
        kind = "nfs"
    elif kind in CIFS:
        device = device.replace("\\", "/").rstrip("/")
        settled = cifs_options.settle_mount(_without_login(listed))
    else:
        if kind in _ROOTED:
            server, _, path = device.partition(":")
            device = f"{server}:/{path.strip('/')}"
        settled = tuple(sorted(set(listed) - {"defaults"}))
    shown = ",".join(_masked(option) for option in settled)
    return f"{device} {kind} {shown or 'defaults'}"


def fields(value: str) -> tuple[str, str, str]:
    """Return device, type and options of a line's meaning; all empty where a secret hides it whole."""
    # What hides a secret is no blank between fields.
    device, kind, options, *_ = [*value.replace(HIDDEN, "").rsplit(" ", 4), "", ""]
    return device, kind, options


def effective(value: str) -> tuple[str, ...]:
    """Return what a mount comes to, without the options that hold anyway.

    The last two fields matter to a block device alone: dump(8) copies those, fsck(8) and systemd's
    generator (generator_write_fsck_deps) check no other, whatever the sixth field says.
    """
    what, options, *numbers = value.rsplit(" ", 3)
    listed = {_any_case(option) for option in options.split(",")} - DEFAULTS
    return _any_name(what), *sorted(listed), *(numbers if what.startswith(_DEVICES) else ())


def _any_name(what: str) -> str:
    """Write what has no case in small letters: the name of a host, and of a share."""
    device, _, kind = what.rpartition(" ")
    if kind in CIFS and device.startswith("//"):
        host, *path = device[2:].split("/", 2)
        device = "/".join(("//" + host.lower(), *(part.lower() for part in path[:1]), *path[1:]))
    elif kind in NFS and ":/" in device:
        host, _, folder = device.partition(":/")
        device = f"{host.lower()}:/{folder}"
    return f"{device} {kind}"


_DEVICES = ("/dev/", "UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=", "ID=")
"""How fstab names a block device (fstab(5))."""


def _any_case(option: str) -> str:
    """Write a Windows domain in small letters: its name has no case."""
    return option.lower() if option.startswith("domain=") else option


_LOGIN = ("user", "username")
FILES = ("credentials", "secretfile")
"""Options that name the file with a login: of cifs, and of ceph."""


def _logs_in(options: Iterable[str]) -> bool:
    """Tell whether mount options hold a login, and not the name of a file with one."""
    names = [option.partition("=")[0] for option in options if "=" in option]
    return any(name in _LOGIN or (hides(name) and name not in FILES) for name in names)


def _without_login(options: list[str]) -> list[str]:
    """Hide what may be a secret beside a login of cifs.

    Behind a password an option that does not exist is the rest of it, after a comma; before one, it
    may be the password itself under a mistyped name.
    """
    if not _logs_in(options):
        return options
    shown: list[str] = []
    secret = False
    for option in options:
        name, equals, _ = option.partition("=")
        if hides(name) or name in _LOGIN or cifs_options.exists(name):
            shown.append(option)
        elif not secret:
            shown.append(f"{name}={HIDDEN}" if equals and _NAME.fullmatch(name) else HIDDEN)
        secret = secret or shown[-1] != option or (bool(equals) and hides(name))
    return shown


def _masked(option: str) -> str:
    """A Samba password may stand in a hand-made line; none is ever shown.

    A login is shown without its value: a text with one in it would be hidden as a whole.
    """
    name, equals, _ = option.partition("=")
    if name in ("user", "username"):
        return name
    secret = equals and hides(name) and name not in FILES
    return f"{name}={HIDDEN}" if secret else option
