"""What is known of NFS mount options and export options: names, values, what overrides what.

Neither mount.nfs nor findmnt judges an option before the kernel refuses it at boot, and exportfs
stops reading its whole file at one, so omconf has to know them. Sources: nfs(5) and exports(5) of
nfs-utils 2.6 to 2.8, fs/nfs/fs_context.c of Linux (ranges, and options that nfs(5) leaves out),
mount(8) of util-linux 2.38, systemd.mount(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with one option.

    `misspelt`: no known option, but one slip away from `suggestion`; `bad-value`: known, or not
    even an option's shape, and refused; `unknown`: merely not known here, so it may be right.
    """

    kind: Literal["misspelt", "bad-value", "unknown"]
    message: str
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class _Form:
    """The value that an option takes; `bare` when the name may also stand alone."""

    wants: str
    fits: Callable[[str], bool]
    bare: bool = False


_NUMBER = re.compile(r"[0-9]{1,10}|0[xX][0-9a-fA-F]{1,8}")
_ID = re.compile(r"[+-]?[0-9]{1,10}")
_SPAN_UNIT = r"(?:us|ms|s|secs?|seconds?|m|min|minutes?|h|hr|hours?|d|days?|w|weeks?)"
_SPAN = re.compile(rf"infinity|(?:[0-9]+(?:\.[0-9]+)?{_SPAN_UNIT}?)+")
_UID_RANGES = re.compile(r"[0-9]+(?:-[0-9]+)?")


def _number(low: int, high: int = 2**32 - 1, unit: str = "") -> _Form:
    def fits(value: str) -> bool:
        if not _NUMBER.fullmatch(value):
            return False
        return low <= int(value, 16 if value[:2] in ("0x", "0X") else 10) <= high

    upto = f" to {high}" if high < 2**31 - 1 else " up"
    return _Form(f"a whole number from {low}{upto}" + (f" ({unit})" if unit else ""), fits)


def _words(*words: str, bare: bool = False) -> _Form:
    return _Form(f"one of {', '.join(words)}", frozenset(words).__contains__, bare)


def _list(*words: str) -> _Form:
    known = frozenset(words)
    wants = f"one or more of {', '.join(words)}, joined by colons"
    return _Form(wants, lambda value: known.issuperset(value.split(":")))


def _is_id(value: str) -> bool:
    return bool(_ID.fullmatch(value)) and -(2**31) <= int(value) < 2**32


def _is_fsid(value: str) -> bool:
    hex_digits = len(re.findall("[0-9a-fA-F]", value))
    return value == "root" or bool(_NUMBER.fullmatch(value)) or hex_digits == 32


_TEXT = _Form("a text", bool)
_TEXT_OR_BARE = _Form("a text, or nothing", bool, bare=True)
_TIME_SPAN = _Form("a time such as 30s or 5min", lambda value: bool(_SPAN.fullmatch(value)))
_MODE = _Form("an octal mode", lambda v: bool(re.fullmatch("[0-7]{1,5}", v)), bare=True)
_USER_ID = _Form("a numeric id", _is_id)
_SECONDS = _number(0, unit="seconds")
_BYTES = _number(1, unit="bytes")
_VERSION = _words("2", "3", "4", "4.0", "4.1", "4.2")
_TRANSPORT = _words("tcp", "tcp6", "udp", "udp6", "rdma", "rdma6")
_NETERRORS = _words("default", "none", "ENETDOWN:ENETUNREACH", "ENETUNREACH:ENETDOWN")

