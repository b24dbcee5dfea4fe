"""The table of releases: every fact once, read from the releases' stock files and build files.

To add 9.2.0: write its row into `_ROWS`, then run `omconf releases --read DIR` on the unpacked
release. It prints what differs from the row. Where a stock file changed, add an entry for "9.2.0"
to the mapping of that fact: an entry holds from its release on, until a later one. Java is not
read from DIR: it stands in the build file.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from omconf.releases.model import (
    CONNECTION_PROPERTIES,
    HazelcastStock,
    JpaLine,
    PersistenceStock,
    Release,
    StockElement,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

HAZELCAST_NAMESPACE = "http://www.hazelcast.com/schema/config"
"""The namespace of every release's `hazelcast.xml`."""

# hazelcast: the jar, by the release's wicketstuff dependency; xsd: what the stock file names.
# From postgresql on: JDBC drivers. "-": not read (a jar), none in the build file (a driver).
_ROWS = """
release  java  tomcat   openjpa  hazelcast  xsd  postgresql  mysql   mssql         oracle
5.0.0    11    9.0.37   3.1.2    4.0.2      4.1  42.2.14     8.0.20  8.2.2.jre11   -
5.0.1    11    9.0.38   3.1.2    4.0.2      4.0  42.2.16     8.0.21  8.4.1.jre11   -
5.1.0    11    9.0.40   3.1.2    4.1        4.1  42.2.18     8.0.22  8.4.1.jre11   -
6.0.0    11    9.0.43   3.1.2    4.1        4.1  42.2.19     8.0.23  9.2.1.jre11   19.10.0.0
6.1.0    11    9.0.50   3.1.2    4.2.1      4.1  42.2.23     8.0.25  9.2.1.jre11   19.11.0.0
6.2.0    11    9.0.54   3.1.2    4.2.1      4.2  42.2.24     8.0.26  9.4.0.jre11   19.12.0.0
6.3.0    11    9.0.62   3.2.2    5.1.1      5.0  42.3.5      8.0.29  10.2.0.jre11  19.14.0.0
7.0.0    17    9.0.71   3.2.2    5.1.4      5.1  42.5.3      8.0.32  12.2.0.jre11  19.17.0.0
7.1.0    17    9.0.74   3.2.2    5.2.1      5.2  42.6.0      8.0.33  12.2.0.jre11  19.18.0.0
7.2.0    17    9.0.84   3.2.2    5.3.6      5.3  42.7.1      8.2.0   12.4.2.jre11  19.21.0.0
8.0.0    17    11.0.2   4.0.1    5.5.0      5.5  42.7.4      9.1.0   12.8.1.jre11  19.25.0.0
8.1.0    17    11.0.11  4.1.1    5.5.0      5.5  42.7.7      9.4.0   13.2.0.jre11  19.28.0.0
9.0.0    21    11.0.20  4.1.1    5.6.0      5.5  42.7.10     9.6.0   13.4.0.jre11  19.30.0.0
9.1.0    21    11.0.23  4.1.1    -          5.5  42.7.13     9.7.0   13.4.0.jre11  19.31.0.0
"""

_HAZELCAST_5_0 = HazelcastStock(
    maps=(
        "ONLINE_USERS_KEY",
        "ROOMS_KEY",
        "UID_BY_SID_KEY",
        "WBS_KEY",
        "STREAM_CLIENT_KEY",
        "SERVERS_KEY",
        "INSTANT_TOKENS_KEY",
    ),
    map_content=(
        StockElement(
            "near-cache",
            children=(
                StockElement("eviction", (("eviction-policy", "NONE"),)),
                StockElement("in-memory-format", text="OBJECT"),
                StockElement("cache-local-entries", text="true"),
            ),
        ),
    ),
    properties=(("hazelcast.logging.type", "slf4j"),),
    joins=("multicast", "tcp-ip", "aws"),
    instance_name="server-1",
    server_url="https://127.0.0.1:5443/openmeetings",
)
_HAZELCAST_5_1 = replace(
    _HAZELCAST_5_0,
    properties=(*_HAZELCAST_5_0.properties, ("hazelcast.discovery.enabled", "false")),
    joins=("auto-detection", *_HAZELCAST_5_0.joins),
)
_HAZELCAST = {"5.0.0": _HAZELCAST_5_0, "5.1.0": _HAZELCAST_5_1}

