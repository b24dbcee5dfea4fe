"""What the member list calls nodes means something with `tcp-ip` alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.rules import WRONG_VALUE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.diagnostics import Diagnostic
    from omconf.spec.document import Document, Path


def check(document: Document) -> Iterator[Diagnostic]:
    """Refuse `member` where members find each other by multicast."""
    discovery = document.data.get("discovery") or {}
    if not isinstance(discovery, dict) or (discovery.get("kind") or "multicast") != "multicast":
        return
    nodes = document.data.get("nodes")
    paths: list[Path] = [("nodes", name) for name in nodes] if isinstance(nodes, dict) else []
    for path in [*paths, ("node_defaults",)]:
        section = document.data.get(path[0])
        section = section.get(path[1]) if isinstance(section, dict) and path[1:] else section
        if isinstance(section, dict) and section.get("member") is not None:
            where = ".".join(map(str, path))
            yield WRONG_VALUE.at(
                document.key_span((*path, "member")),
                f"`{where[:80]}.member` means nothing with `discovery.kind: multicast`.",
                hint="Remove it, or write `discovery: {kind: tcp-ip}`.",
            )
