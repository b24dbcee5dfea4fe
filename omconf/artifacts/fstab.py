"""`/etc/fstab`: the shared data folder, mounted on every node but the one that holds it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from omconf.actions import RELOAD_UNITS, Do, Manual, Run, Stage, run
from omconf.artifacts.contents import Artifact, Line, Meaning, line
from omconf.artifacts.effect import Change, Effect, mount_manually, name_leads
from omconf.artifacts.model import BlockKind
from omconf.artifacts.reading import Elsewhere
from omconf.diagnostics import Finding
from omconf.formats import cifs_options, fstab, mount_place, paths, systemd, unit_file
from omconf.formats.block import MARKERS, markers
from omconf.formats.options import MAX_LIST
from omconf.origin import FromDefault, FromPage, Value
from omconf.rules import DUPLICATE_ENTRY, MOUNT_OPTION, MOUNT_UNIT
from omconf.secrets import HIDDEN, masked, quoted
from omconf.waits import MOUNT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from omconf.artifacts.reading import Texts
    from omconf.cluster.model import Cluster, Node, Samba
    from omconf.diagnostics import Diagnostic
    from omconf.formats.block import Entry
    from omconf.formats.mount_place import Place


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
    purpose = "mounts the shared data folder where OpenMeetings expects it"
    places = (PATH,)
    stage = Stage.MOUNT

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """Mount the data folder; on the data server only where it exports another path."""
        storage = cluster.storage
        if not storage.device:
            return []
        if storage.fstab or storage.node != node.name.value:
            return [_artifact(cluster, binds=False)]
        return [_artifact(cluster, binds=True)] if _binds(cluster) else []

    def entries(self, text: str) -> tuple[list[Entry], list[Finding]]:
        """Read what a file mounts, by mount point: `DEVICE TYPE OPTIONS DUMP PASS`."""
        return fstab.read(text)

    def rivals(self, entries: list[Entry]) -> list[Finding]:
        """Report a further line for a mount point that mounts something else, or differently.

        systemd-fstab-generator and `mount DIR` take the first line; `mount -a` mounts the last one over
        it.
        """
        first = self.counted(entries)
        return [
            _rival(entry, first[entry.key])
            for entry in entries
            if entry.value != first[entry.key].value
            and not self.same(entry.key, entry.value, first[entry.key].value)
        ]

    def surroundings(self, cluster: Cluster, node: Node) -> tuple[str, ...]:
        """The unit that systemd would mount the data folder by, if somebody wrote one."""
        if not cluster.openmeetings.has_systemd:
            return ()
        unit = f"/etc/systemd/system/{systemd.mount_unit(cluster.openmeetings.data_dir.value)}"
        return (unit, f"{unit}.d/*.conf")

    def elsewhere(self, cluster: Cluster, artifact: Artifact, texts: Texts) -> Elsewhere:
        """Check a mount unit of the data folder: with one, systemd does not look at fstab's line."""
        said: dict[str, tuple[str, str, int]] = {}
        for path in sorted(texts.keys() - {artifact.path}):
            for section, key, value, number in unit_file.settings(texts[path]):
                if section == "Mount" and value:
                    said[key] = (value.replace("%%", "%").strip('"'), path, number)
        ((point, wanted),) = self.read(artifact.text).items.items()
        device, kind, _ = fstab.fields(wanted)
        if "What" not in said:  # a drop-in of the unit that systemd generates
            there, weaker = _by_unit(device, kind, said.get("Options", ("",))[0]), {}
        else:
            device, path, number = said["What"]
            kind, options = (said[key][0] if key in said else "" for key in ("Type", "Options"))
            there = _by_unit(device, kind, options)
            weaker = {point: f"{there} 0 0"}
            if not _place(cluster, weaker[point]).same(_place(cluster, wanted)):
                return Elsewhere(weaker, findings=((path, _unit_mounts(there, number)),))
        if "Options" not in said or _kernels(f"{there} 0 0") == _kernels(wanted):
            return Elsewhere(weaker)
        _, path, number = said["Options"]
        return Elsewhere(weaker, findings=((path, _unit_options(there, number)),))

    def check(self, cluster: Cluster) -> Iterator[Diagnostic]:
        """Check that the kernel takes all options of the mount."""
        options = cluster.storage.mount_options
        size = len(",".join(option.value for option in options).encode())
        if not cluster.storage.by_hand and size > MAX_LIST:
            yield MOUNT_OPTION.at(
                options[0].span,
                f"The mount options have {size:,} bytes in total; Linux accepts at most {MAX_LIST:,}.",
                hint="Write fewer or shorter options.",
            )

    def same(self, key: str, before: str, after: str) -> bool:
        """Compare what holds: `rw` and no option are the same."""
        hidden = HIDDEN in before or HIDDEN in after
        return not hidden and fstab.effective(before) == fstab.effective(after)

    def keep(self, key: str, replaced: bool) -> str:
        """Return the keys of `storage` for a replaced entry; no key keeps a removed one."""
        return "storage.options, .server, .mount_from or .fstab" if replaced else ""

    def external(self, cluster: Cluster) -> Manual | None:
        """Have what the nodes mount ready, where omconf knows nothing more of it than fstab's line."""
        om, mount = cluster.openmeetings, cluster.storage.fstab
        if mount is None:
            return None
        text = (
            f"Have `{mount.what.value}` ready: every node may mount it ({mount.type.value}), and its"
            f" top folder is owned by the uid and gid that `{om.user.value}:{om.group.value}` has on"
            " the nodes."
        )
        return Manual("storage", text)

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """Mount the folder, or unmount it before: its options do not change under a mount."""
        why = {
            "create": "OpenMeetings needs the shared folder when it starts",
            "delete": "the folder is no longer mounted here",
        }.get(action, "a mount keeps its old options until it is unmounted")
        by_hand = action == "delete" and cluster.storage.by_hand
        data_dir = fstab.tidy(cluster.openmeetings.data_dir.value)
        changes = {p: change for p, change in changes.items() if p == data_dir or _ours(p, change)}
        moves = _moves(cluster, _values(changes))
        ready = None
        if action != "delete":
            before, after = ({fstab.fields(v)[1] for v in found} for found in _values(changes))
            ready = (_tool(cluster) if after - before else None) or _name_leads(cluster, changes)
        rolling = not moves or action == "create"
        if not rolling:
            why = (
                "the shared folder moves: nodes that still use the old location "
                "would not see what the others write"
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
            manual=mount_manually(cluster) if by_hand else ready,
            needs=("storage",) if moves and action != "delete" else (),
            decided_by=tuple(changes),
        )


