"""`/etc/fstab`: the shared data folder, mounted on every node but the one that holds it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from omconf.actions import MOUNT_SECONDS, RELOAD_UNITS, Do, Run, Stage, run
from omconf.artifacts.effect import Change, Effect, mount_manually
from omconf.artifacts.model import Artifact, BlockKind, Elsewhere, Line, Meaning, line
from omconf.diagnostics import REFUSED, Finding, Rule, Severity, report
from omconf.formats import cifs_options, nfs_options, paths, systemd, unit_file
from omconf.formats.block import MARKERS, MAX_ENTRIES, Entry, markers, too_many
from omconf.formats.options import LONGEST_LIST
from omconf.origin import FromDefault, FromPage, Value
from omconf.secrets import HIDDEN, hides, masked, quoted
from omconf.spec.storage import MOUNT_OPTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from omconf.artifacts.model import Texts
    from omconf.cluster.model import Cluster, Node, Samba
    from omconf.diagnostics import Diagnostic

MOUNT_UNIT = Rule("OM341", Severity.WARNING, "a mount unit with something else on the data folder")

PATH = "/etc/fstab"

STEP = FromPage("File systems: /etc/fstab on the other nodes")
BIND = FromDefault("storage.export", "the data server's own OpenMeetings sees the same data")
MODES = (
    Value("file_mode=0640", FromDefault("storage.options", "nobody else reads the data")),
    Value("dir_mode=0750", FromDefault("storage.options", "nobody else reads the data")),
)


class Fstab(BlockKind):
    """The block in `/etc/fstab`: an NFS or cifs mount, or a bind mount on the data server."""

    name = "fstab"
    purpose = "mounts the shared data folder where OpenMeetings looks for it"
    places = (PATH,)
    stage = Stage.MOUNT
    last_counts = True

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """Mount the data folder; on the data server only where it exports another path."""
        storage = cluster.storage
        if storage.kind.value == "mounted" or storage.server is None:
            return []
        if storage.node != node.name.value:
            return [_artifact(cluster, storage.server)]
        return [_artifact(cluster, None)] if _binds(cluster) else []

    def entries(self, text: str) -> tuple[list[Entry], list[Finding]]:
        """Read what a file mounts, by mount point: `DEVICE TYPE OPTIONS DUMP PASS`.

        Follows libmount (util-linux 2.38), with which mount and findmnt read fstab: three fields
        are enough, a comment on a line can follow the sixth only. Swap has no mount point and is
        left out. Findings: OM301 for a line that libmount ignores with a parse error.
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
                report(findings, Finding(REFUSED, number, *wrong))
                continue
            if len(entries) == MAX_ENTRIES:
                findings.append(too_many(number))
                break
            *texts, dump, check = (fields + _MISSING[len(fields) :])[:6]
            device, target, kind, options = map(_unescape, texts)
            kind = escape(kind)  # what has a blank in it stays one word
            if kind == "swap" or target in ("none", "swap"):
                continue
            value = f"{_spelled(device, kind, options)} {_integer(dump)} {_integer(check)}"
            place = (start, end)
            entries.append(Entry(_tidy(target), value, number, number, place, place))
        return entries, findings

    def surroundings(self, cluster: Cluster, node: Node) -> tuple[str, ...]:
        """The unit that systemd would mount the data folder by, if somebody wrote one."""
        if not cluster.openmeetings.has_systemd:
            return ()
        unit = f"/etc/systemd/system/{systemd.mount_unit(cluster.openmeetings.data_dir.value)}"
        return (unit, f"{unit}.d/*.conf")

    def elsewhere(self, cluster: Cluster, artifact: Artifact, texts: Texts) -> Elsewhere:
        """Judge a mount unit of the data folder: with one, systemd does not look at fstab's line."""
        said: dict[str, tuple[str, str, int]] = {}
        for path in sorted(texts.keys() - {artifact.path}):
            for section, key, value, number in unit_file.settings(texts[path]):
                if section == "Mount" and value:
                    said[key] = (value.replace("%%", "%").strip('"'), path, number)
        ((point, wanted),) = self.read(artifact.text).items.items()
        if "What" not in said:
            return Elsewhere()
        device, path, number = said["What"]
        there = _by_unit(device, *(said[k][0] if k in said else "" for k in ("Type", "Options")))
        weaker = {point: f"{there} 0 0"}
        if _device(cluster, weaker[point]) == _device(cluster, wanted):
            return Elsewhere(weaker)
        return Elsewhere(weaker, findings=((path, _unit_mounts(there, number)),))

    def check(self, cluster: Cluster) -> Iterator[Diagnostic]:
        """Check that the kernel takes all options of the mount."""
        storage = cluster.storage
        size = len(",".join(option.value for option in storage.options).encode())
        if storage.kind.value != "mounted" and size > LONGEST_LIST:
            yield MOUNT_OPTION.at(
                storage.options[0].span,
                f"All mount options together have {size:,} bytes; Linux takes {LONGEST_LIST:,}.",
                hint="Write fewer or shorter options.",
            )

    def keep(self, key: str, replaced: bool) -> str:
        return "storage.options or .server" if replaced else ""

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """Mount the folder, or unmount it before: its options do not change under a mount."""
        why = {
            "create": "OpenMeetings needs the shared folder when it starts",
            "delete": "the folder is no longer mounted here",
        }.get(action, "a mount keeps its old options until it is unmounted")
        by_hand = action == "delete" and cluster.storage.kind.value == "mounted"
        data_dir = _tidy(cluster.openmeetings.data_dir.value)
        changes = {p: change for p, change in changes.items() if p == data_dir or _ours(p, change)}
        devices = ({_device(cluster, value) for value in values} for values in _values(changes))
        moves = len(set(map(frozenset, devices))) > 1
        rolling = not moves or action == "create"
        if not rolling:
            why = (
                "the shared folder comes from another place: nodes that still use the old one would"
                " not see what the others write"
            )
        release, mounts = _run(cluster, changes)
        return Effect(
            "mount",
            why,
            rolling=rolling,
            release=release,
            run=mounts,
            stopped=True,
            moves=moves,
            manual=mount_manually(cluster) if by_hand else None,
            needs=("storage",) if moves and action != "delete" else (),
            decided_by=tuple(changes),
        )


