"""The firewall's table and unit: which ports are closed where, and to whom."""

from __future__ import annotations

from typing import Any

import pytest

from omconf.actions import Manual, Put, Run, Service
from omconf.artifacts import kinds
from omconf.artifacts.contents import Artifact
from omconf.artifacts.firewall import KIND, UNIT_PATH
from omconf.check import check
from omconf.cluster.model import Cluster
from omconf.rules import CLOSED_URL
from tests import first
from tests.clusters import cluster_of, simple, spec_of
from tests.first import lines as lines_of

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
    off = "nft 'add table inet omconf_conference; delete table inet omconf_conference'"
    boot = f"the admin: Configure this node to run `nft -f {table.path}` at boot."
    never = f"the admin: Stop running `nft -f {table.path}` at boot."
    assert lines_of(KIND.effect(cluster, {}, "create").run) == (f"nft -f {table.path}", boot)
    assert lines_of(KIND.effect(cluster, {}, "update").run) == (f"nft -f {table.path}",)
    assert first.nodes(cluster, first.runs("nft", "-f", table.path)) == ("om1", "om2")
    # The unit alone is left over: it takes the table with it, which is loaded again.
    gone = KIND.delete(cluster, "om1", UNIT_PATH)
    assert lines_of(gone.release) == (f"systemctl stop {UNIT}", f"systemctl disable {UNIT}")
    assert lines_of(gone.run) == ("systemctl daemon-reload", f"nft -f {table.path}", boot)
    gone = KIND.delete(simple(openmeetings={"service": "none"}), "om1", table.path)
    assert (lines_of(gone.release), gone.run) == ((off, never), ())


def test_a_change_is_loaded_in_one_step_and_restarts_nothing() -> None:
    effect = KIND.effect(behind(), {}, "update")
    assert (effect.rolling, effect.scope, effect.stopped) == (True, "node", False)
    # Also where the unit was stopped by hand, since it is not asked.
    assert lines_of(effect.run)[-1] == "nft -f /etc/omconf/conference/firewall.nft"
    assert effect.run[-1].again, "what is restored has to be loaded, too"
    gone = KIND.delete(simple(), "om1", UNIT_PATH)
    assert lines_of(gone.release) == (f"systemctl stop {UNIT}", f"systemctl disable {UNIT}")
    assert lines_of(gone.run) == ("systemctl daemon-reload",)


def test_the_way_back_takes_the_table_away_before_its_files() -> None:
    table = "add table inet omconf_conference; delete table inet omconf_conference"
    for cluster, off in (
        (behind(), (Service("stop", UNIT), Service("disable", UNIT))),
        (behind(openmeetings={"service": "none"}), (Run(("nft", table)),)),
    ):
        step = first.step(cluster, first.writes(artifacts(cluster)[0].path))
        assert step is not None
        files = next(at for at, action in enumerate(step.undo) if isinstance(action, Put))
        assert [a for a in step.undo[:files] if not isinstance(a, Manual)] == list(off)


def test_a_new_node_is_let_in_before_it_mounts_and_starts() -> None:
    stages = {kind.name: kind.stage for kind in kinds()}
    assert stages["exports"] < stages["firewall"] < stages["fstab"] < stages["hazelcast"]
    places = first.order(
        behind(),
        lambda action: action == Service("restart", UNIT),
        first.runs("mount"),
        first.starts,
    )
    assert places == sorted(places)


def test_the_reason_names_the_ports_for_other_firewalls() -> None:
    cluster = behind(database={"host": {"node": "om2"}})
    why = KIND.effect(cluster, {}, "create").why
    assert "5701-5800/tcp (Hazelcast), 5636/tcp" in why
    assert "54327/udp" in why
    assert "on om1 also 2049/tcp" in why
    assert "on om2 also 5432/tcp (the database)" in why
    assert "/etc/omconf/conference/firewall.d/*.nft" in why
    step = first.step(cluster, first.writes(UNIT_PATH))
    assert step is not None
    assert (step.why, step.nodes) == (why, ("om1", "om2")), "who rolls out reads it"
    assert "5701" not in KIND.effect(cluster, {}, "update").why
    assert first.step(simple(), first.writes(UNIT_PATH)) is None


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
