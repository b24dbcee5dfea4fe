"""Whom one client of an export stands for (exports(5)): a host, a network, names, everybody."""

from __future__ import annotations

import ipaddress

WIDEST = 8
"""Bits that the shortest prefix of anybody's own IPv4 network has (RFC 1918, IANA's address space)."""
_OWN_DOMAINS = """
    corp home internal intranet invalid lan local localdomain localhost private test
"""
OWN_DOMAINS = frozenset(_OWN_DOMAINS.split())
"""Top domains of nobody but oneself: RFC 2606 and 6762 (with its appendix G), ICANN's `internal`."""


def network(client: str) -> ipaddress.IPv4Network | None:
    """Return the IPv4 addresses that a client stands for; None for a name, a netgroup, a pattern."""
    try:
        return ipaddress.IPv4Network(client, strict=False)
    except ValueError:
        return None


def is_world(client: str) -> bool:
    """Tell whether a client pattern matches unknown hosts.

    `*` and `?` match dots, too (exports(5)): `om*` is `om.anybody.org`, `*.org` is a whole top domain.
    A pattern has to end in two labels, or in a top domain that nobody can register names in.
    """
    if known := network(client):
        return known.prefixlen < WIDEST
    if client.startswith("@") or not {"*", "?"} & {*client}:
        return False
    *above, last = client.lower().rstrip(".").split(".")
    if "*" in last or not above:
        # Of a few characters, a name without a dot is one of /etc/hosts.
        return "*" in last or not client.strip("?")
    wild = any(char in last + above[-1] for char in "*?")
    return wild and last not in OWN_DOMAINS
