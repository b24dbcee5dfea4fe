"""Reads a host's own files: name and addresses, time zone, the unit of OpenMeetings, network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.adopt import hosts_files
from omconf.artifacts.multicast_route import SCRIPT_PATH
from omconf.artifacts.setenv import HOST_ZONE
from omconf.cluster import places
from omconf.deployed.survey import DROP_IN, bases_of
from omconf.formats import header, java, unit_file
from omconf.formats.names import LOOPBACK
from omconf.hazelcast.deployed_members import matches
from omconf.rules import GUESSED, MISSING_SETTING, NOT_KEPT
from omconf.secrets import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from omconf.adopt.model import Common, Fact, Seen

NETWORK = (
    "/etc/network/interfaces",
    "/etc/network/interfaces.d/*",
    "/etc/netplan/*.yaml",
    "/etc/systemd/network/*.network",
    "/etc/NetworkManager/system-connections/*.nmconnection",
    "/etc/sysconfig/network-scripts/*",
    "/etc/rc.local",
    "/etc/rc.d/rc.local",
)
"""Files that set a host's addresses and routes."""
ROUTES = (
    "/etc/systemd/system/*.service",
    "/etc/network/if-up.d/*",
    "/etc/NetworkManager/dispatcher.d/*",
    "/usr/local/sbin/*.sh",
)
"""Further files that set routes, among many that do other things."""
NAMES = (hosts_files.PATH, "/etc/hostname", HOST_ZONE)
FIREWALLS = ("/etc/nftables.conf", "/etc/iptables/rules.v4", "/etc/ufw/user.rules")
_IPV4 = re.compile(r"(?<![0-9.])((?:[0-9]{1,3}\.){3}[0-9]{1,3})(?:/[0-9]{1,2})?(?![0-9.])")
_GIVES = re.compile(
    r"^\s*(?:address\b|addresses\b|Address=|address[0-9]*=|IPADDR|-\s)", re.IGNORECASE
)
_GROUP = re.compile(r"(?<![0-9.])2(?:2[4-9]|3[0-9])[./][0-9]")
_ADDS_ROUTE = re.compile(
    r"\broute[0-9]*\b|\bip\s+(?:-\S+\s+){0,4}r(?:o|ou|out)?\s|\bto\s*:"
    r"|^\s*(?:(?:Destination|ADDRESS[0-9]*)=)?[\"']?$"
)
"""What stands before a multicast group to which a line adds a route: for `ip`, `route`, ifupdown,
netplan, NetworkManager, networkd or network-scripts."""
_NO_ROUTE = re.compile(
    r"\s*(?:;|Description\s*=|echo\b|logger\b)|.*\s(?:del(?:ete)?|flush|show|list|get)\s"
)
_DEVICE = re.compile(r"\bdev\s+([A-Za-z0-9_.@-]{1,15})\b")
_OF_DEVICE = re.compile(r"^(?:interface-name|Name)=([A-Za-z0-9_.@-]{1,15})$", re.MULTILINE)
"""The device of a file of NetworkManager or networkd."""
_PORTS = re.compile(r"(?!\s*#).*\b(?:5701|5636|54327)\b")
_ZONE = re.compile(r"(?:^|/)zoneinfo/(?:posix/|right/)?([A-Za-z0-9_+/-]+)$")
_SCRIPT_INTERFACE = re.compile(r"^interface='([^']*)'$", re.MULTILINE)
_CATALINA_HOME = re.compile(r"(?<![^\s\"'])CATALINA_HOME=(/[^\s\"']+)")
_ACCOUNT = {"User": "user", "Group": "group"}


def host_name(node: Seen) -> str:
    """Return the host's name from a file or the node itself; None if neither has it."""
    said = (node.text("/etc/hostname") or "").strip()
    return said if re.fullmatch(r"[A-Za-z0-9._-]{1,253}", said) else node.survey.host


def unit_of(node: Seen, *, named: bool) -> str:
    """Return the unit that runs this home: with `named`, only one that names its folder."""
    best = ""
    for path in node.survey.units:
        text = node.text(path)
        if text is None:
            continue
        if path.endswith(f".d/{DROP_IN}"):
            if header.cluster_of(text):
                best = best or path.rpartition("/")[0].rpartition("/")[2].removesuffix(".d")
            continue
        name = path.rpartition("/")[2]
        if node.home in bases_of(text) or f"{node.home}/" in text:
            return name
        if name == places.DEFAULT_UNIT or "openmeetings" in name.lower():
            best = best or name
    return "" if named else best


