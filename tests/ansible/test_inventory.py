"""Which host of an inventory is which node."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from omconf.ansible import inventory
from omconf.ansible.inventory import Host, Inventory, generated, matched, parts
from omconf.diagnostics import Diagnostic
from tests.command import EXAMPLES, omconf
from tests.needs import ANSIBLE, needs

SPEC = EXAMPLES / "clustering-page/cluster.yaml"
NODES = {"om1": "om1", "om2": "root@host2.example.org", "om3": "ssh://admin@10.1.1.3:2222"}


@pytest.mark.parametrize(
    ("destination", "cut"),
    [
        ("om1", ("", "om1", None)),
        ("root@om1", ("root", "om1", None)),
        ("a@b@om1", ("a@b", "om1", None)),
        ("ssh://root@om1:2222", ("root", "om1", 2222)),
        ("ssh://om1", ("", "om1", None)),
        ("ssh://root@[fd00::1]:22", ("root", "fd00::1", 22)),
        ("root@fd00::1", ("root", "fd00::1", None)),
    ],
)
def test_an_ssh_destination_is_cut_as_ssh_cuts_it(
    destination: str, cut: tuple[str, str, int | None]
) -> None:
    assert parts(destination) == cut


GENERATED = """\
# omconf: the hosts that are the nodes of the cluster.
all:
  children:
    omconf_nodes:
      hosts:
        om1:
          ansible_host: om1
          omconf_node: om1
        om2:
          ansible_host: host2.example.org
          ansible_user: root
          omconf_node: om2
        om3:
          ansible_host: 10.1.1.3
          ansible_user: admin
          ansible_port: 2222
          omconf_node: om3
"""


def test_the_inventory_of_the_specs_own_destinations() -> None:
    assert generated(NODES).text(become=False) == GENERATED
    with_sudo = generated(NODES).text(become=True)
    assert with_sudo.count("          ansible_become: true\n") == 3
    assert with_sudo.replace("          ansible_become: true\n", "") == GENERATED


def leading(listed: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Hosts with where they lead: an address and perhaps a port, or what they are called."""
    return {
        host: (address or host, port)
        for host, told in listed.items()
        for address, _, port in (told.partition(":"),)
    }


@pytest.mark.parametrize(
    ("listed", "hosts"),
    [
        ({"om1": "", "om2": "", "om3": "", "db1": ""}, ("om1", "om2", "om3")),
        (
            {"om1": "", "host2.example.org": "", "10.1.1.3": ""},
            ("om1", "host2.example.org", "10.1.1.3"),
        ),
        (
            {"om1": "", "root@host2.example.org": "", "om3": ""},
            ("om1", "root@host2.example.org", "om3"),
        ),
        ({"x": "om1", "y": "host2.example.org", "z": "10.1.1.3"}, ("x", "y", "z")),
        (
            {"om1": "", "x": "om1:2222", "om2": "", "om3": "", "y": "10.1.1.3:22"},
            ("om1", "om2", "om3"),
        ),
        ({"om1": "192.0.2.1", "om2": "192.0.2.2", "om3": "192.0.2.3"}, ("om1", "om2", "om3")),
        (
            {"om1": "", "host2.example.org": "192.0.2.2", "10.1.1.3": "192.0.2.3:2201"},
            ("om1", "host2.example.org", "10.1.1.3"),
        ),
    ],
)
def test_hosts_by_name_and_by_address(listed: dict[str, str], hosts: tuple[str, ...]) -> None:
    """The variables of the inventory count then, and no destination of the spec's."""
    made = {node: Host(host, {}) for node, host in zip(NODES, hosts, strict=True)}
    assert matched("hosts.ini", leading(listed), NODES) == Inventory(made, "hosts.ini")


@pytest.mark.parametrize(
    ("listed", "wrong"),
    [
        ({"om1": "", "om2": ""}, "om3: no host `om3` or `10.1.1.3`"),
        ({"om2": "", "om3": ""}, "om1: no host `om1`"),
        ({"om1": "", "om2": "", "om3": "", "x": "10.1.1.3"}, "om3: several hosts, om3, x"),
        ({"om1": "", "om2": "10.1.1.3"}, "om2 and om3: the same host, om2"),
        (
            {"om1": "", "om2": "", "o[3]": "10.1.1.3"},
            "om3: a host name that omconf cannot use, `o[3]`",
        ),
        ({}, "om1: no host `om1`; om2: no host `om2` or `host2.example.org`; om3: no host"),
    ],
)
def test_a_node_that_is_not_one_host_of_its_own(listed: dict[str, str], wrong: str) -> None:
    found = matched("hosts.ini", leading(listed), NODES)
    assert isinstance(found, Diagnostic)
    assert (found.rule.id, found.hint) == ("OM360", inventory.ONE)
    assert wrong in found.message


