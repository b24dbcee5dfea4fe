"""What may stand under `storage:`: options of exports and mounts, and what Samba needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.formats import (
    cifs_options,
    export_clients,
    fstab,
    names,
    nfs_options,
    options,
    paths,
    smb_conf,
)
from omconf.rules import (
    CONTRADICTION,
    LOCAL_FILE_SYSTEM,
    MOUNT_OPTION,
    PLAIN_PROPERTY,
    UNCARRIABLE,
    WRONG_VALUE,
)
from omconf.secrets import in_plain, quoted
from omconf.spec import addresses, folders, references
from omconf.spec.refusal import refuse

if TYPE_CHECKING:
    from pydantic import ValidationInfo

    from omconf.formats.options import Verdict


def mount_option(value: str, info: ValidationInfo) -> str:
    """Check one mount option, by the kind of storage that stands beside it."""
    kind = info.data.get("kind")
    if kind == "cifs":
        name, equals, _ = value.partition("=")
        if name in cifs_options.OWN or (name == "user" and equals):
            refuse(
                CONTRADICTION,
                f"`{name}` is written by omconf: the nodes log in with a credentials file.",
                "Set `user` and `password` of `storage:` instead.",
            )
        _plain(value)
        return _option(value, cifs_options.check_mount(value))
    _plain(value)
    # An invalid kind has no rules.
    return _option(value, nfs_options.check_mount(value)) if kind else value


def export_option(value: str) -> str:
    """Check one NFS export option: an unknown one too takes what stands below it from the server."""
    _plain(value)
    verdict = nfs_options.check_export(value)
    if verdict and verdict.kind == "unknown" and not options.misfit(value):
        refuse(
            MOUNT_OPTION,
            f"{verdict.message} exportfs stops reading the file at an unknown option.",
            "Correct the option, or remove it.",
        )
    return _option(value, verdict)


def _plain(
    value: str, hint: str = "Remove it; a Samba account's password is `storage.password`."
) -> None:
    """Refuse an option that is a secret."""
    name = value.partition("=")[0]
    if in_plain(name, value):
        refuse(PLAIN_PROPERTY, f"`{quoted(name)}` would stand in plain text in every bundle.", hint)


SAFER = {"soft": "hard", "softerr": "hard", "no_root_squash": "root_squash"}
"""Options that a rule warns of are not advised, but what that rule's hint says."""
USUAL = {
    "timeo": "50",
    "retrans": "2",
    "rsize": "1048576",
    "wsize": "1048576",
    "proto": "tcp",
    "sec": "sys",
    "anonuid": "65534",
    "anongid": "65534",
    "file_mode": "0640",
    "dir_mode": "0750",
}
"""Values to advise for one that is wrong."""


def _better(value: str, suggestion: str | None) -> str:
    if suggestion:
        return f"Write `{SAFER.get(suggestion, suggestion)}`."
    name = value.partition("=")[0]
    if not name.isprintable() or " " in name or "," in value:
        return "Give each option an item of its own."
    if "\\" in value:
        return "Name a mount unit by its path, as `x-systemd.requires=/srv/data`."
    if name in USUAL:
        return f"Write `{name}={USUAL[name]}`, for example."
    return "Correct its value, or remove the option."


def _option(value: str, verdict: Verdict | None) -> str:
    verdict = options.misfit(value) or verdict
    if verdict and verdict.kind != "unknown":
        refuse(MOUNT_OPTION, verdict.message, _better(value, verdict.suggestion))
    return value


def share_name(value: str) -> str:
    """Check a share's name: one that smb.conf, fstab and a UNC path carry, and no special one."""
    if value.casefold() in smb_conf.SPECIAL:
        refuse(WRONG_VALUE, f"Samba keeps `{value}` for itself.", "Write `openmeetings`.")
    plain = names.SHARE.fullmatch(value) and "  " not in value
    if not plain or len(value) > names.MAX_SHARE:
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not a valid share name.",
            "Use letters, digits, `.`, `_`, `-`, `$` and single spaces,"
            f" {names.MAX_SHARE} characters at most.",
        )
    return value


