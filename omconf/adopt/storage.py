"""Reads the shared folder into facts of the spec: who serves it, and how the others mount it.

Which node serves the folder, and under which name, follows only from all nodes together.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from omconf.adopt import cifs, host, reasons
from omconf.adopt.mounts import REMOTE, exported, mounts
from omconf.adopt.setenv import DATA_DIR, SETENV
from omconf.cluster import places
from omconf.formats import cifs_options, fstab, nfs_options
from omconf.rules import GUESSED, NOT_KEPT
from omconf.secrets import quoted, tells

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omconf.adopt.model import Common, Seen
    from omconf.adopt.mounts import Export, Mount

_MOUNT_DEFAULT = {"nfs": ["timeo=50", "hard", "_netdev"], "cifs": ["hard", "_netdev"]}
_EXPORT_DEFAULT = ["rw", "sync", "no_subtree_check", "root_squash"]
_ADDRESS = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}")


def facts(nodes: Sequence[Seen], common: Common) -> None:
    """Note the data folder of nodes whose JVM options do not set it, and how it is shared."""
    every = [mount for node in nodes for mount in mounts(node)]
    served = [export for node in nodes for export in exported(node)]
    _data_dirs(nodes, every, {e.path for e in served})
    folders = {f.value for n in nodes if (f := n.fact("openmeetings", "data_dir"))} or {
        places.DEFAULT_DATA_DIR
    }
    _others(every, folders)
    shared = {m.node.name: m for m in every if m.point in folders and m.kind in REMOTE}
    if not shared:
        if not _of_another_type([m for m in every if m.point in folders and m.kind != "none"]):
            _mounted(nodes, every, served, folders)
        return
    common = replace(common, hosts={**common.hosts, **_servers(shared, served, common)})
    for mount in shared.values():
        _client(mount, common)
    first = next(iter(shared.values()))
    server = _host(first.server, common)
    owner = next((n for n in nodes if n.name == server), None)
    if owner and REMOTE[first.kind] == "nfs":
        mine = [e for e in served if e.node is owner]
        _pseudo_root(mine, shared)
        _storage_addresses(nodes, [e for e in mine if e.path == first.source])
        _exported(owner, mine, shared, common)
    if owner:
        # The server's own files do not show that it serves; it counts with the clients.
        for fact in first.node.facts:
            if fact.path[0] == "storage" and not owner.fact(*fact.path):
                owner.facts.append(fact)


def _others(every: Sequence[Mount], folders: set[str]) -> None:
    """Report mounts of other folders, each at the first node that has it."""
    others: dict[str, list[Mount]] = {}
    for mount in every:
        if mount.kind in REMOTE and mount.point not in folders:
            others.setdefault(mount.point, []).append(mount)
    for point, same in others.items():
        count = len({mount.node.name for mount in same}) - 1
        more = f" here and on {count} more {'node' if count == 1 else 'nodes'}" if count else ""
        message = (
            f"The mount `{quoted(point)}`{more} is not the data folder; omconf leaves it alone."
        )
        same[0].node.say(NOT_KEPT, message, same[0].place)


def addresses(nodes: Sequence[Seen]) -> None:
    """Infer addresses that no node's own files have from those to which its folder is shared.

    The only node that exports a folder has the address from which the others mount it; the one
    remaining client is the one remaining node.
    """
    key = ("nodes", "*", "address")
    served = [e for n in nodes for e in exported(n)]
    for mount in (m for n in nodes for m in mounts(n) if m.kind in REMOTE):
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
            why = f"{export.node.name} exports the folder to it: {export.place[0]}"
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
        why = "no fstab, mount unit or export mentions the data folder"
        node.tell(("storage", "kind"), "mounted", default="nfs", guess=why)


def _client(mount: Mount, common: Common) -> None:
    node, kind = mount.node, REMOTE[mount.kind]
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
        options = cifs.options(mount)
        same = cifs_options.settle_mount(options) == cifs_options.settle_mount(_MOUNT_DEFAULT[kind])
    value = _MOUNT_DEFAULT[kind] if same else _without_secrets(mount, options)
    node.tell(("storage", "options"), value, place, default=_MOUNT_DEFAULT[kind])


def _without_secrets(mount: Mount, options: Sequence[str]) -> list[str]:
    kept = []
    for option in options:
        name, _, value = option.partition("=")
        if tells(name, value):
            message = f"The mount option `{quoted(name)}` is left out: it is a secret."
            mount.node.say(NOT_KEPT, message, mount.place)
        else:
            kept.append(option)
    return kept


def _servers(
    shared: Mapping[str, Mount], served: Sequence[Export], common: Common
) -> dict[str, str]:
    """Identify a server whose name no file has: the node that exports the folder."""
    found: dict[str, str] = {}
    for mount in shared.values():
        name = mount.server.lower().rstrip(".")
        owners = {
            e.node.name
            for e in served
            if e.path.rstrip("/").endswith(mount.source.rstrip("/")) and e.node.name not in shared
        }
        if name not in common.hosts and len(owners) == 1:
            found[name] = owners.pop()
    return found


def _of_another_type(given: Sequence[Mount]) -> bool:
    """Note a file system of another type, such as GlusterFS, that every node mounts the same way."""
    for mount in given:
        if mount.kind not in fstab.LOCAL:
            key = ("storage", "fstab")
            mount.node.tell(("storage", "kind"), "mounted", mount.place, default="nfs")
            mount.node.tell((*key, "what"), mount.source, mount.place)
            mount.node.tell((*key, "type"), mount.kind, mount.place)
            options = list(mount.options)
            mount.node.tell((*key, "options"), options, mount.place, default=["_netdev"])
    return any(mount.kind not in fstab.LOCAL for mount in given)


def _pseudo_root(served: Sequence[Export], shared: Mapping[str, Mount]) -> None:
    """Note the root of NFSv4, to which clients' mount paths are relative."""
    paths = {e.path.rstrip("/"): e for e in served}
    roots = {e.path: e for e in served if {"fsid=0", "fsid=root"} & set(e.settled.split(","))}
    for mount in shared.values():
        source = mount.source.rstrip("/")
        if source in paths:
            continue
        below = {path.rstrip("/") + source: path for path in roots}
        whole = next((path for path in below if path in paths), None)
        root, guess = below.get(whole or "", ""), ""
        if whole is None and mount.kind == "nfs4" and source:
            # No line has the root itself; the only export that ends like the mount shows it.
            alike = [path for path in paths if path.endswith(source)]
            if len(alike) == 1:
                (whole,) = alike
                root, guess = whole.removesuffix(source), "NFSv4 clients mount below its root"
        if whole is None or not root:
            continue
        node, place = mount.node, mount.place
        node.facts = [f for f in node.facts if f.path != ("storage", "export")]
        folder = node.fact("openmeetings", "data_dir")
        default = folder.value if folder else None
        node.tell(("storage", "export"), whole, place, default=default)
        node.tell(("storage", "pseudo_root"), root, place, guess=guess)