_JPA = {
    "5.0.0": JpaLine("2.0", "http://java.sun.com/xml/ns/persistence"),
    "8.1.0": JpaLine("3.0", "https://jakarta.ee/xml/ns/persistence"),
}

_ENTITY_PACKAGE = "org.apache.openmeetings.db.entity"
_ENTITY_NAMES = """
HistoricalEntity
basic.ChatMessage basic.Configuration basic.MailMessage
calendar.Appointment calendar.MeetingMember calendar.OmCalendar
file.BaseFileItem file.FileItem file.FileItemLog
log.ConferenceLog
record.Recording record.RecordingChunk
room.Invitation room.Room room.RoomFile room.RoomGroup room.RoomModerator room.RoomPoll
room.RoomPollAnswer room.ExtraMenu
server.LdapConfig server.OAuthServer server.Sessiondata server.SOAPLogin
user.Address user.AsteriskSipUser user.Group user.GroupUser user.PrivateMessage
user.PrivateMessageFolder user.User user.UserContact
"""
_ENTITIES_6_1 = tuple(f"{_ENTITY_PACKAGE}.{name}" for name in _ENTITY_NAMES.split())
_ENTITIES = {
    "5.0.0": tuple(name for name in _ENTITIES_6_1 if not name.endswith(".ExtraMenu")),
    "6.1.0": _ENTITIES_6_1,
}

_TEST_ON_BORROW = ("TestOnBorrow", "true")
_POOL_STATEMENTS = ("poolPreparedStatements", "true")
_MYSQL_OPTIONS = (
    "autoReconnect=true&useUnicode=true&createDatabaseIfNotExist=true&characterEncoding=utf-8"
    "&connectionCollation=utf8_general_ci&cachePrepStmts=true&cacheCallableStatements=true"
    "&cacheServerConfiguration=true&useLocalSessionState=true&elideSetAutoCommits=true"
    "&alwaysSendSetIsolation=false&enableQueryTimeouts=false&prepStmtCacheSize=3000"
    "&prepStmtCacheSqlLimit=1000&useSSL=false&nullNamePatternMatchesAll=true"
)


def _persistence(
    driver: str,
    url: str,
    port: int,
    *more: tuple[str, str],
    name: str = "openmeetings",
    before_pool: tuple[tuple[str, str], ...] = (),
    log: str = "Tool=INFO",
    dictionary: str | None = None,
    zone_option: str | None = None,
) -> PersistenceStock:
    """Fill in what the databases share; `more` follows the pool's size and times."""
    return PersistenceStock(
        unit="openmeetings",
        transaction_type="RESOURCE_LOCAL",
        provider="org.apache.openjpa.persistence.PersistenceProviderImpl",
        exclude_unlisted_classes="false",
        connection=(
            ("DriverClassName", driver),
            ("Url", url),
            *before_pool,
            ("maxTotal", "100"),
            ("maxIdle", "100"),
            ("minIdle", "0"),
            ("maxWaitMillis", "10000"),
            *more,
            ("Username", "${db_user}"),
            ("Password", "${db_pass}"),
        ),
        properties=(
            ("openjpa.RuntimeUnenhancedClasses", "unsupported"),
            ("openjpa.ConnectionDriverName", "org.apache.commons.dbcp2.BasicDataSource"),
            (CONNECTION_PROPERTIES, ""),
            ("openjpa.jdbc.SynchronizeMappings", "buildSchema"),
            ("openjpa.Log", f"DefaultLevel=WARN, {log}"),
            ("openjpa.DataCache", "true"),
            ("openjpa.QueryCache", "true"),
            *((("openjpa.jdbc.DBDictionary", dictionary),) if dictionary else ()),
            ("openjpa.jdbc.QuerySQLCache", "false"),
        ),
        host="localhost",
        port=port,
        name=name,
        zone_option=zone_option,
    )


