"""The spec's `storage:` to the cluster's shared data folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.cluster.model import Mount, Samba, Storage, credentials_path
from omconf.formats.nfs_options import ROOT_FSID
from omconf.origin import Value

if TYPE_CHECKING:
    from omconf.cluster.model import Node, OpenMeetings
    from omconf.cluster.spec_values import SpecValues
    from omconf.spec.models.storage import Storage as Spec

CIFS_OPTIONS = ["hard", "_netdev"]
"""`timeo`, a default of `storage.options`, is an option of NFS alone."""


def resolve(
    look: SpecValues, spec: Spec, cluster: Value[str], om: OpenMeetings, nodes: tuple[Node, ...]
) -> Storage | None:
    """Resolve `storage:`; None where its server is not what it should be, which was reported."""
    server: Value[str] | None = None
    node: str | None = None
    if spec.server is not None:
        found = look.server(spec.server, ("storage", "server"), nodes, "storage_address")
        if found is None:
            return None
        server, node = found
    given = "options" in spec.model_fields_set
    options = CIFS_OPTIONS if spec.kind == "cifs" and not given else spec.options
    export = look.maybe(spec, ("storage", "export")) or om.data_dir
    export_options, root = _root(look, spec, export)
    return Storage(
        kind=look.value(spec, ("storage", "kind")),
        server=server,
        node=node,
        export=export,
        options=look.items(options, ("storage", "options")),
        export_options=export_options,
        type=look.value(spec, ("storage", "type")),
        mount_from=look.maybe(spec, ("storage", "mount_from")),
        pseudo_root=root,
        clients=look.items(spec.clients, ("storage", "clients")),
        samba=_samba(look, spec, cluster) if spec.kind == "cifs" else None,
        fstab=_mount(look, spec),
    )


def _root(
    look: SpecValues, spec: Spec, export: Value[str]
) -> tuple[tuple[Value[str], ...], Value[str] | None]:
    """Return the export's options and the root of NFSv4; `fsid=0` and the key imply each other."""
    options = look.items(spec.export_options, ("storage", "export_options"))
    root = look.maybe(spec, ("storage", "pseudo_root"))
    said = next((option for option in options if option.value in ROOT_FSID), None)
    if root is None and said:
        return options, Value(export.value, said.origin)
    if root and root.value == export.value and said is None:
        return (*options, Value("fsid=0", root.origin)), root
    return options, root


def _samba(look: SpecValues, spec: Spec, cluster: Value[str]) -> Samba | None:
    if spec.password is None:
        return None  # already reported
    share = Value(f"openmeetings-{cluster.value}", cluster.origin)
    user = look.value(spec, ("storage", "user"))
    domain, backslash, name = user.value.rpartition("\\")
    said = look.maybe(spec, ("storage", "domain"))
    return Samba(
        share=look.maybe(spec, ("storage", "share")) or share,
        user=Value(name, user.origin),
        password=look.secret(spec.password, ("storage", "password")),
        credentials=look.maybe(spec, ("storage", "credentials"))
        or Value(credentials_path(cluster.value), cluster.origin),
        domain=Value(domain, user.origin) if backslash else said,
    )


def _mount(look: SpecValues, spec: Spec) -> Mount | None:
    if spec.fstab is None:
        return None
    path = ("storage", "fstab")
    return Mount(
        what=look.value(spec.fstab, (*path, "what")),
        type=look.value(spec.fstab, (*path, "type")),
        options=look.items(spec.fstab.options, (*path, "options")),
    )
