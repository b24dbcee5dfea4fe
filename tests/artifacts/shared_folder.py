"""Clusters of which only the shared data folder matters, for the tests of exports and fstab."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from omconf.cluster.model import (
    Cluster,
    Database,
    Discovery,
    Hazelcast,
    Network,
    Node,
    OpenMeetings,
    Storage,
)
from omconf.origin import FromDefault, Value

T = TypeVar("T")


def val(value: T) -> Value[T]:
    return Value(value, FromDefault("test"))


def node(number: int) -> Node:
    return Node(
        name=val(f"om{number}"),
        address=val(f"10.1.1.{number}"),
        url=val(f"https://om{number}.example.org:5443/openmeetings"),
        home=val("/opt/om"),
        interface=None,
        storage_address=val(f"10.2.2.{number}"),
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
) -> Cluster:
    """Make a cluster; `server` is the data server's name, None for one that is outside."""
    return Cluster(
        name=val("conference"),
        openmeetings=OpenMeetings(
            release=val(cast("Any", None)),
            webapp=val("openmeetings"),
            data_dir=val(data_dir),
            service=val(service),
            user=val("nobody"),
            group=val("nogroup"),
        ),
        network=Network(subnet=None, multicast_route=val(True)),
        hazelcast=Hazelcast(cluster_name=val("conference"), port=None, properties={}),
        discovery=cast("Discovery", None),
        database=cast("Database", None),
        storage=Storage(
            kind=val(cast("Any", kind)),
            server=val("10.2.2.1" if server else "nas.example.org"),
            node=server,
            export=val(export),
            options=tuple(val(option) for option in options),
            export_options=tuple(val(option) for option in export_options),
        ),
        nodes=tuple(node(number) for number in range(1, nodes + 1)),
    )
