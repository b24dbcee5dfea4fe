"""The spec's keys as pydantic models: the single definition of `cluster.yaml`.

The same models give the JSON Schema for editors (`omconf schema`).
"""

from typing import Annotated

from pydantic import Field

from omconf.spec.models.database import Database, Persistence
from omconf.spec.models.media_server import Kurento
from omconf.spec.models.network import Discovery, Hazelcast, Network
from omconf.spec.models.node import Node, NodeDefaults, Removed
from omconf.spec.models.openmeetings import OpenMeetings
from omconf.spec.models.section import Section
from omconf.spec.models.storage import Storage
from omconf.spec.values import (  # pydantic reads these at run time
    ClusterName,
    FormatVersion,
    NodeName,
    Reason,
    RuleId,
    SecretSource,
    Text,
)


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
