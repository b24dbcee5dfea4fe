"""What may stand at a place of the spec, and which rule says so when it may not.

What a format carries is that format's own knowledge (`omconf.formats`); here it becomes a rule, a
message and a way out.

Each check raises a pydantic error whose type is a rule's id; load.py turns it into a diagnostic.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re
from typing import Any, NoReturn

from pydantic_core import PydanticCustomError

from omconf.diagnostics import Rule, Severity, meant
from omconf.formats import names, paths, systemd
from omconf.rules import (
    EMBEDDED_DATABASE,
    EXPORT_PATH,
    IPV6,
    NODE_NAME,
    NOT_MULTICAST,
    OUT_OF_RANGE,
    TTL_ZERO,
    UNCARRIABLE,
    UNKNOWN_RELEASE,
    WRONG_VALUE,
    WRONG_VERSION,
)
from omconf.secrets import masked
from omconf.spec.document import Float, Integer

IPV4_ONLY = "format 1 of the spec takes IPv4 only"

RESERVED = ("storage", "database")
PLACEHOLDER = "@omconf:"
OWN_UNITS = "omconf-"
"""How the units begin that omconf itself writes."""


def refuse(rule: Rule, message: str, hint: str = "", severity: Severity | None = None) -> NoReturn:
    """Raise the pydantic error that load.py reports under this rule."""
    context = {"message": masked(message), "hint": hint, "severity": str(severity or rule.severity)}
    raise PydanticCustomError(rule.id, "{message}", context)


def text(value: Any) -> Any:
    """Take a number or a bool as its text, just as it is written: quotes make no difference."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.text if isinstance(value, (Integer, Float)) else value


def clean(value: str) -> str:
    """Refuse characters that no target format carries, and the text of placeholders."""
    if not value.isprintable():
        refuse(
            UNCARRIABLE,
            "The value holds a line break or a character that cannot be seen.",
            "Write it in one line, without such characters.",
        )
    if PLACEHOLDER in value:
        refuse(
            WRONG_VALUE,
            f"The text `{PLACEHOLDER}` is reserved for the places of secrets.",
            "Write another text; a secret is read from `{env: NAME}`, for example.",
        )
    return value


def reason(value: str) -> str:
    """Check a reason: it says something."""
    if not value.strip():
        refuse(WRONG_VALUE, "The reason is blank.", "Say why, for whoever reads the spec next.")
    return value


def cluster_name(value: str) -> str:
    """Check the cluster's name: it stands in comments, unit names and as Hazelcast's cluster-name."""
    if not _is_label(value):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is no name for a cluster.",
            "Use lower-case letters, digits and single hyphens between them, 63 characters at most.",
        )
    return value


def instance_name(value: str) -> str:
    """Check what Hazelcast calls a member."""
    if not names.INSTANCE.fullmatch(value) or len(value) > names.LONGEST_INSTANCE:
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is no name for a member.",
            "Use letters, digits, `.`, `_`, `-`, `:`, `@` and single blanks between them,"
            f" {names.LONGEST_INSTANCE} characters at most.",
        )
    return value


def _is_label(value: str) -> bool:
    return len(value) <= names.LONGEST_LABEL and names.LABEL.fullmatch(value) is not None


def label(name: str) -> str:
    """Make a host label of a name; nothing where it has no letter or digit."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-")


def node_name(value: str) -> str:
    """Check a node's name: a lower-case host label, and not a folder of the bundle."""
    if value in RESERVED:
        refuse(
            NODE_NAME,
            f"A node cannot be named `{value}`: the bundle keeps that folder for itself.",
            f"Name it `{value}1`, for example.",
        )
    if not _is_label(value):
        better = label(value)
        refuse(
            NODE_NAME,
            f"`{value[:80]}` is no name for a node: it must be a lower-case host label.",
            f"Write `{better}:`" if better and better not in RESERVED else "Write `om1:`",
        )
    return value


def no_ipv6(value: str, why: str, hint: str) -> None:
    """Refuse an IPv6 address, for a reason."""
    text = value.strip("[]")
    if ":" not in text:
        return
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return
    refuse(IPV6, f"`{value}` is an IPv6 address: {why}.", hint)


