"""The firewall's table, loaded by nft into the kernel: who gets through, who does not, what stays."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from omconf.artifacts import firewall
from omconf.cluster.model import Cluster
from tests.clusters import cluster_of, simple
from tests.command import EXAMPLES, ROOT
from tests.needs import needs
from tests.real.programs import Network, run

pytestmark = needs("nftables")
SPECS = sorted([*EXAMPLES.glob("*/cluster.yaml"), *ROOT.glob("tests/cases/*/cluster.yaml")])
BEHIND: dict[str, Any] = {
    "network": {"firewall": "nftables"},
    "database": {"host": {"node": "om1"}},
}
NODE, OTHER, OUTSIDER = "10.1.1.1", "10.1.1.2", "10.1.1.66"
LINK_LOCAL = "fe80::1"
OPEN = ("22", "5080", "5443", "5700", "5801")
FOREIGN_DROP = "5799"
"""A port that another table of the host drops: ours must not open it."""
CLOSED = ("2049", "5432", "5636", "5701", "5702", "5800")
GROUP, PORT = "224.2.2.3", "54327"

LISTEN = """
import asyncio, sys
async def echo(reader, writer):
    while text := await reader.readline():
        writer.write(text)
async def main():
    servers = [await asyncio.start_server(echo, None, int(port)) for port in sys.argv[1:]]
    print("ready", flush=True)
    await asyncio.sleep(3600)
asyncio.run(main())
"""
# Connects to all ports at once, in their order: when those that are wanted have come through and
# a while has passed, the others would have come through too.
PROBE = """
import selectors, socket, sys, time
target, wanted, *ports = sys.argv[1:]
selector, through = selectors.DefaultSelector(), set()
for port in ports:
    family, *_, address = socket.getaddrinfo(target, int(port), type=socket.SOCK_STREAM)[0]
    made = socket.socket(family)
    made.setblocking(False)
    made.connect_ex(address)
    selector.register(made, selectors.EVENT_WRITE, port)
end = time.monotonic() + 30
while time.monotonic() < end:
    for key, _ in selector.select(0.1):
        selector.unregister(key.fileobj)
        if not key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            through.add(key.data)
    if through >= set(wanted.split()):
        end = min(end, time.monotonic() + 0.5)
print(*sorted(through, key=int))
"""
HOLD = """
import socket, sys
source, target, port = sys.argv[1:]
with socket.create_connection((target, int(port)), 20, ("", int(source))) as made:
    for text in sys.stdin:
        made.sendall(text.encode())
        print(made.recv(99).decode(), end="", flush=True)
"""
RECEIVE = """
import socket, sys
group, port, address = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
    made.bind(("", int(port)))
    both = socket.inet_aton(group) + socket.inet_aton(address)
    made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, both)
    print("ready", flush=True)
    while True:
        print(made.recv(99).decode(), flush=True)
"""
SEND = """
import socket, sys
source, target, port, text = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
    made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(source))
    made.bind((source, 0))
    made.sendto(text.encode(), (target, int(port)))
