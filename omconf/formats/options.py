"""Options of a mount or an export: what shape each one has, and whether one is misspelt.

Also the mount options of any file system. Sources: mount(8) of util-linux 2.38, systemd.mount(5).
`CARRIED` is what /etc/exports and fstab carry as one option.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from omconf.dataclass import dataclass
from omconf.formats import names, systemd
from omconf.regex import regex
from omconf.secrets import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with one option.

    `misspelt`: no known option, but one typo away from `suggestion`; `bad-value`: known, or not
    even an option's shape, and refused; `unknown`: merely not known here, so it may be right.
    """

    kind: Literal["misspelt", "bad-value", "unknown"]
    message: str
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """The value that an option takes; `bare` when the name may also stand alone."""

    wants: str
    fits: Callable[[str], bool]
    bare: bool = False


Known = dict[str, Form | None]
"""Options by name; None for one that takes no value."""

CARRIED = regex(r"[A-Za-z_][A-Za-z0-9_.-]*(?:=(?:[A-Za-z0-9_./:@+=%-]|[^\x00-\x7f])*)?")
"""One option of /etc/exports or fstab, whether it is known or not: a name, and perhaps a value.

In neither file is there a way to quote a value: a quote swallows line ends (exports(5), mount(8)), a
bracket ends the options of an export, a comma begins the next option, a backslash a code.
"""
MAX_OPTION = 255
"""Bytes of an option; the kernel's fsconfig(2) takes no longer value."""
MAX_LIST = 4000
"""Bytes of all options of a mount; mount(2) takes a page of them, mount.nfs adds its own."""

NUMBER = regex(r"[0-9]{1,10}|0[xX][0-9a-fA-F]{1,8}")
# Longer words first, and possessive: a word that is cut into parts in one way only takes linear time.
_SPAN_UNIT = r"(?>seconds?|secs?|s|us|minutes?|min|ms|m|hours?|hr|h|days?|d|weeks?|w)"
_SPAN = regex(rf"infinity|(?:[0-9]++(?:\.[0-9]++)?+{_SPAN_UNIT}?+)++")


def number(low: int, high: int = 2**32 - 1, unit: str = "") -> Form:
    """Form of a whole number, decimal or hexadecimal, from `low` to `high`."""

    def fits(value: str) -> bool:
        if not NUMBER.fullmatch(value):
            return False
        return low <= int(value, 16 if value[:2] in ("0x", "0X") else 10) <= high

    upto = f" to {high}" if high < 2**31 - 1 else " up"
    return Form(f"a whole number from {low}{upto}" + (f" ({unit})" if unit else ""), fits)


def words(*choices: str, bare: bool = False) -> Form:
    """Form of one of these words."""
    return Form(f"one of {', '.join(choices)}", frozenset(choices).__contains__, bare)


def matching(wants: str, pattern: str | re.Pattern[str], *, bare: bool = False) -> Form:
    """Form of a text that a pattern matches as a whole."""
    whole = regex(pattern) if isinstance(pattern, str) else pattern
    return Form(wants, lambda value: whole.fullmatch(value) is not None, bare)


WORD = matching("letters, digits, `.`, `_` and `-`", r"[A-Za-z0-9_.-]+")
PATH = matching("an absolute path", r"/.*")
ADDRESS = matching(
    "an address or a host name", rf"{names.HOST.pattern}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]+"
)
_LABEL = matching("an SELinux label", r"[A-Za-z0-9_.:-]+")
_ACCOUNT = matching("the name of an account, or nothing", names.ACCOUNT, bare=True)
_UNIT = matching("a systemd unit", systemd.UNIT)
_UNIT_OR_PATH = matching("a systemd unit, or an absolute path", rf"/.*|{systemd.UNIT.pattern}")
SECONDS = number(0, unit="seconds")
BYTES = number(1, unit="bytes")
_TIME_SPAN = Form("a time such as 30s or 5min", lambda value: bool(_SPAN.fullmatch(value)))
_MODE = Form("an octal mode", lambda v: bool(re.fullmatch("[0-7]{1,5}", v)), bare=True)

_FLAGS = """
    async atime noatime auto noauto bind rbind defaults dev nodev diratime nodiratime dirsync exec
    noexec group nogroup iversion noiversion lazytime nolazytime loud mand nomand _netdev nofail
    nosymfollow owner noowner private rprivate shared rshared slave rslave unbindable runbindable
    relatime norelatime remount ro rw silent strictatime nostrictatime suid nosuid sync nouser
    users nousers
    x-systemd.automount x-systemd.growfs x-systemd.makefs x-systemd.pcrfs x-systemd.rw-only
    x-initrd.mount
"""
ANY_MOUNT: Known = {
    **dict.fromkeys(_FLAGS.split()),
    **dict.fromkeys(("context", "fscontext", "defcontext", "rootcontext"), _LABEL),
    "comment": matching("a text", r".+"),
    **dict.fromkeys(("helper", "uhelper"), WORD),
    "user": _ACCOUNT,
    "X-mount.mkdir": _MODE,
    "x-mount.mkdir": _MODE,
    **dict.fromkeys(("x-systemd.device-timeout", "x-systemd.mount-timeout"), _TIME_SPAN),
    "x-systemd.idle-timeout": _TIME_SPAN,
    **dict.fromkeys(("x-systemd.requires", "x-systemd.before", "x-systemd.after"), _UNIT_OR_PATH),
    **dict.fromkeys(("x-systemd.wanted-by", "x-systemd.required-by"), _UNIT),
    **dict.fromkeys(("x-systemd.requires-mounts-for", "x-systemd.wants-mounts-for"), PATH),
    "x-systemd.device-bound": words("yes", "no", "true", "false", "on", "off", "1", "0", bare=True),
}
"""Mount options that no file system has for itself: mount(8) first, then systemd.mount(5)."""
DEFAULTS = frozenset({"defaults", "rw", "suid", "dev", "exec", "auto", "nouser", "async"})
"""Default options (mount(8), `defaults`)."""
ANY_RIVALS = (("rw", "ro"), ("sync", "async"), ("silent", "loud"))
"""Options that set the same thing: the last one counts."""


