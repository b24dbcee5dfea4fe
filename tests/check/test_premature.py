"""A mistake is reported once: what rests on the value that could not be read is not."""

from __future__ import annotations

import pytest

from omconf.pipeline.compiled import check_text
from tests.clusters import SMALLEST

TLS = """
  tls:
    ca: /etc/om/ca.pem
    client_cert: /etc/om/cert.pem
    client_key: /etc/om/key.pk8"""
STORE = """
  options: {connectionCollation: utf8mb4_general_ci}
  tls:
    ca: /etc/om/ca.p12
    ca_password: {env: PASSWORD}"""
DOCKER = """
  om3: {address: 10.1.1.1, public_address: 10.1.1.12, url: "https://om3.example.org/openmeetings"}
  om4: {address: 10.1.1.1, public_address: 10.1.1.13, url: "https://om4.example.org/openmeetings"}
"""
USER = "  user: openmeetings"


def _rules(text: str, *changes: tuple[str, str]) -> list[str]:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return [d.rule.id for d in check_text(text.encode(), "cluster.yaml").diagnostics]


@pytest.mark.parametrize(
    ("spec", "change", "rule"),
    [
        ([(USER, USER + TLS)], ("/etc/om/ca.pem", "ca.pem"), "OM105"),
        ([(USER, USER + TLS)], ("/etc/om/cert.pem", "cert.pem"), "OM105"),
        ([(USER, USER + TLS)], ("/etc/om/key.pk8", "{file: key.pk8}"), "OM105"),
        ([("postgresql", "mysql"), (USER, USER + STORE)], ("/etc/om/ca.p12", "ca.p12"), "OM105"),
        ([("postgresql", "mysql"), (USER, USER + STORE)], ("tls:", "tsl:"), "OM103"),
    ],
)
def test_of_tls(spec: list[tuple[str, str]], change: tuple[str, str], rule: str) -> None:
    assert _rules(SMALLEST, *spec) == []
    assert _rules(SMALLEST, *spec, change) == [rule]


def test_of_nodes_behind_nat() -> None:
    text = SMALLEST.rstrip() + DOCKER
    nodes = text.replace("kind: nfs, server: om1", "kind: mounted").replace(
        "10.1.1.1,", "10.9.1.1,"
    )
    nodes = nodes.replace("om1: {address: 10.9.1.1,", "om1: {address: 10.1.1.1,")
    nodes = nodes.replace("discovery: {kind: multicast}", "discovery: {kind: tcp-ip}")
    assert _rules(nodes) == []
    assert _rules(nodes, ("10.1.1.13", "10.1.1.0/24")) == ["OM105"]
    assert _rules(nodes, ("public_address: 10.1.1.13, ", "")) == ["OM201"]
    broken = _rules(nodes, ("10.1.1.13", "10.1.1.0/24"), ("address: 10.1.1.2", "address: 10.1.1.1"))
    assert broken == ["OM201", "OM105"], "of another node"
    assert _rules(nodes, ("kind: tcp-ip", "kind: tcpip")) == ["OM105"]


def test_of_a_kind_of_storage() -> None:
    assert _rules(SMALLEST, ("kind: nfs, server: om1", "kind: mountd")) == ["OM105"]


ONE_ADDRESS = ("address: 10.1.1.2", "address: 10.1.1.1")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (("omconf: 1", "omconf: 2"), "OM108"),
        (("omconf: 1\n", ""), "OM104"),
        (("cluster: conference", "cluster: Conf"), "OM105"),
        (("cluster: conference\n", ""), "OM104"),
        (('"9.1.0"', "9.2.0"), "OM109"),
        (("kind: postgresql", "kind: h2"), "OM210"),
        (("kind: postgresql", "kind: [x]"), "OM105"),
        (("host: 10.1.1.10", "host: [a b, 10.1.1.10]"), "OM105"),
        ((USER, "  user: ' a'"), "OM212"),
        ((USER, "  usr: a"), "OM103"),
        (("{env: OM_DB_PASSWORD}", "x"), "OM106"),
        (("server: om1", "server: nope"), "OM230"),
        (("10.1.1.10", "nope"), "OM230"),
        (("nodes:", "ignore: [{rule: OM231, node: om7, why: x}]\nnodes:"), "OM105"),
        (("nodes:", "removed: {om1: {ssh: om1}}\nnodes:"), "OM105"),
        (("nodes:", "hazelcast: {extra: none.xml}\nnodes:"), "OM105"),
    ],
)
def test_one_wrong_value_hides_no_other_mistake(change: tuple[str, str], rule: str) -> None:
    assert _rules(SMALLEST, change) == [rule]
    assert sorted(_rules(SMALLEST, change, ONE_ADDRESS)) == sorted([rule, "OM201"])


@pytest.mark.parametrize(
    ("more", "change", "rule"),
    [
        ("secrets: {remember_me_key: {env: X}}", ('"9.1.0"', "8.0.99"), "OM109"),
        ("database.options: {sslMode: REQUIRED}", ("postgresql", "mysq"), "OM105"),
        ("database.service: om", ("postgresql", "oracel"), "OM105"),
        ("storage.clients: [10.1.1.2/32]", ("server: om1", "server: om7"), "OM230"),
    ],
)
def test_a_stand_in_is_not_checked(more: str, change: tuple[str, str], rule: str) -> None:
    section, _, key = more.partition(".")
    at = {"database": (USER, f"{USER}\n  {key}"), "storage": ("om1}", f"om1, {key}}}")}
    added = at.get(section, ("nodes:", f"{more}\nnodes:"))
    assert _rules(SMALLEST, added, change) == [rule]


def test_a_spec_with_stand_ins_is_no_cluster() -> None:
    text = SMALLEST.replace("conference", "Conference")
    assert check_text(text.encode(), "cluster.yaml").cluster is None


@pytest.mark.parametrize(
    ("second", "rule"), [("om1: {}", "OM102"), ("om2:", "OM105"), ("om2: x", "OM105")]
)
def test_a_node_that_is_not_read_is_a_node(second: str, rule: str) -> None:
    head, _, _ = SMALLEST.partition("  om2:")
    assert _rules(head) == ["OM204"]
    assert _rules(f"{head}  {second}\n") == [rule]


def test_a_loopback_name_is_no_node() -> None:
    assert _rules(SMALLEST, ("10.1.1.10", "LOCALHOST")) == ["OM211"]
