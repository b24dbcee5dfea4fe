"""The url that a node should have: what every rule about its url advises, so that all agree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from omconf.cluster.ports import NFS_PORT, REMOTE_COMMIT_PORT, SMB_PORT, hazelcast_ports

if TYPE_CHECKING:
    from omconf.cluster.model import Cluster, Node

HTTPS_PORT = 5443
"""Where Tomcat answers browsers by https, as the release ships it."""
NOT_HTTPS = (80, 5080, 8005, NFS_PORT, SMB_PORT, REMOTE_COMMIT_PORT)


def webapp_path(cluster: Cluster) -> str:
    """Return the path at which Tomcat serves the webapp; an empty text for `ROOT`.

    Source: "The Context Container" of Tomcat's configuration reference, "Naming".
    """
    webapp = cluster.openmeetings.webapp.value
    return "" if webapp == "ROOT" else f"/{webapp}"


def better_url(cluster: Cluster, node: Node) -> str:
    """Put right all at once: https, a host by its name, a port of a web server, the webapp's path."""
    parts = urlsplit(node.url.value)
    host = parts.hostname or ""
    if re.fullmatch("[0-9.]+", host):
        host = f"{node.name.value}.example.org"
    port = parts.port
    taken = {*NOT_HTTPS, *hazelcast_ports(cluster), cluster.discovery.port.value}
    taken |= {server.port.value for server in cluster.database.on(node.name.value)}
    if port in taken:
        port = HTTPS_PORT
    return f"https://{host}{f':{port}' if port else ''}{webapp_path(cluster) or '/'}"