# Options without a value: nfs(5) first, then mount(8), then systemd.mount(5).
_MOUNT_FLAGS = """
    soft hard softerr softreval nosoftreval intr nointr ac noac bg fg nordirplus sharecache
    nosharecache resvport noresvport nofsc sloppy udp tcp rdma lock nolock cto nocto acl noacl
    migration nomigration posix noposix trunkdiscovery notrunkdiscovery alignwrite noalignwrite
    v2 v3 v4 v4.0 v4.1 v4.2
    async atime noatime auto noauto bind rbind defaults dev nodev diratime nodiratime dirsync exec
    noexec group nogroup iversion noiversion lazytime nolazytime loud mand nomand _netdev nofail
    nosymfollow owner noowner private rprivate shared rshared slave rslave unbindable runbindable
    relatime norelatime remount ro rw silent strictatime nostrictatime suid nosuid sync nouser
    users nousers
    x-systemd.automount x-systemd.growfs x-systemd.makefs x-systemd.pcrfs x-systemd.rw-only
    x-initrd.mount
"""
_MOUNT: Mapping[str, _Form | None] = {
    **dict.fromkeys(_MOUNT_FLAGS.split()),
    "timeo": _number(1, 2**31 - 1, unit="tenths of a second"),
    "retrans": _number(0, 2**31 - 1),
    "retry": _number(0, unit="minutes"),
    **dict.fromkeys(("rsize", "wsize", "bsize"), _BYTES),
    **dict.fromkeys(("acregmin", "acregmax", "acdirmin", "acdirmax", "actimeo"), _SECONDS),
    **dict.fromkeys(("nconnect", "max_connect"), _number(1, 16)),
    **dict.fromkeys(("port", "mountport"), _number(0, 65535)),
    "minorversion": _number(0, 2),
    "mountvers": _number(1, 3),
    "namlen": _number(0),
    **dict.fromkeys(("vers", "nfsvers"), _VERSION),
    "proto": _TRANSPORT,
    "mountproto": _words("tcp", "tcp6", "udp", "udp6"),
    "sec": _list("none", "null", "sys", "krb5", "krb5i", "krb5p"),
    "xprtsec": _words("none", "tls", "mtls"),
    "lookupcache": _words("all", "none", "pos", "positive"),
    "local_lock": _words("all", "flock", "posix", "none"),
    "write": _words("lazy", "eager", "wait"),
    "rdirplus": _words("none", "force", bare=True),
    "fatal_neterrors": _NETERRORS,
    "fsc": _TEXT_OR_BARE,
    **dict.fromkeys(("addr", "clientaddr", "mountaddr", "mounthost"), _TEXT),
    **dict.fromkeys(("cert_serial", "privkey_serial"), _Form("a key's serial number", _is_id)),
    **dict.fromkeys(("context", "fscontext", "defcontext", "rootcontext", "comment"), _TEXT),
    **dict.fromkeys(("helper", "uhelper"), _TEXT),
    "user": _TEXT_OR_BARE,
    "X-mount.mkdir": _MODE,
    "x-mount.mkdir": _MODE,
    **dict.fromkeys(("x-systemd.device-timeout", "x-systemd.mount-timeout"), _TIME_SPAN),
    "x-systemd.idle-timeout": _TIME_SPAN,
    **dict.fromkeys(("x-systemd.requires", "x-systemd.before", "x-systemd.after"), _TEXT),
    **dict.fromkeys(("x-systemd.wanted-by", "x-systemd.required-by"), _TEXT),
    **dict.fromkeys(("x-systemd.requires-mounts-for", "x-systemd.wants-mounts-for"), _TEXT),
    "x-systemd.device-bound": _TEXT_OR_BARE,
}

