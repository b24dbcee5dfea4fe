"""`/etc/exports` on the data server: which nodes may mount the shared data folder, and how."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.actions import Do, Manual, Run, Stage, reload, run
from omconf.artifacts.contents import Artifact, ExternalFile, Line, Meaning, line
from omconf.artifacts.effect import (
    Change,
    Effect,
    listed,
    make_folder,
    mount_manually,
    remount_elsewhere,
)
from omconf.artifacts.model import BlockKind
from omconf.artifacts.reading import Elsewhere
from omconf.cluster.ports import NFS_PORT
from omconf.diagnostics import Finding
from omconf.findings import MAX_FINDINGS
from omconf.formats import exports, mount_place, paths
from omconf.formats.block import MARKERS, find, markers, of_others
from omconf.formats.export_clients import network
from omconf.formats.nfs_options import ROOT_FSID, effective_export, settle_export
from omconf.origin import FromPage, Value
from omconf.rules import DUPLICATE_ENTRY, EXPOSED, MOUNT_OPTION, NO_ROOT
from omconf.secrets import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from ipaddress import IPv4Network

    from omconf.artifacts.reading import Texts
    from omconf.cluster.model import Cluster, Node
    from omconf.diagnostics import Diagnostic
    from omconf.formats.block import Entry


PATH = "/etc/exports"
MOVE = (
    f"Move this line to `{PATH}`, where omconf adopts it: exportfs ignores one of two exports to the"
    " same host and fails."
)
"""The hint where omconf has no block on the node yet: the line is the only export."""
STEP = FromPage("File systems: /etc/exports on the data server")


class Exports(BlockKind):
    """The block in `/etc/exports`: one line a client, so that a node more is a line more."""

    name = "exports"
    purpose = "lets the other nodes mount the shared data folder over NFS"
    places = (PATH,)
    around = ("/etc/exports.d/*.exports",)
    stage = Stage.SERVE

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """Export the data folder to every other node, on the data server only."""
        storage = cluster.storage
        if storage.kind.value != "nfs" or storage.node != node.name.value:
            return []
        clients = _others(cluster)
        if not clients:
            return []
        lines, meaning = _lines(cluster, clients), _meaning(cluster, clients)
        path = _path(cluster)
        aliases = {f"{path} {a}": f"{path} {b}" for a, b in _other_names(cluster, clients)}
        return [Artifact(self.name, PATH, self.ownership, lines, meaning=meaning, aliases=aliases)]

    def external_files(self, cluster: Cluster) -> list[ExternalFile]:
        """Return the lines for all nodes, for the administrator of an external NFS server."""
        storage = cluster.storage
        if storage.kind.value != "nfs" or storage.node is not None or _path(cluster) == "/":
            return []
        lines, meaning = _lines(cluster, cluster.nodes), _meaning(cluster, cluster.nodes)
        return [ExternalFile("storage/exports", lines, meaning=meaning)]

    def entries(self, text: str) -> tuple[list[Entry], list[Finding]]:
        """Read what a file exports: one entry a client, `PATH CLIENT` and its options in force."""
        return exports.read(text)

    def known_key(self, key: str, aliases: Mapping[str, str]) -> str:
        """Take a host's name in any case of letters; that of a netgroup has one."""
        path, _, client = key.rpartition(" ")
        name = client if client.startswith("@") else client.lower()
        return aliases.get(key) or aliases.get(f"{path} {name}", key)

    def beside(self, entries: list[Entry], wanted: Mapping[str, Entry]) -> list[Finding]:
        """Report lines of others by which more hosts than the nodes get at the shared folder."""
        folders = {key.rpartition(" ")[0] for key in wanted}
        ours = [n for key in wanted if (n := network(key.rpartition(" ")[2]))]
        return [
            _exposed(entry)
            for entry in entries
            if _many(entry.key.rpartition(" ")[2])
            and any(paths.overlap(entry.key.rpartition(" ")[0], folder) for folder in folders)
            and not _within(entry.key.rpartition(" ")[2], ours)
        ]

    def mistakes(self, entries: list[Entry], taken: list[Entry]) -> list[Entry]:
        """Take `host (rw)` over as a whole: left alone, the world would keep what the space gave it."""
        ours, known = {(e.whole, e.key.rpartition(" ")[0]) for e in taken}, frozenset(taken)
        return [
            e for e in entries if e.unnamed and (e.whole, e.key[:-2]) in ours and e not in known
        ]

    def elsewhere(self, cluster: Cluster, artifact: Artifact, texts: Texts) -> Elsewhere:
        """Check /etc/exports.d, which exportfs reads too: a node may be listed in one file only."""
        wanted = self.counted(self.entries(artifact.text)[0])
        found: list[tuple[str, Finding]] = []
        every_entry: list[tuple[str, Entry]] = []
        deployed = find(texts.get(artifact.path) or "", cluster.name.value) is not None
        for path, text in texts.items():
            entries, wrong = self.entries(text)
            every_entry += ((path, entry) for entry in entries)
            if path != artifact.path:
                twice = [e for e in entries if self.known_key(e.key, artifact.aliases) in wanted]
                said = (_twice(entry, deployed=deployed) for entry in twice)
                every = [*map(of_others, wrong), *said, *self.beside(entries, wanted)]
                every.sort(key=lambda finding: finding.line)
                found += [(path, finding) for finding in every[:MAX_FINDINGS]]
        if every_entry:
            found += _no_root(cluster, every_entry)
        return Elsewhere(findings=tuple(found))

    def check(self, cluster: Cluster) -> Iterator[Diagnostic]:
        """Check that exportfs takes the options of one client as a whole."""
        storage = cluster.storage
        options = ",".join(option.value for option in storage.export_options)
        clients = [client.value for client in storage.clients] or ["255.255.255.255"]
        longest = exports.MAX_WORD - max(map(len, clients)) - len("()")
        if storage.kind.value == "nfs" and (size := len(options.encode())) > longest:
            yield MOUNT_OPTION.at(
                storage.export_options[0].span,
                f"The export options have {size} bytes in total; exportfs accepts at most {longest}.",
                hint="Write fewer or shorter options.",
            )

    def same(self, key: str, before: str, after: str) -> bool:
        """Compare what holds: `rw` and `rw,root_squash` let in the same."""
        one, other = (effective_export(value.split(",")) for value in (before, after))
        return one == other

    def keep(self, key: str, replaced: bool) -> str:
        """Return `storage.export_options` for a replaced entry; no key keeps a removed one."""
        return "storage.export_options" if replaced else ""

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """Return that the NFS server reloads; nothing restarts. A removed client unmounts before."""
        why = "the NFS server reloads its exports; existing mounts stay"
        gone = [key.rpartition(" ")[2] for key, c in changes.items() if c.action == "delete"]
        if stay := [network(client.value) for client in cluster.storage.clients]:
            known = [its for its in stay if its]
            # Who is in a netgroup, or has which name, is not known.
            gone = [c for c in gone if len(known) == len(stay) and not _within(c, known)]
        if gone:
            why = f"{listed(gone)} may no longer mount the folder and must stop using it"
        if action == "delete":
            mounted = cluster.storage.kind.value == "mounted"
            manual = mount_manually(cluster) if cluster.storage.by_hand else None
            again = (reload("exportfs", "-ra"),)
            folders = {key.rpartition(" ")[0] for key in changes}
            moves = mounted or folders != {cluster.storage.export.value}
            clients = remount_elsewhere(cluster)
            return Effect(
                "exportfs", why, not mounted, run=again, moves=moves, clients=clients, manual=manual
            )
        # Only what exports the folder for the first time finds it missing.
        old = {key.rpartition(" ")[0] for key, c in changes.items() if c.action != "create"}
        export = cluster.storage.export.value
        new = action == "create" or any(
            c.action == "create" and key.rpartition(" ")[0] not in old for key, c in changes.items()
        )
        folder = (make_folder(cluster, export),) if new else ()
        does = (*folder, reload("exportfs", "-ra"), run("exportfs", "-s"))
        clients = remount_elsewhere(cluster) if action == "create" else None
        root = _export_root(cluster) if new else None
        return Effect("exportfs", why, run=does, moves=new, clients=clients, manual=root)

    def external(self, cluster: Cluster) -> Manual | None:
        """Have whoever runs an outside NFS server export the folder to every node."""
        storage, om = cluster.storage, cluster.openmeetings
        if storage.kind.value != "nfs" or storage.node is not None or storage.server is None:
            return None
        owner = f"owned by the uid and gid that `{om.user.value}:{om.group.value}` has on the nodes"
        if mount_place.efs_id(storage.server.value, "nfs4"):
            clients = ", ".join(client.value for client in _clients(cluster, cluster.nodes))
            text = (
                f"In Amazon EFS {storage.server.value}: allow {clients} in the security "
                f"group of its mount targets (TCP port {NFS_PORT}), and"
                f" `{storage.export.value}` {owner}."
            )
            return Manual("storage", text)
        if _path(cluster) == "/":
            options = ",".join(option.value for option in storage.export_options)
            clients = ", ".join(client.value for client in _clients(cluster, cluster.nodes))
            text = (
                f"On the NFS server {storage.server.value}: the nodes mount the root of its NFSv4"
                f" exports. Have the folder behind it (in exports(5): `fsid=0`) {owner}, and exported"
                f" with `{options}` to {clients}."
            )
            return Manual("storage", text)
        text = (
            f"On the NFS server {storage.server.value}: create `{storage.export.value}`, {owner}, add"
            f" `storage/exports` to `{PATH}` and run `exportfs -ra`."
        )
        if above := _above(cluster):
            text += f" {_root_line(cluster, above)}"
        return Manual("storage", text, ("storage/exports",))