def ipv4(value: str) -> str:
    """Check an IPv4 address in its one canonical form."""
    try:
        address = ipaddress.IPv4Address(value)
    except ValueError:
        host, _, port = value.partition(":")
        good = port.isdecimal() and names.NUMERIC.fullmatch(host)
        hint = f"Write `{host}`; the port of Hazelcast goes to `hazelcast.port`."
        message = f"`{value[:80]}` is not an IPv4 address."
        refuse(WRONG_VALUE, message, hint if good else "Write it like `10.1.1.1`.")
    if address.is_multicast or address.is_unspecified or value == "255.255.255.255":
        refuse(WRONG_VALUE, f"`{value}` is no address that one host can have.")
    return value


def reachable(value: str) -> str:
    """Check a node's address: IPv4, and not loopback, where no other member can reach it."""
    why = "OpenMeetings hands the members' addresses to OpenJPA, which cannot take it"
    no_ipv6(value, why, "Give the node's IPv4 address.")
    if ipaddress.IPv4Address(ipv4(value)).is_loopback:
        refuse(WRONG_VALUE, f"`{value}` is loopback: no other node reaches this one there.")
    return value


def public_address(value: str) -> str:
    """Check the address that others see, which may have a port: `203.0.113.7:15701`."""
    host, colon, number = value.rpartition(":")
    if not colon or ":" in host:  # no port, or an IPv6 address
        return reachable(value)
    if not re.fullmatch("[1-9][0-9]{0,4}", number) or int(number) > 65535:
        message = (
            f"`{number[:40]}` is no port (1 to 65535)." if number else "No port follows the `:`."
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
            f"Write `{network.network_address}/24`.",
        )
    return value


def one_or_more(value: Any) -> Any:
    """Take a text for a list of one."""
    return [value] if isinstance(value, str) else value


def multicast_group(value: str) -> str:
    """Check that Hazelcast takes the group: it refuses names and unicast addresses (measured)."""
    try:
        good = ipaddress.IPv4Address(value).is_multicast
    except ValueError:
        good = False
    if not good:
        refuse(
            NOT_MULTICAST,
            f"`{value[:80]}` is no IPv4 multicast address, so Hazelcast refuses to start.",
            "Use one from 224.0.1.0 to 239.255.255.255, for example `224.2.2.3`.",
        )
    return value


