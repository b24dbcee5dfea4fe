"""The sections of the database: how OpenMeetings connects, and JPA's settings."""

from typing import Annotated, Literal

from pydantic import Field

from omconf.spec.models.section import Section
from omconf.spec.values import (  # pydantic reads these at run time
    DatabaseHosts,
    DatabaseKindName,
    JpaText,
    NodeFile,
    OptionName,
    OptionValue,
    OracleName,
    Port,
    PropertyName,
    SecretSource,
    Text,
)


class DatabaseTls(Section):
    """TLS to the database; used if the section has any key."""

    mode: Literal["require", "verify-ca", "verify-full"] = Field(
        "verify-full",
        description="`require`: encrypted, without verification; `verify-ca`: the server's"
        " certificate is signed by a trusted CA; `verify-full`: and is valid for the host name in the"
        " spec.",
    )
    ca: NodeFile | None = Field(
        None,
        description="The trusted CAs: PEM for PostgreSQL, otherwise a Java trust store; unset: those"
        " that Java trusts. A path on the nodes, or {file: ..., whole: true}, which omconf installs"
        " there.",
    )
    ca_password: SecretSource | None = Field(
        None, description="Source of the trust store's password, if it has one."
    )
    client_cert: NodeFile | None = Field(
        None,
        description="PostgreSQL: the nodes' client certificate (PEM), if the server requires one.",
    )
    client_key: NodeFile | None = Field(
        None,
        description="The client key. PostgreSQL: PKCS#8 in DER, PEM (from 9.0.0 on), or a PKCS#12"
        " store that includes the certificate; MySQL: such a store.",
    )
    client_key_password: SecretSource | None = Field(
        None, description="Source of the password of that key or store, if it has one."
    )


class Database(Section):
    """The one database of the cluster."""

    kind: DatabaseKindName = Field(
        description="The kind of database; an embedded one cannot be shared."
    )
    host: DatabaseHosts = Field(
        description="Its server: a node's name, an address, a dotted name, or {host: ...}; or a list"
        " of servers, if the driver supports failover.",
        examples=["10.1.1.10", ["db1.example.org", {"host": "db2.example.org", "port": 5433}]],
    )
    port: Port | None = Field(
        None,
        description="The port of servers that do not set their own; unset: the default of the kind.",
    )
    name: JpaText | None = Field(
        None, description="The database's name; unset: the name in the stock file."
    )
    service: OracleName | None = Field(
        None, description="Oracle: the service to connect to, instead of a SID (`name`)."
    )
    user: JpaText = Field(description="The user that OpenMeetings logs in as.")
    password: SecretSource = Field(description="Source of that user's password.")
    tls: DatabaseTls | None = None
    options: dict[OptionName, OptionValue] = Field(
        {},
        description="JDBC URL parameters, which add to or replace the stock ones; a secret is given"
        " as the source that it is read from.",
        examples=[{"connectTimeout": "10"}],
    )
    pool: dict[OptionName, Text] = Field(
        {},
        description="Connection pool settings (dbcp2), which add to or replace the stock ones.",
        examples=[{"maxTotal": "50"}],
    )
    max_connections: Annotated[int, Field(ge=1)] | None = Field(
        None, description="The server's connection limit, to check the size of the nodes' pools."
    )


class Persistence(Section):
    """JPA settings."""

    properties: dict[PropertyName, Text] = Field(
        {},
        description="Further JPA properties (`openjpa.Log` ...), or new values of stock ones.",
        examples=[{"openjpa.Log": "DefaultLevel=INFO"}],
    )
