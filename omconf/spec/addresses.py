"""Checks of network values: addresses, subnets, ports, interfaces, multicast groups.

Each raises a pydantic error whose type is a rule's id; errors.py turns it into a diagnostic.
"""

from __future__ import annotations

import ipaddress
import re

from omconf.formats import names
from omconf.rules import IPV6, NOT_MULTICAST, OUT_OF_RANGE, TTL_ZERO, UNCARRIABLE, WRONG_VALUE
from omconf.spec.refusal import refuse, short

IPV4_ONLY = "format 1 of the spec supports only IPv4"


def no_ipv6(value: str, why: str, hint: str) -> None:
    """Refuse an IPv6 address; `why` completes the message, `hint` says what to write."""
    text = value.strip("[]")
    if ":" not in text:
        return
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return
    refuse(IPV6, f"`{value}` is an IPv6 address: {why}.", hint)


def ipv4(value: str) -> str:
    """Check an IPv4 address of one host, in canonical form."""
    try:
        address = ipaddress.IPv4Address(value)
    except ValueError:
        host, _, port = value.partition(":")
        good = port.isdecimal() and names.NUMERIC.fullmatch(host)
        hint = f"Write `{host}`; Hazelcast's port is set in `hazelcast.port`."
        message = f"`{value[:80]}` is not an IPv4 address."
        refuse(WRONG_VALUE, message, hint if good else "Write an address like `10.1.1.1`.")
    if address.is_multicast or address.is_unspecified or value == "255.255.255.255":
        refuse(WRONG_VALUE, f"`{value}` cannot be the address of a host.")
    return value


def reachable(value: str) -> str:
    """Check a node's address: IPv4, and not loopback, which no other member can reach."""
    why = "OpenMeetings passes the members' addresses to OpenJPA, which supports only IPv4"
    no_ipv6(value, why, "Give the node's IPv4 address.")
    if ipaddress.IPv4Address(ipv4(value)).is_loopback:
        refuse(WRONG_VALUE, f"`{value}` is a loopback address: other nodes cannot reach it.")
    return value


def public_address(value: str) -> str:
    """Check a node's public address, which may have a port: `203.0.113.7:15701`."""
    host, colon, number = value.rpartition(":")
    if not colon or ":" in host:  # no port, or an IPv6 address
        return reachable(value)
    if not re.fullmatch("[1-9][0-9]{0,4}", number) or int(number) > 65535:
        message = (
            f"`{number[:40]}` is not a port (1 to 65535)."
            if number
            else "The port after the `:` is missing."
        )
        refuse(OUT_OF_RANGE, message, "Write it like `203.0.113.7:15701`.")
    reachable(host)
    return value


def subnet(value: str) -> str:
    """Check an IPv4 network with its prefix length."""
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError:
        try:
            better = ipaddress.IPv4Network(value, strict=False)
        except ValueError:
            refuse(WRONG_VALUE, f"`{value[:80]}` is not an IPv4 network.", "Write `10.1.1.0/24`.")
        refuse(WRONG_VALUE, f"`{value}` has host bits set.", f"Write `{better}`.")
    if "/" not in value:
        refuse(
            WRONG_VALUE,
            f"`{value}` has no prefix length.",
            f"Write `{ipaddress.IPv4Network(f'{value}/24', strict=False)}`.",
        )
    mask = value.partition("/")[2]
    if "." in mask and mask != str(network.netmask):
        # Python takes it for the bits that may differ, exportfs for those that may not.
        refuse(WRONG_VALUE, f"`{mask}` is not the mask of a network.", f"Write `{network}`.")
    return value


def multicast_group(value: str) -> str:
    """Check a multicast group: Hazelcast refuses names and unicast addresses (measured)."""
    try:
        good = ipaddress.IPv4Address(value).is_multicast
    except ValueError:
        good = False
    if not good:
        refuse(
            NOT_MULTICAST,
            f"`{value[:80]}` is not an IPv4 multicast address, so Hazelcast refuses to start.",
            "Use one from 224.0.1.0 to 239.255.255.255, for example `224.2.2.3`.",
        )
    return value


def ttl(value: int) -> int:
    """Check a TTL in hops: 0 splits the cluster silently, and Hazelcast refuses over 255 (measured)."""
    if value == 0:
        refuse(
            TTL_ZERO,
            "With ttl 0, no packet leaves its host: every member silently starts alone.",
            "Write `ttl: 32`.",
        )
    if not 1 <= value <= 255:
        refuse(
            OUT_OF_RANGE,
            f"A ttl of {short(value)} is out of range (1 to 255).",
            "Write `ttl: 32`.",
        )
    return value


def port(value: int) -> int:
    """Check a TCP or UDP port."""
    if not 1 <= value <= 65535:
        refuse(OUT_OF_RANGE, f"Port {short(value)} is out of range (1 to 65535).")
    return value


def interface(value: str) -> str:
    """Check the name of a network interface (at most 15 characters, the kernel's IFNAMSIZ)."""
    if not names.DEVICE.fullmatch(value):
        refuse(
            UNCARRIABLE,
            f"`{value[:80]}` is not a valid name of a network interface.",
            "Write `eth0`, for example.",
        )
    return value


_PART = r"(?:\*|[0-9]{1,3}(?:-[0-9]{1,3})?)"
INTERFACES = re.compile(rf"none|{_PART}(?:\.{_PART}){{3}}")
"""`none`, or Hazelcast's pattern of an IPv4 address: each part a number, `*` or a range."""


def interfaces(value: str) -> str:
    """Check a pattern of addresses; Hazelcast refuses other forms such as `10.1.1.0/24` (measured)."""
    if not INTERFACES.fullmatch(value):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is not a Hazelcast pattern for IPv4 addresses.",
            "Write `10.1.1.*` or `10.1.1.1-9`, or `none`.",
        )
    return value
