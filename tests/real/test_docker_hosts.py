"""Members in containers on two hosts, behind the NAT that Docker makes, in network namespaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omconf.artifacts import hazelcast
from omconf.check.rules import check
from omconf.cluster.model import Cluster
from tests.clusters import cluster_of, rules_of, spec_of
from tests.needs import needs
from tests.real.judges import Network, run
from tests.real.test_hazelcast import Members

pytestmark = needs("nft")

HOSTS = {"a": "10.1.1.1", "b": "10.1.1.2"}
NAT = """\
table ip nat {{
  chain in {{
    type nat hook prerouting priority dstnat;
    {published}
  }}
  chain out {{
    type nat hook postrouting priority srcnat;
    ip saddr 172.17.0.0/16 oifname "eth0" masquerade
    oifname "docker0" ct status dnat masquerade
  }}
}}
"""
"""What Docker does with ports that are published, without its proxy."""


def _docker_host(network: Network, name: str, containers: dict[str, tuple[str, str]]) -> None:
    """Add a host with a bridge of its own; containers: their address, and `HOST:PORT` outside."""
    host = network.host(HOSTS[name])
    for outside in {public.partition(":")[0] for _, public in containers.values()}:
        network.run(host, "ip", "address", "replace", f"{outside}/24", "dev", "eth0")
    network.run(host, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
    network.run(host, "ip", "link", "add", "docker0", "type", "bridge")
    network.run(host, "ip", "address", "add", "172.17.0.1/16", "dev", "docker0")
    network.run(host, "ip", "link", "set", "docker0", "up")
    published = []
    for container, (address, public) in containers.items():
        space = f"{network.name}{container}"
        run("ip", "netns", "add", space)
        network.hosts[container] = space
        run(
            "ip",
            "-n",
            host,
            *f"link add v{container} type veth peer name eth0 netns {space}".split(),
        )
        network.run(host, "ip", "link", "set", f"v{container}", "master", "docker0", "up")
        network.run(space, "ip", "address", "add", f"{address}/16", "dev", "eth0")
        network.run(space, "ip", "link", "set", "eth0", "up")
        network.run(space, "ip", "link", "set", "lo", "up")
        network.run(space, "ip", "route", "add", "default", "via", "172.17.0.1")
        outside, _, port = public.partition(":")
        published.append(f"ip daddr {outside} tcp dport {port or 5701} dnat to {address}:5701")
    ruleset = network.start(host, "nft", "-f", "-")
    said, _ = ruleset.communicate(NAT.format(published="\n    ".join(published)))
    assert ruleset.returncode == 0, said


def _cluster(containers: dict[str, tuple[str, str]], **sections: Any) -> dict[str, Any]:
    data = spec_of(openmeetings={"service": "none"}, **sections)
    data["storage"] = {"kind": "mounted"}
    data["nodes"] = {
        name: {
            "address": address,
            "public_address": public,
            "url": f"https://{name}.example.org:5443/openmeetings",
        }
        for name, (address, public) in containers.items()
    }
    return data


def _start(network: Network, cluster: Cluster, members: Members, folder: Path) -> None:
    containers = {
        node.name.value: (node.address.value, node.seen_at.value) for node in cluster.nodes
    }
    for host in HOSTS:
        own = {name: place for name, place in containers.items() if name.startswith(host)}
        _docker_host(network, host, own)
    for node in cluster.nodes:
        path = folder / f"{node.name.value}.xml"
        path.write_bytes(hazelcast.KIND.render(cluster, node)[0].data)
        members.start(node.name.value, path)


PORTS = {
    "a1": ("172.17.0.2", "10.1.1.1:15701"),
    "a2": ("172.17.0.3", "10.1.1.1:15702"),
    "b1": ("172.17.0.2", "10.1.1.2:15701"),
}
ADDRESSES = {
    "a1": ("172.17.0.2", "10.1.1.11"),
    "a2": ("172.17.0.3", "10.1.1.12"),
    "b1": ("172.17.0.2", "10.1.1.21"),
}


@pytest.mark.parametrize(("containers", "warned"), [(PORTS, ["OM209"]), (ADDRESSES, [])])
def test_containers_of_two_hosts_form_one_cluster(
    java: str,
    network: Network,
    tmp_path: Path,
    containers: dict[str, tuple[str, str]],
    warned: list[str],
) -> None:
    """Two of them have the same address; a port or an address of the host tells them apart."""
    cluster = cluster_of(_cluster(containers, discovery={"kind": "tcp-ip"}))
    assert [d.rule.id for d in check(cluster)] == warned
    members = Members(java, network, tmp_path)
    _start(network, cluster, members, tmp_path)
    everybody = members.named(sorted(tmp_path.glob("*.xml")))
    members.wait(dict.fromkeys(containers, everybody), seconds=120)


def test_multicast_finds_the_containers_of_one_host_alone(
    java: str, network: Network, tmp_path: Path
) -> None:
    assert rules_of(_cluster(PORTS, discovery={"kind": "multicast"})) == {"OM224"}
    containers = {**ADDRESSES, "b1": ("172.17.0.4", "10.1.1.21")}
    cluster = cluster_of(_cluster(containers, discovery={"kind": "multicast"}))
    assert [d.rule.id for d in check(cluster)] == ["OM224"]
    members = Members(java, network, tmp_path)
    _start(network, cluster, members, tmp_path)
    a1, a2, b1 = (tmp_path / f"{name}.xml" for name in containers)
    together = members.named([a1, a2])
    members.wait({"a1": together, "a2": together, "b1": members.named([b1])}, seconds=120)
