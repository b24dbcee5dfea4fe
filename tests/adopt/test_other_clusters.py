"""Clusters that others set up by hand: proved as they are, and with two mistakes, these come first."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.adopt.others import CLUSTERS
from tests.adopt.trees import edit, imported

MISTAKES = {
    "postgresql": {("node3", "the data folder"), ("node4", "multicast-group")},
    "mssql": {("web2", "the time zone"), ("web3", "databaseName OM_TEST")},
    "mysql": {("conf-b", "cluster-name video2"), ("conf-c", "RemoteCommitProvider")},
}


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_cluster_is_proved_as_it_is(name: str, tmp_path: Path) -> None:
    CLUSTERS[name][0](tmp_path)
    done, found = imported(tmp_path)
    assert found["drift"] == []
    assert found["differences"] == []
    assert done.code == 0
    assert "pa55" not in done.out + done.err
    assert "changeit" not in done.out + done.err


@pytest.mark.parametrize("name", CLUSTERS)
def test_two_mistakes_are_all_that_differs(name: str, tmp_path: Path) -> None:
    make, plant = CLUSTERS[name]
    make(tmp_path)
    plant(tmp_path)
    done, found = imported(tmp_path)
    assert done.code == 2
    told = {(d["node"], d["message"]) for d in found["drift"]}
    assert len(told) == 2
    for node, what in MISTAKES[name]:
        assert any(at == node and what in message for at, message in told), told
    differences = found["differences"]
    assert {d["reason"] for d in differences} == {"this node differs from the others"}
    assert {d["node"] for d in differences} == {node for node, _ in told}
    assert found["differences"][: len(differences)] == differences


def test_tls_and_a_domain_are_read_back(tmp_path: Path) -> None:
    CLUSTERS["mysql"][0](tmp_path)
    _, found = imported(tmp_path)
    spec = yaml.safe_load(found["spec"])
    assert spec["database"]["tls"] == {
        "ca": "/etc/ssl/uni-ca.p12",
        "ca_password": {"env": "OM_DB_CA_PASSWORD"},
    }
    assert "options" not in spec["database"]
    assert spec["storage"]["domain"] == "UNI"
    assert spec["storage"]["user"] == "svc-om"
    assert spec["storage"]["credentials"] == "/root/.smb-om"


@pytest.mark.parametrize(
    ("in_file", "option", "domain"),
    [
        (
            "workgroup=UNI",
            "",
            None,
        ),  # mount.cifs passes over such a line (tests/real/test_samba.py)
        ("workgroup=UNI", "workgroup=CORP,", "CORP"),
        ("dominion=UNI", "", "UNI"),
    ],
)
def test_a_domain_is_read_as_mount_cifs_reads_it(
    in_file: str, option: str, domain: str | None, tmp_path: Path
) -> None:
    CLUSTERS["mysql"][0](tmp_path)
    for node in ("conf-a", "conf-b", "conf-c"):
        edit(tmp_path / node, "root/.smb-om", "domain=UNI", in_file)
        edit(
            tmp_path / node,
            "etc/fstab",
            "cifs credentials",
            f"cifs {option or 'nofail,'}credentials",
        )
    _, found = imported(tmp_path)
    assert yaml.safe_load(found["spec"])["storage"].get("domain") == domain
