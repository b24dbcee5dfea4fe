"""A node's public URL: what it may be, and the nearest one that it may be."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, urlsplit

from omconf.formats.names import HOST, NUMERIC
from omconf.formats.urls import MAX_URL, WEB
from omconf.rules import NOT_A_URL
from omconf.spec.addresses import IPV4_ONLY, no_ipv6
from omconf.spec.refusal import refuse


def url(value: str, node: str) -> str:
    """Check the URL of a node: http or https, a host, no user info, query or fragment."""
    wrong = f"`{value[:80]}` is not a URL of a web server."
    hint = f"Write `{_better(value.strip(), node)}`."
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        refuse(NOT_A_URL, f"`{value[:80]}` is not a URL.", hint)
    host = parts.hostname or ""
    if value != value.strip():
        refuse(NOT_A_URL, "The url begins or ends with white space.", hint)
    if value[: len(parts.scheme)] != parts.scheme:
        refuse(NOT_A_URL, f"The scheme of `{value[:80]}` is not in lower case.", hint)
    if host.endswith("."):
        refuse(NOT_A_URL, f"The host of `{value[:80]}` ends with a dot.", hint)
    if parts.scheme not in ("http", "https") or not host:
        refuse(NOT_A_URL, wrong, hint)
    if "@" in value:
        what = "The url carries a user or a password, which every client would see."
        refuse(NOT_A_URL, what, hint)
    if parts.query or parts.fragment or value.endswith(("?", "#")):
        what = "The url carries a query or a fragment; it names only where the node answers."
        refuse(NOT_A_URL, what, hint)
    no_ipv6(host, IPV4_ONLY, hint)
    if not _is_host(host) or port == 0 or not WEB.fullmatch(value) or len(value) > MAX_URL:
        refuse(NOT_A_URL, wrong, hint)
    return value


def _is_host(host: str) -> bool:
    """Tell whether it is a name, or an IPv4 address in its one canonical form."""
    if not HOST.fullmatch(host):
        return False
    if not NUMERIC.fullmatch(host):
        return True
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def _better(value: str, node: str) -> str:
    """Keep the host, port and path of a URL, where no part of a login can be taken for one."""
    found = re.fullmatch(
        r"(?:\w+://)?(?:[^/?#]*@)?([\w.-]*)(?::([1-9]\d{0,4}))?((?:/[\w.~-]+)*)/?(?:[?#][^@]*)?",
        value,
    )
    host, port, path = found.groups() if found else ("", "", "")
    host = host.removesuffix(".")
    if not found or not _is_host(host):
        host, port = f"{node}.example.org", "5443"
    kept = f":{port}" if port and int(port) < 2**16 else ""
    return f"https://{host}{kept}{quote(path) or '/openmeetings'}"
