"""The shared folder read backwards: fstab and exports of each node, smb.conf, mount units.

Which node serves the folder, and as whom the others know it, only all nodes together tell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from omconf.adopt.model import GUESSED, NOT_KEPT
from omconf.artifacts.exports import PATH as EXPORTS_PATH
from omconf.artifacts.fstab import MODES
from omconf.artifacts.fstab import PATH as FSTAB_PATH
from omconf.artifacts.samba import KIND as SAMBA
from omconf.artifacts.samba import PATH as SMB_PATH
from omconf.formats import cifs_options, exports, fstab, nfs_options, systemd, unit_file
from omconf.formats.paths import PLAIN
from omconf.secrets import Secret, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from omconf.adopt.model import Common, Seen
    from omconf.formats.block import Entry

ENV = "OM_STORAGE_PASSWORD"
_REMOTE = {"nfs": "nfs", "nfs4": "nfs", "cifs": "cifs", "smb3": "cifs"}
_NFS = re.compile(r"([^:/\[\]]+):(/.*)")
_CIFS = re.compile(r"//([^/]+)/([^/]+)/?")
_MOUNT_DEFAULT = {"nfs": ["timeo=50", "hard", "_netdev"], "cifs": ["hard", "_netdev"]}
_EXPORT_DEFAULT = ["rw", "sync", "no_subtree_check", "root_squash"]
_LOGIN = ("credentials", "username", "user", "password", "pass", "domain")
_ADDRESS = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}")
_CLIENT = re.compile(r"(\S+)\(([^()\s]*)\)")
Place = tuple[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Mount:
    """A mount of a node: the device in its parts, and where that stands.

    `kind` is the type as it stands there (nfs, nfs4, cifs, none); `source` the exported path, the
    share, or for a bind mount the folder.
    """

    node: Seen
    point: str
    kind: str
    server: str
    source: str
    options: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """What a node exports to one client: the options in force, sorted, and as they stand."""

    node: Seen
    path: str
    client: str
    settled: str
    options: tuple[str, ...]
    place: Place


def facts(nodes: Sequence[Seen], common: Common) -> None:
    """Note the data folder of nodes whose JVM options name none, and how it is shared."""
    every = [mount for node in nodes for mount in _mounts(node)]
    served = [export for node in nodes for export in _exports(node)]
    _data_dirs(nodes, every, {e.path for e in served})
    folders = {f.value for n in nodes if (f := n.fact("openmeetings", "data_dir"))}
    for mount in every:
        if mount.kind in _REMOTE and mount.point not in folders:
            message = f"The mount `{quoted(mount.point)}` is not the data folder: it is left alone."
            mount.node.say(NOT_KEPT, message, mount.place)
    mounts = {m.node.name: m for m in every if m.point in folders and m.kind in _REMOTE}
    if not mounts:
        if not _of_another_type([m for m in every if m.point in folders and m.kind != "none"]):
            _mounted(nodes, every, served, folders)
        return
    common = replace(common, hosts={**common.hosts, **_servers(mounts, served, common)})
    for mount in mounts.values():
        _client(mount, common)
    first = next(iter(mounts.values()))
    server = _host(first.server, common)
    owner = next((n for n in nodes if n.name == server), None)
    if owner and _REMOTE[first.kind] == "nfs":
        mine = [e for e in served if e.node is owner]
        _pseudo_root(mine, mounts)
        _exported(owner, mine, mounts, common)
    if owner:
        # Nothing on the server itself says that it serves: its vote goes with the clients'.
        for fact in first.node.facts:
            if fact.path[0] == "storage" and not owner.fact(*fact.path):
                owner.facts.append(fact)


def addresses(nodes: Sequence[Seen]) -> None:
    """Tell addresses that no node says of itself by those to which its folder is shared.

    The one node that exports a folder has the address from which the others mount it; and a client
    that is left over is the node that is left over.
    """
    key = ("nodes", "*", "address")
    served = [e for n in nodes for e in _exports(n)]
    for mount in (m for n in nodes for m in _mounts(n) if m.kind in _REMOTE):
        owners = {e.node.name: e.node for e in served if e.path == mount.source}
        owner = next(iter(owners.values()), None)
        if owner is None or len(owners) > 1 or owner is mount.node or owner.fact(*key):
            continue
        if _ADDRESS.fullmatch(mount.server):
            why = f"{mount.node.name} mounts its folder from there: {mount.place[0]}"
            owner.tell(key, mount.server, guess=f"{why}:{mount.place[1]}")
    known = {str(f.value) for n in nodes if (f := n.fact(*key))}
    left = [n for n in nodes if not n.fact(*key)]
    clients = {
        e.client: e for e in served if _ADDRESS.fullmatch(e.client) and e.client not in known
    }
    if len(left) == 1 and len(clients) == 1:
        ((client, export),) = clients.items()
        if export.node is not left[0]:
            why = f"{export.node.name} exports the folder to it: {EXPORTS_PATH}"
            left[0].tell(key, client, guess=f"{why}:{export.place[1]}")


def _mounted(
    nodes: Sequence[Seen],
    every: Sequence[Mount],
    served: Sequence[Export],
    folders: set[str],
) -> None:
    """Note a folder that no file mounts from another host."""
    bound = {m.node.name: m for m in every if m.point in folders and m.kind == "none"}
    for node in nodes:
        sources = {folder: folder for folder in folders}
        if mount := bound.get(node.name):
            sources[mount.source] = mount.point
        mine = [e for e in served if e.node is node and e.path in sources]
        if mine or (len(nodes) == 1 and node.name in bound):
            for each in nodes:
                each.tell(("storage", "kind"), "nfs", default="nfs")
                each.tell(("storage", "server"), node.name, mine[0].place if mine else None)
                if mine and mine[0].path not in folders:
                    each.tell(("storage", "export"), mine[0].path, mine[0].place)
            _exported(node, mine, {}, None)
            return
    for node in nodes:
        why = "no fstab, mount unit or export speaks of the data folder"
        node.tell(("storage", "kind"), "mounted", default="nfs", guess=why)


def _client(mount: Mount, common: Common) -> None:
    node, kind = mount.node, _REMOTE[mount.kind]
    place = mount.place
    node.tell(("storage", "kind"), kind, place, default="nfs")
    server = _host(mount.server, common)
    node.tell(("storage", "server"), server, place)
    node.tell(("storage", "mount_from"), _named(mount, server, common), place, default=None)
    folder = node.fact("openmeetings", "data_dir")
    if kind == "nfs":
        node.tell(("storage", "type"), mount.kind, place, default="nfs")
        source = mount.source.rstrip("/") or "/"
        node.tell(("storage", "export"), source, place, default=folder.value if folder else None)
        options = list(mount.options)
        same = nfs_options.settle_mount(options) == nfs_options.settle_mount(_MOUNT_DEFAULT[kind])
    else:
        node.tell(("storage", "share"), mount.source, place)
        options = _without_account(mount)
        same = cifs_options.settle_mount(options) == cifs_options.settle_mount(_MOUNT_DEFAULT[kind])
    value = _MOUNT_DEFAULT[kind] if same else options
    node.tell(("storage", "options"), value, place, default=_MOUNT_DEFAULT[kind])


def credentials(node: Seen) -> list[str]:
    """Name the files in which a node's mounts say their account."""
    named = [
        option.partition("=")[2]
        for mount in _mounts(node)
        for option in mount.options
        if option.startswith("credentials=/")
    ]
    return [path for path in named if PLAIN.fullmatch(path)][:8]


