"""The multicast route of each node: a POSIX sh script, and a systemd unit that runs it at boot.

Source: the clustering page, step "Network: To add the multicast address". `ip route replace` can be
repeated, `route add` fails the second time; the route goes when its link goes down (measured).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from omconf.actions import RELOAD_UNITS, Do, Run, Service, Stage, at_boot, run
from omconf.artifacts.contents import Artifact, Line, Ownership, line
from omconf.artifacts.effect import Change, Effect
from omconf.artifacts.model import Kind
from omconf.artifacts.reading import Reading
from omconf.formats import header
from omconf.origin import FromFormat, FromPage, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omconf.cluster.model import Cluster, Node

ROUTE = FromPage("Network: add the multicast address to the routes")
UNDO = FromPage("Network: delete the route to disable multicast")
SHELL = FromFormat("POSIX shell")
UNIT = FromFormat("systemd unit")

SCRIPT_PATH = "/usr/local/sbin/omconf-multicast-route"
UNIT_NAME = "omconf-multicast-route.service"
UNIT_PATH = f"/etc/systemd/system/{UNIT_NAME}"
UNIT_GOES = (
    Do(Service("stop", UNIT_NAME), Service("start", UNIT_NAME)),
    Do(Service("disable", UNIT_NAME), Service("enable", UNIT_NAME)),
)

UP, DOWN = Run((SCRIPT_PATH, "up")), Run((SCRIPT_PATH, "down"))
WHY = "the route can change while OpenMeetings runs: members are connected by TCP"

_SCRIPT_HEAD = """\
set -eu
"""
_SCRIPT_BODY = """\
network=224.0.0.0/4

usage() {
    echo "usage: omconf-multicast-route up|down|status|check" >&2
    exit 64
}

fail() {
    echo "omconf-multicast-route: $*" >&2
    exit 1
}

# The device: as the spec says, or the one that holds this node's address now.
device() {
    if [ -n "$interface" ]; then
        printf '%s\\n' "$interface"
        return
    fi
    found=$(ip -o -4 address show to "$address/32" | awk '{ print $2; exit }')
    [ -n "$found" ] || fail "no device of this host has the address $address"
    printf '%s\\n' "$found"
}

# The device that the route leads to; nothing when there is no such route.
routed() {
    ip -4 route show exact "$network" | awk '
        { for (i = 1; i < NF; i++) if ($i == "dev") { print $(i + 1); exit } }'
}

[ $# -eq 1 ] || usage
case $1 in
up)
    dev=$(device)
    ip route replace "$network" dev "$dev"
    ;;
down)
    dev=$(routed)
    if [ -n "$dev" ]; then
        ip route del "$network" dev "$dev"
    fi
    ;;
status)
    dev=$(routed)
    if [ -z "$dev" ]; then
        echo "no route for $network"
        exit 3
    fi
    echo "$network goes through $dev"
    ;;
check)
    dev=$(device)
    flags=$(ip -o link show dev "$dev") || fail "there is no device $dev"
    case $flags in
    *[\\<,]MULTICAST[,\\>]*) ;;
    *) fail "the device $dev cannot do multicast" ;;
    esac
    case $flags in
    *[\\<,]UP[,\\>]*) ;;
    *) fail "the device $dev is down" ;;
    esac
    ip -o -4 address show dev "$dev" | grep -F -q " $address/" ||
        fail "the device $dev does not have the address $address"
    now=$(routed)
    [ "$now" = "$dev" ] || fail "$network goes through ${now:-no device}, not through $dev"
    echo "$network goes through $dev, which has $address and can do multicast"
    ;;
*)
    usage
    ;;