def _named(mount: Mount, server: str, common: Common) -> str | None:
    """Return the server as fstab names it, if that is not its node's address."""
    owner = next((n for n in common.nodes if n.name == server), None)
    if owner is None or mount.server == server:
        return mount.server if owner else None
    own = owner.fact("nodes", "*", "address")
    if own and own.value == mount.server:
        return None
    if mount.server in {found[0] for found in host.own_addresses(owner)}:
        if not owner.fact("nodes", "*", "storage_address"):
            owner.tell(("nodes", "*", "storage_address"), mount.server, mount.place)
        return None
    return mount.server


def _storage_addresses(nodes: Sequence[Seen], served: Sequence[Export]) -> None:
    """Note the second address of nodes to which the folder is exported by it."""
    owners: dict[str, Seen] = {}
    for node in nodes:
        for address, _, _ in host.own_addresses(node):
            owners.setdefault(address, node)
    for export in served:
        found = owners.get(export.client)
        own = found.fact("nodes", "*", "address") if found else None
        if found and own and own.value != export.client and export.node is not found:
            key = ("nodes", "*", "storage_address")
            why = f"{export.node.name} exports the folder to it: {export.place[0]}"
            found.tell(key, export.client, guess=f"{why}:{export.place[1]}")


def _host(server: str, common: Common) -> str:
    """Return the name of a server's node, or a form that the spec does not read as a node."""
    low = server.lower().rstrip(".")
    if low in common.hosts:
        return common.hosts[low]
    return server


