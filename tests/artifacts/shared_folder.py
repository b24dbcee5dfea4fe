"""Clusters of which only the shared data folder matters, for the tests of exports and fstab."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar, cast

from omconf.cluster.model import Cluster, Node, Samba
from omconf.origin import FromDefault, Value
from omconf.secret_sources import SecretRef
from tests.clusters import simple

T = TypeVar("T")


def val(value: T) -> Value[T]:
    return Value(value, FromDefault("test"))


def node(number: int) -> Node:
    return replace(
        simple(number).nodes[number - 1],
        name=val(f"om{number}"),
        address=val(f"10.1.1.{number}"),
        storage_address=val(f"10.2.2.{number}"),
        ssh=val(f"om{number}"),
    )


def samba(share: str) -> Samba:
    return Samba(
        share=val(share),
        user=val("omstore"),
        password=val(SecretRef("env", ("OM_STORAGE_PASSWORD",))),
        credentials=val("/etc/omconf/conference/storage.credentials"),
    )


def cluster(
    *,
    nodes: int = 3,
    kind: str = "nfs",
    server: str | None = "om1",
    export: str = "/opt/omdata",
    data_dir: str = "/opt/omdata",
    options: tuple[str, ...] = ("timeo=50", "hard", "_netdev"),
    export_options: tuple[str, ...] = ("rw", "sync", "no_subtree_check", "root_squash"),
    service: str = "openmeetings.service",
    share: str = "om data",
) -> Cluster:
    """Make a cluster; `server` is the data server's name, None for one that is outside."""
    base = simple(nodes)
    return replace(
        base,
        name=val("conference"),
        openmeetings=replace(base.openmeetings, data_dir=val(data_dir), service=val(service)),
        storage=replace(
            base.storage,
            kind=val(cast("Any", kind)),
            server=val("10.2.2.1" if server else "nas.example.org"),
            node=server,
            export=val(export),
            options=tuple(val(option) for option in options),
            export_options=tuple(val(option) for option in export_options),
            samba=samba(share) if kind == "cifs" else None,
        ),
        nodes=tuple(node(number) for number in range(1, nodes + 1)),
    )