esac
"""


class MulticastRoute(Kind):
    """The route script and its unit, on every node."""

    name: ClassVar[str] = "multicast_route"
    ownership: ClassVar[Ownership] = Ownership.FILE
    stage: ClassVar[Stage] = Stage.NETWORK
    purpose: ClassVar[str] = "sends multicast through the right network device, now and at boot"
    places: ClassVar[tuple[str, ...]] = (SCRIPT_PATH, UNIT_PATH)
    textual: ClassVar[bool] = True

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """Return the script, and with systemd its unit; nothing if the route is not wanted."""
        if not cluster.network.multicast_route.value:
            return []
        script = Artifact(self.name, SCRIPT_PATH, self.ownership, _script(cluster, node), 0o755)
        if not cluster.openmeetings.has_systemd:
            return [script]
        return [script, _unit(cluster)]

    def read(self, text: str) -> Reading:
        """Read a script or unit as text, an item a line."""
        return Reading.by_line(text)

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """Replace the route, or take it away: it can change while OpenMeetings runs."""
        systemd = cluster.openmeetings.has_systemd
        check = run(SCRIPT_PATH, "check")
        reload = (RELOAD_UNITS,) if systemd else ()
        if action != "create":
            return Effect("route", WHY, run=(*reload, Do(UP, again=True), check))
        if not systemd:
            return Effect("route", WHY, run=(Do(UP, DOWN), check, at_boot(*UP.argv)))
        enable = Do(Service("enable", UNIT_NAME), Service("disable", UNIT_NAME))
        begin = Do(Service("restart", UNIT_NAME), Service("stop", UNIT_NAME))
        return Effect("route", WHY, run=(*reload, enable, begin, check))

    def delete(self, cluster: Cluster, node: str, path: str) -> Effect:
        """Take the route away, or its unit alone, by which the route goes as well."""
        if path == SCRIPT_PATH:
            boot = () if cluster.openmeetings.has_systemd else (at_boot(*UP.argv, no_longer=True),)
            return Effect("route", WHY, release=(Do(DOWN, UP), *boot))
        stays = any(a.path == SCRIPT_PATH for a in self.of(cluster, node))
        run = (RELOAD_UNITS, Do(UP, DOWN), at_boot(*UP.argv)) if stays else (RELOAD_UNITS,)
        return Effect("route", WHY, release=UNIT_GOES, run=run)


KIND = MulticastRoute()


# What all nodes share is made once.
_HEAD = tuple(Line(text, (SHELL,)) for text in _SCRIPT_HEAD.splitlines())
_BODY = tuple(Line(text, (ROUTE, UNDO)) for text in _SCRIPT_BODY.splitlines())


def _script(cluster: Cluster, node: Node) -> tuple[Line, ...]:
    interface = node.interface or Value("", FromFormat("found when the script runs"))
    return (
        line("#!/bin/sh", why=(SHELL,)),
        line("# ", header.text(cluster.name)),
        line(
            "# The multicast route of node ",
            node.name,
            ": up, down, status or check.",
            why=(ROUTE,),
        ),
        *_HEAD,
        line("address=", node.address, why=(ROUTE,)),
        line("interface='", interface, "'", why=(ROUTE,)),
        *_BODY,
    )


@lru_cache(maxsize=2)
def _unit(cluster: Cluster) -> Artifact:
    service = cluster.openmeetings.service
    lines = (
        line("# ", header.text(cluster.name)),
        line("[Unit]", why=(UNIT,)),
        line(
            "Description=Multicast route of the OpenMeetings cluster ", cluster.name, why=(ROUTE,)
        ),
        line("Wants=network-online.target", why=(UNIT,)),
        line("After=network-online.target", why=(UNIT,)),
        line("Before=", service, why=(ROUTE,)),
        line("", why=(UNIT,)),
        line("[Service]", why=(UNIT,)),
        line("Type=oneshot", why=(UNIT,)),
        line("RemainAfterExit=yes", why=(UNIT,)),
        line(f"ExecStart={SCRIPT_PATH} up", why=(ROUTE,)),
        line(f"ExecStop={SCRIPT_PATH} down", why=(UNDO,)),
        line("", why=(UNIT,)),
        line("[Install]", why=(UNIT,)),
        line("WantedBy=multi-user.target", why=(UNIT,)),
    )
    return Artifact(KIND.name, UNIT_PATH, KIND.ownership, lines)
