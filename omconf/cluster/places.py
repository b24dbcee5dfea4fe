"""Where files lie on a node: paths in which the spec decides a part.

A template such as `{home}/bin/setenv.sh` serves twice. Filled in, it is the path on one node. Matched
against a path, it tells whether that template could have given it under some earlier spec: with
another home, another web application, another unit.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.cluster.model import Cluster, Node

OWN = "/etc/omconf"
"""Where each node keeps a folder for its cluster."""
STATE = "/var/lib/omconf/{cluster}"
"""What omconf keeps on a node beside its manifest, for root alone."""
DEFAULT_UNIT = "openmeetings.service"
DEFAULT_DATA_DIR = "/opt/omdata"
LIBRARY = "{home}/webapps/{webapp}/WEB-INF/lib"
"""Where the jars of OpenMeetings lie."""
DATABASE_FILE = "/etc/omconf/{cluster}/database-{name}.{format}"
"""A file that the JDBC driver reads."""
MAX_PATH = 1200
"""Characters of a path: the longest that a spec allows (1,000 bytes), and what templates add."""

UNIT = r"[A-Za-z0-9:_.][A-Za-z0-9:_.@-]*\.service"
"""The name of a service unit, as earlier specs may have had it."""

# What the spec allows for each part; whoever matches a path has made sure that it is in plain form.
_PARTS = {
    "home": r"(?:/[^/]+)+",
    "webapp": r"[A-Za-z0-9][A-Za-z0-9._-]*",
    "unit": UNIT,
}


def manifest(cluster: str) -> str:
    """Where a node keeps the manifest of what was last applied to it: bookkeeping of omconf."""
    return f"{OWN}/{cluster}/manifest.json"


def is_manifest(path: str) -> bool:
    """Tell whether a file is the manifest of any cluster."""
    return path.startswith(f"{OWN}/") and path.endswith("/manifest.json")


def is_check(path: str) -> bool:
    """Tell whether a file holds what a node's check of itself goes by."""
    return path.startswith(f"{OWN}/") and path.endswith("/check.conf")


def settings(cluster: Cluster, node: Node) -> dict[str, str]:
    """Return the parts of paths that the spec decides, as they are on a node."""
    om = cluster.openmeetings
    return {
        "home": node.home.value,
        "webapp": om.webapp.value,
        "unit": om.service.value if om.has_systemd else DEFAULT_UNIT,
    }


def path(template: str, cluster: Cluster, node: Node) -> str:
    """Fill a template in for one node."""
    return template.format(cluster=cluster.name.value, **settings(cluster, node))


def fits(pattern: str, path: str) -> bool:
    """Tell whether a path is the one of a pattern, or one of those where its name is `*.END`.

    Such a name does not begin with a dot: systemd and exportfs pass those over.
    """
    folder, star, end = pattern.partition("/*")
    above, _, name = path.rpartition("/")
    if not star:
        return path == pattern
    return above == folder and name.endswith(end) and not name.startswith(".")


def parse(template: str, cluster: str | None, path: str) -> Mapping[str, str] | None:
    """Return the settings with which a template gives this path for the named cluster; None if none do.

    Without a cluster's name, it may be any.
    """
    if len(path) > MAX_PATH:
        return None
    found = _pattern(template, cluster).fullmatch(path)
    return found.groupdict() if found else None


@lru_cache(maxsize=64)
def _pattern(template: str, cluster: str | None) -> re.Pattern[str]:
    named = re.escape(cluster) if cluster else "[a-z0-9-]{1,63}"
    parts = {name: f"(?P<{name}>{part})" for name, part in _PARTS.items()}
    literal = re.split(r"(\{\w+\})", template)
    return re.compile(
        "".join(
            parts.get(piece[1:-1], named) if piece[:1] == "{" else re.escape(piece)
            for piece in literal
        )
    )