_DEFAULTS = frozenset(["rw", "suid", "dev", "exec", "auto", "nouser", "async"])
"""What `defaults` stands for (mount(8))."""
_GIVES = frozenset(["user", "users", "owner", "group"])
"""What implies `noexec`, `nosuid` and `nodev`, which the words of `defaults` take back."""


def groups(known: Known, rivals: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """Name what each option sets: the first of its rivals, or the word that its `no` takes back."""
    return {name: group[0] for group in rivals for name in group} | {
        name: name[2:]
        for name, form in known.items()
        if form is None and name.startswith("no") and known.get(name[2:], WORD) is None
    }


def settle(
    options: Iterable[str],
    known: Known,
    grouped: Mapping[str, str],
    synonyms: Mapping[str, str],
) -> tuple[str, ...]:
    """Reduce mount options to what they come to, sorted.

    Of rivals (`hard`, `soft`; `timeo=50`, `timeo=60`) the last one counts, `defaults` sets nothing,
    nor does a word of it beside none that `_GIVES` what it takes back, and of synonyms (of a name, or
    of a whole option) one word is kept. Options that are not known stand as they are.
    """
    settled: dict[str, str] = {}
    for given in options:
        word, equals, value = given.partition("=")
        option = synonyms.get(word, word) + equals + value
        option = synonyms.get(option, option)
        name = option.partition("=")[0]
        named = name in known and not name.lower().startswith("x-")
        slot = grouped.get(name, name) if named else option
        if option and option != "defaults":
            settled[slot] = option
    kept = {slot: option for slot, option in settled.items() if option not in _DEFAULTS}
    whole = kept if not any(o.partition("=")[0] in _GIVES for o in kept.values()) else settled
    return tuple(sorted(whole.values()))


def misfit(option: str) -> Verdict | None:
    """Return why neither /etc/exports nor fstab can carry an option; None if they can.

    It says nothing of whether there is such an option: see `check`.
    """
    shown = quoted(option if option.isprintable() else ascii(option)[1:-1])
    if len(option.encode("utf-8", "surrogatepass")) > MAX_OPTION:
        return Verdict(
            "bad-value", f"`{shown}` is too long: an option may have {MAX_OPTION} bytes."
        )
    if CARRIED.fullmatch(option):
        return None
    message = f"`{shown}`: an option is a name, or name=value with letters, digits and `_./:@+=%-`."
    return Verdict("bad-value", message)


def check_mount(option: str, known: Known) -> Verdict | None:
    """Check one mount option; None when there is nothing to say against it.

    `x-...` and `X-...` options are free for anybody's use (mount(8)), save that those of systemd
    are looked at.
    """
    verdict = check(option, known, "a mount option")
    free = option.startswith(("x-", "X-")) and not option.startswith("x-systemd.")
    if verdict and verdict.kind != "bad-value" and free:
        return None
    return verdict


def check(option: str, known: Known, what: str) -> Verdict | None:
    """Check one option; `what` it should be, with its article, is named in the verdict."""
    shown = quoted(option if option.isprintable() else ascii(option)[1:-1])
    if not option or " " in option or "," in option or not option.isprintable():
        return Verdict("bad-value", f"`{shown}`: an option is one word without spaces or commas.")
    name, equals, value = option.partition("=")
    if name not in known:
        near = _nearest(name, bool(equals), known)
        if near is None:
            return Verdict("unknown", f"`{quoted(name)}` is not {what} that omconf knows.")
        right = near + equals + value
        return Verdict("misspelt", f"`{quoted(name)}` is not {what}.", right)
    form = known[name]
    if form is None:
        return Verdict("bad-value", f"`{name}` takes no value.", name) if equals else None
    if not equals:
        return None if form.bare else Verdict("bad-value", f"`{name}` needs {form.wants}.")
    return None if form.fits(value) else Verdict("bad-value", f"`{name}` needs {form.wants}.")


def _nearest(name: str, valued: bool, known: Known) -> str | None:
    """Find the known option that was meant; one with a value was never meant to be a flag."""
    lower = name.lower()
    near = [
        right
        for right, form in known.items()
        if (right == lower or _one_typo(name, right)) and not (valued and form is None)
    ]
    return min(near, key=lambda right: (abs(len(right) - len(name)), right), default=None)


def _one_typo(wrong: str, right: str) -> bool:
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