def credentials(value: str) -> str:
    """Check where nodes keep the account: a path whose name says that it is such a file."""
    folders.folder(value)
    if not paths.CREDENTIALS.fullmatch(value) or value.startswith("/etc/omconf/"):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` cannot be the credentials file.",
            "Its name must say what it is (`smb`, `cifs`, `samba` or `cred`), in letters, digits and"
            " `._+@-`, outside of /etc/omconf. Write `/root/.smbcredentials`, for example.",
        )
    return value


def samba_user(value: str) -> str:
    """Check the name of an account: of Samba's own, or of a Windows domain."""
    if not names.DOMAIN_ACCOUNT.fullmatch(value):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not a valid Samba account name.",
            "Use letters, digits, `.`, `_` and `-`, 31 characters at most; an account of a Windows"
            " domain is `DOMAIN\\user` or `user@example.org`.",
        )
    return value


def domain(value: str, info: ValidationInfo) -> str:
    """Check the name of a Windows domain, by the account that stands beside it."""
    if not names.DOMAIN.fullmatch(value):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not a valid Windows domain name.",
            "Write `CORP` or `corp.example.org`, for example.",
        )
    user = str(info.data.get("user", ""))
    own, backslash, name = user.rpartition("\\")
    if backslash and own.lower() != value.lower():
        refuse(
            WRONG_VALUE,
            f"`{value}` is not the domain of `{user}`.",
            f"Remove `domain`, or write `user: {name}`.",
        )
    return value


def mount_from(value: str) -> str:
    """Check the name or the address by which nodes mount."""
    return str(references.host(value))


def client(value: str) -> str:
    """Check whom exports let in: a network, an address, a netgroup, a name or a pattern of names."""
    addresses.no_ipv6(value.partition("/")[0], addresses.IPV4_ONLY, "Give an IPv4 network.")
    if not names.EXPORT_CLIENT.fullmatch(value):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not a valid export client.",
            "Write a network (`10.1.1.0/24`), a netgroup (`@nodes`) or names (`*.example.org`).",
        )
    if "/" in value:
        addresses.subnet(value)
    elif names.NUMERIC.fullmatch(value):
        addresses.ipv4(value)
    elif value.strip("*?.") and not value.strip("*?.0123456789"):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is a pattern of addresses: exportfs compares patterns with names.",
            "Write a network, such as `10.1.1.0/24`.",
        )
    if export_clients.is_world(value):
        refuse(
            WRONG_VALUE,
            f"`{value}` matches hosts outside the cluster: the shared folder would be public.",
            "Write the nodes' network, such as `10.1.1.0/24`, or names in your own domain, such as"
            " `*.om.example.org`.",
        )
    return value


def device(value: str) -> str:
    """Check what fstab mounts: one that is not read as a comment, and that holds no password."""
    if value.startswith("#") or '"' in value:
        refuse(
            UNCARRIABLE,
            f"fstab cannot carry `{quoted(value)}`.",
            "Write it without quotes, and without `#` at its start.",
        )
    if in_plain("what", value):
        refuse(
            PLAIN_PROPERTY,
            "A password would stand in plain text in every bundle.",
            "Remove it: the mount's own program reads it from a file of root's.",
        )
    return value


def file_system(value: str) -> str:
    """Check the type of a file system that several hosts mount at the same time."""
    if value in fstab.LOCAL:
        refuse(
            LOCAL_FILE_SYSTEM,
            f"`{value}` is mounted by one host alone: nodes would not see each other's files"
            + (", and destroy them." if value not in _NO_DEVICE else "."),
            "Name one that is shared, as `nfs4`, `glusterfs`, `ceph` or `efs`.",
        )
    if not fstab.KIND.fullmatch(value):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not a valid file system type.",
            "Write `glusterfs`, for example.",
        )
    return value


_NO_DEVICE = ("autofs", "devpts", "overlay", "proc", "ramfs", "sysfs", "tmpfs")


def fstab_option(value: str, info: ValidationInfo) -> str:
    """Check one option of a mount of any type; what a type has of its own is its own affair."""
    name, _, given = value.partition("=")
    if not (name in fstab.FILES and given.startswith("/")):
        _plain(value, "Remove it: name a file of root's (`credentials=`, `secretfile=`).")
    kind = info.data.get("type")
    if kind in fstab.NFS:
        return _option(value, nfs_options.check_mount(value))
    if kind in fstab.CIFS:
        return _option(value, cifs_options.check_mount(value))
    verdict = options.check_mount(value, options.ANY_MOUNT)
    return _option(value, verdict if verdict and verdict.kind == "bad-value" else None)
