"""Findings that may be wrong because a value that they rest on could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.rules import ONE_NODE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from omconf.diagnostics import Diagnostic
    from omconf.spec.document import Document, Path

_MULTICAST = (("discovery", "kind"), ("discovery", "ttl"), ("network", "subnet"))
_RELEASE = ("openmeetings", "release")
_KIND = ("database", "kind")
_HOST = ("database", "host")
_OPTIONS = ("database", "options")
_RESTS_ON: dict[str, tuple[tuple[str, ...], ...]] = {
    "OM201": (("nodes", "*", "public_address"), ("nodes", "*", "member")),
    "OM212": (_KIND,),
    "OM213": (_KIND, _HOST),
    "OM214": (_KIND, _RELEASE),
    "OM215": (_KIND, _RELEASE),
    "OM216": (_KIND,),
    "OM217": (_KIND,),
    "OM218": (("database", "tls"), _OPTIONS, _RELEASE),
    "OM219": (_OPTIONS, _RELEASE),
    "OM224": _MULTICAST,
    "OM225": (_KIND, _HOST),
    "OM228": _MULTICAST,
    "OM237": tuple(("storage", key) for key in ("export", "options", "pseudo_root", "type")),
    "OM238": (("storage", "clients"), ("storage", "server")),
    "OM261": (_KIND, _RELEASE),
    "OM270": (_RELEASE,),
    "OM280": (_KIND, _HOST),
    "OM281": (_KIND, _HOST),
    "OM282": (("database", "tls"), _KIND, _RELEASE),
    "OM283": (_KIND, _RELEASE),
}
"""By rule: the keys (and all below them) whose absence the rule reports, or whose default it takes."""


def held_back(
    document: Document, found: Iterable[Diagnostic], left_out: Sequence[Path]
) -> list[Diagnostic]:
    """Leave out what a mistake that was reported explains: the value in question was not seen."""
    return [d for d in found if not any(_explains(document, path, d) for path in left_out)]


def _explains(document: Document, path: Path, found: Diagnostic) -> bool:
    if found.rule is ONE_NODE:
        return path[:1] == ("nodes",) and len(path) == 2  # another node, which was not read
    for keys in _RESTS_ON.get(found.rule.id, ()):
        if len(path) < len(keys) or any(
            key not in ("*", part) for key, part in zip(keys, path, strict=False)
        ):
            continue
        if "*" not in keys or found.span is None:
            return True
        node = document.span(path[: keys.index("*") + 1])  # of that node alone
        if node.line <= found.span.line <= node.end_line:
            return True
    return False