KIND = Fstab()


def _by_unit(device: str, kind: str, options: str) -> str:
    """Return what a mount unit mounts, as an entry of fstab is spelled."""
    if not kind:
        kind = "cifs" if device.startswith("//") else "nfs" if ":/" in device else "none"
    listed = ",".join(option.strip() for option in options.split(","))
    device = re.sub("[ \t]", r"\\040", device) if kind == "none" else device
    return fstab.spelled(device.rstrip("/") or device, kind, listed or "defaults")


def _unit_mounts(there: str, number: int) -> Finding:
    device = quoted(masked(there.rsplit(" ", 2)[0]))
    message = (
        f"systemd mounts `{device}` on the data folder: this unit takes precedence over fstab."
    )
    hint = "Remove the unit, then run `systemctl daemon-reload`: the fstab line mounts the folder."
    return Finding(MOUNT_UNIT, number, message, hint)


def _rival(entry: Entry, first: Entry) -> Finding:
    message = (
        f"`{quoted(entry.key)}` is on line {entry.line} and also, with another device or other"
        f" options, on line {first.line}."
    )
    return Finding(DUPLICATE_ENTRY, entry.line, message, "Delete the line that is wrong.")


def _unit_options(there: str, number: int) -> Finding:
    # What is hidden has a blank.
    shown = there.replace(HIDDEN, "\0").rsplit(" ", 1)[-1].replace("\0", HIDDEN)
    options = quoted(masked(shown))
    message = (
        f"systemd mounts the data folder with the options `{options}`: this unit takes precedence"
        " over fstab."
    )
    hint = "Set `storage.options` to keep them. Then remove `Options=` here, or the unit."
    return Finding(MOUNT_UNIT, number, message, hint)


def _kernels(value: str) -> set[str]:
    """Return the options of a mount that reach the file system, and not systemd or mount(8) alone.

    Nor those of an account: `storage.options` cannot have them.
    """
    listed = set(fstab.effective(value)[1:]) - {"_netdev", "nofail", "auto", "noauto"}
    return {
        option
        for option in listed
        if not option.startswith(("x-", "comment="))
        and option.partition("=")[0] not in cifs_options.ACCOUNT
    }


TOOLS = {
    "ceph": "ceph-common",
    "cifs": "cifs-utils",
    "efs": "amazon-efs-utils",
    "glusterfs": "glusterfs-client",
    "nfs": "nfs-common",
    "nfs4": "nfs-common",
    "smb3": "cifs-utils",
}
"""The package with `mount.TYPE`, as Debian calls it, or its vendor."""


def _tool(cluster: Cluster) -> Do | None:
    """Have the program installed that mounts a type of the admin's choice."""
    mount = cluster.storage.fstab
    if mount is None or mount.type.value not in TOOLS:
        return None
    program = f"mount.{mount.type.value}"
    text = f"Install {program} (package {TOOLS[mount.type.value]}), which mounts the folder."
    return Do(Manual("admin", text, check=Run(("sh", "-c", 'command -v "$1"', "sh", program))))


def _name_leads(cluster: Cluster, changes: Mapping[str, Change]) -> Do | None:
    """Have the name of the data server lead to it, where a line with that name is mounted."""
    name = cluster.storage.mount_from
    named = name and any(c.after and name.value in c.after for c in changes.values())
    return name_leads(cluster) if named else None


