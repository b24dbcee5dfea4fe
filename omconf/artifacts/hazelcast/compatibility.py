"""What a change of hazelcast.xml does: which members can form one cluster, and which cannot.

The behavior of Hazelcast 4.0 to 5.6 was measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.artifacts.effect import Change, Effect, restart
from omconf.hazelcast import deployed_members
from omconf.hazelcast.items import MEMBER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.cluster.model import Cluster

_SILENCE = "old and new members would not see each other and would silently form two clusters"
_OTHERWISE = "members with different discovery settings may not find each other"
_BECOMES = {
    "properties/hazelcast.partition.count": (
        "a restarted member would refuse to start beside old ones (Configuration mismatch)"
    ),
    "network/join/multicast/enabled": (
        "a restarted member would refuse to start beside old ones (Incompatible joiners)"
    ),
    "cluster-name": _SILENCE,
    "network/join/multicast/multicast-group": _SILENCE,
    "network/join/multicast/multicast-port": _SILENCE,
    "network/port": _SILENCE,
}
"""What a rolling change of an item would cause (measured), the worst first."""
_HOW_FAR = ("/multicast-time-to-live", "/multicast-timeout-seconds")
"""Members of one network may differ in these."""
_FORMING = (
    "network/join",
    "cluster-name",
    "network/port",
    "properties/hazelcast.partition.count",
)


def effect(cluster: Cluster, changes: Mapping[str, Change]) -> Effect:
    """Return what changed items do: nothing until the next restart, a rolling restart, or a full one.

    Without any, the file is created or deleted.
    """
    if changes and all(key.startswith(MEMBER) for key in changes):
        why = "members find each other when one of two lists the other (measured)"
        return Effect("next-restart", why)
    incompatible = sorted(k for k, change in changes.items() if _parts(cluster, k, change))
    if incompatible:
        becomes = next((w for k, w in _BECOMES.items() if k in incompatible), _OTHERWISE)
        why = f"{_words(incompatible)}: {becomes}"
        return restart(why, rolling=False, decided_by=tuple(incompatible))
    why = "hazelcast.xml is read when OpenMeetings starts; nodes restart one by one"
    moved = any(key.startswith("network/interfaces") for key in changes)
    needs = ("database", "storage") if moved else ()
    others = tuple(key for key in changes if not key.startswith(MEMBER))
    return restart(why, needs=needs, decided_by=others)


def _parts(cluster: Cluster, key: str, change: Change) -> bool:
    """Tell whether members that differ in an item cannot form one cluster (measured)."""
    default = deployed_members.DEFAULTS.get(key)
    same = default is not None and (change.before or default) == (change.after or default)
    unknown = deployed_members.VARIABLE in (change.before or "")
    if key.startswith(MEMBER) or key.endswith(_HOW_FAR) or same or unknown:
        return False
    if key.startswith("network/port"):
        return cluster.discovery.kind.value == "tcp-ip"
    return key.startswith(_FORMING)


def _words(keys: list[str]) -> str:
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    verb = "differs" if len(keys) == 1 else "differ"
    return f"{', '.join(keys[:3])}{more} {verb}"
