"""Rules about the shared data folder (OM231 to OM239)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.diagnostics import Diagnostic, Severity
from omconf.formats import cifs_options, exports, fstab, nfs_options, paths
from omconf.rules import (
    DATA_LOSS,
    EXPORT_PATH,
    IGNORED_OPTION,
    IN_THE_WAY,
    MOUNT_OPTION,
    NFSV4_ROOT,
    NODE_SHUT_OUT,
    NOT_NETDEV,
    ROOT_EXPORT,
    WRONG_VALUE,
)
from omconf.secrets import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from omconf.cluster.model import Cluster, Mount
    from omconf.formats.options import Verdict
    from omconf.origin import Value


_OTHERS = ("/etc", "/usr/local/sbin", "/usr/lib/systemd")
"""Folders that a node needs, whatever is mounted."""
_EXAMPLES = ("/opt/omdata", "/srv/omdata")
"""Data folders that a hint may name."""


def check(cluster: Cluster) -> Iterator[Diagnostic]:
    """Check the options of exports and mounts."""
    yield from _folder(cluster)
    export = cluster.storage.export
    if export.value == "/" and (cluster.storage.node or cluster.storage.kind.value != "nfs"):
        message = "The root file system cannot be the export: use a path below `/`."
        hint = "Write `export: /opt/omdata`; `/` is the root of an outside NFSv4 server."
        yield EXPORT_PATH.at(export.span, message, hint=hint)
    yield from _read_only(cluster)
    kind = cluster.storage.kind.value
    if kind == "nfs":
        yield from _exports(cluster)
        yield from _versions(cluster)
        yield from _clients(cluster)
        yield from _mounts(cluster)
        yield from _unknown(cluster.storage.options, nfs_options.check_mount)
    elif kind == "cifs":
        yield from _mounts(cluster)
        yield from _unknown(cluster.storage.options, cifs_options.check_mount)
        yield from _domain(cluster)
    elif cluster.storage.fstab:
        yield from _what(cluster.storage.fstab)
        yield from _mounts(cluster)


def _folder(cluster: Cluster) -> Iterator[Diagnostic]:
    """The page wants the data outside of OpenMeetings; a mount above it would hide it."""
    storage, data_dir = cluster.storage, cluster.openmeetings.data_dir
    homes = sorted({node.home.value for node in cluster.nodes})
    apart = (f for f in _EXAMPLES if not any(paths.overlap(f, home) for home in homes))
    free = next(apart, "/omdata")
    hint = f"Use a separate folder, such as `{free}`."
    why = _overlap(data_dir.value, homes, (*homes, *_OTHERS), "hides {} where it is mounted")
    if why:
        message = f"The data folder {data_dir.value} {why}."
        if data_dir.span is None:  # the default, so a home that the spec sets is in the way
            hint = f"Write `data_dir: {free}` under `openmeetings:`, or use another `home`."
        near = (n.home.span for n in cluster.nodes if paths.overlap(n.home.value, data_dir.value))
        yield IN_THE_WAY.at(data_dir.span or next(near, None), message, hint=hint)
    export = storage.export
    if storage.node and export.value not in ("/", data_dir.value):
        there = [node.home.value for node in cluster.nodes if node.name.value == storage.node]
        needed = (*there, *_OTHERS)
        why = _overlap(export.value, needed, needed, "includes {}")
        if not why and paths.is_below(export.value, data_dir.value):
            why = f"lies in {data_dir.value}, where it is mounted"
        if why:
            message = f"The shared folder {export.value} of `{storage.node}` {why}."
            yield IN_THE_WAY.at(export.span, message, hint=hint)
    if storage.samba and paths.is_below(storage.samba.credentials.value, data_dir.value):
        file = storage.samba.credentials
        message = f"The file {quoted(file.value)} lies in the folder that is mounted with it."
        hint = "Use a file outside of the data folder, or remove the key."
        yield IN_THE_WAY.at(file.span, message, hint=hint)


def _overlap(folder: str, around: Iterable[str], inside: Iterable[str], has: str) -> str:
    """Return which folder it lies in, or `has` with one that lies in it; empty if none does."""
    outer = (f"lies in {other}" for other in around if paths.is_below(folder, other))
    inner = (has.format(other) for other in inside if paths.is_below(other, folder))
    return next(outer, "") or next(inner, "")


def _read_only(cluster: Cluster) -> Iterator[Diagnostic]:
    """Every node writes: uploads, recordings, and its share of the conversions."""
    storage = cluster.storage
    exported = storage.export_options if storage.kind.value == "nfs" else ()
    if exported and not any(option.value == "rw" for option in exported):
        yield DATA_LOSS.at(
            next((o.span for o in exported if o.value == "ro"), exported[0].span),
            "The export is read-only because `rw` is missing: OpenMeetings cannot write there.",
            hint="Write `rw`.",
        )
    modes = [option for option in storage.mount_options if option.value in ("rw", "ro")]
    if modes and modes[-1].value == "ro":
        message = "A mount with `ro` is read-only: OpenMeetings cannot write there."
        yield DATA_LOSS.at(modes[-1].span, message, hint="Remove it.")


def _exports(cluster: Cluster) -> Iterator[Diagnostic]:
    user = cluster.openmeetings.user.value
    for option in cluster.storage.export_options:
        if option.value == "no_root_squash" and user != "root":
            yield ROOT_EXPORT.at(
                option.span,
                "With `no_root_squash`, as on the clustering page, root on any node is "
                f"root on the data, although OpenMeetings runs as `{user}`.",
                hint="Write `root_squash`, or `all_squash` with `anonuid=` and `anongid=` of"
                f" `{user}` on the data server.",
            )
        if option.value == "async":
            yield DATA_LOSS.at(
                option.span,
                "With `async` the data server acknowledges writes before they reach the"
                " disk: a crash loses data.",
                hint="Write `sync`.",
            )


def _versions(cluster: Cluster) -> Iterator[Diagnostic]:
    """Hold the version of NFS against the type, and against the root that NFSv4 alone has."""
    storage = cluster.storage
    version = nfs_options.version(option.value for option in storage.options)
    four = storage.type.value == "nfs4" if version is None else version.startswith("4")
    contradicts = storage.type.value == "nfs4" and not four
    if contradicts:
        yield NFSV4_ROOT.at(
            storage.type.span,
            f"`type: nfs4` cannot mount version {version}, which `storage.options` request.",
            hint="Remove one of them.",
        )
    root, export = storage.pseudo_root, storage.export
    if root is None:
        return
    said = next((o for o in storage.export_options if o.value in nfs_options.ROOT_FSID), None)
    if not f"{export.value}/".startswith(f"{root.value}/"):
        yield NFSV4_ROOT.at(
            root.span,
            f"The export {export.value} is not below {root.value}, the NFSv4 root.",
            hint=f"Write `export: {root.value}/om`, for example.",
        )
    elif said and root.value != export.value:
        yield NFSV4_ROOT.at(
            said.span,
            f"`{said.value}` makes {export.value} the NFSv4 root, but the root is {root.value}.",
            hint="Remove the option: it belongs to the export of the root.",
        )
    elif not four and not contradicts:
        asked = next((o for o in storage.options if nfs_options.version([o.value])), None)
        used = f"`{asked.value}` asks for one" if asked else "with `type: nfs` either may be used"
        yield NFSV4_ROOT.at(
            root.span,
            f"NFSv4 clients find the export at `{storage.mount_path}`, earlier ones at"
            f" `{export.value}`: {used}.",
            hint=f"Write `nfsvers=4.1` instead of `{asked.value}`."
            if asked
            else "Write `type: nfs4`.",
        )


def _clients(cluster: Cluster) -> Iterator[Diagnostic]:
    """Hold the nodes against the clients of the export, where these are addresses."""
    storage = cluster.storage
    clients = [client.value.lower() for client in storage.clients]
    for index, client in enumerate(storage.clients):
        if clients[index] in clients[:index]:
            message = f"`{client.value}` is listed twice: exportfs fails at the second entry."
            yield WRONG_VALUE.at(client.span, message, hint="Remove one of them.")
    for node in cluster.nodes:
        address = node.storage_address
        if not clients or node.name.value == storage.node:
            continue
        if not exports.lets_in(clients, address.value):
            yield NODE_SHUT_OUT.at(
                address.span,
                f"`{node.name.value}` ({address.value}) is not a client of the export: "
                "its mount would be refused.",
                hint=f"Add its network to `storage.clients`: `{_network_of(address.value)}`.",
            )


def _network_of(address: str) -> str:
    return f"{address.rpartition('.')[0]}.0/24"


_FORMS = {
    **dict.fromkeys(fstab.NFS, (re.compile(r"[^/]+:/.*"), "nas:/export/om", "a host and a path")),
    **dict.fromkeys(fstab.CIFS, (re.compile(r"//[^/]+/[^/].*"), "//nas/om", "a host and a share")),
    "glusterfs": (
        re.compile(r"/.+|[^/]+:/*[^/:]+(/.*)?"),
        "gluster1:/omdata",
        "a server and a volume",
    ),
    "ceph": (
        re.compile(r"[^@/]*@[^./]*\.[^=]+=/.*|[^/]*:/.*"),
        "om@.omdata=/",
        "a user, a file system and a path",
    ),
    "efs": (re.compile(r"[^/:]+(:.*)?"), "fs-0123456789abcdef0:/", "a file system"),
    "lustre": (re.compile(r"[^/]+:/[^/]+.*"), "mgs@tcp:/omdata", "a server and a file system"),
}
"""What the programs that mount make of fstab's first field, with an example."""


