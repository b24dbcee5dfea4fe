"""Multicast routes and firewalls that were set up by hand: each is named with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.adopt.trees import by_hand, imported, put


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    by_hand(tmp_path / "trees")
    return tmp_path / "trees"


def named(found: Any) -> list[tuple[str, str, int | None]]:
    return [
        (d["node"], d["path"], d.get("line")) for d in found["diagnostics"] if d["rule"] == "OM352"
    ]


UNIT = """\
[Unit]
Description=Route 224.0.0.0/4 to eth1
[Service]
Type=oneshot
ExecStart=/sbin/ip route add 224.0.0.0/4 dev eth1
"""
NETPLAN = """\
network:
  ethernets:
    # routes: to 224.0.0.0/4
    eth1:
      routes:
        - to: {}
"""
SCRIPT = "#!/bin/sh\n# ip route add 224.0.0.0/4\n{}\n"


@pytest.mark.parametrize(
    ("path", "text", "line", "device"),
    [
        ("/etc/systemd/system/multicast-route.service", UNIT, 5, "eth1"),
        (
            "/etc/NetworkManager/system-connections/a.nmconnection",
            "[connection]\ninterface-name=eth1\n[ipv4]\nroute1=224.0.0.0/4\n",
            4,
            "eth1",
        ),
        ("/etc/netplan/01.yaml", NETPLAN.format("224.0.0.0/4"), 6, None),
        ("/etc/netplan/01.yaml", NETPLAN.format('"239.0.0.0/8"'), 6, None),
        (
            "/etc/systemd/network/a.network",
            "[Match]\nName=eth1\n[Route]\nDestination=224.0.0.0/4\n",
            4,
            "eth1",
        ),
        ("/usr/local/sbin/multicast.sh", SCRIPT.format("ip -4 r add 224/4 dev eth1"), 3, "eth1"),
        ("/etc/network/if-up.d/x", SCRIPT.format("route add -net 224.0.0.0 dev eth1"), 3, "eth1"),
        ("/etc/rc.local", SCRIPT.format("ip ro add multicast 224.0.0.0/4 dev eth1"), 3, "eth1"),
        (
            "/etc/network/interfaces",
            "iface eth1 inet dhcp\n  up route add -net 224.0.0.0 netmask 240.0.0.0 dev eth1\n",
            2,
            "eth1",
        ),
        ("/etc/sysconfig/network-scripts/route-eth1", "224.0.0.0/4 dev eth1\n", 1, "eth1"),
        ("/etc/sysconfig/network-scripts/route-eth1", "ADDRESS0=224.0.0.0\n", 1, None),
    ],
)
def test_a_route_is_named_with_its_line(
    trees: Path, path: str, text: str, line: int, device: str | None
) -> None:
    for node in ("om1", "om2", "om3"):
        put(trees / node, path, text)
    done, found = imported(trees)
    assert named(found) == [(node, path, line) for node in ("om1", "om2", "om3")]
    assert yaml.safe_load(found["spec"]).get("network", {}).get("interface") == device
    assert done.code == 0, found["differences"]


@pytest.mark.parametrize(
    "text",
    [
        "[Service]\nExecStart=/usr/bin/ssh -L 224.example.org:22:b:22 x\n",
        "[Service]\nExecStart=/usr/bin/a --to 24.0.0.1 --route 1.224.0.0\n",
        "[Service]\nExecStart=/usr/bin/a --retries 224\n",
        "[Service]\nExecStart=/usr/bin/a --sends to 239.1.2.3\n",
        "[Service]\nExecStop=/sbin/ip route del 224.0.0.0/4 dev eth1\n",
        "[Service]\nExecStart=/sbin/ip -4 route show 224.0.0.0/4\n",
    ],
)
def test_lines_that_are_no_route(trees: Path, text: str) -> None:
    put(trees / "om1", "/etc/systemd/system/other.service", text)
    _, found = imported(trees)
    assert named(found) == []


def test_units_of_other_programs_may_be_links(trees: Path) -> None:
    units = trees / "om1/etc/systemd/system"
    (units / "sshd.service").symlink_to("/lib/systemd/system/ssh.service")
    (trees / "om1/etc/network/if-up.d").mkdir(parents=True)
    (trees / "om1/etc/network/if-up.d/a").symlink_to("../../a")
    _, found = imported(trees)
    assert named(found) == []
    (units / "openmeetings.service").rename(trees / "om1/opt/open/om.service")
    (units / "openmeetings.service").symlink_to("/opt/open/om.service")
    _, found = imported(trees)
    assert ("om1", "/etc/systemd/system/openmeetings.service", None) in named(found)


@pytest.mark.parametrize(
    "path", ["/etc/nftables.conf", "/etc/iptables/rules.v4", "/etc/ufw/user.rules"]
)
def test_a_firewall_is_named_with_its_first_rule(trees: Path, path: str) -> None:
    put(trees / "om1", path, "# 5701\n-A INPUT --dport 57010\n-A INPUT --dport 5701\n-p 5636\n")
    _, found = imported(trees)
    assert named(found) == [("om1", path, 3)]