KIND = Fstab()


def _by_unit(device: str, kind: str, options: str) -> str:
    """Say what a mount unit mounts as a line of fstab does."""
    if not kind:
        kind = "cifs" if device.startswith("//") else "nfs" if ":/" in device else "none"
    listed = ",".join(option.strip() for option in options.split(","))
    device = re.sub("[ \t]", r"\\040", device) if kind == "none" else device
    return _spelled(device.rstrip("/") or device, kind, listed or "defaults")


def _unit_mounts(there: str, number: int) -> Finding:
    device = quoted(masked(there.rsplit(" ", 2)[0]))
    message = f"systemd mounts `{device}` on the data folder: this unit counts for more than fstab."
    hint = "Remove the unit, then run `systemctl daemon-reload`: fstab's line mounts the folder."
    return Finding(MOUNT_UNIT, number, message, hint)


@lru_cache(maxsize=4)
def _artifact(cluster: Cluster, server: Value[str] | None) -> Artifact:
    """Mount from a server, or bind the data server's own folder."""
    mount = _mount(cluster, server) if server else _bind_mount(cluster)
    begin, end = (line(marker, why=(MARKERS,)) for marker in markers(cluster.name))
    lines, meaning = (begin, mount, end), _meaning(cluster, server)
    return Artifact(KIND.name, PATH, KIND.ownership, lines, meaning=meaning)


