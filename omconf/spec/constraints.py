"""Checks across several keys of a section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticCustomError

from omconf.rules import WRONG_VALUE
from omconf.spec import checks, errors
from omconf.spec.references import node_text
from omconf.spec.urls import url as check_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.diagnostics import Diagnostic
    from omconf.spec.document import Document, Path
    from omconf.spec.models import Spec


def nodes(document: Document, misspelt: set[Path | None]) -> Iterator[Diagnostic]:
    """Check each node's name, and the required keys that `node_defaults` may provide.

    A missing key is not reported if it is one of the `misspelt`.
    """
    nodes = document.data.get("nodes")
    defaults = document.data.get("node_defaults")
    defaults = defaults if isinstance(defaults, dict) else {}
    for name, node in nodes.items() if isinstance(nodes, dict) else ():
        path: Path = ("nodes", name)
        try:
            checks.node_name(name, nodes)
        except PydanticCustomError as error:
            yield errors.translate_check(error, document.key_span(path))
        if not isinstance(node, dict):
            continue
        for key in ("address", "url"):
            absent = _given(node, defaults, key) is None
            if absent and (*path, key) not in misspelt and "<<" not in node:
                yield errors.missing_key(document, (*path, key))
        own = node.get("url") is not None
        place = (*path, "url") if own else ("node_defaults", "url")
        text, address = _given(node, defaults, "url"), _given(node, defaults, "address")
        if isinstance(text, str):
            if not isinstance(address, str) or not text.isprintable():
                continue  # the value itself has a diagnostic
            try:
                check_url(node_text(text, name, address), name)
            except PydanticCustomError as error:
                yield errors.advised(errors.translate_check(error, document.span(place)), text)
    yield from _unused_url(document, nodes, defaults)


def _given(node: dict[str, Any], defaults: dict[str, Any], key: str) -> Any:
    """Return a node's own value, or the default where it has none; null is none."""
    own = node.get(key)
    return defaults.get(key) if own is None else own


def _unused_url(document: Document, nodes: Any, defaults: dict[str, Any]) -> Iterator[Diagnostic]:
    """Check a default URL that no node uses, as the schema for editors does."""
    text = defaults.get("url")
    listed = nodes.values() if isinstance(nodes, dict) else ()
    used = any(isinstance(node, dict) and node.get("url") is None for node in listed)
    if used or not isinstance(text, str) or not text.isprintable():
        return
    try:
        check_url(node_text(text, "om1", "10.1.1.1"), "om1")
    except PydanticCustomError as error:
        span = document.span(("node_defaults", "url"))
        yield errors.advised(errors.translate_check(error, span), text)


_GO_WITH = {
    **dict.fromkeys(("export", "options", "mount_from"), ("nfs", "cifs")),
    **dict.fromkeys(("export_options", "type", "pseudo_root", "clients"), ("nfs",)),
    **dict.fromkeys(("share", "user", "domain", "password", "credentials"), ("cifs",)),
    "fstab": ("mounted",),
}
"""Keys of `storage:` that only some kinds have, with these kinds."""


def storage(document: Document, misspelt: set[Path | None]) -> Iterator[Diagnostic]:
    """Check the keys of `storage:` against its kind: required keys, and keys without effect.

    A missing key is not reported if it is one of the `misspelt`.
    """
    given = document.data.get("storage")
    if not isinstance(given, dict):
        return
    kind = str(given.get("kind", "nfs"))
    for key in {"nfs": ("server",), "cifs": ("server", "password")}.get(kind, ()):
        if given.get(key) is None and ("storage", key) not in misspelt:
            yield errors.missing_key(document, ("storage", key))
    for key, kinds in _GO_WITH.items():
        if key in given and kind not in kinds and kind in ("nfs", "cifs", "mounted"):
            yield WRONG_VALUE.at(
                document.key_span(("storage", key)),
                f"`storage.{key}` has no effect with `kind: {kind}`.",
                hint=f"Remove it, or write `kind: {kinds[0]}`.",
            )
    if kind == "mounted" and None not in (given.get("fstab"), given.get("server")):
        yield WRONG_VALUE.at(
            document.key_span(("storage", "server")),
            "`storage.server` has no effect together with `storage.fstab`, whose `what` names the"
            " server.",
            hint="Remove it.",
        )


def is_complete(spec: Spec, name: str) -> bool:
    """Tell whether a node has an address and a valid URL, its own or a default."""
    node, defaults = spec.nodes[name], spec.node_defaults
    address, url = node.address or defaults.address, node.url or defaults.url
    if not address or not url:
        return False
    try:
        check_url(node_text(url, name, address), name)
    except PydanticCustomError:
        return False
    return True
