"""Reads the nodes' own /etc/hosts: which names have which addresses there."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from omconf.adopt.model import Seen

PATH = "/etc/hosts"


def _is_host(text: str) -> bool:
    """Tell whether a text is the IPv4 address of one host, and not of this one."""
    try:
        address = IPv4Address(text)
    except ValueError:
        return False
    return not (
        address.is_loopback
        or address.is_multicast
        or address.is_unspecified
        or text == "255.255.255.255"
    )


def _entries(node: Seen) -> Iterator[tuple[str, list[str], int]]:
    """Yield the file's addresses with their names, as they are written, and their lines."""
    for number, raw in enumerate((node.text(PATH) or "").split("\n"), 1):
        address, *names = raw.partition("#")[0].split() or [""]
        yield address, names, number


def hosts(node: Seen) -> Iterator[tuple[str, str, int]]:
    """Yield the names with their IPv4 addresses and lines, in lower case, without loopback's."""
    for address, names, number in _entries(node):
        if _is_host(address):
            yield from ((name.lower().rstrip("."), address, number) for name in names)


def on_loopback(node: Seen, name: str) -> Iterator[str]:
    """Yield the names beside a host's own `name` on loopback, where Debian's installer writes it."""
    for address, names, _ in _entries(node):
        if address.startswith("127.") and name in names:
            yield from names


def told(nodes: Sequence[Seen]) -> Mapping[str, Mapping[str, str]]:
    """Collect the entries of /etc/hosts of all nodes, for `Common.told`."""
    found: dict[str, dict[str, str]] = {}
    for node in nodes:
        for name, address_of, _ in hosts(node):
            found.setdefault(name, {}).setdefault(address_of, node.name)
    return found
