"""hazelcast.xml, parsed by each release's own Hazelcast, and obeyed by real members."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from omconf.artifacts import firewall, hazelcast
from omconf.cluster.model import Cluster, Node
from omconf.cluster.ports import HAZELCAST_PORT, HAZELCAST_TRIES
from omconf.releases import RELEASES
from tests.clusters import simple
from tests.needs import needs
from tests.real.classes import archived, compiled, packed
from tests.real.programs import JAVA, Network, run

LIB = JAVA / "lib" / "hazelcast"
UNREAD = "5.6.0"
"""The Hazelcast for 9.1.0, whose own jar was not read (a 5.6 jar ran it)."""
USUAL = "5.5.0"
"""The Hazelcast of most tests."""
FAST = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m")
QUIET = ("-Dhazelcast.phone.home.enabled=false", "-Dhazelcast.logging.type=none")
OPEN = [
    word
    for package in ("java.base/java.lang", "java.base/sun.nio.ch", "java.base/jdk.internal.ref")
    for word in ("--add-opens", f"{package}=ALL-UNNAMED")
]
VARIANTS: dict[str, dict[str, Any]] = {
    "multicast": {},
    "tcp-ip": {"discovery": {"kind": "tcp-ip"}},
    "tcp-ip-port": {
        "discovery": {"kind": "tcp-ip"},
        "hazelcast": {"port": 5710, "properties": {"hazelcast.partition.count": 11}},
    },
    "own-group": {
        "discovery": {"group": "239.1.2.3", "port": 55555, "ttl": 1, "timeout": 7},
        "hazelcast": {"cluster_name": "other-name"},
    },
}


def _jars(version: str) -> str:
    return ":".join(map(str, [LIB / f"hazelcast-{version}.jar", *LIB.glob("slf4j-*.jar")]))


def _expected(cluster: Cluster, node: Node) -> set[str]:
    """What the parsed configuration must say, from the spec and the release's facts alone."""
    release = cluster.openmeetings.release.value
    d, port = cluster.discovery, cluster.hazelcast.port
    number = port.value if port else 5701
    multicast = d.kind.value == "multicast"
    listed = [n.address.value + (f":{number}" if port else "") for n in cluster.nodes]
    lines = {
        f"cluster-name={cluster.hazelcast.cluster_name.value}",
        f"instance-name={node.name.value}",
        f"attribute name={node.name.value}",
        f"attribute server.url={node.url.value}",
        f"port={number} auto-increment={str(port is None).lower()}",
        f"interfaces=true[{node.address.value}]",
        f"tcp-ip={str(not multicast).lower()}[{'' if multicast else ', '.join(listed)}]",
        "aws=false",
        *(f"map {name}=OBJECT local=true eviction=NONE" for name in release.hazelcast.maps),
        "property hazelcast.logging.type=slf4j",
        *(f"property {k}={v.value}" for k, v in cluster.hazelcast.properties.items()),
    }
    if multicast:
        lines.add(
            f"multicast=true {d.group.value}:{d.port.value} ttl={d.ttl.value} timeout={d.timeout.value}"
        )
    return lines


def _by_jar() -> dict[str, list[str]]:
    jars = defaultdict(list)
    for name, release in RELEASES.items():
        jars[release.hazelcast_jar or UNREAD].append(name)
    return jars


@pytest.mark.parametrize("jar", sorted(_by_jar()))
def test_each_release_is_parsed_by_its_own_hazelcast(java: str, tmp_path: Path, jar: str) -> None:
    expected: dict[str, set[str]] = {}
    for release in _by_jar()[jar]:
        for variant, sections in VARIANTS.items():
            cluster = simple(3, openmeetings={"release": release}, **sections)
            for node in cluster.nodes:
                path = tmp_path / f"{release}-{variant}-{node.name.value}.xml"
                path.write_bytes(hazelcast.KIND.render(cluster, node)[0].data)
                expected[str(path)] = _expected(cluster, node)
    # Compiled once, with the oldest: later ones still have all that it uses.
    classes = compiled(_jars(min(_by_jar())), JAVA / "Parse.java")
    done = run(java, *FAST, "-cp", f"{classes}:{_jars(jar)}", "Parse", *expected)
    parsed: dict[str, set[str]] = {}
    for line in done.stdout.splitlines():
        if line.startswith("file="):
            current = parsed.setdefault(line.removeprefix("file="), set())
        else:
            current.add(line)
    for file, lines in expected.items():
        off = {line for line in parsed[file] if line.startswith("multicast=false")}
        assert parsed[file] - off == lines, file