def service(node: Seen) -> None:
    """Note the unit, its user and group."""
    default = places.DEFAULT_UNIT
    managed = any(header.cluster_of(text) for _, text in _whole(node))
    if not node.unit and (node.survey.has_units or managed):
        node.tell(("openmeetings", "service"), "none", guess="no unit runs it", default=default)
    paths = [p for p in node.survey.units if p.rpartition("/")[2] == node.unit]
    where = (paths[0], 0) if paths else None
    guess = "" if paths or node.unit else "there are no unit files"
    node.tell(
        ("openmeetings", "service"), node.unit or default, where, default=default, guess=guess
    )
    texts = [*paths[:1], *(p for p, _ in node.around(f"/etc/systemd/system/{node.unit}.d/*.conf"))]
    for path in texts if paths else ():
        _further_options(node, path)
    said = _accounts(node, texts if paths else [])
    if paths and "User" not in said:
        said["User"] = ("root", (paths[0], 0))
    if paths and "Group" not in said:
        user = said["User"]
        said["Group"] = ({"nobody": "nogroup"}.get(user[0], user[0]), user[1])
    stock = {"user": "nobody", "group": "nogroup"}
    for name, (value, place) in said.items():
        key = _ACCOUNT[name]
        node.tell(("openmeetings", key), value, place, default=stock[key])


def _further_options(node: Seen, path: str) -> None:
    """Report the setenv.sh of another CATALINA_HOME, which is not read."""
    own = node.text(f"{node.home}/bin/setenv.sh")
    for setting in unit_file.settings(node.text(path) or ""):
        place = (path, setting.line)
        if setting.section != "Service":
            continue
        found = _CATALINA_HOME.search(setting.value) if setting.key == "Environment" else None
        if found and found[1].rstrip("/") != node.home and own is None:
            name = quoted(f"{found[1].rstrip('/')}/bin/setenv.sh")
            message = f"`{name}` is not read, and Tomcat ignores it once {node.home}/bin has one."
            hint = "Before the first apply, move its JVM options to openmeetings.java_options."
            node.say(NOT_KEPT, message, place, hint)


def _accounts(node: Seen, paths: Sequence[str]) -> dict[str, tuple[str, tuple[str, int]]]:
    """Read user and group from the unit's files, or from omconf's own record."""
    said: dict[str, tuple[str, tuple[str, int]]] = {}
    for path in paths:
        for setting in unit_file.settings(node.text(path) or ""):
            if setting.section == "Service" and setting.key in _ACCOUNT:
                said[setting.key] = (setting.value, (path, setting.line))
    for key, name in _ACCOUNT.items():
        if recorded := node.recorded(name):
            said.setdefault(key, recorded)
    return said


def timezone(node: Seen) -> None:
    """Note the host's time zone, unless a JVM option sets one."""
    if node.fact("openmeetings", "timezone"):
        return
    key = ("openmeetings", "timezone")
    if recorded := node.recorded("timezone"):
        node.tell(key, *recorded, default="Etc/UTC")
    elif re.fullmatch(r"[A-Za-z0-9_+/-]+", text := (node.text(HOST_ZONE) or "").strip()):
        node.tell(key, java.zone(text), (HOST_ZONE, 1), default="Etc/UTC")
        linked = _ZONE.search(node.survey.zone)
        if linked and java.zone(linked[1]) != java.zone(text):
            message = (
                f"/etc/localtime is {linked[1]}, but this file names {text}, which Java 25 ignores."
            )
            hint = "Set openmeetings.timezone to the zone in which OpenMeetings runs."
            node.say(GUESSED, message, (HOST_ZONE, 1), hint)
    elif found := _ZONE.search(node.survey.zone):
        node.tell(key, java.zone(found[1]), ("/etc/localtime", 0), default="Etc/UTC")
    else:
        node.tell(key, "Etc/UTC", default="Etc/UTC", guess="no file sets the time zone")
        hint = "Set openmeetings.timezone to the hosts' time zone, which the JVM uses now."
        node.say(GUESSED, "No file sets the time zone; Etc/UTC is assumed.", None, hint)


def address(node: Seen, common: Common) -> None:
    """Note the node's address, unless hazelcast.xml sets it exactly."""
    if node.fact("nodes", "*", "address"):
        return
    _, pattern = _pattern(node)
    candidates = list(_candidates(node, common))
    fitting = [c for c in candidates if not pattern or matches(pattern, c[0])]
    key = ("nodes", "*", "address")
    if not fitting:
        return
    value, place, guess = fitting[0]
    others = sorted({c[0] for c in fitting} - {value})
    if others and guess:
        more = ", ".join(others[:3])
        message = f"The address is assumed to be {value}; it may be {more}."
        node.say(GUESSED, message, place, f"Correct `nodes.{node.name}.address` in the spec.")
    node.tell(key, value, place, guess=guess)


