"""Members in containers on two hosts, behind the NAT that Docker makes, in network namespaces."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from omconf.artifacts import database_access, hazelcast
from omconf.check import check
from omconf.cluster.model import Cluster
from tests.clusters import cluster_of, rules_of, spec_of
from tests.needs import needs
from tests.real.programs import Network, run
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
    {leaving}
    oifname "docker*" ct status dnat masquerade
  }}
}}
"""
"""What Docker does with ports that are published, without its proxy, and with packets that leave."""


def _docker_host(network: Network, name: str, containers: dict[str, tuple[str, str]]) -> None:
    """Add a host with a bridge of its own; containers: their address, and `HOST:PORT` outside."""
    host = network.host(HOSTS[name])
    for outside in {public.partition(":")[0] for _, public in containers.values()}:
        network.run(host, "ip", "address", "replace", f"{outside}/24", "dev", "eth0")
    network.run(host, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
    published, leaving = [], []
    inside = {address.rpartition(".")[0]: public for address, public in containers.values()}
    for prefix, public in inside.items():
        bridge = f"docker{prefix}"
        network.run(host, "ip", "link", "add", bridge, "type", "bridge")
        network.run(host, "ip", "address", "add", f"{prefix}.1/24", "dev", bridge)
        network.run(host, "ip", "link", "set", bridge, "up")
        # 172.17 is Docker's default network, which masquerades; others have an option for it.
        own = "masquerade" if prefix == "172.17.0" else f"snat to {public}"
        leaving.append(f'ip saddr {prefix}.0/24 oifname != "{bridge}" {own}')
    for container, (address, public) in containers.items():
        space = f"{network.name}{container}"
        prefix = address.rpartition(".")[0]
        bridge = f"docker{prefix}"
        run("ip", "netns", "add", space)
        network.hosts[container] = space
        run(
            "ip",
            "-n",
            host,
            *f"link add v{container} type veth peer name eth0 netns {space}".split(),
        )
        network.run(host, "ip", "link", "set", f"v{container}", "master", bridge, "up")
        network.run(space, "ip", "address", "add", f"{address}/24", "dev", "eth0")
        network.run(space, "ip", "link", "set", "eth0", "up")
        network.run(space, "ip", "link", "set", "lo", "up")
        network.run(space, "ip", "route", "add", "default", "via", f"{prefix}.1")
        outside, _, port = public.partition(":")
        published.append(f"ip daddr {outside} tcp dport {port or 5701} dnat to {address}:5701")
    ruleset = network.start(host, "nft", "-f", "-")
    rules = NAT.format(published="\n    ".join(published), leaving="\n    ".join(leaving))
    said, _ = ruleset.communicate(rules)
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


def _docker_hosts(network: Network, cluster: Cluster) -> None:
    containers = {
        node.name.value: (node.address.value, node.seen_at.value) for node in cluster.nodes
    }
    for host in HOSTS:
        own = {name: place for name, place in containers.items() if name.startswith(host)}
        _docker_host(network, host, own)


def _start(network: Network, cluster: Cluster, members: Members, folder: Path) -> None:
    _docker_hosts(network, cluster)
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
NETWORKS = {
    "a1": ("172.18.0.2", "10.1.1.11"),
    "a2": ("172.19.0.2", "10.1.1.12"),
    "b1": ("172.18.0.2", "10.1.1.21"),
}
"""As docs/nat.md has it: each container in a network that sends from where it is published."""


@pytest.mark.parametrize(("containers", "warned"), [(PORTS, ["OM209"]), (NETWORKS, [])])
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


LISTEN = """\
import socket
server = socket.create_server(("", 5432))
print("listens", flush=True)
while True:
    print(server.accept()[1][0], flush=True)
"""


@pytest.mark.parametrize(
    ("containers", "seen"),
    [
        (NETWORKS, ["10.1.1.11", "10.1.1.12", "10.1.1.21"]),
        (ADDRESSES, ["10.1.1.1", "10.1.1.1", "10.1.1.2"]),
    ],
)
def test_what_the_database_sees_of_containers(
    network: Network, containers: dict[str, tuple[str, str]], seen: list[str]
) -> None:
    """Packets leave Docker's default network with the host's first address, not the published one."""
    cluster = cluster_of(_cluster(containers, discovery={"kind": "tcp-ip"}))
    server = network.start(network.host("10.1.1.9"), sys.executable, "-uc", LISTEN)
    assert server.stdout is not None
    assert server.stdout.readline() == "listens\n"
    _docker_hosts(network, cluster)
    connect = "import socket; socket.create_connection(('10.1.1.9', 5432), 20)"
    found = []
    for container in containers:
        network.run(network.hosts[container], sys.executable, "-c", connect)
        found.append(server.stdout.readline().strip())
    assert found == seen
    files = {external.path: external for external in database_access.KIND.external_files(cluster)}
    let_in = files["database/pg_hba.conf"].data.decode()
    assert all(f" {address}/32 " in let_in for address in found) == (containers is NETWORKS)
