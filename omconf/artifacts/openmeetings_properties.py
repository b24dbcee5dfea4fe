"""openmeetings.properties: the media server, and the secrets that all nodes must share, by single keys.

Sources: OpenMeetings' guide to the media server; the file as 5.1.0 to 9.1.0 ship it. A node's
watchdog drops every pipeline whose kuid is neither its own nor ignored, and the shipped kuid is one
constant (measured): nodes that share a Kurento need a kuid each, and must ignore the others'.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from omconf.actions import Stage
from omconf.artifacts.contents import Artifact, Line, Meaning, Ownership, Placeholder, line
from omconf.artifacts.effect import Change, Effect, restart
from omconf.artifacts.model import Kind
from omconf.artifacts.reading import Reading
from omconf.diagnostics import Finding
from omconf.formats import properties
from omconf.origin import FromFormat, Value
from omconf.rules import MANY_SHARE, NOT_IN_RELEASE, TWO_NAMES, UNUSABLE_FILE
from omconf.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from omconf.cluster.model import Cluster, Node
    from omconf.diagnostics import Diagnostic
    from omconf.origin import Origin, Span


MAX_SHARING = 1000
"""With more nodes, the lists of the others' kuids take gigabytes."""

OWN_KUID = FromFormat("a kuid of its own for each node that shares a media server")

URL = "kurento.ws.url"
KUID = "kurento.kuid"
IGNORED = "kurento.ignored.kuids"
SHIPPED_URL = "ws://127.0.0.1:8888/kurento"
TURN_SECRET = "kurento.turn.secret"  # noqa: S105 - a key's name
REMEMBER = {
    "remember_me_key": "remember.me.encryption.key",
    "remember_me_salt": "remember.me.encryption.salt",
}
TURN = {
    "turn_url": "kurento.turn.url",
    "turn_user": "kurento.turn.user",
    "turn_mode": "kurento.turn.mode",
    "turn_ttl": "kurento.turn.ttl",
}
_BACKSLASH = r"Write a backslash as `\\`, or the path with `/`."
_SECRETS = frozenset({TURN_SECRET, *REMEMBER.values()})
_KNOWN = frozenset({URL, KUID, IGNORED, *TURN.values(), *_SECRETS})


