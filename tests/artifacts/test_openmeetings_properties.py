"""Single keys of openmeetings.properties."""

from __future__ import annotations

from typing import Any

import pytest

from omconf.artifacts import openmeetings_properties
from omconf.artifacts.effect import Change
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


@pytest.mark.parametrize(
    ("first", "others"),
    [
        ("ws://127.0.0.1:8888/kurento", "ws://10.1.1.1:8888/kurento"),
        ("ws://localhost:8888/kurento", "ws://OM1.example.org:8888/kurento"),
        ("ws://localhost:8888/kurento", "ws://om1:8888/kurento"),
        ("ws://10.1.1.1:8888/kurento", "ws://om1.example.org:8888/kurento"),
        (None, "ws://10.1.1.1:8888/kurento"),
        ("wss://10.1.1.20:8433/kurento", SHARED),
    ],
)
def test_one_host_is_one_media_server_whatever_it_is_called(first: str | None, others: str) -> None:
    cluster = with_urls(first, others, others)
    assert keys_of(cluster)["kurento.ignored.kuids"] == "om2.conference,om3.conference"
    assert keys_of(cluster, 1)["kurento.ignored.kuids"] == "om1.conference,om3.conference"


def test_the_host_of_several_urls_is_no_nodes() -> None:
    data = spec_of(2, kurento={"url": "ws://localhost:8888/kurento"})
    for name, node in data["nodes"].items():
        node["url"] = f"https://proxy.example.org/{name}"
    assert keys_of(cluster_of(data))["kurento.ignored.kuids"] == ""


def test_other_kuids_break_streams_off_until_all_nodes_have_restarted() -> None:
    changes = {"kurento.ignored.kuids": Change("change", "om2.conference", "")}
    for url, breaks in ((SHARED, True), ("ws://localhost:8888/kurento", False)):
        effect = KIND.effect(with_urls(None, None, url=url), changes, "change")
        assert effect.rolling
        assert ("whose kuid they do not ignore yet" in effect.why) == breaks
    other = {"kurento.turn.url": Change("change", "a", "b")}
    assert "kuid" not in KIND.effect(with_urls(None, None, url=SHARED), other, "change").why


def test_the_turn_server() -> None:
    turn = {"url": "turn.example.org:3478", "user": "ä=b", "mode": "rest", "ttl": 90}
    cluster = simple(kurento={"turn": {**turn, "secret": {"env": "TURN"}}})
    (artifact,) = KIND.render(cluster, cluster.nodes[0])
    assert artifact.text.isascii()
    assert artifact.mode == 0o600
    keys = keys_of(cluster)
    assert keys["kurento.turn.user"] == "ä=b"
    assert KIND.keep("kurento.turn.user", True) == "kurento.turn.user"
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


def test_a_file_that_java_refuses_is_an_error() -> None:
    (finding,) = KIND.read("a=b\ndir=C:\\users\n").findings
    assert (finding.rule.id, finding.line) == ("OM301", 2)
