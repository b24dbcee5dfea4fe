"""What may stand under `storage:`: options of exports and mounts, and what Samba needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.diagnostics import CONTRADICTION, PLAIN_PROPERTY, Rule, Severity
from omconf.formats import cifs_options, names, nfs_options, options, smb_conf
from omconf.secrets import in_plain, quoted
from omconf.spec import checks

if TYPE_CHECKING:
    from pydantic import ValidationInfo

    from omconf.formats.options import Verdict

MOUNT_OPTION = Rule("OM233", Severity.ERROR, "a mount or export option that is misspelt or bad")


def mount_option(value: str, info: ValidationInfo) -> str:
    """Check one mount option, by the kind of storage that stands beside it."""
    kind = info.data.get("kind")
    if kind == "cifs":
        name, equals, _ = value.partition("=")
        if name in cifs_options.OWN or (name == "user" and equals):
            checks.refuse(
                CONTRADICTION,
                f"`{name}` is written by omconf: the nodes log in with a credentials file.",
                "Use user and password of `storage:`.",
            )
        _plain(value)
        return _option(value, cifs_options.judge_mount(value))
    _plain(value)
    # Of a kind that is no kind, nothing can be said.
    return _option(value, nfs_options.judge_mount(value)) if kind else value


def export_option(value: str) -> str:
    """Check one NFS export option: an unknown one too takes what stands below it from the server."""
    _plain(value)
    verdict = nfs_options.judge_export(value)
    if verdict and verdict.kind == "unknown" and not options.misfit(value):
        checks.refuse(
            MOUNT_OPTION,
            f"{verdict.message} exportfs reads nothing below an option that it does not know.",
            "Correct the option, or remove it.",
        )
    return _option(value, verdict)


def _plain(value: str) -> None:
    """Refuse an option that is a secret."""
    name = value.partition("=")[0]
    if in_plain(name, value):
        checks.refuse(
            PLAIN_PROPERTY,
            f"`{quoted(name)}` would stand in plain text in every bundle.",
            "Remove it; a Samba account's password is `storage.password`.",
        )


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
        checks.refuse(MOUNT_OPTION, verdict.message, _better(value, verdict.suggestion))
    return value


def share_name(value: str) -> str:
    """Check a share's name: one that smb.conf, fstab and a UNC path carry, and no special one."""
    if value.casefold() in smb_conf.SPECIAL:
        checks.refuse(
            checks.WRONG_VALUE, f"Samba keeps `{value}` for itself.", "Write `openmeetings`."
        )
    plain = names.SHARE.fullmatch(value) and "  " not in value
    if not plain or len(value) > names.LONGEST_SHARE:
        checks.refuse(
            checks.WRONG_VALUE,
            f"`{value[:80]}` is no name for a share.",
            "Use letters, digits, `.`, `_`, `-`, `$` and single spaces,"
            f" {names.LONGEST_SHARE} characters at most.",
        )
    return value


def samba_user(value: str) -> str:
    """Check the name of a Samba account."""
    if not names.SAMBA_ACCOUNT.fullmatch(value):
        checks.refuse(
            checks.WRONG_VALUE,
            f"`{value[:80]}` is no name of a Samba account.",
            "Use letters, digits, `.`, `_` and `-`, 31 characters at most.",
        )
    return value
