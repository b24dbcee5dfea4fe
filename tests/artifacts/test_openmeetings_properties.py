"""Single keys of openmeetings.properties."""

from __future__ import annotations

from typing import Any

from omconf.artifacts import openmeetings_properties
from omconf.cluster.model import Cluster
from omconf.formats import properties
from omconf.secrets import Secret
from tests.clusters import cluster_of, simple, spec_of

KIND = openmeetings_properties.KIND
SHARED = "ws://10.1.1.20:8888/kurento"


def keys_of(cluster: Cluster, number: int = 0) -> dict[str, str]:
    artifacts = KIND.render(cluster, cluster.nodes[number])
    return {k: s.value for a in artifacts for k, s in properties.read(a.text).items()}


def with_urls(*urls: str | None, **kurento: Any) -> Cluster:
    data = spec_of(len(urls), kurento=kurento)
    for node, url in zip(data["nodes"].values(), urls, strict=True):
        if url:
            node["kurento_url"] = url
    return cluster_of(data)


def test_nothing_is_owned_unless_the_spec_says_something() -> None:
    assert keys_of(simple()) == {}


def test_nodes_that_share_a_media_server_ignore_each_other() -> None:
    cluster = with_urls(None, None, "ws://10.1.1.21:8888/kurento", url=SHARED)
    assert keys_of(cluster) == {
        "kurento.ws.url": SHARED,
        "kurento.kuid": "om1.conference",
        "kurento.ignored.kuids": "om2.conference",
    }
    assert keys_of(cluster, 2) == {
        "kurento.ws.url": "ws://10.1.1.21:8888/kurento",
        "kurento.kuid": "om3.conference",
        "kurento.ignored.kuids": "",
    }


def test_a_media_server_on_loopback_is_each_nodes_own() -> None:
    cluster = with_urls(None, None, url="ws://127.0.0.1:8888/kurento")
    assert keys_of(cluster)["kurento.ignored.kuids"] == ""


def test_the_turn_server() -> None:
    turn = {"url": "turn.example.org:3478", "user": "ä=b", "mode": "rest", "ttl": 90}
    cluster = simple(kurento={"turn": {**turn, "secret": {"env": "TURN"}}})
    (artifact,) = KIND.render(cluster, cluster.nodes[0])
    assert artifact.text.isascii()
    assert artifact.mode == 0o600
    keys = keys_of(cluster)
    assert keys["kurento.turn.user"] == "ä=b"
    assert keys["kurento.turn.ttl"] == "90"
    assert keys["kurento.turn.secret"] == "@omconf:kurento.turn.secret@"
    text = artifact.filled({"kurento.turn.secret": Secret("a\\b #!=:ü")})
    assert properties.read(text)["kurento.turn.secret"].value == "a\\b #!=:ü"
    assert KIND.read(text).secrets["kurento.turn.secret"] == Secret("a\\b #!=:ü")


def test_an_expression_of_spring_is_refused_without_its_text() -> None:
    cluster = simple(kurento={"turn": {"secret": {"env": "TURN"}}})
    (artifact,) = KIND.render(cluster, cluster.nodes[0])
    try:
        artifact.filled({"kurento.turn.secret": Secret("hunter2${x}")})
    except ValueError as error:
        assert "hunter2" not in str(error)
    else:
        raise AssertionError("it was carried")


def test_secrets_of_the_login_cookie() -> None:
    cluster = simple(
        openmeetings={"release": "8.1.0"},
        secrets={"remember_me_key": {"env": "K"}, "remember_me_salt": {"env": "S"}},
    )
    assert keys_of(cluster) == {
        "remember.me.encryption.key": "@omconf:secrets.remember_me_key@",
        "remember.me.encryption.salt": "@omconf:secrets.remember_me_salt@",
    }
