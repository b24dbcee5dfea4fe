"""Which data a mount leads to: two lines of fstab may name one place in different words.

What cannot be known from two lines is another place. Sources: exports(5), nfs(5), mount.ceph(8) of
Ceph 15 and 19, mount.glusterfs(8), mount.efs of amazon-efs-utils.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass
from omconf.formats import fstab, nfs_options
from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Server:
    """The data server: `names` are what lines may call it, in lower case; `root` is its NFSv4 root."""

    name: str
    names: frozenset[str]
    root: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """The data behind a mount: a `path` of a file system, which any of its `servers` leads to.

    `id` is one that no two file systems have, empty where the line does not say it. `name` tells
    file systems of the same servers apart.
    """

    kind: str
    path: str
    servers: frozenset[str] = frozenset()
    id: str = ""
    name: str = ""

    def same(self, other: Place) -> bool:
        """Tell whether both are known to be one place."""
        if self == other:
            return True
        if (self.kind, self.path, self.name) != (other.kind, other.path, other.name):
            return False
        if self.id and other.id:
            return self.id == other.id
        return bool(self.servers & other.servers)


_EFS_ID = regex(r"fs-[0-9a-f]+")
_EFS = regex(r"(?:[a-z0-9-]+\.)?(fs-[0-9a-f]+)\.efs\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?")
"""The DNS name of a file system of Amazon EFS; it may begin with a zone."""
_CEPH = regex(r"[^@/]*@([^./]*)\.([^=]*)=(.*)", re.DOTALL)
_HOST = regex(r"(//)?([^/:]+)(:?/.*)", re.DOTALL)


def read(value: str, server: Server | None = None) -> Place:
    """Read the place from a line's meaning: `DEVICE TYPE OPTIONS DUMP PASS` (see `fstab.read`)."""
    device, kind, listed = fstab.fields(value)
    options = listed.split(",")
    kind = kind.removeprefix("fuse.")
    if kind == "auto":  # libmount guesses by the device
        kind = "cifs" if device.startswith("//") else "nfs" if ":/" in device else kind
    if kind in (*fstab.NFS, "efs"):
        return _nfs(device, kind, options, server)
    if kind == "glusterfs":
        return _gluster(device, options)
    if kind == "ceph":
        return _ceph(device, options)
    found = _HOST.fullmatch(device)
    if not found:
        return Place("", device)
    host = _named(found[2], server)
    # A share has the same name in any case of letters.
    cifs = bool(found[1]) and kind in (*fstab.CIFS, "")
    path = found[3].lower() if cifs else found[3]
    return Place("cifs" if cifs else "", _tidy(path), frozenset({host}))


def _nfs(device: str, kind: str, options: Sequence[str], server: Server | None) -> Place:
    """The folder on the server: version 4 names it by its path below the root of NFSv4.

    Without a version mount.nfs tries 4 first, and 3 where the server has no such path: what is written
    as a path on the server is one, with such a root and without.
    """
    host, colon, path = device.partition(":/")
    host, path = _named(host, server), _tidy(path)
    id_ = efs_id(host, kind)
    if not colon and not id_:
        return Place("", device)
    if server and server.root and host == _canonical(server):
        version = nfs_options.version(options)
        below = f"{path}/".startswith(f"{server.root}/")
        if not below if version is None else version.startswith("4"):
            path = _tidy(f"{server.root}/{path}")
    access = _given(options, "accesspoint") if kind == "efs" else ""
    return Place("nfs", path, frozenset({host}), id_, access)


def efs_id(host: str, kind: str) -> str:
    """Return the id of a file system of EFS; mount.efs alone takes it for a host's name."""
    if kind == "efs" and _EFS_ID.fullmatch(host):
        return host
    found = _EFS.fullmatch(host)
    return found[1] if found else ""


def _gluster(device: str, options: Sequence[str]) -> Place:
    """A volume: any server of it tells a client all the others, so that one in common is enough."""
    first, _, path = device.partition(":")
    more = (_given(options, "backup-volfile-servers"), _given(options, "backupvolfile-server"))
    servers = {*first.split(","), *more[0].split(":"), more[1]} - {""}
    return Place("glusterfs", _tidy(path), frozenset(map(_plain, servers)))


def _ceph(device: str, options: Sequence[str]) -> Place:
    """A file system of a Ceph cluster, which is known by its id or by a monitor.

    `USER@FSID.NAME=/PATH` with `mon_addr=`, or before Ceph 17 `MON,MON:/PATH` with the name as `fs=`
    or `mds_namespace=`. Without a name it is the cluster's default, which only the cluster knows.
    """
    monitors = _given(options, "mon_addr").split("/")
    if found := _CEPH.fullmatch(device):
        fsid, name, path = found.groups()
    else:
        listed, _, path = device.partition(":/")
        monitors += listed.split(",")
        fsid, name = "", _given(options, "fs") or _given(options, "mds_namespace")
    servers = {re.sub(r"(?<=[^:]):[0-9]+$", "", _plain(m)) for m in monitors if m}
    return Place("ceph", _tidy(path), frozenset(servers), fsid.lower(), name)


def _given(options: Sequence[str], name: str) -> str:
    """Return the value of an option, the last one of that name."""
    values = [option.partition("=")[2] for option in options if option.startswith(f"{name}=")]
    return values[-1] if values else ""


def _named(host: str, server: Server | None) -> str:
    """Give a server its one name."""
    host = _plain(host)
    return _canonical(server) if server and host in server.names else host


def _canonical(server: Server) -> str:
    """The name that tells most of a server: EFS's, which holds the file system's id."""
    return next((name for name in sorted(server.names) if _EFS.fullmatch(name)), server.name)


def _plain(host: str) -> str:
    return host.lower().rstrip(".")


def _tidy(path: str) -> str:
    return "/" + re.sub("/+", "/", path).strip("/")