def ttl(value: int) -> int:
    """Check the ttl: 0 is a silent split, outside 0 to 255 Hazelcast refuses to start (measured)."""
    if value == 0:
        refuse(
            TTL_ZERO,
            "With ttl 0 no packet leaves its host: every member starts alone, without a word.",
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


def timeout(value: int) -> int:
    """Check a timeout in seconds."""
    if not 1 <= value <= 3600:
        refuse(OUT_OF_RANGE, f"A timeout of {short(value)} s is out of range (1 to 3600 seconds).")
    return value


def rule_id(value: str) -> str:
    """Check the form of a rule's id; whether there is such a rule is known later."""
    if not re.fullmatch(r"OM[0-9]{3}", value):
        better = value.upper()
        hint = (
            f"Write `{better}`."
            if re.fullmatch(r"OM[0-9]{3}", better)
            else "`omconf rules` lists all."
        )
        refuse(WRONG_VALUE, f"`{value[:40]}` is no id of a rule.", hint)
    return value


def short(number: int) -> str:
    """Write a number as it may be shown, however large it is."""
    return str(number) if abs(number) < 10**12 else "that size"


def _path(value: str) -> str:
    if not value.startswith("/"):
        refuse(WRONG_VALUE, f"`{value[:80]}` is not an absolute path.", "Start it with `/`.")
    if not paths.CARRIED.fullmatch(value):
        refuse(
            UNCARRIABLE,
            f"The path `{value[:80]}` holds a character that a unit or script cannot carry.",
            "Use a folder whose name has no quotes, backslashes, `$`, `*`, `?` or tabs.",
        )
    parts = value.split("/")[1:]
    longest = max(len(part.encode()) for part in parts)
    if len(value.encode()) > paths.LONGEST or longest > paths.LONGEST_PART:
        refuse(
            WRONG_VALUE,
            f"The path `{value[:80]}` is too long: a part of it may have {paths.LONGEST_PART} bytes,"
            f" all {paths.LONGEST}.",
            "Use a folder with a shorter name.",
        )
    if ".." in parts or "." in parts or (value != "/" and "" in parts):
        better = posixpath.normpath(re.sub("/+", "/", value))
        hint = (
            "Name a folder below `/`, as `/opt/omdata`." if better == "/" else f"Write `{better}`."
        )
        refuse(WRONG_VALUE, f"The path `{value[:80]}` is not in its plain form.", hint)
    return value


def folder(value: str) -> str:
    """Check an absolute path to a folder other than the root."""
    if _path(value) == "/":
        refuse(WRONG_VALUE, "The root folder `/` cannot be used here.", "Name a folder below it.")
    return value


def export_path(value: str) -> str:
    """Check the exported folder: absolute; `/` is one of an outside server (see check/rules)."""
    if not value.startswith("/"):
        refuse(
            EXPORT_PATH,
            f"`{value[:80]}` cannot be the export: it must be an absolute path.",
            "Write `export: /opt/omdata`.",
        )
    return _path(value)


def webapp(value: str) -> str:
    """Check the webapp's folder name."""
    if not names.WEBAPP.fullmatch(value):
        refuse(
            UNCARRIABLE, f"`{value[:80]}` is no folder name under webapps.", "Write `openmeetings`."
        )
    return value


def unit(value: str) -> str:
    """Check the name of a systemd service unit, or `none`."""
    if value == "none":
        return value
    if value.startswith(OWN_UNITS):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` cannot start OpenMeetings: omconf's own units begin with `{OWN_UNITS}`.",
            "Write `openmeetings.service`, or the unit that starts OpenMeetings.",
        )
    if not systemd.SERVICE.fullmatch(value) or len(value) > systemd.LONGEST_SERVICE:
        refuse(
            UNCARRIABLE,
            f"`{value[:80]}` is no systemd service unit.",
            "Write `openmeetings.service`, or `none` where there is no systemd.",
        )
    return value


def account(value: str) -> str:
    """Check the name of a Linux user or group."""
    if not names.ACCOUNT.fullmatch(value):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is no name of a Linux user or group.",
            "Use lower-case letters, digits, `_` and `-`, and no `-` or digit at the start.",
        )
    return value


def interface(value: str) -> str:
    """Check the name of a network device (15 characters at most, the kernel's IFNAMSIZ)."""
    if not names.DEVICE.fullmatch(value):
        refuse(
            UNCARRIABLE,
            f"`{value[:80]}` is no name of a network interface.",
            "Write `eth0`, for example.",
        )
    return value


_PART = r"(?:\*|[0-9]{1,3}(?:-[0-9]{1,3})?)"
INTERFACES = re.compile(rf"none|{_PART}(?:\.{_PART}){{3}}")
"""`none`, or Hazelcast's pattern of an IPv4 address: each part a number, `*` or a range."""


def interfaces(value: str) -> str:
    """Check which address Hazelcast takes; it refuses other forms, as `10.1.1.0/24` (measured)."""
    if not INTERFACES.fullmatch(value):
        refuse(
            WRONG_VALUE,
            f"`{value[:80]}` is no pattern of Hazelcast's for an IPv4 address.",
            "Write `10.1.1.*` or `10.1.1.1-9`, or `none`.",
        )
    return value


def database_kind(value: Any) -> Any:
    """Check the kind of database: one of five that nodes can share."""
    known = ("postgresql", "mysql", "mssql", "oracle", "db2")
    if isinstance(value, str) and value.lower() in ("h2", "derby", "hsqldb"):
        refuse(
            EMBEDDED_DATABASE,
            f"`{value}` lives inside one OpenMeetings, so nodes cannot share it.",
            "Use `postgresql`, `mysql`, `mssql`, `oracle` or `db2`.",
        )
    if value not in known:
        other = {"mariadb": "mysql", "postgres": "postgresql", "sqlserver": "mssql"}
        near = other.get(str(value).lower()) or meant(str(value), known)
        hint = f"Write `{near}`." if near else f"One of: {', '.join(known)}."
        refuse(WRONG_VALUE, "This is no kind of database that OpenMeetings knows.", hint)
    return value


def format_version(value: Any) -> Any:
    """Check the format version of the spec."""
    if value != 1 or isinstance(value, bool):
        refuse(
            WRONG_VERSION,
            "This omconf reads format version 1 of the spec.",
            "Write `omconf: 1`; a newer format needs a newer omconf.",
        )
    return value


def release(value: str) -> str:
    """Check that the OpenMeetings release is known."""
    from omconf.releases import RELEASES, nearest

    if value not in RELEASES:
        near = nearest(value)
        refuse(
            UNKNOWN_RELEASE,
            f"The OpenMeetings release `{value[:40]}` is not known.",
            (f'Did you mean "{near}"? ' if near else "") + "`omconf releases` lists all.",
        )
    return value
