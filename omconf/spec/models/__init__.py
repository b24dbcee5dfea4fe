"""The spec's keys as pydantic models: the single definition of `cluster.yaml`.

The same models give the JSON Schema for editors (`omconf schema`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from omconf.spec.models.database import Database, Persistence
from omconf.spec.models.network import Discovery, Hazelcast, Network
from omconf.spec.models.node import Node, NodeDefaults, Removed
from omconf.spec.models.section import Section
from omconf.spec.models.storage import Storage
from omconf.spec.values import (  # pydantic reads these at run time
    Account,
    ClusterName,
    Folder,
    FormatVersion,
    JvmOption,
    KurentoUrl,
    Minutes,
    NodeName,
    Reason,
    Release,
    RuleId,
    SecretSource,
    SpringText,
    Text,
    TimeZone,
    TurnUrl,
    Unit,
    Webapp,
)


class OpenMeetings(Section):
    """What is installed on every node, and where."""

    release: Release = Field(
        description="The OpenMeetings release that all nodes run.", examples=["9.1.0"]
    )
    home: Folder = Field("/opt/om", description="Where OpenMeetings is installed (CATALINA_BASE).")
    webapp: Webapp = Field("openmeetings", description="The folder under <home>/webapps.")
    data_dir: Folder = Field("/opt/omdata", description="The data folder that all nodes share.")
    timezone: TimeZone = Field("Etc/UTC", description="The time zone of all nodes (IANA name).")
    service: Unit = Field(
        "openmeetings.service",
        description="The systemd unit; `none` without systemd.",
    )
    user: Account = Field("nobody", description="The user that OpenMeetings runs as.")
    group: Account = Field("nogroup", description="The group that OpenMeetings runs as.")
    java_options: list[JvmOption] = Field(
        [], description="Further JVM options.", examples=[["-Xmx2g", "-XX:+UseG1GC"]]
    )


class Turn(Section):
    """The TURN server that browsers use; unset keys keep the shipped value."""

    url: TurnUrl | None = Field(
        None, description="`host:port`, or `turn:`, `turns:` and `stun:` URLs separated by commas."
    )
    user: SpringText | None = Field(
        None, description="The user, for mode `static`.", examples=["om"]
    )
    secret: SecretSource | None = Field(None, description="Source of the TURN server's secret.")
    mode: Literal["rest", "static"] | None = Field(
        None,
        description="`rest`: temporary passwords derived from the secret; `static`: user and secret.",
    )
    ttl: Minutes | None = Field(
        None, description="The lifetime of a temporary password, in minutes."
    )


class Kurento(Section):
    """The media server; unset keys keep the shipped value."""

    url: KurentoUrl | None = Field(None, description="The media server that all nodes use.")
    turn: Turn = Turn()


class Secrets(Section):
    """Secrets that must be equal on all nodes (releases 7.0.0 to 8.1.0)."""

    remember_me_key: SecretSource | None = Field(
        None, description="Encrypts the cookie that keeps a user logged in."
    )
    remember_me_salt: SecretSource | None = Field(None, description="The salt of that key.")


class Ignore(Section):
    """A warning that is known and accepted."""

    rule: RuleId = Field(description="The rule's id.", examples=["OM231"])
    node: Text | None = Field(None, description="Ignore it only for this node.", examples=["om1"])
    path: Text | None = Field(
        None,
        description="Ignore it only for this deployed file.",
        examples=["/opt/om/bin/setenv.sh"],
    )
    why: Reason = Field(
        description="The reason, for later readers of the spec.",
        examples=["behind a proxy that ends TLS"],
    )


class Spec(Section):
    """A cluster spec, format version 1."""

    omconf: FormatVersion = Field(description="The format version of this file.")
    cluster: ClusterName = Field(description="The cluster's name.")
    openmeetings: OpenMeetings
    network: Network = Network()
    hazelcast: Hazelcast = Hazelcast()
    persistence: Persistence = Persistence()
    discovery: Discovery = Discovery()
    database: Database
    storage: Storage
    kurento: Kurento = Kurento()
    secrets: Secrets = Secrets()
    ignore: list[Ignore] = Field([], description="Warnings that are known and accepted.")
    nodes: Annotated[dict[str, Node], Field(min_length=1)] = Field(
        description="The nodes by name, a lower-case host label."
    )
    node_defaults: NodeDefaults = NodeDefaults()
    removed: dict[NodeName, Removed] = Field(
        {},
        description="Nodes removed from the spec; keep them here until `plan --ssh` finds no files of"
        " omconf there.",
    )
