"""META-INF/persistence.xml: the one database, and remote commits that keep the nodes' caches fresh.

Sources: the clustering page, step "Database"; each release's stock file for the kind of database
(releases/); how OpenJPA reads ConnectionProperties was measured (formats/connection_properties.py).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from omconf.actions import Do, Manual, Stage
from omconf.artifacts.contents import Artifact, Line, Ownership, Placeholder, line
from omconf.artifacts.effect import Change, Effect, restart
from omconf.artifacts.model import Kind
from omconf.artifacts.reading import Reading
from omconf.cluster import database_url, same_database
from omconf.diagnostics import Diagnostic, Finding
from omconf.findings import plain_property
from omconf.formats import connection_properties, header, jdbc_servers, jdbc_url
from omconf.formats.xml import collapsed, escape, escaped, flatten
from omconf.origin import FromFormat, FromPage, FromRelease, Origin, Value
from omconf.regex import regex
from omconf.rules import CONTRADICTION, DROPPED
from omconf.schema import deployed_xml
from omconf.secrets import Secret, hides, in_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from omconf.cluster.model import Cluster, Node

XML = FromFormat("XML")
SAME_DATABASE = FromPage("Database: set the server's address, login and password")
PROVIDER = FromPage("Database: uncomment openjpa.RemoteCommitProvider")

CONNECTION = "openjpa.ConnectionProperties"
REMOTE_COMMITS = ("openjpa.RemoteCommitProvider", "tcp(Addresses=127.0.0.1)")
"""As the page writes it: when it starts, and when a member joins or leaves, OpenMeetings replaces it by
the addresses of Hazelcast's members, in all 14 releases (measured with 9.1.0). A list of
all nodes would be overwritten too, and would change every node's file with each new node."""
SCHEMAS = {
    "http://java.sun.com/xml/ns/persistence": "persistence-2.0.xsd",
    "https://jakarta.ee/xml/ns/persistence": "persistence-3.0.xsd",
}
"""The schema of each line of JPA by its namespace."""
_SETS = frozenset({"class"})
_CONNECTS = regex(
    r"openjpa\.Connection(2|DriverName|Factory|Password|Properties|URL|UserName)"
    r"|(javax|jakarta)\.persistence\.(jdbc|jta|nonJta)"
)
_URL = f"properties/{CONNECTION}/Url"
_SPEC_KEYS = {
    _URL: "database.host, .port or .name",
    f"{_URL}/{jdbc_servers.DATABASE}": "database.name",
    f"{_URL}/{jdbc_servers.PARTNER}": "database.host",
    **{f"{_URL}/{name}": "database.host" for name in jdbc_servers.ALTERNATES},
    f"properties/{CONNECTION}/Username": "database.user",
}
_ORACLE_SETTING = regex(rf"{_URL}/[A-Z0-9_ /]+")
"""A setting of a connect descriptor, for which a spec has no place."""
_PLACES = (_URL, f"{_URL}/{jdbc_servers.DATABASE}")
"""What says which database it is."""
MOVED = Do(
    Manual(
        "database",
        "Copy the data of the database to its new location, unless they are already there: no node of"
        " this cluster writes now.",
    )
)


