"""What a database's URL says is read back, in the forms that people write."""

from __future__ import annotations

from pathlib import Path

from omconf.artifacts.hazelcast import KIND as HAZELCAST
from omconf.formats.setenv import Option
from omconf.releases import RELEASES
from tests.adopt.trees import HAZELCAST as HAZELCAST_PATH
from tests.adopt.trees import PERSISTENCE, by_hand, edit, hazelcast_xml, imported, put


def test_a_listed_member_has_the_fixed_port() -> None:
    stock = hazelcast_xml(RELEASES["9.1.0"], "om1", "https://om1.example.org", "")
    listed = '<tcp-ip enabled="true"><member>10.1.1.2</member></tcp-ip><multicast enabled="false">'
    stock = stock.replace('<multicast enabled="true">', listed)
    fixed = stock.replace("<network>", '<network><port auto-increment="false">5710</port>')
    bare = "network/join/tcp-ip/member-list/member[10.1.1.2]"
    assert HAZELCAST.read(stock).items[bare] == "10.1.1.2"
    items = HAZELCAST.read(fixed).items
    assert bare not in items
    assert items["network/join/tcp-ip/member-list/member[10.1.1.2:5710]"] == "10.1.1.2:5710"


def test_a_secret_parameter_becomes_a_reference(tmp_path: Path) -> None:
    by_hand(tmp_path, "9.1.0", "mssql", 2)
    for node in ("om1", "om2"):
        more = r"\1;accessToken=s3cr3t-x"
        edit(tmp_path / node, PERSISTENCE, "(databaseName=openmeetings)", more)
    done, found = imported(tmp_path)
    assert "accessToken: {env: OM_DB_ACCESS_TOKEN}" in found["spec"]
    assert found["differences"] == []
    assert "s3cr3t-x" not in done.out + done.err


def test_an_option_of_a_block_is_what_it_says() -> None:
    assert not Option("-Da=$x", 1).known
    assert Option("-Da=$x", 1, literal=True).known


def test_a_second_address_for_the_folder(tmp_path: Path) -> None:
    by_hand(tmp_path, nodes=2)
    for i in (1, 2):
        put(
            tmp_path / f"om{i}",
            "etc/network/interfaces",
            f"iface eth0 inet static\n  address 10.1.1.{i}/24\n"
            f"iface eth1 inet static\n  address 10.9.9.{i}/24\n",
        )
    edit(tmp_path / "om1", "etc/exports", "10.1.1.2", "10.9.9.2")
    edit(tmp_path / "om2", "etc/fstab", "10.1.1.1", "10.9.9.1")
    edit(tmp_path / "om2", HAZELCAST_PATH, "224.0.0.0", "224.2.2.3")
    edit(tmp_path / "om1", HAZELCAST_PATH, "224.0.0.0", "224.2.2.3")
    done, found = imported(tmp_path)
    assert found["differences"] == []
    assert found["spec"].count("storage_address: 10.9.9.") == 2
    assert done.code == 0
