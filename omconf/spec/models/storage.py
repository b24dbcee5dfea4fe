"""The section of the shared data folder."""

from typing import Literal

from pydantic import Field

from omconf.spec.models.section import Section
from omconf.spec.values import (  # pydantic reads these at run time
    CredentialsFile,
    Domain,
    Export,
    ExportClient,
    ExportOption,
    FileSystem,
    Folder,
    FstabDevice,
    FstabOption,
    Host,
    MountFrom,
    MountOption,
    SambaUser,
    SecretSource,
    ShareName,
)


class FstabLine(Section):
    """The fstab line with which all nodes mount the data folder; any type."""

    what: FstabDevice = Field(description="What is mounted: fstab's first field.")
    type: FileSystem = Field(description="The file system's type: `glusterfs`, `ceph`, `efs`, ...")
    options: list[FstabOption] = Field(["_netdev"], description="The mount's options.")


class Storage(Section):
    """The data folder that all nodes share."""

    kind: Literal["nfs", "cifs", "mounted"] = Field(
        "nfs",
        description="How it is shared; `cifs`: by Samba; `mounted`: the admin mounts it.",
    )
    server: Host | None = Field(
        None,
        description="The data server: a node's name, an address, a dotted name, or {host: ...}.",
    )
    mount_from: MountFrom | None = Field(
        None,
        description="The server as fstab names it; unset: its address, or its name from `server`.",
    )
    type: Literal["nfs", "nfs4"] = Field(
        "nfs", description="The type in fstab; `nfs4`: only NFS version 4."
    )
    export: Export | None = Field(
        None, description="The exported folder on the data server; unset: openmeetings.data_dir."
    )
    pseudo_root: Folder | None = Field(
        None,
        description="The folder that the server exports as the root of NFSv4 (`fsid=0`): nodes mount"
        " the export by its path below that.",
        examples=["/srv/nfs4"],
    )
    clients: list[ExportClient] = Field(
        [],
        description="The clients of the export, instead of each node: networks, netgroups (`@nodes`),"
        " host names and patterns.",
        examples=[["10.1.1.0/24"], ["@nodes"], ["*.om.example.org"]],
    )
    options: list[MountOption] = Field(
        ["timeo=50", "hard", "_netdev"],
        description="Mount options of the other nodes; unset with `cifs`: [hard, _netdev].",
    )
    export_options: list[ExportOption] = Field(
        ["rw", "sync", "no_subtree_check", "root_squash"],
        min_length=1,
        description="Options of each NFS export.",
    )
    share: ShareName | None = Field(
        None, description="The share's name, for `cifs`; unset: openmeetings-<cluster>."
    )
    user: SambaUser = Field(
        "openmeetings",
        description="The account that nodes log in with, for `cifs`; in a Windows domain:"
        " `DOMAIN\\user` or `user@domain`.",
    )
    domain: Domain | None = Field(None, description="The Windows domain of that account.")
    password: SecretSource | None = Field(
        None, description="Source of that account's password; required for `cifs`."
    )
    credentials: CredentialsFile | None = Field(
        None,
        description="The credentials file on the nodes, for `cifs`; unset:"
        " /etc/omconf/<cluster>/storage.credentials.",
    )
    fstab: FstabLine | None = Field(
        None,
        description="How the nodes mount the folder, for `mounted`; unset: only the admin knows.",
    )