class OpenMeetingsProperties(Kind):
    """The keys of openmeetings.properties that the spec says anything of."""

    name: ClassVar[str] = "openmeetings_properties"
    ownership: ClassVar[Ownership] = Ownership.KEYS
    stage: ClassVar[Stage] = Stage.OPENMEETINGS
    purpose: ClassVar[str] = "the media server, and secrets that all nodes share"
    places: ClassVar[tuple[str, ...]] = (
        "{home}/webapps/{webapp}/WEB-INF/classes/openmeetings.properties",
    )

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """Return the keys of the media server and of secrets; nothing if the spec sets none."""
        placeholders = _placeholders(cluster)
        lines = (
            *_media_server(cluster, node),
            *(
                line(f"{key}=", Value(place.text, origin))
                for key, (place, origin) in placeholders.items()
            ),
        )
        if not lines:
            return []
        om = cluster.openmeetings
        return [
            Artifact(
                self.name,
                self.paths(cluster, node)[0],
                self.ownership,
                lines,
                mode=0o600 if placeholders else 0o644,
                owner=om.user.value,
                group=om.group.value,
                placeholders=tuple(place for place, _ in placeholders.values()),
                meaning=_meaning(cluster, node),
            )
        ]

    def read(self, text: str) -> Reading:
        """Read the keys that omconf knows of; the file's others are not its business."""
        reading = Reading()
        for key, setting in properties.read(text).items():
            if key in _SECRETS:
                reading.secrets[key] = Secret(setting.value)
                reading.lines[key] = setting.line
            elif key in _KNOWN:
                reading.add(key, setting.value, setting.line)
        if number := properties.malformed(text):
            message = r"`\u` without four hexadecimal digits: Java refuses the whole file."
            reading.findings.append(Finding(UNUSABLE_FILE, number, message, _BACKSLASH))
        return reading

    def keep(self, key: str, replaced: bool) -> str:
        """Return the key of `kurento` for a property of the media server."""
        if key == URL:
            return "kurento.url"
        if key == IGNORED:
            return ""  # it follows from the nodes
        return key if key in TURN.values() else ""  # the spec calls it the same

    def check(self, cluster: Cluster) -> Iterator[Diagnostic]:
        """Report settings that the release lacks, and media servers that too many nodes share."""
        release = cluster.openmeetings.release.value
        if "kurento" not in release.settings and (span := _first_said(cluster)):
            message = f"OpenMeetings {release.name} has no settings for a media server."
            hint = "Remove `kurento`, or use release 5.1.0 or newer."
            yield NOT_IN_RELEASE.at(span, message, hint=hint)
        crowds: dict[Span | None, str] = {}
        for host, numbers in _users(cluster).items():
            said = (cluster.nodes[number].kurento_url for number in numbers)
            if len(numbers) > MAX_SHARING and (url := next(filter(None, said), None)):
                crowds.setdefault(url.span, f"{len(numbers):,} nodes share `{host[:80]}`")
        for span, crowd in crowds.items():
            hint = f"Give every {MAX_SHARING:,} nodes a media server."
            yield MANY_SHARE.at(span, f"{crowd}, and each lists all the others.", hint=hint)
        if "remember.me" not in release.settings:
            for key, value in cluster.secrets.items():
                message = f"OpenMeetings {release.name} has no `{REMEMBER[key]}`."
                hint = "Remove it: releases 7.0.0 to 8.1.0 have it."
                yield NOT_IN_RELEASE.at(value.span, message, hint=hint)

    def across(
        self,
        cluster: Cluster,
        deployed: Mapping[str, Reading],
        fine: Iterable[str],
        hazelcast: Mapping[str, str],
    ) -> Iterator[tuple[str, Finding]]:
        """Find nodes that share a media server and a kuid: as shipped, it is one constant."""
        first: dict[tuple[str, str], str] = {}
        for node, reading in deployed.items():
            url, kuid = reading.items.get(URL, ""), reading.items.get(KUID, "")
            if not url or not kuid:
                continue
            others = [first.setdefault((h, kuid), node) for h in sorted(_hosts(cluster, node, url))]
            if other := next((other for other in others if other != node), None):
                message = (
                    f"{other} has the same `{KUID}` and the same media server: each node's watchdog "
                    "drops the other's streams."
                )
                hint = "Set `kurento.url` in the spec: each node then gets its own kuid."
                yield node, Finding(TWO_NAMES, reading.lines[KUID], message, hint)

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """Restart the nodes one by one; a changed kuid may interrupt streams until the last restart."""
        why = "openmeetings.properties is read when OpenMeetings starts; nodes restart one by one"
        if changes.keys() & {KUID, IGNORED} and _any_share(cluster):
            why += (
                ". Until each has, watchdogs release the pipelines of nodes whose kuid they do not"
                " ignore yet: streams break off, and work again after the last restart"
            )
        return restart(why)


KIND = OpenMeetingsProperties()


@lru_cache(maxsize=2)
def _first_said(cluster: Cluster) -> Span | None:
    """The first place of the spec that speaks of a media server."""
    said = (
        *(getattr(cluster.kurento, field) for field in (*TURN, "turn_secret")),
        *(node.kurento_url for node in cluster.nodes),
    )
    spans = (value.span for value in said if value)
    return min((s for s in spans if s), key=lambda s: (s.line, s.column), default=None)


def _media_server(cluster: Cluster, node: Node) -> Iterator[Line]:
    if _first_said(cluster) is None:
        return
    if node.kurento_url:
        yield line(f"{URL}=", _written(node.kurento_url))
    for field, key in TURN.items():
        value = getattr(cluster.kurento, field)
        if value:
            yield line(f"{key}=", _written(value))
    yield line(f"{KUID}=", kuid(cluster, node), why=(OWN_KUID,))
    others = [kuid(cluster, n) for n in _sharing(cluster, node) if n is not node]
    yield line(f"{IGNORED}={','.join(str(other.value) for other in others)}", why=(OWN_KUID,))