def test_a_template_for_an_address_is_named() -> None:
    listed = {"om1": "", "om2": "", "c": "{{ inventory_hostname }}.example.org"}
    found = matched("hosts.ini", leading(listed), NODES)
    assert isinstance(found, Diagnostic)
    assert found.hint == inventory.ONE + inventory.TEMPLATE.format(host="c")


PATH = f"{ANSIBLE / 'newest/bin'}:{os.environ['PATH']}"
OF_GROUPS = """\
web:
  hosts:
    first: {ansible_host: om1}
    second:
  vars: {ansible_user: deploy}
other:
  hosts:
    "name with blanks": {ansible_host: 10.1.1.3}
    third:
  vars: {ansible_host: 10.1.1.3}
all:
  children:
    web:
"""


@needs("ansible")
def test_what_ansible_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of groups and of group_vars/ count as they do for Ansible; and it is read once."""
    monkeypatch.setenv("PATH", PATH)
    monkeypatch.setenv("ANSIBLE_VERBOSITY", "4")  # it prints more than JSON then
    monkeypatch.setenv("ANSIBLE_HOME", str(tmp_path / "home"))
    file = tmp_path / "hosts.yml"
    text = OF_GROUPS.replace('    "name with blanks": {ansible_host: 10.1.1.3}\n', "")
    file.write_text(text)
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars/second.yml").write_text("ansible_host: host2.example.org\n")
    found = inventory.of(str(file), NODES)
    names = {"om1": "first", "om2": "second", "om3": "third"}
    assert found == Inventory({n: Host(h, {}) for n, h in names.items()}, str(file))
    file.write_text(OF_GROUPS)
    several = inventory.of(str(file), NODES)
    assert isinstance(several, Diagnostic)
    assert "om3: several hosts, name with blanks, third" in several.message


@needs("ansible")
@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("hosts", "[web\nom1\n", "hosts cannot be read as an inventory: Failed to parse"),
        ("hosts", "all:\n  hosts: {om1: [1]}\n", "hosts cannot be read as an inventory: "),
        ("hosts", None, "hosts does not exist."),
        ("om1,om2", "om1\n", "om1,om2 has a comma in its name."),
    ],
)
def test_an_inventory_that_cannot_be_read(
    tmp_path: Path, name: str, text: str | None, why: str
) -> None:
    file = tmp_path / name
    if text is not None:
        file.write_text(text)
    env = {"PATH": PATH, "OM_DB_PASSWORD": "x", "ANSIBLE_HOME": str(tmp_path / "home")}
    said = omconf("plan", SPEC, "--ansible", "--inventory", file, env=env)
    assert (said.code, said.rules) == (1, ["OM360"])
    assert why in said.err


@needs("ansible")
def test_an_executable_inventory_gets_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a program of the user's; the variables that hold secrets of the spec are not for it."""
    monkeypatch.setenv("PATH", PATH)
    monkeypatch.setenv("ANSIBLE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OM_DB_PASSWORD", "not-a-real-password")
    file = tmp_path / "hosts.sh"
    hosts = json.dumps({"all": {"hosts": [*NODES]}})
    file.write_text(f"#!/bin/sh\nenv >{tmp_path}/seen\necho '{hosts}'\n")
    file.chmod(0o755)
    assert isinstance(inventory.of(str(file), NODES, frozenset(["OM_DB_PASSWORD"])), Inventory)
    assert "OM_DB_PASSWORD" not in (tmp_path / "seen").read_text()
    assert "PATH=" in (tmp_path / "seen").read_text()


@needs("ansible")
def test_the_generated_inventory_is_what_ansible_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", PATH)
    monkeypatch.setenv("ANSIBLE_HOME", str(tmp_path / "home"))
    odd = {"om1": "ssh://o'm@[fd00::1]:1", "on": "yes", "012": "{{ 1 }}@x"}
    file = tmp_path / "inventory.yml"
    file.write_text(generated(odd).text(become=True))
    words = ["ansible-inventory", "-i", str(file), "--list"]
    done = subprocess.run(words, capture_output=True, text=True)
    listed = json.loads(done.stdout)["_meta"]["hostvars"]
    own = {"ansible_become": True}
    assert listed["om1"] == {
        **own,
        "ansible_host": "fd00::1",
        "ansible_user": "o'm",
        "ansible_port": 1,
        "omconf_node": "om1",
    }
    assert listed["on"] == {**own, "ansible_host": "yes", "omconf_node": "on"}
    assert listed["012"]["omconf_node"] == "012"