KIND = Exports()


def _path(cluster: Cluster) -> str:
    return cluster.storage.export.value.rstrip("/") or "/"


def _many(client: str) -> bool:
    """Tell whether a client stands for more than one host: a pattern, a network, a netgroup."""
    one = client.endswith(("/32", "/255.255.255.255"))
    return bool(re.search(r"[*?\[/]|^@", client)) and not one


def _within(client: str, networks: Iterable[IPv4Network]) -> bool:
    """Tell whether all that a client stands for is in one of some networks."""
    own = network(client)
    return own is not None and any(own.subnet_of(wide) for wide in networks)


def _clients(cluster: Cluster, nodes: Iterable[Node]) -> tuple[Value[str], ...]:
    """Whom the lines name: what the spec says, or each node."""
    return cluster.storage.clients or tuple(node.storage_address for node in nodes)


def _other_names(cluster: Cluster, nodes: Iterable[Node]) -> Iterator[tuple[str, str]]:
    """What hand-made lines may call a client, and how the block does: a node's names, a netmask."""
    if not cluster.storage.clients:
        for node in nodes:
            for name in node.known_as - {node.storage_address.value}:
                yield name, node.storage_address.value
    for client in cluster.storage.clients:
        if (name := client.value.lower()) != client.value and not name.startswith("@"):
            yield name, client.value
        if its := network(client.value):
            spelled = {its.with_prefixlen, its.with_netmask}
            one = {str(its.network_address)} if its.prefixlen == 32 else set()
            for name in sorted((spelled | one) - {client.value}):
                yield name, client.value