def _what(mount: Mount) -> Iterator[Diagnostic]:
    """Hold what is mounted against its type, where the form is known."""
    kind, what = mount.type.value, mount.what.value.replace("\\", "/")
    form, example, parts = _FORMS.get(kind.removeprefix("fuse."), (None, "", ""))
    if form and not form.fullmatch(what):
        message = f"`{quoted(mount.what.value)}` does not name {parts}, as `{kind}` requires."
        yield WRONG_VALUE.at(mount.what.span, message, hint=f"Write it like `{example}`.")


def _domain(cluster: Cluster) -> Iterator[Diagnostic]:
    """A Samba that omconf sets up has accounts of its own."""
    storage, samba = cluster.storage, cluster.storage.samba
    if samba is None or not samba.of_domain:
        return
    for option in storage.options:
        name, _, said = option.value.partition("=")
        if (
            samba.domain
            and name in cifs_options.DOMAIN
            and said.lower() != samba.domain.value.lower()
        ):
            message = f"`{option.value}` does not match the domain of `{samba.account}`."
            yield WRONG_VALUE.at(option.span, message, hint="Remove the option.")
    if samba.domain and "@" in samba.user.value:
        message = f"`{samba.user.value}` already includes its domain."
        yield WRONG_VALUE.at(samba.domain.span, message, hint="Remove `domain`.")
    if storage.node is not None:
        by_key = samba.domain is not None and samba.domain.span != samba.user.span
        mend = "Remove `domain`" if by_key else "Write `user: openmeetings`"
        yield WRONG_VALUE.at(
            (samba.domain or samba.user).span,
            f"`{samba.account}` is a Windows domain account, but the Samba server that omconf "
            f"sets up on `{storage.node}` is not in a domain.",
            hint=f"{mend}, or set `server` to the domain's file server.",
        )


