"""Finds settings that must be equal on all nodes but differ: which node has which value, and where."""

from __future__ import annotations

import re
from dataclasses import field, replace
from typing import TYPE_CHECKING

from omconf.adopt import host, hosts_files, member_list, setenv
from omconf.adopt.model import Place, diagnostic
from omconf.adopt.mounts import REMOTE, mounts
from omconf.artifacts.hazelcast import KIND as HAZELCAST
from omconf.artifacts.openmeetings_properties import IGNORED, KUID
from omconf.artifacts.openmeetings_properties import KIND as PROPERTIES
from omconf.artifacts.persistence import KIND as PERSISTENCE
from omconf.artifacts.setenv import item_of
from omconf.cluster.resolve import natural
from omconf.dataclass import dataclass
from omconf.diagnostics import Finding
from omconf.formats.names import NUMERIC
from omconf.hazelcast.items import MEMBER
from omconf.rules import DRIFT
from omconf.secrets import HIDDEN, Secret, hides, masked, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omconf.adopt.model import Seen
    from omconf.artifacts.reading import Reading
    from omconf.diagnostics import Diagnostic
    from omconf.formats.setenv import Option

_OWN = re.compile(
    r"instance-name|member-attributes/(?:name|server\.url)|network/(?:public-address|interfaces/.*"
    r"|join/tcp-ip/member-list/.*)|properties/hazelcast\.local\..*"
)
"""Items that legitimately differ between members of one cluster."""
_SHARED = {
    ("openmeetings", "release"): "the release of OpenMeetings",
    ("openmeetings", "timezone"): "the time zone",
    ("openmeetings", "data_dir"): "the data folder",
    ("openmeetings", "user"): "the user that OpenMeetings runs as",
    ("openmeetings", "group"): "the group that OpenMeetings runs as",
    ("openmeetings", "service"): "the unit of OpenMeetings",
    ("storage", "kind"): "the kind of storage",
    ("storage", "server"): "the data server",
    ("storage", "export"): "the exported folder",
    ("storage", "options"): "the list of mount options",
    ("storage", "user"): "the account of the mount",
    ("storage", "domain"): "the domain of the mount's account",
    ("hazelcast", "interfaces"): "network/interfaces/interface",
}
"""Labels of facts that are not items of one file."""
FACTS = "host"
"""The kind of outliers in facts that are not items of one file."""
MEMBERS = "member"
"""The kind of outliers that resolve a member's name to another address than most nodes do."""
_SIZE = re.compile(r"(-X(?:m[nsx]|ss))([0-9]+[kKmMgGtT]?)")
_FLAG = re.compile(r"-XX:([+-])(\w+)")
"""JVM options that set something without a `=`; of several the last one counts (java(1))."""
_NOTHING = object()
_LISTED = object()
_PLAIN = re.compile(r"[\w ./:@*,=()\[\]-]*")


@dataclass(frozen=True, slots=True)
class Outlier:
    """A node that differs from the majority in one item."""

    node: str
    kind: str
    key: str
    place: Place
    finding: Diagnostic
    further: tuple[str, ...] = ()
    """Other items that show the same difference."""


@dataclass(slots=True)
class _Said:
    """One item on all nodes: the value to compare, the one to show, and where it is set."""

    label: str
    values: dict[str, object] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)


def outliers(nodes: Sequence[Seen]) -> list[Outlier]:
    """Find differences between nodes, by file and item; in a tie, the first node by name is right."""
    nodes = sorted(nodes, key=lambda node: natural(node.name))
    found: list[Outlier] = []
    for kind in (HAZELCAST, PERSISTENCE, PROPERTIES):
        path_of = {node.name: node.path(kind.places[0]) for node in nodes}
        readings: dict[str, Reading] = {}
        for node in nodes:
            text = node.text(path_of[node.name])
            reading = kind.read(text) if text is not None else None
            if reading is not None and not reading.broken:
                readings[node.name] = reading
        found += _of_items(kind.name, readings, path_of)
        if kind is HAZELCAST:
            found += _of_members(nodes, readings, path_of)
    found += _of_options(nodes)
    found += _of_hosts(nodes)
    return found + _of_facts(nodes)