def _without_account(mount: Mount) -> list[str]:
    """Leave out what omconf writes of the account, and note that account."""
    node = mount.node
    said = dict(option.partition("=")[::2] for option in mount.options)
    account = said.get("username") or said.get("user") or ""
    password = said.get("password") or said.get("pass") or ""
    place = mount.place
    if file := said.get("credentials"):
        for number, raw in enumerate((node.text(file) or "").split("\n"), 1):
            key, equals, value = raw.lstrip().partition("=")
            if equals and key.lower().startswith("user"):
                account, place = value.strip(), (file, number)
            elif equals and key.lower().startswith("pass"):
                password = value
    node.tell(("storage", "user"), account or "openmeetings", place, default="openmeetings")
    secret = Secret(password) if password and "@omconf:" not in password else None
    node.tell(("storage", "password"), {"env": ENV}, place, secret=secret)
    written = {mode.value for mode in MODES}
    for name, key, usual in (("uid", "user", "nobody"), ("gid", "group", "nogroup")):
        fact = node.fact("openmeetings", key)
        written.add(f"{name}={fact.value if fact else usual}")
    # Those omconf puts in front of the spec's own.
    options = [o for o in mount.options if o.partition("=")[0] not in _LOGIN]
    return [o for o in options if o not in written]


def _servers(
    mounts: Mapping[str, Mount], served: Sequence[Export], common: Common
) -> dict[str, str]:
    """Tell which node a server is whose name no file knows: the one that exports the folder."""
    found: dict[str, str] = {}
    for mount in mounts.values():
        name = mount.server.lower().rstrip(".")
        owners = {
            e.node.name
            for e in served
            if e.path.rstrip("/").endswith(mount.source.rstrip("/")) and e.node.name not in mounts
        }
        if name not in common.hosts and len(owners) == 1:
            found[name] = owners.pop()
    return found