def _twice(entry: Entry, *, deployed: bool) -> Finding:
    """Report an export that omconf's block has too, or would have if it is not `deployed` yet."""
    path, _, client = entry.key.rpartition(" ")
    also = (
        "and in omconf's block" if deployed else f"and would be in omconf's block in `{PATH}`, too"
    )
    message = f"`{quoted(path)}` is exported to `{quoted(client)}` here {also}."
    hint = "Delete this line: exportfs ignores one of two exports to the same host and fails."
    return Finding(DUPLICATE_ENTRY, entry.line, message, hint if deployed else MOVE)


def _exposed(entry: Entry) -> Finding:
    path, _, client = entry.key.rpartition(" ")
    options = entry.value.split(",")
    how = "read-write" if "rw" in options else "read-only"
    root = " and without root_squash" if "no_root_squash" in options else ""
    message = f"`{quoted(path)}` is also exported to `{quoted(client)}`, {how}{root}."
    hint = "Remove that client: the block allows every node. To accept it, add an `ignore` entry."
    return Finding(EXPOSED, entry.line, message, hint)


def _above(cluster: Cluster) -> str:
    """The root of NFSv4 where it is not the export itself: its line is the admin's own."""
    root = cluster.storage.pseudo_root
    return root.value if root and root.value != cluster.storage.export.value else ""