def _exported(
    owner: Seen, served: Sequence[Export], shared: Mapping[str, Mount], common: Common | None
) -> None:
    said = [f.value for m in shared.values() if (f := m.node.fact("storage", "export"))]
    paths = {str(path).rstrip("/") for path in said}
    known = common.hosts if common else {}
    mine = [e for e in served if not paths or e.path.rstrip("/") in paths]
    if any(e.client.lower() in known for e in mine):
        # A single host that is no node, as one for backups, keeps its line and its options.
        mine = [e for e in mine if e.client.lower() in known or not _ADDRESS.fullmatch(e.client)]
        mine.sort(key=lambda e: e.client.lower() not in known)
    for export in mine[:1]:
        same = export.settled == ",".join(nfs_options.settle_export(_EXPORT_DEFAULT))
        value = _EXPORT_DEFAULT if same else list(export.options)
        key = ("storage", "export_options")
        owner.tell(key, value, export.place, default=_EXPORT_DEFAULT)
    many = [e for e in mine if not _ADDRESS.fullmatch(e.client) and e.client.lower() not in known]
    if many and len(many) == len(mine) and "*" not in {e.client for e in many}:
        clients = [e.client for e in many]
        owner.tell(("storage", "clients"), clients, many[0].place, default=[])
    for export in mine[1:]:
        if export.settled != mine[0].settled:
            message = (
                f"`{quoted(export.client)}` has different options from `{quoted(mine[0].client)}`."
            )
            hint = "Use the same options for all nodes: a spec has one set."
            owner.say(NOT_KEPT, message, export.place, hint)


def _data_dirs(nodes: Sequence[Seen], every: Sequence[Mount], served: set[str]) -> None:
    known = next((f.value for n in nodes if (f := n.fact("openmeetings", "data_dir"))), None)
    remote = [m for m in every if m.kind in REMOTE]
    near = [m for m in remote if m.source in served or "om" in m.point.lower()]
    for node in nodes:
        if node.fact("openmeetings", "data_dir"):
            continue
        if recorded := node.recorded("data_dir"):
            node.tell(("openmeetings", "data_dir"), *recorded)
            continue
        place = (node.path(SETENV), 0)
        if node.unread(place[0]):
            continue
        inside = f"{node.home}/webapps/{node.webapp}/data"
        leads = dict(node.survey.data).get(inside, "")
        if leads not in ("", inside):
            node.tell(("openmeetings", "data_dir"), leads, (inside, 0))
            continue
        mount = next((m for m in near if known is None or m.point == known), None)
        if leads or mount is None or mount.point == inside:
            why = "OpenMeetings' default, as no JVM option sets -DDATA_DIR"
            where = (inside, 0) if leads else place
            node.tell(("openmeetings", "data_dir"), inside, where, guess=why)
            continue
        why = "no JVM option of this node sets -DDATA_DIR"
        node.tell(("openmeetings", "data_dir"), mount.point, mount.place, guess=why)
        message = f"No JVM option sets `-DDATA_DIR`; `{quoted(mount.point)}` is assumed."
        hint = f"Check whether `{quoted(inside)}`, where OpenMeetings looks, is a link to it."
        node.say(GUESSED, message, place, hint)
        node.why["jvm", DATA_DIR] = reasons.NOT_A_LINK.format(quoted(inside))