def no_address(node: Seen, patterns: Mapping[str, str]) -> None:
    """Report that no file has the node's address; `patterns` are the interfaces of all nodes."""
    if node.fact("nodes", "*", "address"):
        return
    hint = f"Add `nodes.{node.name}.address` to the spec."
    if node.file("/etc/hosts") is None:
        hint = "Copy the node's /etc/hosts, too; or import without -o, and add the address to the spec."
    chosen, pattern = _pattern(node)
    what = f" that matches `{quoted(pattern)}`" if pattern else ""
    other = next((each for each in patterns if each != pattern), "")
    if pattern and other:
        hint = f"{patterns[other]} has `{quoted(other)}`: correct <interface>, or add the address"
        hint += " to the spec."
    place = (chosen.place.path, chosen.place.line) if pattern and chosen and chosen.place else None
    node.say(MISSING_SETTING, f"No file has an address of the node{what}.", place, hint)


def patterns(nodes: Sequence[Seen]) -> dict[str, str]:
    """Return the patterns of the nodes' interfaces, each with the first node that has it."""
    found: dict[str, str] = {}
    for node in nodes:
        if pattern := _pattern(node)[1]:
            found.setdefault(pattern, node.name)
    return found


def _pattern(node: Seen) -> tuple[Fact | None, str]:
    """Return the fact of the interfaces that Hazelcast uses, and their pattern, if there is one."""
    chosen = node.fact("hazelcast", "interfaces")
    return chosen, str(chosen.value) if chosen and chosen.value not in (None, "none") else ""


def _candidates(node: Seen, common: Common) -> Iterator[tuple[str, tuple[str, int] | None, str]]:
    """Yield addresses with their sources, the most certain first."""
    said = [*node.of_omconf("check.conf")]
    if (script := node.text(SCRIPT_PATH)) and header.cluster_of(script):
        said.append((SCRIPT_PATH, script))
    for path, text in said:
        if found := re.search(r"^address=([0-9.]+)$", text, re.MULTILINE):
            yield found[1], (path, text.count("\n", 0, found.start()) + 1), ""
    yield from own_addresses(node)
    yield from _by_name(node, common)


def own_addresses(node: Seen) -> Iterator[tuple[str, tuple[str, int] | None, str]]:
    """Yield the host's addresses, as it reports them or its own files set them, with their sources."""
    for each in node.survey.addresses:
        yield each, None, "an address of the host"
    for pattern in NETWORK:
        for path, text in node.around(pattern):
            for number, raw in enumerate(text.split("\n"), 1):
                if _GIVES.search(raw) and (found := _IPV4.search(raw)) and _is_host(found[1]):
                    yield found[1], (path, number), ""


def _by_name(node: Seen, common: Common) -> Iterator[tuple[str, tuple[str, int] | None, str]]:
    """Yield the addresses that /etc/hosts of any node has for this node's names, and its URL's own."""
    url = node.fact("nodes", "*", "url")
    host = re.match(r"https?://([^/:]+)", str(url.value)) if url else None
    own = {host_name(node).lower(), node.survey.label.lower(), node.name}
    own |= {name.partition(".")[0] for name in own}
    # A URL may have been copied with the file from another node: what the host is called comes first.
    for names in (own, {host[1].lower()} - own if host else set()):
        for name, address_of, number in hosts_files.hosts(node):
            if name in names:
                yield address_of, (hosts_files.PATH, number), ""
        for name in sorted(names):
            for address_of, other in common.told.get(name, {}).items():
                if other != node.name:
                    yield address_of, None, f"from {hosts_files.PATH} of {other}"
    if host and _IPV4.fullmatch(host[1]) and url and url.place:
        yield host[1], (url.place.path, url.place.line), ""


def _is_host(text: str) -> bool:
    first = int(text.partition(".")[0])
    return first not in (0, 127, 255) and not 224 <= first <= 239 and not text.endswith(".0")


def network(node: Seen) -> None:
    """Note the device of the multicast route, and report hand-made routes."""
    script = node.text(SCRIPT_PATH)
    key = ("network", "interface")
    if script is not None and header.cluster_of(script):
        found = _SCRIPT_INTERFACE.search(script)
        line = script.count("\n", 0, found.start()) + 1 if found else 0
        node.tell(key, found[1] if found and found[1] else None, (SCRIPT_PATH, line), default=None)
        node.tell(("network", "multicast_route"), True, (SCRIPT_PATH, 0))
        return
    managed = any(header.cluster_of(text) for _, text in _whole(node))
    if managed:
        node.tell(("network", "multicast_route"), False, guess="omconf's own script is missing")
    device, place = None, None
    for pattern in (*NETWORK, *ROUTES):
        for path, text in node.around(pattern):
            if header.cluster_of(text):
                continue
            for number, line_of in enumerate(text.split("\n"), 1):
                if not _adds_route(line_of):
                    continue
                place = (path, number)
                named = _DEVICE.search(line_of) or _OF_DEVICE.search(text)
                device = named[1] if named else device
                message = "This multicast route was set up by hand; omconf adds its own."
                node.say(NOT_KEPT, message, place, "Remove the line after the first apply.")
    node.tell(key, device, place, default=None)


