"""What is known of NFS mount options and export options: names, values, what overrides what.

Neither mount.nfs nor findmnt checks an option before the kernel refuses it at boot, and exportfs
stops reading its whole file at one, so omconf has to know them. Sources: nfs(5) and exports(5) of
nfs-utils 2.6 to 2.8, fs/nfs/fs_context.c of Linux (ranges, and options that nfs(5) leaves out),
mount(8) of util-linux 2.38, systemd.mount(5).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.formats import options
from omconf.formats.options import (
    ADDRESS,
    ANY_MOUNT,
    BYTES,
    NUMBER,
    SECONDS,
    Form,
    Known,
    Verdict,
    matching,
    number,
    words,
)
from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ID = regex(r"[+-]?[0-9]{1,10}")
_UID_RANGES = regex(r"[0-9]+(?:-[0-9]+)?")


def _list(*choices: str) -> Form:
    known = frozenset(choices)
    wants = f"one or more of {', '.join(choices)}, joined by colons"
    return Form(wants, lambda value: known.issuperset(value.split(":")))


def _is_id(value: str) -> bool:
    return bool(_ID.fullmatch(value)) and -(2**31) <= int(value) < 2**32


def _is_fsid(value: str) -> bool:
    hex_digits = len(re.findall("[0-9a-fA-F]", value))
    return value == "root" or bool(NUMBER.fullmatch(value)) or hex_digits == 32


ROOT_FSID = ("fsid=0", "fsid=root")
"""Export options that make an export the root of NFSv4 (exports(5))."""

_USER_ID = Form("a numeric id", _is_id)
_VERSION = words("2", "3", "4", "4.0", "4.1", "4.2")
_TRANSPORT = words("tcp", "tcp6", "udp", "udp6", "rdma", "rdma6")
_NETERRORS = words("default", "none", "ENETDOWN:ENETUNREACH", "ENETUNREACH:ENETDOWN")

_MOUNT_FLAGS = """
    soft hard softerr softreval nosoftreval intr nointr ac noac bg fg nordirplus sharecache
    nosharecache resvport noresvport nofsc sloppy udp tcp rdma lock nolock cto nocto acl noacl
    migration nomigration posix noposix trunkdiscovery notrunkdiscovery alignwrite noalignwrite
    v2 v3 v4 v4.0 v4.1 v4.2
"""
_MOUNT: Known = {
    **ANY_MOUNT,
    **dict.fromkeys(_MOUNT_FLAGS.split()),
    "timeo": number(1, 2**31 - 1, unit="tenths of a second"),
    "retrans": number(0, 2**31 - 1),
    "retry": number(0, unit="minutes"),
    **dict.fromkeys(("rsize", "wsize", "bsize"), BYTES),
    **dict.fromkeys(("acregmin", "acregmax", "acdirmin", "acdirmax", "actimeo"), SECONDS),
    **dict.fromkeys(("nconnect", "max_connect"), number(1, 16)),
    **dict.fromkeys(("port", "mountport"), number(0, 65535)),
    "minorversion": number(0, 2),
    "mountvers": number(1, 3),
    "namlen": number(0),
    **dict.fromkeys(("vers", "nfsvers"), _VERSION),
    "proto": _TRANSPORT,
    "mountproto": words("tcp", "tcp6", "udp", "udp6"),
    "sec": _list("none", "null", "sys", "krb5", "krb5i", "krb5p"),
    "xprtsec": words("none", "tls", "mtls"),
    "lookupcache": words("all", "none", "pos", "positive"),
    "local_lock": words("all", "flock", "posix", "none"),
    "write": words("lazy", "eager", "wait"),
    "rdirplus": words("none", "force", bare=True),
    "fatal_neterrors": _NETERRORS,
    "fsc": matching("a tag, or nothing", r"[A-Za-z0-9_.-]+", bare=True),
    **dict.fromkeys(("addr", "clientaddr", "mountaddr", "mounthost"), ADDRESS),
    **dict.fromkeys(("cert_serial", "privkey_serial"), Form("a key's serial number", _is_id)),
}

_EXPORT_FLAGS = """
    ro rw secure insecure sync async hide nohide crossmnt nocrossmnt wdelay no_wdelay root_squash
    no_root_squash all_squash no_all_squash subtree_check no_subtree_check auth_nlm no_auth_nlm
    secure_locks insecure_locks acl no_acl nordirplus pnfs no_pnfs security_label
