"""A deployed JDBC URL held against the spec's database: whether it leads there, and over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.cluster import database_url
from omconf.formats import jdbc_servers, jdbc_url
from omconf.regex import regex

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.cluster.model import Cluster

LOOPBACK = regex(
    r"127\.[0-9.]+|\[[0:]*:0*1\]|localhost(\.localdomain)?|(ip6-)?(localhost|loopback)"
)
"""A host's own names for itself; Debian gives its host name 127.0.1.1."""
_TLS = {
    "postgresql": ("sslmode", ("allow", "disable")),
    "mysql": ("sslMode", ("DISABLED",)),
    "mssql": ("encrypt", ("false", "optional")),
}
"""What tells each driver of TLS, and with which values, the default among them, it may go without."""


def leads_to(cluster: Cluster, node: str, base: str, parameters: Mapping[str, str]) -> bool:
    """Tell whether a canonical URL, which is not the spec's, leads to the spec's database all the same.

    A host may be called otherwise, or there may be others too. Of several servers one can be written,
    and all drivers but Connector/J, which takes the first, look for that one.
    """
    before = jdbc_servers.servers(base, parameters)
    after = jdbc_servers.servers(*jdbc_url.canonical(database_url.text(cluster)))
    if not (before.places and after.places) or (before[1:] != after[1:]):
        return False
    there, here = (
        [(_known(cluster, node, host), port) for host, port in side.places]
        for side in (before, after)
    )
    several = cluster.database.kind.value != "mysql" and len(here) > 1
    return not {*there}.isdisjoint(here) if several else there[0] == here[0]


def _known(cluster: Cluster, node: str, host: str) -> str:
    """Return a host as the spec names it if it is a node on which the database runs."""
    for there in cluster.nodes:
        name = there.name.value
        if cluster.database.on(name):
            here = name == node and LOOPBACK.fullmatch(host)
            if host in there.known_as or here:
                return name
    return host


def turns_tls_on(cluster: Cluster, parameters: Mapping[str, str]) -> bool:
    """Tell whether the spec has nodes log in over TLS that may have logged in without."""
    name, plain = _TLS.get(cluster.database.kind.value, ("", ()))
    if cluster.database.tls is None or not name:
        return False
    return parameters.get(name, plain[0]) in plain