def _meaning(cluster: Cluster, node: Node) -> Meaning | None:
    """What the spec's own texts are, on the first of the nodes that have the same."""
    url = node.kurento_url.value if node.kurento_url else None
    if _first_said(cluster) is None or _first_with(cluster)[url] != node.name.value:
        return None
    said = {key: getattr(cluster.kurento, field) for field, key in TURN.items()}
    said |= {URL: node.kurento_url, KUID: kuid(cluster, node)}
    items = {key: str(value.value) for key, value in said.items() if value}
    return Meaning(KIND.read, items, whole=False)


@lru_cache(maxsize=2)
def _first_with(cluster: Cluster) -> dict[str | None, str]:
    """The first node with each media server; None for what is shipped."""
    return {
        n.kurento_url.value if n.kurento_url else None: n.name.value for n in cluster.nodes[::-1]
    }


def kuid(cluster: Cluster, node: Node) -> Value[str]:
    """What marks a node's pipelines: its name and the cluster's, which no other node has."""
    return Value(f"{node.name.value}.{cluster.name.value}", node.name.origin)


def _sharing(cluster: Cluster, node: Node) -> list[Node]:
    """The nodes that use the same media server, the node itself among them."""
    users = _users(cluster)
    numbers = {n for host in _hosts_of(cluster, node) for n in users[host]}
    return [cluster.nodes[number] for number in sorted(numbers)]


@lru_cache(maxsize=2)
def _any_share(cluster: Cluster) -> bool:
    return any(len(nodes) > 1 for nodes in _users(cluster).values())


@lru_cache(maxsize=2)
def _users(cluster: Cluster) -> dict[str, list[int]]:
    """The nodes that use a host's media server, by their numbers, under each of its names."""
    users: dict[str, list[int]] = {}
    for number, node in enumerate(cluster.nodes):
        for host in _hosts_of(cluster, node):
            users.setdefault(host, []).append(number)
    return users


def _hosts_of(cluster: Cluster, node: Node) -> frozenset[str]:
    url = node.kurento_url
    return _hosts(cluster, node.name.value, url.value if url else SHIPPED_URL)


def _hosts(cluster: Cluster, node: str, url: str) -> frozenset[str]:
    """All names of the host whose media server a node uses; ports and schemes make no difference.

    A proxy in front of a media server has another port: better to ignore a kuid too many.
    """
    host = _host(url)
    if _loopback(host):
        return _names(cluster).get(node, frozenset())
    return _names(cluster).get(host, frozenset()) | {host}


@lru_cache(maxsize=2)
def _names(cluster: Cluster) -> dict[str, frozenset[str]]:
    """What a node is called, under each of these names; a host of several is a proxy or NAT."""
    found: dict[str, set[str]] = {}
    outside = {
        node.name.value: {_host(node.url.value), node.seen_address.value} for node in cluster.nodes
    }
    hosts = Counter(host for its in outside.values() for host in its)
    for node in cluster.nodes:
        names = {value.value for value in (node.name, node.address, node.storage_address)}
        names |= {host for host in outside[node.name.value] if hosts[host] == 1}
        for name in names:
            found.setdefault(name, set()).update(names)
    return {name: frozenset(names) for name, names in found.items()}


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or url).removesuffix(".")
    except ValueError:  # a deployed one may be anything
        return url


def _loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _written(value: Value[str] | Value[int]) -> Value[str]:
    return Value(properties.written(str(value.value)), value.origin)


@lru_cache(maxsize=2)
def _placeholders(cluster: Cluster) -> dict[str, tuple[Placeholder, Origin]]:
    refs = {REMEMBER[key]: (f"secrets.{key}", ref) for key, ref in cluster.secrets.items()}
    if turn := cluster.kurento.turn_secret:
        refs[TURN_SECRET] = ("kurento.turn.secret", turn)
    return {
        key: (Placeholder(name, ref.value, _encode), ref.origin)
        for key, (name, ref) in sorted(refs.items())
    }


def _encode(secret: str) -> str:
    if "${" in secret or "#{" in secret:
        raise ValueError("openmeetings.properties cannot carry `${` or `#{`: Spring replaces them")
    return properties.written(secret)