class Persistence(Kind):
    """META-INF/persistence.xml of each node; the same text on all of them."""

    name: ClassVar[str] = "persistence"
    ownership: ClassVar[Ownership] = Ownership.FILE
    stage: ClassVar[Stage] = Stage.OPENMEETINGS
    purpose: ClassVar[str] = "the shared database, and remote commits that keep the caches fresh"
    places: ClassVar[tuple[str, ...]] = (
        "{home}/webapps/{webapp}/WEB-INF/classes/META-INF/persistence.xml",
    )

    def render(self, cluster: Cluster, node: Node) -> list[Artifact]:
        """Return persistence.xml, the same for every node."""
        return [_artifact(cluster, self.paths(cluster, node)[0])]

    def read(self, text: str) -> Reading:
        """Read the attributes and properties of the persistence unit, and the parts of its URL."""
        document, findings = deployed_xml.read(text, SCHEMAS)
        if document is None:
            return Reading(findings=findings, broken=True)
        reading = Reading(findings=findings)
        unit = document.find("{*}persistence-unit")
        if unit is None:
            return reading
        reading.items["version"] = document.get("version", "")
        for attribute in ("name", "transaction-type"):
            reading.items[f"persistence-unit/{attribute}"] = unit.get(attribute, "")
        for key, value, number in flatten(unit, _SETS):
            if key == f"properties/{CONNECTION}":
                _connection_items(reading, key, value, number)
            else:
                _add(reading, key, collapsed(value), number)
        return reading

    def check(self, cluster: Cluster) -> Iterator[Diagnostic]:
        """Refuse properties that omconf sets itself, and secrets in plain text."""
        for name, value in cluster.database.properties.items():
            if name == REMOTE_COMMITS[0]:
                message = f"`{name}` is omconf's to write: OpenMeetings puts the members into it."
                yield CONTRADICTION.at(value.span, message, hint="Remove it.")
            elif connects(name):
                message = f"`{name[:80]}` would be a second way to the database."
                yield CONTRADICTION.at(value.span, message, hint="Use the keys of `database:`.")
            elif in_plain(name, value.value):
                yield plain_property(name, value.span)

    def across(
        self,
        cluster: Cluster,
        deployed: Mapping[str, Reading],
        fine: Iterable[str],
        hazelcast: Mapping[str, str],
    ) -> Iterator[tuple[str, Finding]]:
        """Find members without OpenJPA's remote commit provider, which serve stale rows."""
        if len(cluster.nodes) == 1:
            return
        for node, reading in deployed.items():
            provider = reading.items.get(f"properties/{REMOTE_COMMITS[0]}", "")
            if not provider.lstrip().startswith("tcp"):
                message = (
                    "Without openjpa.RemoteCommitProvider this node never learns what the others"
                    " write: it serves stale rows, though it is a member."
                )
                first = min(reading.lines.values(), default=0)
                line = reading.lines.get(f"properties/{REMOTE_COMMITS[0]}", first)
                hint = (
                    f'Write `<property name="{REMOTE_COMMITS[0]}" value="{REMOTE_COMMITS[1]}"/>`.'
                )
                yield node, Finding(DROPPED, line, message, hint)

    def keep(self, key: str, replaced: bool) -> str:
        """Return the key of `database` or `persistence` for a property; none keeps a secret."""
        if hides(key):
            return ""
        if replaced and key in _SPEC_KEYS:
            return _SPEC_KEYS[key]
        if _ORACLE_SETTING.fullmatch(key):
            return ""
        if key.startswith(f"{_URL}/"):
            # Beside `tls`, options that say the same are refused (OM283).
            option = key.removeprefix(f"{_URL}/").lower()
            of_tls = any(known.fullmatch(option) for known in database_url.OF_TLS.values())
            return "database.tls or .options" if of_tls else "database.options"
        if key.rpartition("/")[2].lower() in connection_properties.ANY_CASE - {"testonborrow"}:
            return ""  # the driver is the release's, always (OM214); a pool has no `URL`
        if key.startswith(f"properties/{CONNECTION}/"):
            return "database.pool"
        if key == "version" or key.startswith(("persistence-unit/", "class[", "provider")):
            return "openmeetings.release" if replaced else ""
        return "persistence.properties" if key.startswith("properties/") else ""

    def effect_on(
        self, cluster: Cluster, node: str, changes: Mapping[str, Change], action: str
    ) -> Effect:
        """Leave out of it a URL that names the same server by another name."""
        if _URL in changes and same_database.leads_to(cluster, node, *_before(cluster, changes)):
            changes = {key: change for key, change in changes.items() if key != _URL}
        return self.effect(cluster, changes, action)

    def effect(self, cluster: Cluster, changes: Mapping[str, Change], action: str) -> Effect:
        """Restart; all nodes at once where old and new settings would write differently."""
        apart = [k for k in changes if k in (*_PLACES, "version") or k.startswith("class[")]
        if apart and action == "update":
            moves = any(key in _PLACES for key in apart)
            why = (
                "another database or another release's tables: nodes changed one by one would"
                " work on two databases at once"
            )
            effect = restart(why, rolling=False, needs=("database",), decided_by=tuple(apart))
            return replace(effect, manual=MOVED) if moves else effect
        zone = tuple(key for key in changes if key.endswith("/serverTimezone"))
        if zone and action == "update":
            why = "nodes that give the driver another time zone would write other times into one table"
            return restart(why, rolling=False, decided_by=zone)
        account = any(key.endswith(("/Username", "/Password")) for key in changes)
        needs = ("database",) if account or action == "create" else ()
        why = "persistence.xml is read when OpenMeetings starts; nodes restart one by one"
        if action == "update" and same_database.turns_tls_on(cluster, _before(cluster, changes)[1]):
            why += "; when all log in over TLS, have the server refuse other logins (database/)"
        return restart(why, needs=needs)