class Members:
    """Real members, one on each host, started from built bundles."""

    def __init__(self, java: str, network: Network, folder: Path, version: str = USUAL) -> None:
        self.network, self.folder, self.java = network, folder, java
        self.output: dict[str, Path] = {}
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self.take(version)

    def take(self, version: str) -> None:
        """Start members from here on with this version of Hazelcast."""
        jars = _jars(version)
        path = f"{packed(jars, JAVA / 'MemberMain.java')}:{jars}"
        self.command = [self.java, *FAST, *QUIET, *OPEN, "-cp", path, "MemberMain"]
        if version == USUAL:
            archive = archived(self.command, partial(_train, [*self.command]))
            self.command.insert(1, f"-XX:SharedArchiveFile={archive}")

    def stop(self, address: str) -> None:
        """End a member, as an admin would."""
        self.processes[address].terminate()
        self.processes[address].wait(timeout=60)

    def restart(self, address: str, configuration: Path) -> None:
        """End a member, and start it with another configuration."""
        self.stop(address)
        self.start(address, configuration)

    @staticmethod
    def named(configurations: Iterable[Path]) -> str:
        """What a member says when it sees just the members of these configurations."""
        return _all(list(configurations))

    def start(self, address: str, configuration: Path) -> None:
        space = self.network.hosts.get(address) or self.network.host(address)
        said = self.output[address] = self.folder / f"{address}.log"
        words = " ".join(f"'{word}'" for word in [*self.command, str(configuration)])
        self.processes[address] = self.network.start(
            space, "sh", "-c", f"exec {words} > {said} 2>&1"
        )

    def seen(self, address: str) -> str:
        """The last thing that a member said of its cluster."""
        said = self.output[address]
        lines = said.read_text().splitlines() if said.exists() else []
        return next((x for x in reversed(lines) if x.startswith(("members", "refused"))), "")

    def wait(self, wanted: dict[str, str], seconds: float = 60) -> None:
        """Wait until each member sees what it is to see."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if all(self.seen(address) == text for address, text in wanted.items()):
                return
            time.sleep(0.2)
        shown = {a: self.output[a].read_text()[-2000:] for a in wanted}
        raise AssertionError(f"wanted {wanted}, saw {shown}")


class Trained(Members):
    """Two members that find each other, so that Java can write down all that they loaded."""

    def __init__(self, command: list[str], network: Network, folder: Path) -> None:
        super().__init__(command[0], network, folder)
        self.command = command

    def take(self, version: str) -> None:
        pass


def _train(command: list[str], option: str) -> None:
    network = Network(f"om{os.getpid()}a")
    with tempfile.TemporaryDirectory() as folder:
        members = Trained(command, network, Path(folder))
        cluster, files = simple(2), dict[str, Path]()
        try:
            for node in cluster.nodes:
                file = files[node.address.value] = members.folder / f"{node.name.value}.xml"
                file.write_bytes(hazelcast.KIND.render(cluster, node)[0].data)
            first, second = files
            members.start(second, files[second])
            members.command = [command[0], option, *command[1:]]
            members.start(first, files[first])
            members.wait(dict.fromkeys(files, members.named(files.values())))
            members.stop(first)
        finally:
            network.close()


def _configurations(bundles: Path, example: str, folder: Path) -> dict[str, Path]:
    """Copies of an example's hazelcast.xml files, by node."""
    found = {}
    for source in sorted(bundles.glob(f"{example}/*/files/**/hazelcast.xml")):
        node = source.relative_to(bundles / example).parts[0]
        found[node] = folder / f"{node}.xml"
        shutil.copy(source, found[node])
    return found