_EXPORT_FLAGS = """
    ro rw secure insecure sync async hide nohide crossmnt nocrossmnt wdelay no_wdelay root_squash
    no_root_squash all_squash no_all_squash subtree_check no_subtree_check auth_nlm no_auth_nlm
    secure_locks insecure_locks acl no_acl nordirplus pnfs no_pnfs security_label
"""
_EXPORT: Mapping[str, _Form | None] = {
    **dict.fromkeys(_EXPORT_FLAGS.split()),
    **dict.fromkeys(("anonuid", "anongid"), _USER_ID),
    "fsid": _Form("a number, root, or a UUID of 32 hex digits", _is_fsid),
    "sec": _list("sys", "krb5", "krb5i", "krb5p", "none", "null", "unix"),
    "xprtsec": _list("none", "tls", "mtls"),
    "reexport": _words("auto-fsidnum", "predefined-fsidnum"),
    **dict.fromkeys(("mountpoint", "mp"), _Form("a path, or nothing", lambda _: True, bare=True)),
    **dict.fromkeys(("refer", "replicas"), _Form("path@host lists", bool)),
    # Not in the manual any more; exportfs 2.6 takes one range, since a comma ends the option.
    **dict.fromkeys(
        ("squash_uids", "squash_gids"),
        _Form("one range of ids", lambda value: bool(_UID_RANGES.fullmatch(value))),
    ),
}