KIND = Persistence()


def connects(name: str) -> bool:
    """Tell whether a property would be a second way to the database."""
    return _CONNECTS.match(name) is not None


def _before(cluster: Cluster, changes: Mapping[str, Change]) -> tuple[str, dict[str, str]]:
    """Put the deployed URL together again: what changed as it was, the rest as it is wanted."""
    base, parameters = jdbc_url.canonical(database_url.text(cluster))
    for key, change in changes.items():
        if key == _URL:
            base = change.before or ""
        elif key.startswith(f"{_URL}/"):
            name = key.removeprefix(f"{_URL}/")
            parameters.pop(name, None)
            if change.before is not None:
                parameters[name] = change.before
    return base, parameters


def _connection_items(reading: Reading, key: str, value: str, number: int) -> None:
    for pair in connection_properties.guarded(value):
        place = f"{key}/{pair.name}"
        if pair.hidden:
            reading.secrets[place] = Secret(pair.value)
            reading.lines[place] = number
        else:
            _add(reading, place, pair.value, number)


def _add(reading: Reading, key: str, value: str, number: int) -> None:
    """Add an item; a JDBC URL in parts, so that a diff shows which of them differs."""
    base, parameters = jdbc_url.canonical(value)
    reading.add(key, base, number)
    for parameter, part in parameters.items():
        reading.add(f"{key}/{parameter}", part, number)


@lru_cache(maxsize=256)
def _artifact(cluster: Cluster, path: str) -> Artifact:
    om = cluster.openmeetings
    lines, placeholders = _text(cluster)
    return Artifact(
        KIND.name,
        path,
        KIND.ownership,
        lines,
        mode=0o600,
        owner=om.user.value,
        group=om.group.value,
        placeholders=placeholders,
        schema=SCHEMAS[om.release.value.jpa.namespace],
    )


@lru_cache(maxsize=2)
def _text(cluster: Cluster) -> tuple[tuple[Line, ...], tuple[Placeholder, ...]]:
    release = cluster.openmeetings.release.value
    stock = release.persistence[cluster.database.kind.value]
    why = (FromRelease(release.name, f"{cluster.database.kind.value}_persistence.xml"),)
    password = Placeholder(
        "database.password",
        cluster.database.password.value,
        lambda secret: escape(connection_properties.quote(secret)),
    )
    jpa = release.jpa
    lines = [
        line('<?xml version="1.0" encoding="UTF-8"?>', why=(XML,)),
        line("<!-- ", header.text(cluster.name), " -->", why=(XML,)),
        line(f'<persistence xmlns="{jpa.namespace}" version="{jpa.version}">', why=why),
        line(
            f'  <persistence-unit name="{stock.unit}" transaction-type="{stock.transaction_type}">',
            why=why,
        ),
        line(f"    <provider>{stock.provider}</provider>", why=why),
        *(line(f"    <class>{name}</class>", why=why) for name in release.entities),
        line(
            "    <exclude-unlisted-classes>",
            stock.exclude_unlisted_classes,
            "</exclude-unlisted-classes>",
            why=why,
        ),
        line("    <properties>", why=why),
    ]
    properties = {name: Value(value, why[0]) for name, value in stock.properties}
    properties |= cluster.database.properties
    properties[REMOTE_COMMITS[0]] = Value(REMOTE_COMMITS[1], PROVIDER)
    for name, value in properties.items():
        if name == CONNECTION:
            lines += _connection(cluster, password, why)
        else:
            start = f'      <property name="{escape(name)}" value="'
            lines.append(line(start, escaped(value), '"/>'))
    lines += [
        line("    </properties>", why=why),
        line("  </persistence-unit>", why=why),
        line("</persistence>", why=why),
    ]
    return tuple(lines), (password, *_in_url(cluster).values())