def _address(configuration: Path) -> str:
    found = re.search(r"<interface>(.*?)</interface>", configuration.read_text())
    assert found
    return found[1]


def _all(configurations: list[Path]) -> str:
    texts = [path.read_text() for path in configurations]
    pairs = (
        (re.search(r'"name">(.*?)<', text), re.search(r'"server.url">(.*?)<', text))
        for text in texts
    )
    return "members " + " ".join(
        sorted(f"{name[1]}={url[1]}" for name, url in pairs if name and url)
    )


@pytest.mark.parametrize("example", ["twenty-nodes", "three-nodes-tcp-ip"])
def test_three_members_form_one_cluster(
    java: str, network: Network, bundles: Path, tmp_path: Path, example: str
) -> None:
    configurations = list(_configurations(bundles, example, tmp_path).values())[:3]
    members = Members(java, network, tmp_path)
    for configuration in configurations:
        members.start(_address(configuration), configuration)
    members.wait({_address(c): _all(configurations) for c in configurations})


@needs("nftables")
@pytest.mark.parametrize("discovery", ["multicast", "tcp-ip"])
def test_the_firewall_lets_nodes_form_a_cluster_and_keeps_others_out(
    java: str, network: Network, tmp_path: Path, discovery: str
) -> None:
    sections: dict[str, Any] = {
        "network": {"firewall": "nftables"},
        "discovery": {"kind": discovery},
    }
    # Of the same specs, the nodes know two members; the outsider claims to be the third.
    cluster, claimed = simple(2, **sections), simple(3, **sections)
    configurations = []
    for node in (*cluster.nodes, claimed.nodes[2]):
        configurations.append(tmp_path / f"{node.name.value}.xml")
        written = hazelcast.KIND.render(cluster if node in cluster.nodes else claimed, node)[0]
        configurations[-1].write_bytes(written.data)
        space = network.host(node.address.value)
        if node in cluster.nodes:
            table = tmp_path / "firewall.nft"
            table.write_bytes(firewall.KIND.render(cluster, node)[0].data)
            network.run(space, "nft", "-f", table)
    *inside, outsider = configurations
    members = Members(java, network, tmp_path)
    for configuration in configurations:
        members.start(_address(configuration), configuration)
    wanted = {_address(c): _all(inside) for c in inside}
    # Who has not found the others when it starts is alone for the next five minutes.
    members.wait({**wanted, _address(outsider): _all([outsider])}, seconds=120)


class Named(Members):
    """Real members, each with an /etc/hosts of its own."""

    def start(self, address: str, configuration: Path) -> None:
        usual, self.command = self.command, [*self.command]
        self.command.insert(1, f"-Djdk.net.hosts.file={self.folder / address}.hosts")
        super().start(address, configuration)
        self.command = usual


@pytest.mark.parametrize("version", ["4.0.2", "5.5.0"])
@pytest.mark.parametrize("interfaces", ["10.1.1.*", "none", "own"])
def test_members_that_list_each_other_by_names(
    java: str, network: Network, tmp_path: Path, interfaces: str, version: str
) -> None:
    """They pass over each other where the interfaces match one alone, which omconf refuses."""
    cluster = simple(
        2,
        discovery={"kind": "tcp-ip"},
        hazelcast={"interfaces": interfaces.replace("own", "10.1.1.*")},
        node_defaults={"member": "{name}.example.org"},
    )
    members = Named(java, network, tmp_path, version)
    paths: dict[str, Path] = {}
    for node in cluster.nodes:
        address, path = node.address.value, tmp_path / f"{node.name.value}.xml"
        # Debian's installer has a host's own name lead to loopback; up to 5.0, members hang so.
        own = address if version == "4.0.2" else "127.0.1.1"
        places = {n: own if n is node else n.address.value for n in cluster.nodes}
        hosts = "".join(f"{at} {n.name.value}.example.org\n" for n, at in places.items())
        (tmp_path / f"{address}.hosts").write_text(hosts)
        text = hazelcast.KIND.render(cluster, node)[0].text
        if interfaces == "own":
            text = text.replace("10.1.1.*", address)
        assert f"<member>{node.name.value}.example.org</member>" in text
        path.write_text(text)
        members.start(address, path)
        paths[address] = path
    met = list(paths.values())
    members.wait({a: _all([path] if interfaces == "own" else met) for a, path in paths.items()})


