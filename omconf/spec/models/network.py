"""The sections that say how the nodes reach and find each other."""

from typing import Literal

from pydantic import Field

from omconf.spec.models.section import Section
from omconf.spec.values import (  # pydantic reads these at run time
    HazelcastName,
    Interface,
    Interfaces,
    MulticastGroup,
    Port,
    PropertyName,
    Subnets,
    Text,
    Timeout,
    Ttl,
    XmlText,
)


class Network(Section):
    """The network that the nodes share."""

    interface: Interface | None = Field(
        None, description="The network interface; unset: the one with the node's address."
    )
    subnet: Subnets | None = Field(
        None,
        description="The nodes' network or networks, to check that multicast reaches all nodes.",
        examples=["10.1.1.0/24", ["10.1.1.0/24", "10.2.1.0/24"]],
    )
    multicast_route: bool | None = Field(
        None, description="Whether nodes get a multicast route; unset: if discovery uses multicast."
    )
    firewall: Literal["none", "nftables"] = Field(
        "none",
        description="`nftables`: only the nodes can reach the cluster's ports of a node.",
    )


class Discovery(Section):
    """How the members find each other."""

    kind: Literal["multicast", "tcp-ip"] = Field("multicast", description="How members are found.")
    group: MulticastGroup = Field("224.2.2.3", description="The multicast group.")
    port: Port = Field(54327, description="The multicast port (UDP).")
    ttl: Ttl = Field(32, description="How many routers a multicast packet may pass, 1 to 255.")
    timeout: Timeout = Field(
        2, description="How long a starting member looks for others, in seconds."
    )


class Hazelcast(Section):
    """Hazelcast's own settings."""

    cluster_name: HazelcastName | None = Field(
        None, description="Hazelcast's cluster-name; unset: the cluster's name."
    )
    port: Port | None = Field(
        None,
        description="Hazelcast's port, without auto-increment; unset: 5701 with auto-increment.",
    )
    interfaces: Interfaces | None = Field(
        None,
        description="Which address of a node Hazelcast uses: a pattern such as `10.1.1.*`, or `none`"
        " to let Hazelcast choose; unset: the node's own address.",
    )
    properties: dict[PropertyName, XmlText] = Field(
        {},
        description="Further `hazelcast.*` properties, or new values of stock ones.",
        examples=[{"hazelcast.operation.call.timeout.millis": "30000"}],
    )
    extra: Text | None = Field(
        None,
        description="A file next to the spec with further Hazelcast elements below a <hazelcast> root.",
        examples=["hazelcast-extra.xml"],
    )