def _in_url(cluster: Cluster) -> dict[str, Placeholder]:
    """The places of secrets among the URL's parameters, by their names."""
    kind = cluster.database.kind.value

    def encode(secret: str) -> str:
        written = jdbc_url.encode(kind, secret)
        if any(char in written for char in ",\"'"):
            raise ValueError("a comma or a quote in it would end the URL in ConnectionProperties")
        return escape(written)

    found = database_url.secrets(cluster)
    return {name: Placeholder(name, ref.value, encode) for name, ref in found.items()}


def _connection(cluster: Cluster, password: Placeholder, why: tuple[Origin, ...]) -> list[Line]:
    """One pair a line: OpenJPA trims the white space, and a diff shows what changed."""
    reference = Value("", cluster.database.password.origin)
    pairs = [
        line(
            f"{name}=",
            *_parts(value),
            *([reference] if value is password else []),
            why=(*why, SAME_DATABASE) if ours else why,
        )
        for name, value, ours in connection(cluster, password)
    ]
    lines = [line(f'      <property name="{CONNECTION}"', why=why)]
    for index, pair in enumerate(pairs):
        start = '                value="' if index == 0 else " " * 23
        end = '"/>' if index == len(pairs) - 1 else ","
        lines.append(Line(start + pair.text + end, pair.origins))
    return lines


def _parts(
    value: Value[str] | Placeholder | tuple[Value[str], ...],
) -> tuple[Value[str] | Placeholder, ...]:
    if isinstance(value, Placeholder):
        return (value,)
    if isinstance(value, tuple):
        first, *others = value
        text = escape(connection_properties.quote(first.value))
        return (Value(text, first.origin), *(Value("", v.origin) for v in others))
    return (Value(escape(connection_properties.quote(value.value)), value.origin),)


def connection(
    cluster: Cluster, password: Placeholder
) -> list[tuple[str, Value[str] | Placeholder | tuple[Value[str], ...], bool]]:
    """Return the pairs of ConnectionProperties: stock ones, replaced or extended by the spec's.

    A tuple is one text with the origins of all values in it. True: the clustering page asks for it.
    """
    database = cluster.database
    release = cluster.openmeetings.release.value
    stock = release.persistence[database.kind.value]
    origin = FromRelease(release.name, f"{database.kind.value}_persistence.xml")
    pool = {connection_properties.spelling(name): value for name, value in database.pool.items()}
    pairs: list[tuple[str, Value[str] | Placeholder | tuple[Value[str], ...], bool]] = []
    for name, value in stock.connection:
        if name == "Url":
            hosts = [part for server in database.servers for part in (server.host, server.port)]
            # A host that is a node is named in one place, and its address stands in another.
            on = {server.node for server in database.servers}
            at = (n.address for n in cluster.nodes if n.name.value in on)
            used = (*hosts, *at, database.service or database.name)
            why = (*(v.origin for v in used), *database_url.origins(cluster))
            places = {name: place.text for name, place in _in_url(cluster).items()}
            text = database_url.text(cluster, places)
            pairs.append((name, (Value(text, origin), *(Value("", o) for o in why)), True))
        elif name == "Username":
            pairs += [(key, setting, False) for key, setting in pool.items()]
            pool = {}
            pairs.append((name, database.user, True))
        elif name == "Password":
            pairs.append((name, password, True))
        else:
            pairs.append(
                (name, pool.pop(connection_properties.spelling(name), Value(value, origin)), False)
            )
    return pairs
