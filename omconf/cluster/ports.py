"""The ports on which a node's services listen, each on every address of the node."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omconf.cluster.model import Cluster

HAZELCAST_PORT = 5701
HAZELCAST_TRIES = 100
"""How many ports from 5701 on Hazelcast tries when its port is not set (measured with 5.5)."""
REMOTE_COMMIT_PORT = 5636
"""Where OpenJPA's RemoteCommitProvider listens (measured with 9.1.0)."""
NFS_PORT = 2049
SMB_PORT = 445
STORAGE_PORTS = {"nfs": (NFS_PORT,), "cifs": (139, SMB_PORT)}
"""Where a data server listens, by the kind of storage; smbd listens on both unless told otherwise."""


def hazelcast_ports(cluster: Cluster) -> range:
    """Return the ports that Hazelcast may take: the one that is set, or all that it tries."""
    port = cluster.hazelcast.port
    if port:
        return range(port.value, port.value + 1)
    return range(HAZELCAST_PORT, HAZELCAST_PORT + HAZELCAST_TRIES)