def _of_another_type(mounts: Sequence[Mount]) -> bool:
    """Note a file system of another type, as GlusterFS, which every node mounts alike."""
    for mount in mounts:
        if mount.kind not in fstab.LOCAL:
            key = ("storage", "fstab")
            mount.node.tell(("storage", "kind"), "mounted", mount.place, default="nfs")
            mount.node.tell((*key, "what"), mount.source, mount.place)
            mount.node.tell((*key, "type"), mount.kind, mount.place)
            options = list(mount.options)
            mount.node.tell((*key, "options"), options, mount.place, default=["_netdev"])
    return any(mount.kind not in fstab.LOCAL for mount in mounts)


def _pseudo_root(served: Sequence[Export], mounts: dict[str, Mount]) -> None:
    """Note the root of NFSv4, below which clients name what they mount."""
    paths = {e.path.rstrip("/") for e in served}
    roots = [e for e in served if {"fsid=0", "fsid=root"} & set(e.settled.split(","))]
    for mount in mounts.values():
        for root in roots:
            whole = f"{root.path.rstrip('/')}{mount.source.rstrip('/')}"
            if mount.source.rstrip("/") not in paths and whole in paths:
                facts = mount.node.facts
                mount.node.facts = [f for f in facts if f.path != ("storage", "export")]
                folder = mount.node.fact("openmeetings", "data_dir")
                default = folder.value if folder else None
                mount.node.tell(("storage", "export"), whole, root.place, default=default)
                mount.node.tell(("storage", "pseudo_root"), root.path, root.place)
                break


def _named(mount: Mount, server: str, common: Common) -> str | None:
    """Give the server as fstab names it, where that is not the address of the node that it is."""
    owner = next((n for n in common.nodes if n.name == server), None)
    if owner is None or mount.server == server:
        return mount.server if owner else None
    own = owner.fact("nodes", "*", "address")
    if own and own.value == mount.server:
        return None
    if _ADDRESS.fullmatch(mount.server):
        if not owner.fact("nodes", "*", "storage_address"):
            owner.tell(("nodes", "*", "storage_address"), mount.server, mount.place)
        return None
    return mount.server


def _host(server: str, common: Common) -> str:
    """Name the node that a server is, or say it so that the spec takes it for none."""
    low = server.lower().rstrip(".")
    if low in common.hosts:
        return common.hosts[low]
    return server


def _exported(
    owner: Seen, served: Sequence[Export], mounts: dict[str, Mount], common: Common | None
) -> None:
    said = [f.value for m in mounts.values() if (f := m.node.fact("storage", "export"))]
    paths = {str(path).rstrip("/") for path in said}
    mine = [e for e in served if not paths or e.path.rstrip("/") in paths]
    for export in mine[:1]:
        same = export.settled == ",".join(nfs_options.settle_export(_EXPORT_DEFAULT))
        value = _EXPORT_DEFAULT if same else list(export.options)
        key = ("storage", "export_options")
        owner.tell(key, value, export.place, default=_EXPORT_DEFAULT)
    known = common.hosts if common else {}
    many = [e for e in mine if not _ADDRESS.fullmatch(e.client) and e.client.lower() not in known]
    if many and len(many) == len(mine) and "*" not in {e.client for e in many}:
        clients = [e.client for e in many]
        owner.tell(("storage", "clients"), clients, many[0].place, default=[])
    for export in mine[1:]:
        if export.settled != mine[0].settled:
            message = (
                f"`{quoted(export.client)}` has other options than `{quoted(mine[0].client)}`."
            )
            hint = "A spec has the same options for all nodes."
            owner.say(NOT_KEPT, message, export.place, hint)


