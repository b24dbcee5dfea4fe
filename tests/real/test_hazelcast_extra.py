"""Additional Hazelcast configuration, public addresses and several cards, checked by real members."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from omconf.artifacts import hazelcast
from omconf.cluster.model import Cluster
from tests.clusters import cluster_of, simple, spec_of
from tests.command import EXAMPLES, omconf
from tests.needs import needs
from tests.real.classes import compiled
from tests.real.programs import JAVA, Network
from tests.real.test_hazelcast import Members, _jars

SPEC = (EXAMPLES / "clustering-page/cluster.yaml").read_text()
EXTRA = """\
<hazelcast xmlns="http://www.hazelcast.com/schema/config">
  <management-center scripting-enabled="false"/>
  <network>
    <rest-api enabled="true">
      <endpoint-group name="HEALTH_CHECK" enabled="true"/>
    </rest-api>
  </network>
  <member-attributes>
    <attribute name="rack">r1</attribute>
  </member-attributes>
  <executor-service name="recordings">
    <pool-size>4</pool-size>
  </executor-service>
  <serialization>
    <serializers>
      <serializer type-class="java.util.concurrent.atomic.AtomicReference"
                  class-name="MarkSerializer"/>
    </serializers>
  </serialization>
</hazelcast>
"""
JAR = JAVA / "lib/hazelcast/hazelcast-5.5.0.jar"


def built(tmp_path: Path, extra: str) -> Path:
    (tmp_path / "extra.xml").write_text(extra)
    spec = tmp_path / "cluster.yaml"
    spec.write_text(SPEC + "hazelcast: {extra: extra.xml}\n")
    result = omconf("build", spec, "-o", tmp_path / "bundles", "--hazelcast-jar", JAR)
    assert result.code == 0, result.err
    return tmp_path / "bundles"


def configurations(cluster: Cluster, folder: Path) -> dict[str, Path]:
    """Each node's hazelcast.xml, by address."""
    found = {}
    for node in cluster.nodes:
        path = found[node.address.value] = folder / f"{node.name.value}.xml"
        path.write_bytes(hazelcast.KIND.render(cluster, node)[0].data)
    return found


def everybody(cluster: Cluster) -> str:
    return "members " + " ".join(f"{n.name.value}={n.url.value}" for n in cluster.nodes)


def test_members_with_further_elements_form_a_cluster(
    java: str, network: Network, tmp_path: Path
) -> None:
    bundles = built(tmp_path, EXTRA)
    members = Members(java, network, tmp_path)
    place = members.command.index("-cp") + 1
    members.command[place] += f":{compiled(_jars('5.5.0'), JAVA / 'MarkSerializer.java')}"
    cluster = simple()
    for number, node in enumerate(cluster.nodes, 1):
        (found,) = bundles.glob(f"om{number}/files/**/hazelcast.xml")
        copy = tmp_path / f"om{number}.xml"
        shutil.copy(found, copy)
        members.start(node.address.value, copy)
    members.wait({n.address.value: everybody(cluster) for n in cluster.nodes})
    said = members.output["10.1.1.1"].read_text()
    assert "serializer made" in said
    url = "http://10.1.1.1:5701/hazelcast/health"
    script = f"import urllib.request; print(urllib.request.urlopen('{url}').read().decode())"
    health = network.run(network.hosts["10.1.1.2"], sys.executable, "-c", script).stdout
    assert '"clusterSize":2' in health


def test_the_jars_own_schema_points_into_the_file(java: str, tmp_path: Path) -> None:
    (tmp_path / "extra.xml").write_text(EXTRA.replace("<pool-size>4", "<pool-size>many"))
    spec = tmp_path / "cluster.yaml"
    spec.write_text(SPEC + "hazelcast: {extra: extra.xml}\n")
    assert omconf("validate", spec).code == 0
    result = omconf("validate", spec, "--hazelcast-jar", JAR)
    assert result.code == 1
    assert (
        f"{tmp_path / 'extra.xml'}:11:3: error[OM264]: Hazelcast rejects `pool-size`" in result.err
    )
    assert "many" not in result.err.partition("OM264")[2].splitlines()[0]


@pytest.mark.parametrize("jar", ["none.jar", "cluster.yaml"])
def test_a_jar_that_is_none(tmp_path: Path, jar: str) -> None:
    (tmp_path / "cluster.yaml").write_text(SPEC)
    result = omconf("validate", tmp_path / "cluster.yaml", "--hazelcast-jar", tmp_path / jar)
    assert result.code == 1
    assert "error[OM264]" in result.err


def test_members_see_each_other_at_public_addresses(
    java: str, network: Network, tmp_path: Path
) -> None:
    data = spec_of(discovery={"kind": "tcp-ip"})
    for number, node in enumerate(data["nodes"].values(), 1):
        node["public_address"] = f"10.9.9.{number}"
    cluster = cluster_of(data)
    members = Members(java, network, tmp_path)
    found = configurations(cluster, tmp_path)
    for number, (address, path) in enumerate(found.items(), 1):
        assert f"<member>{address}</member>" not in path.read_text()
        space = network.host(address)
        network.run(space, "ip", "address", "add", f"10.9.9.{number}/24", "dev", "eth0")
        members.start(address, path)
    members.wait({address: everybody(cluster) for address in found})


@needs("nft")
def test_members_behind_nat_that_has_ports_of_its_own(
    java: str, network: Network, tmp_path: Path
) -> None:
    data = spec_of(discovery={"kind": "tcp-ip"})
    for number, node in enumerate(data["nodes"].values(), 1):
        node["public_address"] = f"10.9.9.{number}:1570{number}"
    cluster = cluster_of(data)
    members = Members(java, network, tmp_path)
    found = configurations(cluster, tmp_path)
    for number, (address, path) in enumerate(found.items(), 1):
        assert f"<public-address>10.9.9.{number}:1570{number}</public-address>" in path.read_text()
        space = network.host(address)
        network.run(space, "ip", "address", "add", f"10.9.9.{number}/24", "dev", "eth0")
        chain = "type nat hook prerouting priority -100;"
        rule = f"ip daddr 10.9.9.{number} tcp dport 1570{number} redirect to :5701"
        network.run(space, "nft", f"add table ip nat; add chain ip nat in {{ {chain} }}")
        network.run(space, "nft", f"add rule ip nat in {rule}")
        members.start(address, path)
    members.wait({address: everybody(cluster) for address in found})


def test_of_several_cards_the_nodes_own_is_used(
    java: str, network: Network, tmp_path: Path
) -> None:
    cluster = simple()
    members = Members(java, network, tmp_path)
    found = configurations(cluster, tmp_path)
    for number, (address, path) in enumerate(found.items(), 1):
        space = network.host(address)
        network.run(space, "ip", "link", "add", "dead0", "type", "veth", "peer", "name", "end0")
        network.run(space, "ip", "address", "add", f"10.0.0.{number}/24", "dev", "dead0")
        network.run(space, "ip", "link", "set", "dead0", "up")
        members.start(address, path)
    members.wait({address: everybody(cluster) for address in found})