@lru_cache(maxsize=4)
def _artifact(cluster: Cluster, *, binds: bool) -> Artifact:
    """Mount from elsewhere, or bind the data server's own folder."""
    mount = _bind_mount(cluster) if binds else _mount(cluster)
    begin, end = (line(marker, why=(MARKERS,)) for marker in markers(cluster.name))
    lines, meaning = (begin, mount, end), _meaning(cluster, binds=binds)
    return Artifact(KIND.name, PATH, KIND.ownership, lines, meaning=meaning)


def _meaning(cluster: Cluster, *, binds: bool) -> Meaning:
    storage = cluster.storage
    if binds:
        what = fstab.spelled(storage.export.value, "none", "bind")
    else:
        options = ",".join(option.value for option in _options(cluster)) or "defaults"
        what = fstab.spelled(storage.device, _type(cluster).value, options)
    return Meaning(KIND.read, {fstab.tidy(cluster.openmeetings.data_dir.value): f"{what} 0 0"})


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
        _, kind, options = fstab.fields(value)
        local = kind in fstab.LOCAL or not fstab.KIND.fullmatch(kind)
        if local or (kind == "none" and options != "bind"):
            return False
    return HIDDEN not in point and bool(paths.PLAIN.fullmatch(point))


def _values(changes: Mapping[str, Change]) -> tuple[list[str], list[str]]:
    """What is mounted before, and after."""
    before = [c.before for c in changes.values() if c.before]
    return before, [c.after for c in changes.values() if c.after]


def _place(cluster: Cluster, value: str) -> Place:
    """Where the data of a line are; the data server is known by all of its names."""
    storage = cluster.storage
    if not storage.server or storage.fstab:
        return mount_place.read(value)
    node = next((n for n in cluster.nodes if n.name.value == storage.node), None)
    said = {name.value.lower() for name in (storage.server, storage.mount_from) if name}
    name = node.name.value if node else storage.server.value.lower()
    root = storage.pseudo_root.value if storage.pseudo_root else ""
    known = frozenset(said | {name} | (node.known_as if node else set()))
    return mount_place.read(value, mount_place.Server(name, known, root))


def _moves(cluster: Cluster, values: tuple[list[str], list[str]]) -> bool:
    """Tell whether what is mounted after is, as far as is known, not what was mounted before."""
    before, after = ([_place(cluster, value) for value in found] for found in values)
    kept = all(any(new.same(old) for new in after) for old in before)
    return not (kept and all(any(old.same(new) for old in before) for new in after))


def _mount(cluster: Cluster) -> Line:
    folder, type_ = _escaped(cluster.openmeetings.data_dir), _type(cluster)
    joined = _joined(_options(cluster)) or ["defaults"]
    return line(*_device_of(cluster), " ", folder, " ", type_, " ", *joined, " 0 0", why=(STEP,))


def _type(cluster: Cluster) -> Value[str]:
    """The type of the mount, where the spec does not say it by the kind alone."""
    storage = cluster.storage
    if storage.fstab:
        return storage.fstab.type
    return Value("cifs", storage.kind.origin) if storage.samba else storage.type


def _device_of(cluster: Cluster) -> tuple[str | Value[str], ...]:
    storage, samba = cluster.storage, cluster.storage.samba
    if storage.fstab:
        return (_escaped(storage.fstab.what),)
    place: list[Value[str]] = []
    if storage.mount_from:
        place = [storage.mount_from]
    elif storage.server:
        # A server that is a node is named in one place of the spec, and its address stands in another.
        said = [n.storage_address.origin for n in cluster.nodes if n.name.value == storage.node]
        place = [storage.server, *(Value("", origin) for origin in said)]
    if samba:
        return ("//", *place, "/", _escaped(samba.share))
    root = [Value("", storage.pseudo_root.origin)] if storage.pseudo_root else []
    path = Value(fstab.escape(storage.mount_path), storage.export.origin)
    return (*place, ":", path, *root)


def _options(cluster: Cluster) -> tuple[Value[str], ...]:
    samba = cluster.storage.samba
    return (*(_account(cluster, samba) if samba else ()), *cluster.storage.mount_options)


def _account(cluster: Cluster, samba: Samba) -> list[Value[str]]:
    """Return options for the file with the account, and for owner and modes unless they are set."""
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
    return fstab.tidy(cluster.storage.export.value) != fstab.tidy(
        cluster.openmeetings.data_dir.value
    )


def _bind_mount(cluster: Cluster) -> Line:
    export, data_dir = cluster.storage.export, cluster.openmeetings.data_dir
    return line(_escaped(export), " ", _escaped(data_dir), " none bind 0 0", why=(BIND,))


def _escaped(path: Value[str]) -> Value[str]:
    return Value(fstab.escape(path.value), path.origin)