def _mounts(cluster: Cluster) -> Iterator[Diagnostic]:
    storage = cluster.storage
    kind = _type(cluster)
    nfs = kind in fstab.NFS
    names = {option.value for option in storage.mount_options}
    for option in storage.mount_options:
        if (option.value == "soft" and (nfs or kind in fstab.CIFS)) or (
            option.value == "softerr" and nfs
        ):
            yield DATA_LOSS.at(
                option.span,
                f"A `{option.value}` mount gives up when the data server is slow: recordings "
                "are truncated silently.",
                hint="Write `hard`.",
            )
        if option.value in ("intr", "nointr") and nfs:
            yield IGNORED_OPTION.at(
                option.span,
                f"`{option.value}` has been ignored by Linux since 2.6.25.",
                hint="Remove it.",
            )
    systemd = cluster.openmeetings.has_systemd
    if systemd and not fstab.needs_netdev(kind):
        return  # which orders the mount behind the network, and waits for it
    if not names & {"_netdev", "noauto"}:
        key = "storage.fstab.options" if storage.fstab else "storage.options"
        known = f"systemd treats `{kind}` as a local file system: without `_netdev`"
        yield NOT_NETDEV.at(
            next((o.span for o in storage.mount_options if o.span), None)
            or (storage.fstab.type.span if storage.fstab else cluster.openmeetings.service.span),
            f"{known if systemd else 'Without `_netdev`'} the mount is tried before the network is"
            " up: boot hangs, or OpenMeetings starts on an empty folder.",
            hint=f"Add `_netdev` to `{key}`.",
        )
    for option in storage.mount_options if not systemd else ():
        if option.value in ("nofail", "noauto"):
            yield NOT_NETDEV.at(
                option.span,
                f"With `{option.value}`, and no systemd to wait for the mount, OpenMeetings may start"
                " on an empty folder.",
                hint="Remove it, or mount the folder before OpenMeetings starts.",
            )


def _type(cluster: Cluster) -> str:
    """The type of the mount, as fstab has it."""
    storage = cluster.storage
    return storage.fstab.type.value if storage.fstab else storage.kind.value


def _unknown(
    options: Iterable[Value[str]], check: Callable[[str], Verdict | None]
) -> Iterator[Diagnostic]:
    for option in options:
        verdict = check(option.value)
        if verdict and verdict.kind == "unknown":
            yield MOUNT_OPTION.at(option.span, verdict.message, severity=Severity.WARNING)
