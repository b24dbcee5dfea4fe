"""What an OpenMeetings release ships, as far as a cluster's configuration depends on it."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECTION_PROPERTIES = "openjpa.ConnectionProperties"
"""The JPA property that packs the data source's settings into one comma-separated value."""


@dataclass(frozen=True, slots=True)
class StockElement:
    """An XML element of a stock file, without its namespace; `text` is trimmed."""

    tag: str
    attributes: tuple[tuple[str, str], ...] = ()
    text: str = ""
    children: tuple[StockElement, ...] = ()


@dataclass(frozen=True, slots=True)
class HazelcastStock:
    """What the stock `hazelcast.xml` says, in its order: maps, name, attributes, join, properties.

    `maps` are the names of the maps, which all hold `map_content`. `joins` are the elements of
    `network/join`, all with `enabled="false"`. `instance_name` stands also in the member attribute
    `name`, `server_url` in the member attribute `server.url`; the file has no other attribute.
    """

    maps: tuple[str, ...]
    map_content: tuple[StockElement, ...]
    properties: tuple[tuple[str, str], ...]
    joins: tuple[str, ...]
    instance_name: str
    server_url: str


@dataclass(frozen=True, slots=True)
class JpaLine:
    """The JPA version that `persistence.xml` is written for, and the namespace of that version."""

    version: str
    namespace: str


@dataclass(frozen=True, slots=True)
class PersistenceStock:
    """What the stock `META-INF/<database>_persistence.xml` says, beside its entities.

    `connection` holds the settings packed into openjpa.ConnectionProperties, in stock order and
    trimmed. Its `Url` is a template: `{host}`, `{port}` and `{name}` stand for the server's
    address, its TCP port and the database's name, whose stock values are the fields `host`, `port`
    and `name`. `Username` and `Password` are the installer's `${db_user}` and `${db_pass}`.
    `properties` holds all properties in stock order; the pair (CONNECTION_PROPERTIES, "") marks
    the place of `connection`. `zone_option` is the URL parameter that has to name the server's time
    zone, as this release's driver connects to no server whose zone is an abbreviation such as CEST;
    None where the driver needs no help.
    """

    unit: str
    transaction_type: str
    provider: str
    exclude_unlisted_classes: str
    connection: tuple[tuple[str, str], ...]
    properties: tuple[tuple[str, str], ...]
    host: str
    port: int
    name: str
    zone_option: str | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """One release of Apache OpenMeetings: read from its stock files and its build file.

    `java` is the major version it needs; `tomcat`, `openjpa` and `hazelcast_jar` are the versions
    it carries (None: not read). `hazelcast_xsd` is the schema version that the stock file names,
    which may be newer or older than the jar. `jdbc_drivers` are the driver versions of the build
    file by database (no key: the build file names none). `persistence` is by database too; H2 is
    left out, as a cluster cannot use it. `settings` names the groups of openmeetings.properties
    that a cluster depends on: `kurento` and `remember.me`, the beginnings of their keys.
    """

    name: str
    java: str
    tomcat: str
    openjpa: str
    hazelcast_jar: str | None
    hazelcast_xsd: str
    jdbc_drivers: Mapping[str, str] = field(hash=False)
    hazelcast: HazelcastStock
    jpa: JpaLine
    entities: tuple[str, ...]
    persistence: Mapping[str, PersistenceStock] = field(hash=False)
    settings: frozenset[str]

    def has_driver(self, kind: str, *version: int) -> bool:
        """Tell whether it ships a driver of this version or a later one."""
        return tuple(int(part) for part in self.jdbc_drivers[kind].split(".")[:3]) >= version

    @property
    def pgjdbc_reads_pem(self) -> bool:
        """Whether the PostgreSQL driver reads a key in PEM: 42.7.10 does, 42.7.7 does not."""
        return self.has_driver("postgresql", 42, 7, 10)

    @property
    def connector_j_needs_protocol(self) -> bool:
        """Whether the MySQL driver has to be told of TLS 1.2: up to 8.0.27 it begins with TLS 1.0.

        8.0.20 takes MariaDB 10.11 for an old server, and fails without (measured).
        """
        return not self.has_driver("mysql", 8, 0, 28)