def _adds_route(raw: str) -> bool:
    """Tell whether a line, of any of the files that set routes, adds one to multicast groups."""
    text = raw.partition("#")[0]
    found = _GROUP.search(text)
    return bool(found and _ADDS_ROUTE.search(text[: found.start()]) and not _NO_ROUTE.match(text))


def _whole(node: Seen) -> Iterator[tuple[str, str]]:
    for path in (node.path("{home}/webapps/{webapp}/WEB-INF/classes/hazelcast.xml"),):
        if text := node.text(path):
            yield path, text


def firewall(node: Seen) -> None:
    """Note omconf's own firewall, and report a hand-made one."""
    unit = node.text("/etc/systemd/system/omconf-firewall.service")
    ours = [path for path, _ in node.of_omconf("firewall.nft")]
    path = "/etc/systemd/system/omconf-firewall.service" if unit else next(iter(ours), "")
    managed = bool(unit and header.cluster_of(unit)) or bool(ours)
    kind = "nftables" if managed else "none"
    node.tell(("network", "firewall"), kind, (path, 0) if managed else None, default="none")
    for each in FIREWALLS:
        lines = enumerate((node.text(each) or "").split("\n"), 1)
        if number := next((number for number, text in lines if _PORTS.match(text)), 0):
            message = "This firewall has rules for the cluster's ports; omconf leaves it alone."
            hint = "To restrict the ports, set network.firewall: it adds a table of its own."
            node.say(NOT_KEPT, message, (each, number), hint)


def known_hosts(nodes: Sequence[Seen]) -> Mapping[str, str]:
    """Map names to nodes: node names, host names, addresses, and those in /etc/hosts."""
    found: dict[str, str] = {}
    for node in nodes:
        facts = (node.fact("nodes", "*", key) for key in ("address", "public_address"))
        addresses = [str(fact.value).partition(":")[0] for fact in facts if fact]
        for text in (node.name, node.survey.label, host_name(node), *addresses):
            found.setdefault(text.lower(), node.name)
    # A node's second address, or a name that only /etc/hosts has; where nodes differ, neither counts:
    # one node's file does not decide who another host is.
    for name, address_of in sorted(_agreed(nodes)):
        known = found.get(address_of) or found.get(name)
        if known:
            found.setdefault(name, known)
            found.setdefault(address_of, known)
    for node in nodes:
        for each in node.survey.addresses:
            found.setdefault(each, node.name)
    found = {**_claimed(nodes), **found}
    for text in ("", *LOOPBACK):
        found.pop(text, None)
    return found


def _agreed(nodes: Sequence[Seen]) -> set[tuple[str, str]]:
    """Return the entries of all /etc/hosts whose names have the same addresses wherever they stand."""
    of_nodes: dict[str, set[frozenset[str]]] = {}
    for node in nodes:
        own: dict[str, set[str]] = {}
        for name, address_of, _ in hosts_files.hosts(node):
            own.setdefault(name, set()).add(address_of)
        for name, addresses in own.items():
            of_nodes.setdefault(name, set()).add(frozenset(addresses))
    return {
        (name, address_of)
        for name, found in of_nodes.items()
        if len(found) == 1
        for address_of in next(iter(found))
    }


def _claimed(nodes: Sequence[Seen]) -> dict[str, str]:
    """Map further names to nodes, if a name means only one node."""
    claims: dict[str, set[str]] = {}
    for node in nodes:
        for text in _called(node):
            claims.setdefault(text.lower().rstrip("."), set()).add(node.name)
    return {text: next(iter(owners)) for text, owners in claims.items() if len(owners) == 1}


def _called(node: Seen) -> Iterator[str]:
    """Yield a host's further names: from its ssh destination, its host name, /etc/hosts and its URL."""
    label, own = node.survey.label.removeprefix("ssh://").rpartition("@")[2], host_name(node)
    yield label.partition(":")[0]
    yield own.partition(".")[0]
    yield from hosts_files.on_loopback(node, own)
    url = node.fact("nodes", "*", "url")
    if url and (found := re.match(r"https?://([^/:]+)", str(url.value))):
        yield found[1]