def _mysql(zone_option: str | None = None) -> PersistenceStock:
    return _persistence(
        "com.mysql.cj.jdbc.Driver",
        "jdbc:mysql://{host}:{port}/{name}?" + _MYSQL_OPTIONS,
        3306,
        _TEST_ON_BORROW,
        _POOL_STATEMENTS,
        dictionary="batchLimit=100",
        zone_option=zone_option,
    )


def _oracle(dictionary: str) -> PersistenceStock:
    return _persistence(
        "oracle.jdbc.driver.OracleDriver",
        "jdbc:oracle:thin:@{host}:{port}:{name}",
        1521,
        _TEST_ON_BORROW,
        before_pool=(("create", "true"),),
        dictionary=f"oracle({dictionary})",
    )


_PERSISTENCE_5_0 = {
    "postgresql": _persistence(
        "org.postgresql.Driver",
        "jdbc:postgresql://{host}:{port}/{name}",
        5432,
        _TEST_ON_BORROW,
        _POOL_STATEMENTS,
    ),
    "mysql": _mysql(zone_option="serverTimezone"),
    "mssql": _persistence(
        "com.microsoft.sqlserver.jdbc.SQLServerDriver",
        "jdbc:sqlserver://{host}:{port};databaseName={name}",
        1433,
        log="Runtime=INFO",
        dictionary=(
            "sqlserver(batchLimit=100,charTypeName=nchar,varcharTypeName=nvarchar"
            ",longVarcharTypeName=ntext)"
        ),
    ),
    "oracle": _oracle("UseTriggersForAutoAssign=true, MaxAutoAssignNameLength=28, BatchLimit=100"),
    "db2": _persistence(
        "com.ibm.db2.jcc.DB2Driver",
        "jdbc:db2://{host}:{port}/{name}",
        50000,
        _TEST_ON_BORROW,
        _POOL_STATEMENTS,
        name="openmeet",
        dictionary="batchLimit=100",
    ),
}
# Connector/J connects without serverTimezone from 8.0.23 on (measured against a server in CEST).
_PERSISTENCE_6_0 = _PERSISTENCE_5_0 | {"mysql": _mysql()}
_PERSISTENCE = {
    "5.0.0": MappingProxyType(_PERSISTENCE_5_0),
    "6.0.0": MappingProxyType(_PERSISTENCE_6_0),
    "6.3.0": MappingProxyType(
        _PERSISTENCE_6_0 | {"oracle": _oracle("MaxAutoAssignNameLength=28, BatchLimit=100")}
    ),
}
# The media server's settings were not in this file before 5.1.0; the keys of the login cookie stand
# in it from 7.0.0 on, and no more in 9.0.0 (the shipped files).
_SETTINGS = {
    "5.0.0": frozenset[str](),
    "5.1.0": frozenset({"kurento"}),
    "7.0.0": frozenset({"kurento", "remember.me"}),
    "9.0.0": frozenset({"kurento"}),
}


def _releases() -> Mapping[str, Release]:
    header, *rows = (line.split() for line in _ROWS.strip().splitlines())
    releases: dict[str, Release] = {}
    since = "5.0.0"
    hazelcast, jpa = _HAZELCAST[since], _JPA[since]
    entities, persistence = _ENTITIES[since], _PERSISTENCE[since]
    settings = _SETTINGS[since]
    for row in rows:
        cell = dict(zip(header, row, strict=True))
        name = cell["release"]
        hazelcast = _HAZELCAST.get(name, hazelcast)
        jpa = _JPA.get(name, jpa)
        entities = _ENTITIES.get(name, entities)
        persistence = _PERSISTENCE.get(name, persistence)
        settings = _SETTINGS.get(name, settings)
        drivers = {key: cell[key] for key in header[6:] if cell[key] != "-"}
        releases[name] = Release(
            name=name,
            java=cell["java"],
            tomcat=cell["tomcat"],
            openjpa=cell["openjpa"],
            hazelcast_jar=None if cell["hazelcast"] == "-" else cell["hazelcast"],
            hazelcast_xsd=cell["xsd"],
            jdbc_drivers=MappingProxyType(drivers),
            hazelcast=hazelcast,
            jpa=jpa,
            entities=entities,
            persistence=persistence,
            settings=settings,
        )
    return MappingProxyType(releases)


RELEASES: Mapping[str, Release] = _releases()
"""The supported releases by name, the oldest first."""
