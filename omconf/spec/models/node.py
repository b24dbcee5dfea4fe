"""The keys of a node, of all nodes, and of a removed one."""

from pydantic import Field

from omconf.spec.models.section import Section
from omconf.spec.values import (  # pydantic reads these at run time
    Address,
    Folder,
    InstanceName,
    Interface,
    KurentoUrl,
    Member,
    NodeName,
    PublicAddress,
    RemovedDestination,
    SshDestination,
    Url,
)


class NodeDefaults(Section):
    """Default keys of nodes; `{name}` and `{address}` in `url`, `ssh` and `member` are the node's."""

    address: Address | None = Field(
        None, description="The address that members use to reach each other."
    )
    url: Url | None = Field(None, description="The node's public URL, for browsers.")
    interface: Interface | None = Field(None, description="The node's network interface.")
    home: Folder | None = Field(
        None, description="Where OpenMeetings is installed on this node.", examples=["/opt/om"]
    )
    storage_address: Address | None = Field(
        None,
        description="The address at which the data server sees the node, if it is a different one.",
    )
    public_address: PublicAddress | None = Field(
        None,
        description="The address that the other members see behind NAT; with a port if NAT maps"
        " Hazelcast's port to another one.",
    )
    member: Member | None = Field(
        None,
        description="The node's name in the member list of `tcp-ip`, without a port; unset: the"
        " address at which the others see it.",
    )
    kurento_url: KurentoUrl | None = Field(None, description="The node's own media server.")
    ssh: SshDestination | None = Field(
        None, description="The node's OpenSSH destination; unset: the node's name."
    )


class Node(NodeDefaults):
    """One node of the cluster."""

    instance_name: InstanceName | None = Field(
        None, description="The member's name in Hazelcast; unset: the node's name."
    )
    renamed_from: NodeName | None = Field(
        None,
        description="The node's previous name: plans compare with the files of that name.",
    )


class Removed(Section):
    """A node removed from the spec whose files are still to be deleted."""

    ssh: RemovedDestination = Field(description="Its OpenSSH destination.")
