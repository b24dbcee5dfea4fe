"""Rules about further properties: they may not contradict what omconf writes (OM261)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.artifacts.hazelcast import REMOVED_PROPERTIES
from omconf.artifacts.persistence import CONNECTION, REMOTE_COMMITS
from omconf.diagnostics import Diagnostic, Rule, Severity
from omconf.secrets import SECRET_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.cluster.model import Cluster

CONTRADICTION = Rule("OM261", Severity.ERROR, "a property that contradicts what omconf writes")
PLAIN_SECRET = Rule("OM262", Severity.ERROR, "a property that would hold a secret in plain text")

_OURS = {
    **dict.fromkeys(REMOVED_PROPERTIES, "the clustering page has it removed"),
    CONNECTION: "use the keys of `database:`",
    REMOTE_COMMITS[0]: "OpenMeetings itself puts the members in its place",
}
_CONNECTION = re.compile(r"openjpa\.(Connection|Connection2)|(javax|jakarta)\.persistence\.jdbc\.")


def check(cluster: Cluster) -> Iterator[Diagnostic]:
    """Check the further properties of Hazelcast and JPA."""
    for key, values in (
        ("hazelcast.properties", cluster.hazelcast.properties),
        ("persistence.properties", cluster.database.properties),
    ):
        for name, value in values.items():
            if name in _OURS:
                yield CONTRADICTION.at(
                    value.span,
                    f"`{name}` is omconf's own to write.",
                    hint=f"Remove it: {_OURS[name]}.",
                )
            elif key.startswith("persistence") and _CONNECTION.match(name):
                yield CONTRADICTION.at(
                    value.span,
                    f"`{name[:80]}` would be a second way to the database.",
                    hint="Use the keys of `database:`.",
                )
            elif key.startswith("hazelcast") and not name.startswith("hazelcast."):
                yield CONTRADICTION.at(
                    value.span,
                    f"`{name[:80]}` is no property of Hazelcast's: their names start with `hazelcast.`",
                )
            elif SECRET_NAME.search(name):
                yield PLAIN_SECRET.at(
                    value.span,
                    f"`{name[:80]}` would stand in plain text in every bundle.",
                    hint="Remove it; secrets of further properties are not supported.",
                )
