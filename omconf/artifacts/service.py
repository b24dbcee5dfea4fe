"""The drop-in of OpenMeetings' systemd unit: the data folder and the route first, the time zone.

Sources: the clustering page, steps "Servers" and "File systems"; systemd.unit(5). The unit that
OpenMeetings ships knows of no data folder and no time zone, so a node whose mount failed would
start on an empty folder (measured).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from omconf.actions import RELOAD_UNITS, Stage
from omconf.artifacts.contents import Artifact, Line, Ownership, line
from omconf.artifacts.effect import Change, Effect
from omconf.artifacts.model import Kind
from omconf.artifacts.reading import Reading
from omconf.formats import header, systemd
from omconf.origin import FromFormat, FromPage, Value
from omconf.regex import regex
from omconf.rules import UNCARRIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omconf.cluster.model import Cluster, Node
    from omconf.diagnostics import Diagnostic

MOUNTED = FromPage("File systems: OpenMeetings needs the shared folder when it starts")
ROUTE = FromPage("Network: the multicast address is there when OpenMeetings starts")
TIME_ZONE = FromPage("Servers: the same time zone on all of them")
UNIT = FromFormat("systemd unit")
_OWN_LINE = regex(
    r'|# .*|\[(?:Unit|Service)\]|(?:RequiresMountsFor|Wants|After)=.*|Environment="TZ=.*"'
)


class Service(Kind):
    """A drop-in beside the unit of each node; none where there is no systemd."""

    name: ClassVar[str] = "service"
    ownership: ClassVar[Ownership] = Ownership.FILE
    stage: ClassVar[Stage] = Stage.UNIT
    purpose: ClassVar[str] = (
        "starts OpenMeetings after its data folder is mounted, in its time zone"
    )
    places: ClassVar[tuple[str, ...]] = ("/etc/systemd/system/{unit}.d/omconf.conf",)
    textual: ClassVar[bool] = True

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """Return the drop-in of OpenMeetings' unit; nothing without systemd."""
        if not cluster.openmeetings.has_systemd:
            return []
        return [_artifact(cluster, path) for path in self.paths(cluster, node)]

    def read(self, text: str) -> Reading:
        """Read a drop-in as text, an item a line."""
        return Reading.by_line(text)

    def wrote(self, text: str, cluster: str) -> bool:
        """Hold every line against what omconf writes: other units' drop-ins have the same name."""
        return super().wrote(text, cluster) and all(map(_OWN_LINE.fullmatch, text.split("\n")))

    def check(self, cluster: Cluster) -> Iterator[Diagnostic]:
        """Check that the data folder's mount can have a unit, in older systemds too."""
        data_dir = cluster.openmeetings.data_dir
        length = len(systemd.mount_unit(data_dir.value))
        if cluster.openmeetings.has_systemd and length > systemd.MAX_UNIT:
            message = f"The mount unit of {data_dir.value[:80]} would have a name of {length} bytes"
            hint = "Use a shorter path; beyond ASCII, each byte counts for four of the name's."
            yield UNCARRIABLE.at(
                data_dir.span,
                f"{message}: systemd before 250 takes {systemd.MAX_UNIT}.",
                hint=hint,
            )

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """Return that systemd reads its units again; OpenMeetings need not restart."""
        why = "systemd reads its units again; the next start of OpenMeetings follows them"
        return Effect("daemon-reload", why, run=(RELOAD_UNITS,))


KIND = Service()


@lru_cache(maxsize=2)
def _artifact(cluster: Cluster, path: str) -> Artifact:
    return Artifact(KIND.name, path, KIND.ownership, _lines(cluster))


def _lines(cluster: Cluster) -> tuple[Line, ...]:
    om = cluster.openmeetings
    folder = Value(systemd.value(om.data_dir.value), om.data_dir.origin)
    route = cluster.network.multicast_route
    after: list[Line] = []
    if route.value:
        unit = "omconf-multicast-route.service"
        after = [
            line(f"Wants={unit}", why=(ROUTE, route.origin)),
            line(f"After={unit}", why=(ROUTE, route.origin)),
        ]
    return (
        line("# ", header.text(cluster.name)),
        line("[Unit]", why=(UNIT,)),
        line("RequiresMountsFor=", folder, why=(MOUNTED,)),
        *after,
        line("", why=(UNIT,)),
        line("[Service]", why=(UNIT,)),
        line('Environment="TZ=', om.timezone, '"', why=(TIME_ZONE,)),
    )