def _root_line(cluster: Cluster, root: str) -> str:
    """Return the instruction to export the root of NFSv4, for the server's administrator.

    A client gets from one export to another at a mount point alone (`nfsd_mountpoint` in fs/nfsd/vfs.c
    of Linux); NFSv4 needs no `nohide` there (exports(5)).
    """
    storage = cluster.storage
    clients = [client.value for client in _clients(cluster, _others(cluster))]
    return (
        f"Export `{root}`, the NFSv4 root, as well, to {listed(clients)}:"
        f" `{exports.escape(root)} CLIENT(ro,fsid=0,no_subtree_check)`; with `rw` where"
        f" `{storage.export.value}` is a plain folder in it, and no mount point (a bind mount is one)."
    )


def _export_root(cluster: Cluster) -> Do | None:
    """Have the root of NFSv4 exported, without which no node finds the export."""
    root = _above(cluster)
    if not root:
        return None
    text = f"{_root_line(cluster, root)} Add it to `{PATH}` outside of omconf's block, and run"
    script = 'exportfs -s | grep -F "$1 " | grep -q "[(,]fsid=0[,)]"'
    check = Run(("sh", "-c", script, "sh", exports.escape(root)))
    back = f"Remove the export of `{root}`, unless it was there before."
    return Do(Manual("admin", f"{text} `exportfs -ra`.", check=check), Manual("admin", back))


def _no_root(cluster: Cluster, entries: Sequence[tuple[str, Entry]]) -> list[tuple[str, Finding]]:
    """Check whether the deployed files export the root of NFSv4, and to every node."""
    root = _above(cluster)
    if not root:
        return []
    roots = [(p, e) for p, e in entries if not {*ROOT_FSID}.isdisjoint(e.value.split(","))]
    there = [entry.key.rpartition(" ")[2] for _, entry in roots if _folder(entry) == root]
    hint = _root_line(cluster, root)
    if not there:
        # Another root, or the folder without fsid=0, is what to look at.
        near = [*roots, *((p, e) for p, e in entries if _folder(e) == root)]
        path, line, what = PATH, 0, "no line exports it with `fsid=0`"
        if near:
            path, line = near[0][0], near[0][1].line
            what = f"that is `{quoted(_folder(near[0][1]))}` here" if roots else "without `fsid=0`"
        message = f"`{quoted(root)}` is not exported as the NFSv4 root: {what}."
        return [(path, Finding(NO_ROOT, line, message, hint))]
    nodes = [node.storage_address.value for node in _others(cluster)]
    shut = [address for address in nodes if not exports.lets_in(there, address)]
    if not shut:
        return []
    path, entry = next((p, e) for p, e in roots if _folder(e) == root)
    message = f"`{quoted(root)}`, the NFSv4 root, is not exported to {listed(shut)}."
    return [(path, Finding(NO_ROOT, entry.line, message, hint))]


def _folder(entry: Entry) -> str:
    return entry.key.rpartition(" ")[0]


def _others(cluster: Cluster) -> list[Node]:
    """The nodes that mount from the data server."""
    return [node for node in cluster.nodes if node.name.value != cluster.storage.node]


def _meaning(cluster: Cluster, clients: Sequence[Node]) -> Meaning:
    storage, few = cluster.storage, clients[:2]
    options = ",".join(settle_export([option.value for option in storage.export_options]))
    path = _path(cluster)
    items = {f"{path} {client.value}": options for client in _clients(cluster, few)}
    return Meaning(KIND.read, items, sample=_lines(cluster, few))


def _lines(cluster: Cluster, clients: Iterable[Node]) -> tuple[Line, ...]:
    storage = cluster.storage
    path = Value(exports.escape(storage.export.value), storage.export.origin)
    options: list[str | Value[str]] = []
    for option in storage.export_options:
        options += [",", option] if options else [option]
    begin, end = markers(cluster.name)
    return (
        line(begin, why=(MARKERS,)),
        *(line(path, " ", c, "(", *options, ")", why=(STEP,)) for c in _clients(cluster, clients)),
        line(end, why=(MARKERS,)),
    )