def _meaning(cluster: Cluster, server: Value[str] | None) -> Meaning:
    storage, samba = cluster.storage, cluster.storage.samba
    export = storage.export.value
    if server is None:
        what = _spelled(export, "none", "bind")
    else:
        options = ",".join(option.value for option in _options(cluster)) or "defaults"
        device = f"//{server.value}/{samba.share.value}" if samba else f"{server.value}:{export}"
        what = _spelled(device, "cifs" if samba else "nfs", options)
    return Meaning(KIND.read, {_tidy(cluster.openmeetings.data_dir.value): f"{what} 0 0"})


def _run(cluster: Cluster, changes: Mapping[str, Change]) -> tuple[tuple[Do, ...], tuple[Do, ...]]:
    """The commands that unmount, and those that mount."""
    folders = {point: change.action for point, change in sorted(changes.items())}
    mount = {f: Run(("mount", f), MOUNT_SECONDS) for f in folders}
    umount = {f: Run(("umount", f)) for f in folders}
    reload = (RELOAD_UNITS,) if cluster.openmeetings.has_systemd else ()
    return (
        tuple(Do(umount[f], mount[f]) for f, action in folders.items() if action != "create"),
        (
            *(run("mkdir", "-p", f) for f, action in folders.items() if action == "create"),
            *reload,
            *(Do(mount[f], umount[f]) for f, action in folders.items() if action != "delete"),
            *(run("findmnt", f) for f, action in folders.items() if action != "delete"),
        ),
    )


def _ours(point: str, change: Change) -> bool:
    """Tell whether omconf can have written a line: what else stands in a block is not mounted by it."""
    for value in filter(None, (change.before, change.after)):
        _, kind, options, *_ = value.replace(HIDDEN, "").rsplit(" ", 4)
        if kind not in ("nfs", "nfs4", "cifs", "smb3") and (kind, options) != ("none", "bind"):
            return False
    return HIDDEN not in point and bool(paths.PLAIN.fullmatch(point))


def _values(changes: Mapping[str, Change]) -> tuple[list[str], list[str]]:
    """What is mounted before, and after."""
    before = [c.before for c in changes.values() if c.before]
    return before, [c.after for c in changes.values() if c.after]


def _device(cluster: Cluster, value: str) -> str:
    """What is mounted: all before the last four fields; a data server that is a node by its name."""
    # What hides a secret is no blank between fields.
    device = value.replace(HIDDEN, "").rsplit(" ", 4)[0]
    found = re.fullmatch(r"(//)?([^/:]+)(:?/.*)", device)
    if not found:
        return device
    node = next((n for n in cluster.nodes if n.name.value == cluster.storage.node), None)
    host, path = found[2].lower().rstrip("."), found[3]
    if node and host in node.known_as:
        host = node.name.value
    # A share has the same name in any case of letters.
    return f"//{host}{path.lower()}" if found[1] else f"{host}{path}"


def _mount(cluster: Cluster, server: Value[str]) -> Line:
    storage, samba = cluster.storage, cluster.storage.samba
    # A server that is a node is named in one place of the spec, and its address stands in another.
    said = [n.storage_address.origin for n in cluster.nodes if n.name.value == storage.node]
    place = (server, *(Value("", origin) for origin in said))
    folder = _escaped(cluster.openmeetings.data_dir)
    joined = _joined(_options(cluster)) or ["defaults"]
    if samba:
        share = _escaped(samba.share)
        return line("//", *place, "/", share, " ", folder, " cifs ", *joined, " 0 0", why=(STEP,))
    export = _escaped(storage.export)
    return line(*place, ":", export, " ", folder, " nfs ", *joined, " 0 0", why=(STEP,))


def _options(cluster: Cluster) -> tuple[Value[str], ...]:
    samba = cluster.storage.samba
    return (*(_account(cluster, samba) if samba else ()), *cluster.storage.options)


def _account(cluster: Cluster, samba: Samba) -> list[Value[str]]:
    """Name the file with the account, and the files' owner and modes where options do not."""
    om = cluster.openmeetings
    owner = (
        Value(f"{what}={who.value}", who.origin)
        for what, who in (("uid", om.user), ("gid", om.group))
    )
    said = {option.value.partition("=")[0] for option in cluster.storage.options}
    file = Value(f"credentials={samba.credentials.value}", samba.credentials.origin)
    return [file, *(o for o in (*owner, *MODES) if o.value.partition("=")[0] not in said)]


