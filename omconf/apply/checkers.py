"""What the programs that read some files say of the new ones, before anything is written.

Each runs on the node, once on the current files and once with the new file instead, and touches
nothing live. Only what the new file adds counts: what others have in it may have been wrong
for long. A program, namespace or right that a node lacks leaves its files unchecked.
"""

from __future__ import annotations

import re
import secrets
import time
from collections import Counter
from typing import TYPE_CHECKING

from omconf.actions import Manual, Put, Run
from omconf.artifacts import exports, fstab
from omconf.cluster.places import STATE
from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from omconf.actions import Step
    from omconf.apply.node import Node
    from omconf.apply.targets import Target

SECONDS = 30
"""How long a program may look at both; one that takes longer checks nothing."""
MAX_COMPLAINTS = 10
"""Complaints of one program that are reported."""
MAX_TEXT = 300
"""Characters of a complaint."""
UNITS = "/etc/systemd/system/"
_END_SECONDS = 2.0

_HEAD = """\
nonce=$1 draft=$2
shift 2
trap 'printf "\\n%s end\\n" "$nonce" >&2' EXIT
said() { printf '\\n%s %s %s\\n' "$nonce" "$1" "$2" >&2; }
has() { for one; do command -v "$one" >/dev/null 2>&1 || exit 0; done; }
"""
"""Of each script; a line with the nonce and the exit code ends each output."""

# In a mount namespace alone, exportfs would still reach the cache of the live server. Where nfs.conf
# moves its state, or the root of what it exports, it is not asked.
_EXPORTFS = """\
has exportfs unshare
[ -d /var/lib/nfs ] || exit 0
! grep -Eqs '^[[:space:]]*(state-directory-path|rootdir)' \\
    /etc/nfs.conf /etc/nfs.conf.d/* /usr/etc/nfs.conf /usr/etc/nfs.conf.d/* || exit 0
alone() {
    unshare -m -n sh -c '
        mount --make-rprivate / && mount -t tmpfs none /var/lib/nfs || exit 125
        if [ -e /etc/exports ]; then
            mount --bind "$1" /etc/exports || exit 125
        else
            # A /etc of links, but for one file: nothing can be mounted on what is not there.
            real=/var/lib/nfs/etc new=/var/lib/nfs/new
            mkdir $real && cp "$1" $new && mount --bind /etc $real && mount -t tmpfs none /etc &&
                ln -s $real/* /etc/ && cp $new /etc/exports || exit 125
        fi
        exec exportfs -ra' sh "$1"
}
there=/etc/exports
[ -e $there ] || { there=$draft/none && : >"$there"; }
alone "$there"
code=$?
[ $code -lt 124 ] || exit 0
said before $code
alone "$draft/exports"
code=$?
[ $code -lt 124 ] || exit 0
said after $code
"""
_FINDMNT = """\
has findmnt
there=/etc/fstab
[ -e $there ] || there=/dev/null
findmnt --verify --tab-file $there >&2
said before $?
findmnt --verify --tab-file "$draft/fstab" >&2
said after $?
"""
# Its includes name devices of the live network, which no other namespace has; -c changes nothing.
_NFT = """\
has nft
printf 'table inet omconf_draft\\n' >"$draft/any.nft"
nft -c -f "$draft/any.nft" 2>/dev/null || exit 0
code=0
if [ -e "$1" ]; then
    nft -c -f "$1" >&2
    code=$?
fi
said before $code
nft -c -f "$draft/nft" >&2
said after $?
"""
# It says that a key is unknown, and ends with exit code 0 (252). Units of the folder that it is in come
# first; an empty entry of the path is the usual folders.
_SYSTEMD = """\
has systemd-analyze
cd /
systemd-analyze verify --man=no "$@" >&2
said before $?
cd "$draft/units" || exit 0
SYSTEMD_UNIT_PATH=$draft/units: systemd-analyze verify --man=no "$@" >&2
said after $?
"""


@dataclass(frozen=True, slots=True)
class _Said:
    code: int
    complaints: list[str]


@dataclass(frozen=True, slots=True)
class Checker:
    """A program, the script that runs it twice, and what of its output is a complaint."""

    program: str
    script: str
    complaints: Callable[[str], Iterator[str]]
    draft: Callable[[Target], str | None]
    """Where its new file is laid; None where it does not read it."""
    named: Callable[[Target], str] = lambda target: target.path
    """What the script is told of a file."""
    exact: bool = False
    """Whether exit code 0 means that it takes the file, whatever it prints."""


def problems(node: Node, steps: Sequence[Step], targets: Iterable[Target]) -> Iterator[str]:
    """Yield what programs on the node report about the new files, and not about the present ones."""
    changing = [target for target in targets if target.changes and target.after is not None]
    made = frozenset(_made(steps))
    for checker in _CHECKERS:
        if files := {name: t for t in changing if (name := checker.draft(t)) is not None}:
            yield from _checked(node, checker, files, made)