# Options that set the same thing: the last one counts. The first of each group names it.
_MOUNT_RIVALS = (
    ("hard", "soft", "softerr"),
    ("rw", "ro"),
    ("fg", "bg"),
    ("sync", "async"),
    ("rdirplus", "nordirplus"),
    ("fsc", "nofsc"),
    ("silent", "loud"),
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
_MOUNT_GROUP = {name: group[0] for group in _MOUNT_RIVALS for name in group} | {
    name: name[2:]
    for name, form in _MOUNT.items()
    if form is None and name.startswith("no") and _MOUNT.get(name[2:], _TEXT) is None
}

# Different words for the same thing (nfs(5), exports(5)).
_MOUNT_SYNONYMS = {
    **{word: f"proto={word}" for word in ("tcp", "udp", "rdma")},
    **{f"v{version}": f"vers={version}" for version in ("2", "3", "4", "4.0", "4.1", "4.2")},
    "lookupcache=pos": "lookupcache=positive",
}
_EXPORT_SYNONYMS = {
    "auth_nlm": "secure_locks",
    "no_auth_nlm": "insecure_locks",
    "mp": "mountpoint",
    "fsid=root": "fsid=0",
}

# The only settings that may differ from one security flavour to the next, and their defaults
# (exports(5)).
_BY_FLAVOUR = {"rw": "ro", "root_squash": "root_squash", "all_squash": "no_all_squash"}


def judge_mount(option: str) -> Verdict | None:
    """Judge one NFS mount option; None when there is nothing to say against it.

    `x-...` and `X-...` options are free for anybody's use (mount(8)), save that those of systemd
    are looked at.
    """
    verdict = _judge(option, _MOUNT, "mount option")
    free = option.startswith(("x-", "X-")) and not option.startswith("x-systemd.")
    if verdict and verdict.kind != "bad-value" and free:
        return None
    return verdict


def judge_export(option: str) -> Verdict | None:
    """Judge one option of /etc/exports; None when there is nothing to say against it."""
    return _judge(option, _EXPORT, "export option")


def settle_mount(options: Iterable[str]) -> tuple[str, ...]:
    """Reduce NFS mount options to what they come to, sorted.

    Of rivals (`hard`, `soft`; `timeo=50`, `timeo=60`) the last one counts, `defaults` sets nothing,
    and of synonyms one word is kept. Options that are not known stand as they are.
    """
    settled: dict[str, str] = {}
    for given in options:
        option = _MOUNT_SYNONYMS.get(given, given)
        name, _, value = option.partition("=")
        if name == "nfsvers":
            name, option = "vers", f"vers={value}"
        named = name in _MOUNT and not name.lower().startswith("x-")
        slot = _MOUNT_GROUP.get(name, name) if named else option
        if option and option != "defaults":
            settled[slot] = option
    return tuple(sorted(settled.values()))


def settle_export(*lists: Iterable[str]) -> tuple[str, ...]:
    """Reduce a client's export options (the line's defaults first) to what exportfs makes of them.

    Sorted, without what a later option overrides, and one word of synonyms. Where flavours of
    several `sec=` get different rights, these stand behind the rest, in order, each followed by its
    own: exportfs gives an option to the flavours that the nearest `sec=` of the same list names.
    """
    fixed: dict[str, str] = {}
    rights: dict[str, str] = {}
    flavours: dict[str, dict[str, str]] = {}
    for options in lists:
        active: list[str] = []
        for given in options:
            option = _EXPORT_SYNONYMS.get(given, given)
            name, _, value = option.partition("=")
            slot = _EXPORT_GROUP.get(name, name)
            if name == "sec":
                active = value.split(":")
                for flavour in active:
                    flavours.setdefault(flavour, dict(rights))
            elif slot in _BY_FLAVOUR:
                for told in (rights, *(flavours[flavour] for flavour in active)):
                    told[slot] = option
            else:
                fixed[slot] = option
    sections = _sections(flavours) or [((), rights)]
    if len(sections) == 1:
        names, own = sections[0]
        named = ("sec=" + ":".join(names),) if names else ()
        return tuple(sorted((*fixed.values(), *own.values(), *named)))
    tail = [w for names, own in sections for w in ("sec=" + ":".join(names), *sorted(own.values()))]
    return (*sorted(fixed.values()), *tail)


def _sections(
    flavours: Mapping[str, dict[str, str]],
) -> list[tuple[tuple[str, ...], Mapping[str, str]]]:
    """Put neighbouring flavours with the same rights together, as exportfs lists them."""
    # What is said of one flavour is said of each: the next one would inherit it.
    said = {slot: _BY_FLAVOUR[slot] for own in flavours.values() for slot in own}
    sections: list[tuple[tuple[str, ...], Mapping[str, str]]] = []
    for flavour, given in flavours.items():
        own = said | given
        if sections and sections[-1][1] == own:
            sections[-1] = ((*sections[-1][0], flavour), own)
        else:
            sections.append(((flavour,), own))
    return sections


def _judge(option: str, known: Mapping[str, _Form | None], what: str) -> Verdict | None:
    shown = option if option.isprintable() else ascii(option)[1:-1]
    if not option or " " in option or "," in option or not option.isprintable():
        return Verdict("bad-value", f"`{shown}`: an option is one word, without blanks or commas.")
    name, equals, value = option.partition("=")
    if name not in known:
        near = _nearest(name, bool(equals), known)
        if near is None:
            return Verdict("unknown", f"`{name}` is no {what} that omconf knows.")
        right = near + equals + value
        return Verdict("misspelt", f"`{name}` is no {what}; `{near}` is one slip away.", right)
    form = known[name]
    if form is None:
        return Verdict("bad-value", f"`{name}` takes no value.", name) if equals else None
    if not equals:
        return None if form.bare else Verdict("bad-value", f"`{name}` needs {form.wants}.")
    return None if form.fits(value) else Verdict("bad-value", f"`{name}` needs {form.wants}.")


def _nearest(name: str, valued: bool, known: Mapping[str, _Form | None]) -> str | None:
    """Find the known option that was meant; one with a value was never meant to be a flag."""
    near = [
        right
        for right, form in known.items()
        if (right == name.lower() or _one_slip(name, right)) and not (valued and form is None)
    ]
    return min(near, key=lambda right: (abs(len(right) - len(name)), right), default=None)


def _one_slip(wrong: str, right: str) -> bool:
    """Tell whether one letter is wrong, missing, too many, or two neighbours are swapped."""
    if abs(len(wrong) - len(right)) > 1 or wrong == right:
        return False
    at = next((i for i, (a, b) in enumerate(zip(wrong, right, strict=False)) if a != b), None)
    if at is None:  # one is the beginning of the other
        return True
    swapped = wrong[at : at + 2] == right[at : at + 2][::-1]
    return (
        wrong[at + 1 :] == right[at + 1 :]
        or wrong[at + 1 :] == right[at:]
        or wrong[at:] == right[at + 1 :]
        or (swapped and wrong[at + 2 :] == right[at + 2 :])
    )