"""
_EXPORT: Known = {
    **dict.fromkeys(_EXPORT_FLAGS.split()),
    **dict.fromkeys(("anonuid", "anongid"), _USER_ID),
    "fsid": Form("a number, root, or a UUID of 32 hex digits", _is_fsid),
    "sec": _list("sys", "krb5", "krb5i", "krb5p", "none", "null", "unix"),
    "xprtsec": _list("none", "tls", "mtls"),
    "reexport": words("auto-fsidnum", "predefined-fsidnum"),
    # exportfs takes any text here and below; what a spec may have is `options.CARRIED`.
    **dict.fromkeys(("mountpoint", "mp"), Form("a path, or nothing", lambda _: True, bare=True)),
    **dict.fromkeys(("refer", "replicas"), Form("path@host lists", bool)),
    # Not in the manual any more; exportfs 2.6 takes one range, since a comma ends the option.
    **dict.fromkeys(
        ("squash_uids", "squash_gids"),
        Form("one range of ids", lambda value: bool(_UID_RANGES.fullmatch(value))),
    ),
}

# Options that set the same thing: the last one counts. The first of each group names it.
_MOUNT_RIVALS = (
    ("hard", "soft", "softerr"),
    *options.ANY_RIVALS,
    ("fg", "bg"),
    ("rdirplus", "nordirplus"),
    ("fsc", "nofsc"),
)
_EXPORT_RIVALS = (
    ("rw", "ro"),
    ("root_squash", "no_root_squash"),
    ("all_squash", "no_all_squash"),
    ("sync", "async"),
    ("secure", "insecure"),
    ("hide", "nohide"),
    ("crossmnt", "nocrossmnt"),
    ("wdelay", "no_wdelay"),
    ("subtree_check", "no_subtree_check"),
    ("secure_locks", "insecure_locks"),
    ("acl", "no_acl"),
    ("pnfs", "no_pnfs"),
    ("refer", "replicas"),
)
_EXPORT_GROUP = {name: group[0] for group in _EXPORT_RIVALS for name in group}
_MOUNT_GROUP = options.groups(_MOUNT, _MOUNT_RIVALS)

# Different words for the same thing (nfs(5), exports(5)).
_MOUNT_SYNONYMS = {
    **{word: f"proto={word}" for word in ("tcp", "udp", "rdma")},
    **{f"v{version}": f"vers={version}" for version in ("2", "3", "4", "4.0", "4.1", "4.2")},
    "nfsvers": "vers",
    "lookupcache=pos": "lookupcache=positive",
}
_EXPORT_SYNONYMS = {
    "auth_nlm": "secure_locks",
    "no_auth_nlm": "insecure_locks",
    "mp": "mountpoint",
    "mountpoint=": "mountpoint",
    "fsid=root": "fsid=0",
}
# Defaults of exportfs (nfs-utils 2.6). The first are always shown.
_EXPORT_DEFAULTS = ("sync", "no_subtree_check")
_SILENT = """
    secure hide nocrossmnt wdelay secure_locks acl no_pnfs no_all_squash
    anonuid=65534 anongid=65534 sec=sys
