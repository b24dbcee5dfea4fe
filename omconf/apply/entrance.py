"""Whether a node's new firewall would close the port by which omconf came."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omconf.apply.node import Node
    from omconf.apply.targets import Target

SECONDS = 10
_SCRIPT = """\
for file in "$1"/*.nft; do
    [ ! -e "$file" ] || exit 0
done
pid=$$
while [ "${pid:-0}" -gt 1 ]; do
    tr '\\000' '\\n' <"/proc/$pid/environ" | sed -n 's/^SSH_CONNECTION=//p' | head -n 1
    pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status")
done
"""
"""Says `CLIENT PORT ADDRESS PORT` of sshd, also behind sudo; nothing where the admin lets others in."""
_CLOSED = re.compile(r"^ *tcp dport ([0-9]+)(?:-([0-9]+))? drop", re.MULTILINE)
_NODE = re.compile(r"^ *([0-9.]+), #", re.MULTILINE)


def problem(node: Node, changing: Iterable[Target]) -> str:
    """Return that the new firewall would close this connection; empty if not, or not known."""
    files = [t for t in changing if t.path.endswith("/firewall.nft") and t.after is not None]
    if not files:
        return ""
    folder = files[0].path.replace("firewall.nft", "firewall.d")
    answer = node.line.output(["sh", "-c", _SCRIPT, "sh", folder], b"", seconds=SECONDS)
    found = re.match(rb"(\S+) [0-9]+ \S+ ([0-9]{1,5})\n", answer.out)
    if found is None:
        return ""
    client, port = found[1].decode("ascii", "replace"), int(found[2])
    table = (files[0].after or b"").decode()
    closed = any(int(low) <= port <= int(high or low) for low, high in _CLOSED.findall(table))
    if not closed or _plain(client) in _NODE.findall(table):
        return ""
    return (
        f"{files[0].path}: it would close port {port}, which this connection uses: "
        f"allow {_plain(client)} in a file in {folder}, or let sshd listen elsewhere"
    )


def _plain(address: str) -> str:
    """Write an IPv4 address as such, also where sshd takes it by IPv6."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return "the other end"
    return str(getattr(found, "ipv4_mapped", None) or found)