HOLD_PORTS = """
import socket, sys, time
held = [socket.create_server(("", port)) for port in range(int(sys.argv[1]), int(sys.argv[2]))]
print("ready", flush=True)
time.sleep(3600)
"""


@needs("ss")
@pytest.mark.parametrize("free", [1, 0])
def test_hazelcast_tries_a_hundred_ports(
    java: str, network: Network, tmp_path: Path, free: int
) -> None:
    cluster = simple(2)
    address, configuration = cluster.nodes[0].address.value, tmp_path / "om1.xml"
    configuration.write_bytes(hazelcast.KIND.render(cluster, cluster.nodes[0])[0].data)
    after = HAZELCAST_PORT + HAZELCAST_TRIES
    space = network.host(address)
    bounds = (str(HAZELCAST_PORT), str(after - free))
    held = network.start(space, sys.executable, "-c", HOLD_PORTS, *bounds)
    assert held.stdout
    assert held.stdout.readline() == "ready\n"
    members = Members(java, network, tmp_path)
    members.start(address, configuration)
    if free:
        members.wait({address: _all([configuration])})
        listening = network.run(space, "ss", "-Htln").stdout
        assert f":{after - 1} " in listening
        assert f":{after} " not in listening
        return
    end = time.monotonic() + 30
    while not members.seen(address) and time.monotonic() < end:
        time.sleep(0.2)
    assert members.seen(address).startswith("refused"), members.output[address].read_text()


BREAKING = {
    "ttl 0": ("<multicast-time-to-live>32", "<multicast-time-to-live>0", "alone"),
    "foreign cluster-name": (">conference</cluster-name>", ">other</cluster-name>", "alone"),
    "another port": (">54327<", ">54328<", "alone"),
    "two joins": ('<tcp-ip enabled="false"/>', '<tcp-ip enabled="true"/>', "refused"),
    "ttl 256": ("<multicast-time-to-live>32", "<multicast-time-to-live>256", "refused"),
    "no such address": ("<interface>10.1.1.2<", "<interface>10.9.9.9<", "refused"),
    "a unicast group": (">224.2.2.3<", ">10.1.1.77<", "refused"),
}


@pytest.mark.parametrize("edit", BREAKING)
def test_what_the_rules_predict_happens(
    java: str, network: Network, bundles: Path, tmp_path: Path, edit: str
) -> None:
    old, new, outcome = BREAKING[edit]
    configurations = _configurations(bundles, "clustering-page", tmp_path)
    good, bad = configurations.values()
    text = bad.read_text()
    assert old in text
    bad.write_text(text.replace(old, new))
    members = Members(java, network, tmp_path)
    network.host("10.1.1.2")
    members.start("10.1.1.1", good)
    members.start("10.1.1.2", bad)
    if outcome == "alone":
        members.wait({"10.1.1.1": _all([good]), "10.1.1.2": _all([bad])})
        # They stay alone: longer than it takes two members to find each other.
        time.sleep(8)
        members.wait({"10.1.1.1": _all([good]), "10.1.1.2": _all([bad])}, seconds=1)
        return
    members.wait({"10.1.1.1": _all([good])})
    end = time.monotonic() + 30
    while not members.seen("10.1.1.2").startswith("refused") and time.monotonic() < end:
        time.sleep(0.2)
    assert members.seen("10.1.1.2").startswith("refused"), members.output["10.1.1.2"].read_text()