"""
_EXPORT_SILENT = frozenset(_SILENT.split())

# The only settings that may differ from one security flavour to the next, and their defaults
# (exports(5)).
_BY_FLAVOUR = {"rw": "ro", "root_squash": "root_squash", "all_squash": "no_all_squash"}
_NO_OPTIONS = {_EXPORT_GROUP[name]: name for name in _EXPORT_DEFAULTS}


_EXPORT_IN_FORCE = {
    _EXPORT_GROUP.get(word.partition("=")[0], word.partition("=")[0]): word
    for word in (*_BY_FLAVOUR.values(), *_EXPORT_DEFAULTS, *_SILENT.split())
}
"""What holds where a line says nothing else, by what it sets (exports(5))."""


def check_mount(option: str) -> Verdict | None:
    """Check one NFS mount option; None when there is nothing to say against it."""
    return options.check_mount(option, _MOUNT)


def check_export(option: str) -> Verdict | None:
    """Check one option of /etc/exports; None when there is nothing to say against it."""
    return options.check(option, _EXPORT, "an export option")


def settle_mount(given: Iterable[str]) -> tuple[str, ...]:
    """Reduce NFS mount options to what they come to, sorted.

    `minorversion` completes `vers=4` (nfs(5)), wherever the two stand, and says nothing new beside
    the same `vers=4.N`; beside another one, or without a version, it stays as it is.
    """
    settled = options.settle(given, _MOUNT, _MOUNT_GROUP, _MOUNT_SYNONYMS)
    said = dict(option.partition("=")[::2] for option in settled)
    minor = said.get("minorversion", "")
    if minor not in ("0", "1", "2") or said.get("vers") not in ("4", f"4.{minor}"):
        return settled
    gone = (f"minorversion={minor}", f"vers={said['vers']}")
    kept = [option for option in settled if option not in gone]
    return tuple(sorted([*kept, f"vers=4.{minor}"]))


def version(given: Iterable[str]) -> str | None:
    """Return the version of NFS that mount options ask for, as `4.1`; None for none."""
    settled = (option.partition("=") for option in settle_mount(given))
    return next((value for name, _, value in settled if name == "vers"), None)


class ExportOptions:
    """What a client's export options amount to in exportfs: first the line's defaults, then its own.

    Lists are added one by one, so that clients can share what the lists before theirs amount to.
    exportfs gives an option to the flavours that the nearest `sec=` of the same list names.
    """

    def __init__(self) -> None:
        self._fixed: dict[str, str] = _NO_OPTIONS
        self._rights: dict[str, str] = _BY_FLAVOUR
        self._flavours: dict[str, dict[str, str]] = {}

    def plus(self, listed: Iterable[str]) -> ExportOptions:
        """Return these options with one more list behind them; this object stays as it is."""
        result = ExportOptions()
        result._fixed = dict(self._fixed)
        result._rights = dict(self._rights)
        result._flavours = {flavour: dict(own) for flavour, own in self._flavours.items()}
        result._add(listed)
        return result

    def _add(self, listed: Iterable[str]) -> None:
        active: list[str] = []
        for given in listed:
            option = _plain_export(given)
            name, _, value = option.partition("=")
            slot = _EXPORT_GROUP.get(name, name)
            if name == "sec":
                active = list(dict.fromkeys(value.split(":")))
                for flavour in active:
                    self._flavours.setdefault(flavour, dict(self._rights))
            elif slot in _BY_FLAVOUR:
                for told in (self._rights, *(self._flavours[flavour] for flavour in active)):
                    told[slot] = option
            else:
                self._fixed[slot] = option

    def settled(self) -> tuple[str, ...]:
        """Return the options in force, sorted: one word of synonyms, nothing that is overridden.

        Defaults are left out, save for `ro`, `root_squash`, `sync` and `no_subtree_check`, which
        stand there whether they are spelled out or not. Where flavours of several `sec=` get
        different rights, these stand behind the rest, in order, each followed by its own.
        """
        fixed = sorted(option for option in self._fixed.values() if option not in _EXPORT_SILENT)
        sections = _sections(self._flavours) or [(["sys"], self._rights)]
        if len(sections) == 1:
            names, own = sections[0]
            rest = {*own.values(), "sec=" + ":".join(names)} - _EXPORT_SILENT
            return tuple(sorted((*fixed, *rest)))
        # What a flavour does not say, it would inherit from the one before.
        silent = set.intersection(*(set(own.values()) for _, own in sections)) & _EXPORT_SILENT
        tail = [
            word
            for names, own in sections
            for word in ("sec=" + ":".join(names), *sorted({*own.values()} - silent))
        ]
        return (*fixed, *tail)


def settle_export(*lists: Iterable[str]) -> tuple[str, ...]:
    """Reduce a client's export options (the line's defaults first) to what exportfs makes of them."""
    options = ExportOptions()
    for listed in lists:
        options = options.plus(listed)
    return options.settled()


def effective_export(listed: Iterable[str]) -> tuple[str, ...]:
    """Return all that holds of one client's options, those that nobody wrote as well, sorted."""
    settled = settle_export(filter(None, listed))
    names = [option.partition("=")[0] for option in settled]
    if names.count("sec") > 1:
        return settled  # in order: each has rights of its own
    slots = {_EXPORT_GROUP.get(name, name) for name in names}
    implied = (word for slot, word in _EXPORT_IN_FORCE.items() if slot not in slots)
    return tuple(sorted((*settled, *implied)))


def _plain_export(option: str) -> str:
    """Write an export option as exportfs's own table has it: one word of synonyms, ids as numbers."""
    name, equals, value = _EXPORT_SYNONYMS.get(option, option).partition("=")
    if name in ("anonuid", "anongid") and _is_id(value):
        number = int(value) % 2**32
        value = str(number if number < 2**31 else number - 2**32)
    option = _EXPORT_SYNONYMS.get(name, name) + equals + value
    return _EXPORT_SYNONYMS.get(option, option)


def _sections(
    flavours: Mapping[str, dict[str, str]],
) -> list[tuple[list[str], Mapping[str, str]]]:
    """Put neighbouring flavours with the same rights together, as exportfs lists them."""
    sections: list[tuple[list[str], Mapping[str, str]]] = []
    for flavour, own in flavours.items():
        if sections and sections[-1][1] == own:
            sections[-1][0].append(flavour)
        else:
            sections.append(([flavour], own))
    return sections