def _checked(
    node: Node, checker: Checker, files: dict[str, Target], made: frozenset[str]
) -> Iterator[str]:
    try:
        laid = [node.line.ask("draft", name, t.after or b"").ok for name, t in files.items()]
        found = _run(node, checker, files) if all(laid) else None
    finally:
        node.line.ask("draft", "")
    if found is None:
        return
    before, after = found
    if checker.exact and not after.code:
        return
    added = _added(before.complaints, after.complaints)
    if not after.complaints and after.code and not before.code:
        added = [f"exit code {after.code}"]
    real = [complaint for complaint in added if not _comes(complaint, made)]
    for complaint in real[:MAX_COMPLAINTS]:
        paths = [t.path for t in files.values()]
        named = [path for path in paths if path in complaint] or paths
        text = node.hide(complaint)[:MAX_TEXT].rstrip(".")
        yield f"{checker.program} rejects the planned {', '.join(named)}{text and ': '}{text}"
    if len(real) > MAX_COMPLAINTS:
        yield f"{checker.program} reports {len(real) - MAX_COMPLAINTS} more"


def _run(node: Node, checker: Checker, files: dict[str, Target]) -> tuple[_Said, _Said] | None:
    """Run a program over both; None when it checked nothing."""
    nonce = secrets.token_hex(8)
    assert node.targets is not None  # noqa: S101 - whoever plans has them
    draft = f"{STATE.format(cluster=node.targets.bundle.cluster)}/draft"
    words = ["sh", "-c", _HEAD + checker.script, "sh", nonce, draft]
    words += dict.fromkeys(checker.named(target) for target in files.values())
    node.line.said()
    fields = [f".{word}" for word in words]
    if not node.line.ask("run", str(SECONDS), *fields, seconds=SECONDS + 30).ok:
        node.line.said()
        return None
    text, end = "", time.monotonic() + _END_SECONDS
    while f"{nonce} end" not in text and time.monotonic() < end:
        text += node.line.said()
    for name, target in files.items():
        text = text.replace(f"{draft}/{name}", target.path)
    parts = re.fullmatch(
        rf"(.*?)\n{nonce} before ([0-9]+)\n(.*?)\n{nonce} after ([0-9]+)\n.*", text, re.DOTALL
    )
    if parts is None:
        return None
    first, second = (list(checker.complaints(parts[at])) for at in (1, 3))
    return _Said(int(parts[2]), first), _Said(int(parts[4]), second)


_NUMBERS = re.compile(r"(?<=[:\[])[0-9]+(?:-[0-9]+)?(?=[]:\s])|(?<=\bline )[0-9]+")
"""Lines and columns: what others have in a file may stand on other lines now."""


def _added(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """Return the complaints in `after` that are not in `before`, or there less often."""
    known = Counter(_NUMBERS.sub("N", text) for text in before)
    added = []
    for text in after:
        same = _NUMBERS.sub("N", text)
        known[same] -= 1
        if known[same] < 0:
            added.append(text)
    return added


_MISSING = re.compile(r"No such file|not found|does not exist|not executable")


def _comes(complaint: str, made: frozenset[str]) -> bool:
    """Tell whether only something is missing that the plan itself makes."""
    return bool(_MISSING.search(complaint)) and any(
        re.search(rf"(?<![\w/.-]){re.escape(path)}(?![\w/-])", complaint) for path in made
    )


def _made(steps: Iterable[Step]) -> Iterator[str]:
    """Yield the paths that steps write, and those that their programs are told of."""
    for action in (action for step in steps for action in step.actions):
        match action:
            case Put(paths):
                yield from paths
            case Run(argv) | Manual(check=Run(argv)):
                yield from (word for word in argv if word.startswith("/"))


def _exportfs(text: str) -> Iterator[str]:
    """Without a network, no name resolves; that a default is taken is no complaint."""
    whole = text.replace("\nexportfs: \t", " ")
    for line in whole.splitlines():
        if line.startswith("exportfs:") and not re.search("resolve|Neither '|Warning:", line):
            yield line.removeprefix("exportfs:").strip()


def _findmnt(text: str) -> Iterator[str]:
    target = ""
    for line in text.splitlines():
        if not line.startswith(" "):
            target = line
        elif line.strip().startswith("[E]"):
            yield f"{target}: {line.strip().removeprefix('[E]').strip()}"
        if ": parse error at line" in line:
            yield line.removeprefix("findmnt:").strip()


def _nft(text: str) -> Iterator[str]:
    yield from (line.strip() for line in text.splitlines() if "Error:" in line)


def _systemd(text: str) -> Iterator[str]:
    yield from (line.strip() for line in text.splitlines() if line.strip())


def _unit(target: Target) -> str | None:
    path = target.path.removeprefix(UNITS)
    unit = path != target.path and path.endswith((".service", ".conf"))
    return f"units/{path}" if unit else None


def _unit_name(target: Target) -> str:
    return target.path.removeprefix(UNITS).partition("/")[0].removesuffix(".d")


_CHECKERS = (
    Checker(
        "exportfs",
        _EXPORTFS,
        _exportfs,
        lambda target: "exports" if target.path == exports.PATH else None,
        exact=True,
    ),
    Checker(
        "findmnt",
        _FINDMNT,
        _findmnt,
        lambda target: "fstab" if target.path == fstab.PATH else None,
    ),
    Checker(
        "nft",
        _NFT,
        _nft,
        lambda target: "nft" if target.path.endswith(".nft") else None,
        exact=True,
    ),
    Checker("systemd-analyze", _SYSTEMD, _systemd, _unit, _unit_name),
)
