"""The shared folder, served by nfs-ganesha with the written exports; libnfs is the client.

There is no kernel NFS server in a namespace, and ganesha does not read /etc/exports: the test
translates the written lines, client by client, option by option.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from omconf.artifacts import exports, fstab
from tests.clusters import simple
from tests.needs import needs
from tests.real.ganesha import CONFIGURATION
from tests.real.programs import Network

pytestmark = needs("ganesha.nfsd", "nfs-cp", "nfs-ls")
OPTIONS = {
    "rw": "Access_Type = RW;",
    "ro": "Access_Type = RO;",
    "root_squash": "Squash = Root_Squash;",
    "no_root_squash": "Squash = No_Root_Squash;",
    "sync": "",
    "no_subtree_check": "",
}


def _translated(text: str, folder: Path, address: str, data: Path) -> str:
    entries, findings = exports.KIND.entries(text)
    assert not findings
    clients = ""
    for entry in entries:
        path, client = entry.key.split(" ")
        said = " ".join(OPTIONS[option] for option in entry.value.split(","))
        clients += f"    CLIENT {{ Clients = {client}; {said} }}\n"
    return CONFIGURATION.format(folder=folder, path=data, pseudo=path, clients=clients)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


@pytest.mark.parametrize(
    "options",
    [
        ["rw", "sync", "no_subtree_check", "root_squash"],
        ["ro", "sync", "no_subtree_check", "root_squash"],
    ],
)
def test_each_node_reads_and_writes_and_an_outsider_is_refused(
    network: Network, tmp_path: Path, data: Path, options: list[str]
) -> None:
    cluster = simple(3, storage={"export_options": options})
    written = exports.KIND.render(cluster, cluster.nodes[0])[0].text
    host = network.host("10.1.1.1")
    configuration = tmp_path / "ganesha.conf"
    configuration.write_text(_translated(written, tmp_path, "10.1.1.1", data))
    log = tmp_path / "ganesha.log"
    network.start(
        host, "ganesha.nfsd", "-F", "-f", configuration, "-L", log, "-p", tmp_path / "pid"
    )
    clients = {node.address.value: network.host(node.address.value) for node in cluster.nodes[1:]}
    outsider = network.host("10.1.1.77")
    # What the other nodes mount, from the written fstab line.
    (mount,) = (
        e for e in fstab.KIND.entries(fstab.KIND.render(cluster, cluster.nodes[1])[0].text)[0]
    )
    source = mount.value.split(" ")[0].replace(":", "", 1)
    url = f"nfs://{source}"
    for _ in range(100):
        seen = network.run(next(iter(clients.values())), "nfs-ls", f"{url}?version=4", check=False)
        if seen.returncode == 0:
            break
        time.sleep(0.1)
    assert seen.returncode == 0, seen.stderr + log.read_text()[-3000:]
    (data / "from-server").write_text("shared")
    for address, space in clients.items():
        (tmp_path / address).write_text(address)
        target = f"{url}/{address}?version=4"
        put = network.run(space, "nfs-cp", tmp_path / address, target, check=False)
        if "rw" in options:
            assert put.returncode == 0, put.stderr
            assert (data / address).read_text() == address
        else:
            assert put.returncode != 0
            assert not (data / address).exists() or (data / address).read_text() == ""
        back = tmp_path / f"{address}-back"
        network.run(space, "nfs-cp", f"{url}/from-server?version=4", back)
        assert back.read_text() == "shared"
    refused = network.run(outsider, "nfs-ls", f"{url}?version=4", check=False)
    assert refused.returncode != 0
    assert "from-server" not in refused.stdout