def _data_dirs(nodes: Sequence[Seen], every: Sequence[Mount], exported: set[str]) -> None:
    known = next((f.value for n in nodes if (f := n.fact("openmeetings", "data_dir"))), None)
    remote = [m for m in every if m.kind in _REMOTE]
    near = [m for m in remote if m.source in exported or "om" in m.point.lower()]
    for node in nodes:
        if node.fact("openmeetings", "data_dir"):
            continue
        if recorded := node.recorded("data_dir"):
            node.tell(("openmeetings", "data_dir"), *recorded)
            continue
        inside = f"{node.home}/webapps/{node.webapp}/data"
        mount = next((m for m in near if known is None or m.point == known), None)
        place = (node.path("{home}/bin/setenv.sh"), 0)
        if mount and mount.point != inside:
            why = "no JVM option of this node says -DDATA_DIR"
            node.tell(("openmeetings", "data_dir"), mount.point, mount.place, guess=why)
            message = f"No JVM option says `-DDATA_DIR`; `{quoted(mount.point)}` is taken for it."
            hint = f"See whether `{quoted(inside)}` is a link to it: OpenMeetings looks there."
            node.say(GUESSED, message, place, hint)
        else:
            why = "OpenMeetings' default, as no JVM option says -DDATA_DIR"
            node.tell(("openmeetings", "data_dir"), inside, guess=why)


def _mounts(node: Seen) -> Iterator[Mount]:
    """Yield what fstab and the mount units of a node mount from other hosts, or bind."""
    text = node.text(FSTAB_PATH)
    if text is not None:
        lines = text.split("\n")
        for entry in fstab.read(text)[0]:
            fields = [_decoded(f) for f in lines[entry.line - 1].strip().split()]
            fields += ["defaults"] * (4 - len(fields))
            place = (FSTAB_PATH, entry.line)
            if found := _mount(node, entry.key, fields[0], fields[2], fields[3], place):
                yield found
    for path, unit in node.around("/etc/systemd/system/*.mount"):
        said = {s.key: s for s in unit_file.settings(unit) if s.section == "Mount"}
        if "What" in said and "Where" in said:
            kind, options = (said[k].value if k in said else "" for k in ("Type", "Options"))
            where, what = said["Where"].value.rstrip("/"), said["What"]
            named = systemd.mount_unit(where) == path.rpartition("/")[2]
            place = (path, what.line)
            if named and (found := _mount(node, where, what.value, kind or "nfs", options, place)):
                yield found


def _mount(
    node: Seen, point: str, device: str, kind: str, options: str, place: Place
) -> Mount | None:
    listed = tuple(o for o in re.findall(r'(?:[^,"]|"[^"]*"?)+', options) if o != "defaults")
    form = _CIFS if _REMOTE.get(kind) == "cifs" else _NFS
    if kind in _REMOTE and (match := form.fullmatch(device.replace("\\", "/"))):
        return Mount(node, point, kind, match[1], match[2], listed, place)
    if kind == "none" and "bind" in listed:
        return Mount(node, point, kind, "", device.rstrip("/"), listed, place)
    return (
        None if kind in ("none", *_REMOTE) else Mount(node, point, kind, "", device, listed, place)
    )


def _decoded(field: str) -> str:
    def code(found: re.Match[str]) -> str:
        codes = bytes(int(c, 8) & 0xFF for c in found[0].split("\\")[1:])
        return codes.decode("utf-8", "surrogateescape")

    return re.sub(r"(?:\\[0-7]{3})+", code, field)


def _exports(node: Seen) -> Iterator[Export]:
    text = node.text(EXPORTS_PATH)
    if text is None:
        return
    lines = text.split("\n")
    for entry in exports.read(text)[0]:
        path, _, client = entry.key.rpartition(" ")
        options = _as_written(lines, entry, client)
        place = (EXPORTS_PATH, entry.line)
        yield Export(node, path, client, entry.value, options, place)


def _as_written(lines: list[str], entry: Entry, client: str) -> tuple[str, ...]:
    """Give a client's options in their own order, where its word says all of them."""
    written = " ".join(lines[entry.line - 1 : entry.last_line])
    for name, listed in _CLIENT.findall(written):
        own = tuple(listed.split(","))
        if name == client and ",".join(nfs_options.settle_export(own)) == entry.value:
            return own
    return tuple(entry.value.split(","))


def samba(nodes: Sequence[Seen]) -> None:
    """Note the path of the share on the node that serves it."""
    shares = {f.value.lower() for n in nodes if (f := n.fact("storage", "share"))}
    for node in nodes:
        text = node.text(SMB_PATH)
        for entry in SAMBA.entries(text)[0] if text is not None and shares else ():
            section, _, name = entry.key.partition("/")
            if name == "path" and section.strip("[]").lower() in shares:
                for each in nodes:
                    place = (SMB_PATH, entry.line)
                    each.tell(("storage", "export"), entry.value, place)
