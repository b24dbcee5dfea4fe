"""The topology of a cluster: who uses which server, and what becomes of many nodes."""

from __future__ import annotations

from hypothesis import given, settings

from omconf.topology.model import Box, Link, Role, topology
from tests.clusters import cluster_of, simple, spec_of, specs


def test_an_outside_database_and_a_node_that_holds_the_data() -> None:
    drawn = topology(simple(3))
    assert [box.title for box in drawn.nodes] == ["om1", "om2", "om3"]
    assert drawn.nodes[0].lines == ("10.1.1.1", "om1.example.org:5443")
    assert drawn.discovery == "multicast 224.2.2.3:54327, ttl 32"
    assert [(box.title, box.lines) for box in drawn.servers] == [
        ("Database", ("postgresql", "10.1.1.250:5432")),
        ("Data server", ("nfs", "10.1.1.1:/opt/omdata", "on om1")),
    ]
    assert drawn.links == (
        Link((0, 1, 2), 0, "JDBC"),
        Link((1, 2), 1, "mount at /opt/omdata"),
        Link((0,), 1, "holds", runs=True),
    )


def test_a_database_on_a_node_and_a_data_server_outside() -> None:
    drawn = topology(
        simple(
            discovery={"kind": "tcp-ip"},
            hazelcast={"port": 5710},
            database={"host": {"node": "om2"}, "port": 5433},
            storage={"server": {"host": "nas"}, "export": "/export/om"},
        )
    )
    assert drawn.discovery == "tcp-ip, port 5710"
    assert [box.lines for box in drawn.servers] == [
        ("postgresql", "10.1.1.2:5433", "on om2"),
        ("nfs", "nas:/export/om"),
    ]
    assert drawn.links == (
        Link((0, 1), 0, "JDBC"),
        Link((1,), 0, "runs", runs=True),
        Link((0, 1), 1, "mount at /opt/omdata"),
    )


def test_a_folder_that_the_admin_mounts() -> None:
    drawn = topology(simple(storage={"kind": "mounted", "server": None}))
    assert drawn.servers[1].lines == ("mounted by the admin",)
    assert drawn.links[1] == Link((0, 1), 1, "at /opt/omdata")


def test_media_servers_that_nodes_share() -> None:
    data = spec_of(3, kurento={"url": "ws://10.1.1.20:8888/kurento"})
    data["nodes"]["om3"]["kurento_url"] = "ws://127.0.0.1:8888/kurento"
    drawn = topology(cluster_of(data))
    assert drawn.servers[2].lines == ("10.1.1.20:8888",)
    assert drawn.links[-1] == Link((0, 1), 2, "WebSocket")
    for number, node in enumerate(data["nodes"].values()):
        node["kurento_url"] = f"ws://10.1.1.{number + 20}:8888/kurento"
    assert len(topology(cluster_of(data)).servers) == 5
    data["nodes"]["om4"] = data["nodes"]["om3"] | {
        "address": "10.1.1.4",
        "url": "https://om4.example.org:5443/openmeetings",
        "kurento_url": "ws://10.1.1.24:8888/kurento",
    }
    assert topology(cluster_of(data)).servers[2:] == (
        Box(Role.MEDIA, "Media servers", ("4 of them",)),
    )


def test_many_nodes_are_groups_of_those_that_use_the_same() -> None:
    assert len(topology(simple(30)).nodes) == 30
    drawn = topology(simple(100, database={"host": "om7"}))
    assert [(box.title, box.lines) for box in drawn.nodes] == [
        ("om1", ("10.1.1.1", "om1.example.org:5443")),
        (
            "om2 … om100",
            (
                "98 nodes",
                "10.1.1.2 … 10.1.1.100",
                "om2.example.org:5443 …",
                "om100.example.org:5443",
            ),
        ),
        ("om7", ("10.1.1.7", "om7.example.org:5443")),
    ]
    assert drawn.links == (
        Link((0, 1, 2), 0, "JDBC"),
        Link((2,), 0, "runs", runs=True),
        Link((1, 2), 1, "mount at /opt/omdata"),
        Link((0,), 1, "holds", runs=True),
    )


@settings(max_examples=50, deadline=None)
@given(specs())
def test_every_node_uses_the_database_and_the_data(data: dict[str, object]) -> None:
    drawn = topology(cluster_of(data))
    for server in range(2):
        linked = [n for link in drawn.links if link.server == server for n in link.nodes]
        assert set(linked) == set(range(len(drawn.nodes)))
    assert all(link.nodes for link in drawn.links)
