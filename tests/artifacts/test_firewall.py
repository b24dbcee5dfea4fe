"""The firewall's table and unit: which ports are closed where, and to whom."""

from __future__ import annotations

from typing import Any

import pytest

from omconf.artifacts import kinds
from omconf.artifacts.firewall import CLOSED_URL, KIND, UNIT_PATH
from omconf.artifacts.model import Artifact
from omconf.check.rules import check
from omconf.cluster.model import Cluster
from tests.clusters import cluster_of, simple, spec_of

HAZELCAST = '    tcp dport 5701-5800 drop comment "Hazelcast"'
COMMITS = '    tcp dport 5636 drop comment "OpenJPA\'s remote commits"'
MULTICAST = '    udp dport 54327 drop comment "Hazelcast\'s multicast"'
DATA = [f'    {protocol} dport 2049 drop comment "the data folder"' for protocol in ("tcp", "udp")]
UNIT = "omconf-firewall.service"


def behind(number: int = 2, *, nodes: dict[str, Any] | None = None, **sections: Any) -> Cluster:
    spec = spec_of(number, network={"firewall": "nftables"}, **sections)
    return cluster_of({**spec, "nodes": nodes or spec["nodes"]})


def artifacts(cluster: Cluster, number: int = 2) -> list[Artifact]:
    return KIND.render(cluster, cluster.nodes[number - 1])


def lines(cluster: Cluster, number: int = 2) -> list[str]:
    return artifacts(cluster, number)[0].text.splitlines()


def drops(cluster: Cluster, number: int = 2) -> list[str]:
    return [text for text in lines(cluster, number) if "drop" in text and text.startswith(" ")]


def test_nobody_gets_a_firewall_unasked() -> None:
    assert artifacts(simple()) == []


def test_a_node_closes_what_listens_on_every_address() -> None:
    assert drops(behind()) == [HAZELCAST, COMMITS, MULTICAST]


def test_a_set_port_is_the_only_one_and_tcp_ip_needs_no_multicast() -> None:
    cluster = behind(discovery={"kind": "tcp-ip"}, hazelcast={"port": 5710})
    assert drops(cluster) == [HAZELCAST.replace("5701-5800", "5710"), COMMITS]


def test_the_data_server_and_the_databases_node_close_more() -> None:
    cluster = behind(3, database={"host": {"node": "om3"}, "port": 5433})
    assert drops(cluster, 1)[3:] == DATA
    assert drops(cluster, 2)[3:] == []
    assert drops(cluster, 3)[3:] == ['    tcp dport 5433 drop comment "the database"']


def test_of_what_the_admin_mounts_nothing_is_known() -> None:
    assert drops(behind(storage={"kind": "mounted"}), 1)[3:] == []


def test_one_line_an_address_so_that_a_node_more_is_a_line_more() -> None:
    nodes = spec_of(2)["nodes"]
    nodes["om2"]["storage_address"] = "10.2.2.2"
    before = lines(behind(nodes=nodes))
    at = before.index("      10.1.1.1, # om1")
    assert before[at + 1 : at + 3] == [
        "      10.1.1.2, # om2",
        "      10.2.2.2, # om2, towards the data server",
    ]
    nodes["om3"] = {"address": "10.1.1.3", "url": "https://om3.example.org:5443/openmeetings"}
    after = lines(behind(nodes=nodes))
    after.remove("      10.1.1.3, # om3")
    assert after == before


def test_nodes_share_one_artifact() -> None:
    cluster = behind(4, database={"host": {"node": "om2"}})
    tables = {id(KIND.render(cluster, node)[0]) for node in cluster.nodes}
    units = {id(KIND.render(cluster, node)[1]) for node in cluster.nodes}
    assert (len(tables), len(units)) == (3, 1)


def test_names_have_no_hyphens() -> None:
    cluster = behind(cluster="behind-a-wall")
    table, unit = artifacts(cluster)
    assert table.path == "/etc/omconf/behind-a-wall/firewall.nft"
    assert "table inet omconf_behind_a_wall {" in table.text.splitlines()
    assert "delete table inet omconf_behind_a_wall" in unit.text


def test_without_systemd_there_is_no_unit() -> None:
    cluster = behind(openmeetings={"service": "none"})
    (table,) = artifacts(cluster)
    assert KIND.guide(cluster).startswith(f"On every node, at each boot: `nft -f {table.path}`.")
    assert KIND.effect(cluster, {}, "create").run == (f"nft -f {table.path}",)
    # The unit alone is left over.
    assert KIND.effect(cluster, {}, "delete").run == (
        f"systemctl disable --now {UNIT}",
        f"nft -f {table.path}",
    )
    without = simple(openmeetings={"service": "none"})
    (run,) = KIND.effect(without, {}, "delete").run
    assert run == "nft 'add table inet omconf_conference; delete table inet omconf_conference'"


def test_a_change_is_loaded_in_one_step_and_restarts_nothing() -> None:
    effect = KIND.effect(behind(), {}, "update")
    assert (effect.rolling, effect.scope, effect.stopped) == (True, "node", False)
    assert effect.run[-1] == f"systemctl reload-or-restart {UNIT}"
    gone = (f"systemctl disable --now {UNIT}", "systemctl daemon-reload")
    assert KIND.effect(simple(), {}, "delete").run == gone


def test_a_new_node_is_let_in_before_it_mounts_and_starts() -> None:
    phases = {kind.name: kind.phase for kind in kinds()}
    assert phases["firewall"] < phases["fstab"] < phases["hazelcast"]


def test_the_guide_names_the_ports_for_other_firewalls() -> None:
    guide = KIND.guide(behind(database={"host": {"node": "om2"}}))
    assert "5701-5800/tcp (Hazelcast), 5636/tcp" in guide
    assert "54327/udp" in guide
    assert "on om1 also 2049/tcp" in guide
    assert "on om2 also 5432/tcp (the database)" in guide
    assert KIND.guide(simple()) == ""


def test_the_unit_is_loaded_before_openmeetings_and_after_nftables() -> None:
    unit = artifacts(behind(openmeetings={"service": "om@1.service"}))[1]
    assert unit.path == UNIT_PATH
    assert "Before=network-pre.target shutdown.target om@1.service" in unit.text
    assert "After=nftables.service\nPartOf=nftables.service\n" in unit.text


@pytest.mark.parametrize(
    ("port", "hazelcast", "warned"),
    [(5750, {}, True), (5801, {}, False), (5750, {"port": 5701}, False)],
)
def test_a_public_port_that_is_closed_is_a_warning(
    port: int, hazelcast: dict[str, int], warned: bool
) -> None:
    nodes = spec_of()["nodes"]
    nodes["om2"]["url"] = f"https://om2.example.org:{port}/openmeetings"
    cluster = behind(nodes=nodes, hazelcast=hazelcast)
    found = [d for d in check(cluster) if d.rule is CLOSED_URL]
    assert [d.span and d.span.file for d in found] == (["cluster.yaml"] if warned else [])
    without = cluster_of({**spec_of(), "nodes": nodes})
    assert CLOSED_URL not in [d.rule for d in check(without)]