def _of_items(
    kind: str, readings: Mapping[str, Reading], paths: Mapping[str, str]
) -> list[Outlier]:
    keys = dict.fromkeys(
        key for reading in readings.values() for key in (*reading.items, *reading.secrets)
    )
    result = []
    for key in keys:
        if kind == HAZELCAST.name and _OWN.fullmatch(key):
            continue
        if kind == PROPERTIES.name and key in (KUID, IGNORED):
            continue
        said = _Said(key)
        for node, reading in readings.items():
            default = _default(kind, reading, key)
            value = reading.secrets.get(key) or reading.items.get(key, default)
            said.values[node] = _NOTHING if value is None else value
            text = "" if value is None else str(value)
            # A line that was cut may contain the rest of a secret.
            hidden = isinstance(value, Secret) or not text.isprintable()
            said.shown[node] = HIDDEN if hidden else masked(text)
            first = min((n for n in reading.lines.values() if n), default=0)
            said.places[node] = Place(node, paths[node], reading.lines.get(key, first))
        result += _apart(kind, key, said)
    return result


def _of_members(
    nodes: Sequence[Seen], readings: Mapping[str, Reading], paths: Mapping[str, str]
) -> list[Outlier]:
    """Compare the members that nodes list, and their names; a node need not list itself."""
    hosts = host.known_hosts(nodes)
    listed = {
        node: members
        for node, reading in readings.items()
        if (members := member_list.listed(reading, hosts)) is not None
    }
    result = []
    for member in dict.fromkeys(member for members in listed.values() for member in members):
        key = next(members[member][1] for members in listed.values() if member in members)
        said = _Said(f"the member {key.removeprefix(MEMBER).rstrip(']')}")
        called = _Said(f"{member} in its member list as")
        for node, members in listed.items():
            there = members.get(member)
            said.values[node] = _LISTED if there or node == member else _NOTHING
            said.shown[node] = ""
            lines = readings[node].lines
            first = next(iter(members.values()), ("", ""))
            line = lines.get((there or first)[1], 0)
            said.places[node] = called.places[node] = Place(node, paths[node], line)
            if there:
                called.values[node], called.shown[node] = there[0].lower(), there[0]
        result += _apart(HAZELCAST.name, key, said)
        keys = tuple(members[member][1] for members in listed.values() if member in members)
        for found in _apart(HAZELCAST.name, key, called):
            result.append(replace(found, further=keys))
    return result


def _default(kind: str, reading: Reading, key: str) -> str | None:
    if kind != HAZELCAST.name:
        return None
    return HAZELCAST.implied(reading.items).get(key)


def _of_options(nodes: Sequence[Seen]) -> list[Outlier]:
    """Compare the JVM options except the two that facts cover, of nodes whose setenv.sh can be read."""
    nodes = [node for node in nodes if not node.unread(node.path(setenv.SETENV))]
    given: dict[str, dict[str, tuple[Option, str]]] = {}
    spelled: dict[str, dict[str, None]] = {}
    for each in nodes:
        own = given.setdefault(each.name, {})
        for option in setenv.given(each):
            key, value = _setting(option.text)
            own[key] = (option, value)
            spelled.setdefault(key, {})[item_of(option.text)[0]] = None
    result = []
    for key, keys in spelled.items():
        if key in ("-DDATA_DIR", "-Duser.timezone") or key.startswith("-Dhazelcast.local."):
            continue
        said = _Said(f"the JVM option {key}")
        for node in nodes:
            path, line = node.path(setenv.SETENV), 0
            said.values[node.name], said.shown[node.name] = _NOTHING, ""
            if there := given[node.name].get(key):
                option, value = there
                said.values[node.name] = option.text
                said.shown[node.name] = HIDDEN if hides(key) else masked(value)
                path, line = option.path or path, option.line
            said.places[node.name] = Place(node.name, path, line)
        result += [replace(found, further=(*keys,)) for found in _apart("jvm", key, said)]
    return result


def _setting(text: str) -> tuple[str, str]:
    """Return what an option sets, and its value: two values of one setting are one difference."""
    if size := _SIZE.fullmatch(text):
        return size[1], size[2]
    if flag := _FLAG.fullmatch(text):
        return f"-XX:{flag[2]}", "on" if flag[1] == "+" else "off"
    return item_of(text)


def _of_hosts(nodes: Sequence[Seen]) -> list[Outlier]:
    """Compare to what /etc/hosts resolve the names of members and servers; DNS may know others."""
    listed = _members(nodes)
    names = listed | _servers(nodes)
    resolved = {node.name: _resolved(node, names) for node in nodes}
    result = []
    for name in sorted({name for known in resolved.values() for name in known}):
        said = _Said(f"{name} in {hosts_files.PATH} as")
        for node, known in resolved.items():
            if name in known:
                addresses, line = known[name]
                said.values[node] = said.shown[node] = addresses
                said.places[node] = Place(node, hosts_files.PATH, line)
        result += _apart(MEMBERS if name in listed else "hosts", name, said)
    return result


