"""`omconf plan --ansible` reaches real nodes as an inventory says: user, port, bastion, become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployed.same import plan
from tests.needs import ANSIBLE, fixture_needs, needs
from tests.real.nodes import NEEDS_NODES, NEEDS_SSH, Nodes
from tests.real.programs import Network, run

pytestmark = needs("ansible")
PASSWORD = "not-a-real-password"


@pytest.fixture
@fixture_needs(*NEEDS_NODES, *NEEDS_SSH)
def nodes(network: Network, tmp_path: Path) -> Nodes:
    made = Nodes(network, tmp_path, 2, running=False)
    made.ssh()
    path = made.environment["PATH"].split(":", 1)
    made.environment["PATH"] = f"{path[0]}:{ANSIBLE / 'newest/bin'}:{path[1]}"
    made.environment["SHELL"] = "/bin/sh"  # for what ssh runs itself, to jump
    # What a connection still runs on a node keeps its sshd from ending.
    made.environment["ANSIBLE_SSH_ARGS"] = "-o ControlMaster=auto -o ControlPersist=1s"
    return made


def inventory(nodes: Nodes, name: object = "host", **variables: object) -> tuple[str, str]:
    """An inventory with the nodes under names of its own, and these variables."""
    hosts = {f"{name}{node[2:]}": {"ansible_host": node} for node in nodes.names}
    file = nodes.folder / "hosts.yml"
    file.write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": variables}}))
    return ("--inventory", str(file))


def planned(nodes: Nodes, *options: str) -> dict[str, Any]:
    return plan(nodes.spec, "--ansible", *options, env=nodes.environment)


def unknown(found: dict[str, Any]) -> dict[str, str]:
    """Why nodes cannot be read; nothing else is found."""
    assert {d["rule"] for d in found["diagnostics"]} <= {"OM302"}, found["diagnostics"]
    return {d["node"]: d["message"] for d in found["diagnostics"]}


def whole(found: dict[str, Any]) -> bool:
    """Whether all was read, and is as planned."""
    assert found["diagnostics"] == []
    return (found["complete"], found["changes"]) == (True, [])


def admin(nodes: Nodes, password: str = "") -> None:
    """Let the key in as a user who is not root and may run anything by sudo, with a password."""
    hashed = run("openssl", "passwd", "-6", password).stdout.strip() if password else "*"
    for name in nodes.names:
        etc = nodes.tree(name) / "etc"
        for file, line in (
            ("passwd", "admin:x:61000:61000::/:/bin/sh\n"),
            ("group", "admin:x:61000:\n"),
            ("shadow", f"admin:{hashed}:19000:0:99999:7:::\n"),
        ):
            (etc / file).write_text((etc / file).read_text() + line)
        sudoers = etc / "sudoers.d/admin"
        sudoers.write_text("admin ALL=(ALL) ALL\n")
        sudoers.chmod(0o440)


def test_the_specs_own_destinations(nodes: Nodes) -> None:
    nodes.stop_ssh("om2")
    found = planned(nodes)
    assert not found["complete"]
    assert [*unknown(found)] == ["om2"]
    assert "Connection refused" in unknown(found)["om2"]
    nodes.start_ssh("om2")
    found = planned(nodes)
    assert found["source"] == {"kind": "ansible", "sudo": False, "nodes": ["om1", "om2"]}
    assert whole(found)


@needs("sudo", "openssl")
def test_become_with_a_password(nodes: Nodes) -> None:
    """By --sudo or by the inventory; a password that is wrong or missing is named."""
    admin(nodes, PASSWORD)
    own: dict[str, object] = {"ansible_user": "admin"}
    # Without root not all of it can be read.
    found = planned(nodes, *inventory(nodes, **own))
    assert {d["rule"] for d in found["diagnostics"]} == {"OM302"}
    password = {"ansible_become_password": PASSWORD}
    assert whole(planned(nodes, *inventory(nodes, **own, **password), "--sudo"))
    assert whole(planned(nodes, *inventory(nodes, **own, **password, ansible_become=True)))
    for wrong, why in (
        ({}, "issing sudo password"),
        ({"ansible_become_password": "x"}, "ncorrect"),
    ):
        found = planned(nodes, *inventory(nodes, **own, **wrong), "--sudo")
        assert [*unknown(found)] == ["om1", "om2"], found["diagnostics"]
        assert all(why in text for text in unknown(found).values()), unknown(found)


def test_user_and_port_of_the_inventory(nodes: Nodes) -> None:
    """They count, and not those of ssh's own configuration; a host is known by the node's name."""
    config = nodes.folder / "ssh/sshd_config"
    config.write_text(f"Port 2222\n{config.read_text()}")
    for name in nodes.names:
        nodes.stop_ssh(name)
        nodes.network.start(nodes.network.name, *sshd(nodes, name))
    nodes.wait("2222", nodes.spaces.values())
    client = nodes.folder / "ssh/config"
    client.write_text(client.read_text().replace("User root", "User nobody"))
    variables = {"ansible_user": "root", "ansible_port": 2222}
    assert whole(planned(nodes, *inventory(nodes, "om", **variables)))
    assert len(unknown(planned(nodes, *inventory(nodes, "om", ansible_port=2222)))) == 2


def sshd(nodes: Nodes, name: str) -> list[str]:
    private = "mount -t tmpfs none /run; mkdir /run/sshd"
    words = ("/usr/sbin/sshd", "-D", "-e", "-f", nodes.folder / "ssh/sshd_config")
    return nodes.command(name, *words, before=private)


@needs("nft", "nftables")
def test_a_bastion(nodes: Nodes) -> None:
    """om1 lets in what comes from om2 alone."""
    nodes.drop("om1", "ip saddr 10.1.1.251")
    impatient = {"ansible_timeout": 2}
    assert [*unknown(planned(nodes, *inventory(nodes, **impatient)))] == ["om1"]
    file = Path(inventory(nodes)[1])
    hosts = yaml.safe_load(file.read_text())
    hosts["all"]["hosts"]["host1"]["ansible_ssh_common_args"] = "-o ProxyJump=om2"
    file.write_text(yaml.safe_dump(hosts))
    assert whole(planned(nodes, "--inventory", str(file)))