def _joined(options: Iterable[Value[str]]) -> list[str | Value[str]]:
    return [part for option in options for part in (",", option)][1:]


def _binds(cluster: Cluster) -> bool:
    """Tell whether the data server needs a mount of its own: it exports another path."""
    return _tidy(cluster.storage.export.value) != _tidy(cluster.openmeetings.data_dir.value)


def _bind_mount(cluster: Cluster) -> Line:
    export, data_dir = cluster.storage.export, cluster.openmeetings.data_dir
    return line(_escaped(export), " ", _escaped(data_dir), " none bind 0 0", why=(BIND,))


def _escaped(path: Value[str]) -> Value[str]:
    return Value(escape(path.value), path.origin)


def escape(path: str) -> str:
    r"""Write a path as fstab(5) wants it: `\040` for a space, `\134` for a backslash."""
    return re.sub(r"[\x00-\x20\\\x7f]", lambda found: f"\\{ord(found[0]):03o}", path)


def _unescape(field: str) -> str:
    def decode(found: re.Match[str]) -> str:
        codes = bytes(int(code, 8) & 0xFF for code in found[0].split("\\")[1:])
        return codes.decode("utf-8", "surrogateescape")

    return re.sub(r"(?:\\[0-7]{3})+", decode, field)


def _tidy(path: str) -> str:
    return path.rstrip("/") or "/"


_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_MISSING = ["", "", "", "defaults", "0", "0"]


def _refusal(fields: list[str]) -> tuple[str, str] | None:
    """Say why mount ignores a line, with a hint."""
    if len(fields) < 3:
        message = f"mount ignores this line: {len(fields)} of at least 3 fields."
        return message, "The fields: device, mount point, type, options, dump, pass."
    for place, number in enumerate(fields[4:6], 5):
        if _integer(number) is None:
            hint = "A comment needs a line of its own." if number.startswith("#") else ""
            # Behind a login it may be the rest of a password with a blank in it.
            what = f"field {place}" if _logs_in(fields[3].split(",")) else f"`{quoted(number)}`"
            return f"mount ignores this line: {what} is not a whole number.", hint
    return None


def _integer(text: str) -> int | None:
    """Read a number as libmount does: a C `long`, whose low 32 bits are kept; None for any other."""
    if not re.fullmatch("[+-]?0*[0-9]{1,19}", text):
        return None
    sign, digits = text[:1] == "-", text.lstrip("+-").lstrip("0")[-19:] or "0"
    number = -int(digits) if sign else int(digits)
    return (number + 2**31) % 2**32 - 2**31 if -(2**63) <= number < 2**63 else None


def _spelled(device: str, kind: str, options: str) -> str:
    # A comma inside double quotes belongs to the option (mount(8), `context=`).
    listed: list[str] = re.findall(r'(?:[^,"]|"[^"]*"?)+', options)
    if kind in ("nfs", "nfs4"):
        server, colon, path = device.partition(":/")
        device = server + colon + path.rstrip("/")
        settled = nfs_options.settle_mount(listed)
    elif kind in ("cifs", "smb3"):
        device = device.replace("\\", "/").rstrip("/")
        settled = cifs_options.settle_mount(_without_login(listed))
    else:
        settled = tuple(sorted(set(listed) - {"defaults"}))
    shown = ",".join(_masked(option) for option in settled)
    return f"{device} {kind} {shown or 'defaults'}"


_LOGIN = ("user", "username")


def _logs_in(options: Iterable[str]) -> bool:
    """Tell whether mount options hold a login, and not the name of a file with one."""
    names = [option.partition("=")[0] for option in options if "=" in option]
    return any(name in _LOGIN or (hides(name) and name != "credentials") for name in names)


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
    secret = equals and hides(name) and name != "credentials"  # whose value is a file's path
    return f"{name}={HIDDEN}" if secret else option