"""
FOREIGN = f"""
table inet filter {{
  set blocked {{
    type ipv4_addr
    elements = {{ 192.0.2.1 }}
  }}
  chain input {{
    type filter hook input priority filter + 5; policy accept;
    ip saddr @blocked drop
    tcp dport {FOREIGN_DROP} drop
  }}
}}
table ip nat {{
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
  }}
}}
"""


class Hosts:
    """A node that is data server and database server too, another node, and an outsider."""

    def __init__(self, network: Network, folder: Path, cluster: Cluster) -> None:
        self.network, self.folder = network, folder
        self.nft = "nft"
        self.spaces = {a: network.host(a) for a in (NODE, OTHER, OUTSIDER)}
        self.admins = folder / "firewall.d"
        table, self.unit = firewall.KIND.render(cluster, cluster.nodes[0])
        self.file = folder / "firewall.nft"
        included = '"/etc/omconf/conference/firewall.d/'
        assert included in table.text
        self.file.write_text(table.text.replace(included, f'"{self.admins}/'))

    def load(self, file: Path | None = None, host: str = NODE) -> None:
        self.network.run(self.spaces[host], self.nft, "-f", file or self.file)

    def python(self, host: str, script: str, *arguments: str) -> str:
        return self.network.run(
            self.spaces[host], sys.executable, "-c", script, *arguments
        ).stdout.strip()

    def start(self, host: str, script: str, *arguments: str) -> subprocess.Popen[str]:
        return self.network.start(self.spaces[host], sys.executable, "-c", script, *arguments)

    def listen(self, host: str, *ports: str) -> None:
        assert said(self.start(host, LISTEN, *ports)) == "ready"

    def through(self, host: str, target: str, *wanted: str) -> tuple[str, ...]:
        """Which ports of a host can be reached; `wanted` are waited for."""
        ports = (*CLOSED, FOREIGN_DROP, *OPEN)
        return tuple(self.python(host, PROBE, target, " ".join(wanted), *ports).split())

    def ruleset(self) -> str:
        return self.network.run(self.spaces[NODE], self.nft, "list", "ruleset").stdout

    def stop(self) -> None:
        """Do what the unit does when it is stopped."""
        (command,) = (
            text.removeprefix("ExecStop=")
            for text in self.unit.text.splitlines()
            if text.startswith("ExecStop=")
        )
        self.network.run(self.spaces[NODE], *shlex.split(command))


@pytest.fixture
def hosts(network: Network, tmp_path: Path) -> Hosts:
    return Hosts(network, tmp_path, simple(2, **BEHIND))


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def told(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdin
    process.stdin.write(f"{text}\n")
    process.stdin.flush()
    return said(process)


def by_number(*ports: str) -> tuple[str, ...]:
    return tuple(sorted(ports, key=int))


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.parent.name)
def test_nft_takes_every_table(
    spec: Path, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(spec.parent)  # files beside the spec
    space = network.host(NODE)
    data: dict[str, Any] = yaml.safe_load(spec.read_text())
    data["network"] = {**data.get("network", {}), "firewall": "nftables"}
    cluster = cluster_of(data)
    for text in {firewall.KIND.render(cluster, node)[0].text for node in cluster.nodes}:
        (tmp_path / "firewall.nft").write_text(text)
        done = network.run(space, "nft", "-c", "-f", tmp_path / "firewall.nft")
        assert (done.stdout, done.stderr) == ("", "")


def test_nodes_get_through_and_outsiders_do_not(hosts: Hosts) -> None:
    link = ("address", "add", f"{LINK_LOCAL}/64", "dev", "eth0", "nodad")
    run("ip", "-n", hosts.spaces[NODE], "-6", *link)
    everything = by_number(*CLOSED, FOREIGN_DROP, *OPEN)
    hosts.listen(NODE, *everything)
    outsiders = ((OUTSIDER, NODE), (OUTSIDER, f"{LINK_LOCAL}%eth0"), (OTHER, f"{LINK_LOCAL}%eth0"))
    for host, target in (*outsiders, (OTHER, NODE)):
        assert hosts.through(host, target, *everything) == everything
    foreign = hosts.folder / "foreign.nft"
    foreign.write_text(FOREIGN)
    hosts.load(foreign)
    hosts.load()
    # Nothing uses IPv6 among the nodes, so there even a node is an outsider.
    for host, target in outsiders:
        assert hosts.through(host, target, *OPEN) == OPEN, (host, target)
    allowed = by_number(*CLOSED, *OPEN)
    assert hosts.through(OTHER, NODE, *allowed) == allowed
    for target in ("127.0.0.1", "::1", NODE):
        assert hosts.through(NODE, target, *allowed) == allowed, target
    hosts.stop()
    assert hosts.through(OUTSIDER, NODE, *allowed) == allowed


def test_multicast_from_nodes_alone_is_heard(hosts: Hosts) -> None:
    heard = hosts.start(NODE, RECEIVE, GROUP, PORT, NODE)
    assert said(heard) == "ready"

    def send(host: str, target: str, text: str) -> None:
        hosts.python(host, SEND, host, target, PORT, text)

    send(OUTSIDER, GROUP, "before, to the group")
    send(OUTSIDER, NODE, "before, to the node")
    hosts.load()
    send(OUTSIDER, GROUP, "to the group")
    send(OUTSIDER, NODE, "to the node")
    send(OTHER, GROUP, "from a node")
    send(NODE, GROUP, "from itself")
    assert [said(heard) for _ in range(4)] == [
        "before, to the group",
        "before, to the node",
        "from a node",
        "from itself",
    ]


def test_connections_that_stand_go_on_and_answers_come_in(hosts: Hosts) -> None:
    hosts.listen(NODE, "5701")
    hosts.listen(OUTSIDER, "22")
    standing = hosts.start(OUTSIDER, HOLD, "0", NODE, "5701")
    assert told(standing, "before") == "before"
    hosts.load()
    assert told(standing, "after") == "after"
    # The node itself connects to others, from a port that happens to be closed for them.
    outgoing = hosts.start(NODE, HOLD, "5750", OUTSIDER, "22")
    assert told(outgoing, "hello") == "hello"


def test_no_other_table_is_touched(hosts: Hosts) -> None:
    foreign = hosts.folder / "foreign.nft"
    foreign.write_text(FOREIGN)
    hosts.load(foreign)
    before = hosts.ruleset()
    hosts.load()
    once = hosts.ruleset()
    assert once.startswith(before)
    assert once.removeprefix(before).startswith("table inet omconf_conference {")
    hosts.load()
    assert hosts.ruleset() == once
    # A file that nft refuses leaves the table as it was.
    broken = hosts.folder / "broken.nft"
    broken.write_text(hosts.file.read_text().replace("udp dport", "udp dprt"))
    with pytest.raises(AssertionError, match="syntax error"):
        hosts.load(broken)
    assert hosts.ruleset() == once
    hosts.stop()
    assert hosts.ruleset() == before
    hosts.stop()
    assert hosts.ruleset() == before


def test_the_admins_own_files_let_others_in(hosts: Hosts) -> None:
    hosts.admins.mkdir()
    table = "inet omconf_conference"
    (hosts.admins / "monitoring.nft").write_text(
        f"insert rule {table} input ip saddr {OUTSIDER} tcp dport {{ 5432, 5701 }} accept\n"
    )
    hosts.listen(NODE, *CLOSED, *OPEN)
    for _ in range(2):
        hosts.load()
        wanted = by_number("5432", "5701", *OPEN)
        assert hosts.through(OUTSIDER, NODE, *wanted) == wanted
    (hosts.admins / "addresses.nft").write_text(f"add element {table} nodes {{ {OUTSIDER} }}\n")
    hosts.load()
    wanted = by_number(*CLOSED, *OPEN)
    assert hosts.through(OUTSIDER, NODE, *wanted) == wanted