def _members(nodes: Sequence[Seen]) -> set[str]:
    """Return the names in the member lists that are in force, in lower case."""
    found: set[str] = set()
    for node in nodes:
        reading = HAZELCAST.read(node.text(node.path(HAZELCAST.places[0])) or "")
        listed = member_list.listed(reading, {}) or {}
        found |= {name.lower().rstrip(".") for name, _ in listed.values()}
    return {name for name in found if not NUMERIC.fullmatch(name)}


def _servers(nodes: Sequence[Seen]) -> set[str]:
    """Return the names of the servers of the data folder and of the database, in lower case."""
    found = {m.server for node in nodes for m in mounts(node) if m.kind in REMOTE}
    for node in nodes:
        if fact := node.fact("database", "host"):
            listed = fact.value if isinstance(fact.value, list) else [fact.value]
            found |= {str(each["host"] if isinstance(each, dict) else each) for each in listed}
    return {name.lower().rstrip(".") for name in found if not NUMERIC.fullmatch(name)}


def _resolved(node: Seen, names: set[str]) -> dict[str, tuple[str, int]]:
    """Return the addresses that a node's /etc/hosts has for `names`, each with its first line."""
    found: dict[str, tuple[dict[str, None], int]] = {}
    for name, address, line in hosts_files.hosts(node):
        if name in names:
            addresses, _ = found.setdefault(name, ({}, line))
            addresses[address] = None
    return {name: (", ".join(addresses), line) for name, (addresses, line) in found.items()}


def _of_facts(nodes: Sequence[Seen]) -> list[Outlier]:
    result = []
    for path, label in _SHARED.items():
        said = _Said(label)
        for node in nodes:
            fact = node.fact(*path)
            if fact is None or (fact.guess and fact.place is None):
                continue
            if path == ("hazelcast", "interfaces") and fact.value is None:
                continue  # the node's own address, or none
            value = fact.value
            said.values[node.name] = tuple(value) if isinstance(value, list) else value
            text = ",".join(value) if isinstance(value, list) else str(value)
            said.shown[node.name] = masked(text)
            said.places[node.name] = fact.place or Place(node.name, "")
        result += _apart(FACTS, ".".join(path), said)
    return result


def _apart(kind: str, key: str, said: _Said) -> list[Outlier]:
    """Find the nodes whose value differs from the majority's."""
    groups: list[list[str]] = []
    for node, value in said.values.items():
        same = next((g for g in groups if _equal(said.values[g[0]], value)), None)
        if same is None:
            groups.append([node])
        else:
            same.append(node)
    if len(groups) < 2:
        return []
    usual = max(groups, key=len)
    model = said.places[usual[0]]
    result = []
    for group in groups:
        if group is usual:
            continue
        for node in group:
            place = said.places[node]
            message = _message(said, node, usual, alone=len(group) == 1 and len(usual) > 1)
            hint = f"For the value of {_names(usual)}, see {model}."
            finding = Finding(DRIFT, place.line, message, hint)
            shown = key if _PLAIN.fullmatch(key) else HIDDEN
            result.append(Outlier(node, kind, shown, place, diagnostic(node, place.path, finding)))
    return result


def _equal(one: object, other: object) -> bool:
    if isinstance(one, Secret) != isinstance(other, Secret):
        return False
    return one == other


def _message(said: _Said, node: str, usual: list[str], *, alone: bool) -> str:
    who = f"{node} alone" if alone else node
    # An odd name or value may be the rest of a secret.
    label = (
        quoted(said.label) if _PLAIN.fullmatch(said.label) else "a setting with an unprintable name"
    )
    wanted, own = (
        text if _PLAIN.fullmatch(text) else HIDDEN
        for text in (said.shown[usual[0]], said.shown[node])
    )
    if said.values[node] is _NOTHING:
        rest = f" ({quoted(wanted)})" if wanted not in ("", "set", HIDDEN) else ""
        return f"{who} lacks {label}{rest}."
    if said.values[usual[0]] is _NOTHING:
        return f"{who} has {label}; the others do not."
    if own == wanted or HIDDEN in (own, wanted):
        return f"{who} has a different {label.removeprefix('the ')}."
    return f"{who} has {label} {quoted(own)}, not {quoted(wanted)}."


def _names(names: list[str]) -> str:
    if len(names) > 3:
        return f"{', '.join(names[:2])} and {len(names) - 2} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
