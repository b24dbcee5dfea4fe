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
