"""Which host of an Ansible inventory is which node, and the part of the inventory that says so.

Without an inventory of the user's the hosts are the nodes, by their ssh destinations.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from omconf import process
from omconf.ansible.settings import environment, hint, reason
from omconf.dataclass import dataclass
from omconf.rules import NO_HOST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omconf.diagnostics import Diagnostic

GROUP = "omconf_nodes"
"""The group of all nodes, which the playbook names."""
VARIABLE = "omconf_node"
"""The variable of a host that says which node it is."""
START = "# omconf: the hosts that are the nodes of the cluster.\n"
MAX_LISTING = 64 * 1024 * 1024
"""Bytes of what ansible-inventory prints."""
LIST_SECONDS = 120
ONE = (
    "A host is a node by its name, or by the node's ssh destination as its name or `ansible_host`."
)
TEMPLATE = (
    " A template there is not evaluated, as that of {host}: name the host in `nodes.<name>.ssh`."
)
ONE_FILE = "Name one file or folder with an inventory; a list of hosts is none."
_HOST_PORT = re.compile(r"(?:\[([^]]*)\]|([^:]*))(?::([0-9]+))?")
"""What follows the user in a destination that is a URL."""
_RANGE = re.compile(r"[^A-Za-z0-9_.@+-]")
"""What a name of a host cannot hold as a key of a YAML inventory: patterns are expanded there."""


PORT = "22"
"""The port of a destination that names none."""
Address = tuple[str, str]
"""Where a host leads: its `ansible_host`, or its name, and its `ansible_port`, empty if it has none."""


@dataclass(frozen=True, slots=True)
class Host:
    """One host: its name in Ansible, and variables that omconf gives it."""

    name: str
    variables: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Inventory:
    """The hosts by node; `file` is the user's inventory, where there is one."""

    hosts: Mapping[str, Host]
    file: str | None = None

    def text(self, *, become: bool) -> str:
        """Write it as an inventory file, to be read after the user's own."""
        import yaml

        also: dict[str, Any] = {"ansible_become": True} if become else {}
        hosts = {
            host.name: {**host.variables, **also, VARIABLE: node}
            for node, host in self.hosts.items()
        }
        body = {"all": {"children": {GROUP: {"hosts": hosts}}}}
        return START + yaml.safe_dump(body, sort_keys=False, allow_unicode=True)


def generated(destinations: Mapping[str, str]) -> Inventory:
    """Make the inventory of a spec's own ssh destinations, by node."""
    return Inventory({n: Host(n, dict(_variables(to))) for n, to in destinations.items()})


def _variables(destination: str) -> Iterator[tuple[str, str | int]]:
    user, host, port = parts(destination)
    yield "ansible_host", host
    if user:
        yield "ansible_user", user
    if port:
        yield "ansible_port", port


def parts(destination: str) -> tuple[str, str, int | None]:
    """Cut an OpenSSH destination into user, host and port."""
    url = destination.startswith("ssh://")
    user, _, host = destination.removeprefix("ssh://").rpartition("@")
    found = _HOST_PORT.fullmatch(host) if url else None
    if found is None:
        return user, host, None
    return user, found[1] or found[2], int(found[3]) if found[3] else None


def of(
    file: str | None, destinations: Mapping[str, str], hidden: frozenset[str] = frozenset()
) -> Inventory | Diagnostic:
    """Return the hosts that are the nodes, given with their ssh destinations.

    With a file, they are found in it by name or by destination; each node that is not one host of its
    own is reported. `hidden` are variables of the environment that hold secrets.
    """
    if file is None:
        return generated(destinations)
    if "," in file or not os.path.exists(file):
        why = "has a comma in its name" if "," in file else "does not exist"
        return NO_HOST.at(None, f"The inventory {file} {why}.", hint=ONE_FILE)
    words = ["ansible-inventory", "-i", file, "--list"]
    # A more verbose one prints other lines before the JSON.
    env = environment(hidden) | {"ANSIBLE_VERBOSITY": "0"}
    answer = process.run(words, seconds=LIST_SECONDS, limit=MAX_LISTING, env=env)
    listed = None if answer.problem or answer.code else _listed(answer.out)
    if listed is None:
        code = f"exit code {answer.code}" if answer.code else "ansible-inventory printed no JSON"
        why = answer.problem or reason(answer.error) or code
        message = f"{file} cannot be read as an inventory: {why.rstrip('.')}."
        return NO_HOST.at(None, message, hint=hint(why))
    return matched(file, listed, destinations)


def _listed(out: bytes) -> dict[str, Address] | None:
    """Return the hosts that ansible-inventory prints, with where each leads; None for other output."""
    try:
        groups = json.loads(out)
        variables = groups.pop("_meta", {}).get("hostvars", {})
        names = {host for group in groups.values() for host in group.get("hosts", ())}
        return {
            str(host): _address(str(host), variables.get(host, {}))
            for host in sorted(names | set(variables))
        }
    except (ValueError, AttributeError, TypeError):
        return None


def _address(host: str, variables: Mapping[str, object]) -> Address:
    return str(variables.get("ansible_host") or host), str(variables.get("ansible_port") or "")


def matched(
    file: str, listed: Mapping[str, Address], destinations: Mapping[str, str]
) -> Inventory | Diagnostic:
    """Match nodes with listed hosts; `listed` has the address and port of each host."""
    wrong: list[str] = []
    hosts: dict[str, Host] = {}
    for node, destination in destinations.items():
        _, address, port = parts(destination)
        ports = ("", str(port or PORT))
        those = [
            host
            for host, (leads, by) in listed.items()
            # A port belongs to where a host leads, which need not be what its name says.
            if host == node
            or (leads in (address, destination) and by in ports)
            or (host in (address, destination) and leads != host)
        ]
        if not those:
            other = "" if address == node else f" or `{address}`"
            wrong.append(f"{node}: no host `{node}`{other}")
        elif len(those) > 1:
            wrong.append(f"{node}: several hosts, {', '.join(those[:5])}")
        elif _RANGE.search(those[0]):
            wrong.append(f"{node}: a host name that omconf cannot use, `{those[0][:80]}`")
        else:
            hosts[node] = Host(those[0], {})
    for host in dict.fromkeys(host.name for host in hosts.values()):
        nodes = [node for node in hosts if hosts[node].name == host]
        if len(nodes) > 1:
            wrong.append(f"{' and '.join(nodes)}: the same host, {host}")
    if not wrong:
        return Inventory(hosts, file)
    templates = [host for host, (leads, _) in listed.items() if "{{" in leads]
    also = (
        TEMPLATE.format(host=templates[0][:80])
        if templates and len(hosts) < len(destinations)
        else ""
    )
    message = f"Not every node is one host of {file}. {'; '.join(wrong)}."
    return NO_HOST.at(None, message, hint=ONE + also)
