"""Rules about the nodes: each is told from every other by address and url (OM201 to OM208)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from omconf.check.rules.urls import better_url
from omconf.diagnostics import Diagnostic, Rule, Severity
from omconf.spec.checks import NOT_A_URL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.cluster.model import Cluster
    from omconf.origin import Value

SAME_ADDRESS = Rule("OM201", Severity.ERROR, "two nodes with the same address")
SAME_URL = Rule("OM202", Severity.ERROR, "two nodes with the same url")
ONE_NODE = Rule("OM204", Severity.WARNING, "one node is no cluster")
NUMERIC_URL = Rule("OM205", Severity.WARNING, "a url with a numeric address")
OTHER_PATH = Rule("OM207", Severity.WARNING, "a url whose path is not the webapp's")
RENAMED = Rule("OM208", Severity.ERROR, "a node that cannot have been renamed from what is said")


def check(cluster: Cluster) -> Iterator[Diagnostic]:
    """Check what tells the nodes apart."""
    # As the others see a node: its members, those beyond NAT, the data server.
    for field in ("address", "public_address", "storage_address"):
        # Where two have one address, each behind NAT of its own, others see the public ones.
        nodes = [n for n in cluster.nodes if field != "address" or n.public_address is None]
        seen = [(n.name.value, getattr(n, field) or n.address) for n in nodes]
        yield from _twice(
            SAME_ADDRESS,
            [(name, address, address.value) for name, address in seen],
            field.replace("_", " "),
            "Every node needs an address of its own.",
        )
    yield from _twice(
        SAME_URL,
        [(n.name.value, n.url, _normal(n.url.value)) for n in cluster.nodes],
        "url",
        "Users reach each node by its own url; in node_defaults write `{name}` or `{address}` in it.",
    )
    if len(cluster.nodes) == 1:
        yield ONE_NODE.at(
            cluster.nodes[0].name.span,
            f"`{cluster.nodes[0].name.value}` is the only node: there is nothing to cluster.",
            hint="Add a second node under `nodes:`.",
        )
    yield from _renamed(cluster)
    webapp = cluster.openmeetings.webapp.value
    for node in cluster.nodes:
        parts = urlsplit(node.url.value)
        if parts.scheme != "https":
            yield NOT_A_URL.at(
                node.url.span,
                f"The url of `{node.name.value}` is not https: browsers give no camera or"
                " microphone to it.",
                hint=f"Write `{better_url(cluster, node)}`.",
                severity=Severity.WARNING,
            )
        if _is_address(parts.hostname or ""):
            yield NUMERIC_URL.at(
                node.url.span,
                f"The url of `{node.name.value}` has a numeric address, which may break HTTPS.",
                hint="Use the host name that the certificate is for, as in"
                f" `{better_url(cluster, node)}`.",
            )
        if parts.path.rstrip("/") != f"/{webapp}":
            yield OTHER_PATH.at(
                node.url.span,
                f"The url of `{node.name.value}` ends in `{parts.path or '/'}`, but the webapp"
                f" answers at `/{webapp}`.",
                hint=f"Write `{better_url(cluster, node)}`, unless a proxy maps it.",
            )


def _renamed(cluster: Cluster) -> Iterator[Diagnostic]:
    """A name that is still used, or that two nodes claim, is no earlier name."""
    names = {node.name.value for node in cluster.nodes}
    taken: dict[str, str] = {}
    for node in cluster.nodes:
        if node.renamed_from is None:
            continue
        earlier = node.renamed_from.value
        message = ""
        if earlier in names:
            message = f"`{node.name.value}` cannot have been `{earlier}`, which is a node still."
        elif earlier in taken:
            message = (
                f"`{node.name.value}` and `{taken[earlier]}` cannot both have been `{earlier}`."
            )
        if message:
            hint = "Give the name that the node had in the spec before, or remove the key."
            yield RENAMED.at(node.renamed_from.span, message, hint=hint)
        taken.setdefault(earlier, node.name.value)


def _twice(
    rule: Rule, values: list[tuple[str, Value[str], str]], what: str, hint: str
) -> Iterator[Diagnostic]:
    first: dict[str, str] = {}
    for name, value, key in values:
        if key in first:
            yield rule.at(
                value.span,
                f"`{name}` has the same {what} as `{first[key]}`: {value.value}.",
                hint=hint,
            )
        first.setdefault(key, name)


def _normal(url: str) -> str:
    """Two spellings of one url: case of the host, the scheme's own port, a slash at the end."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{parts.hostname}:{port}{parts.path.rstrip('/')}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
