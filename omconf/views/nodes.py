"""The nodes of a plan as tiles of its page: what happens to each; drawn from the document alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from omconf.views import folding
from omconf.views.markup import tag
from omconf.views.services import openmeetings
from omconf.views.visible import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omconf.views.document import Document
    from omconf.views.markup import Markup

SIGNS = {"create": "+", "update": "~", "delete": "-", "reformat": "≈"}
_MAX_NAME = 120
_ONE_BY_ONE = 30
"""Of more nodes, those that look the same are one tile."""
_MAX_TILES = 60
"""More tiles than these tell nobody more."""


def name(node: str) -> str:
    """Write a name that may be anything, the start of a long one."""
    shown = visible(node)
    return shown if len(shown) <= _MAX_NAME else shown[: _MAX_NAME - 4] + " ..."


def names(listed: Sequence[str]) -> str:
    """Return a few nodes, or the first ones, the last one, and how many there are."""
    return folding.names([name(node) for node in listed])


def of_plan(document: Document) -> list[str]:
    """List the nodes that the plan is of, and those that only its changes and steps name."""
    named = [*(document["source"] or {}).get("nodes", ())]
    named += [change["node"] for change in document["changes"]]
    named += [node for step in document["rollout"] for node in step["nodes"]]
    return list(dict.fromkeys(named))


def tiles(document: Document, groups: Sequence[folding.Group]) -> list[Markup]:
    """Draw each node with what happens to it; of too many, those together that look the same.

    A tile leads to the changes of its nodes, by the number of their group.
    """
    listed = of_plan(document)
    count: dict[str, Counter[str]] = {node: Counter() for node in listed}
    for change in document["changes"]:
        count[change["node"]][change["action"]] += 1
    verbs = _verbs(document)
    unread = {
        d["node"]
        for d in document["diagnostics"]
        if d["severity"] == "error" and "node" in d and "path" not in d
    }
    group = {node: n for n, found in enumerate(groups, 1) for node in found.nodes}
    alike: dict[object, list[str]] = {}
    for node in listed:
        looks = (*(count[node][a] for a in SIGNS), verbs.get(node), node in unread)
        alike.setdefault(node if len(listed) <= _ONE_BY_ONE else looks, []).append(node)
    drawn = []
    for same in alike.values():
        first = same[0]
        numbers = {group.get(node, 0) for node in same}
        link = f"#change-{max(numbers)}" if len(numbers) == 1 and 0 not in numbers else ""
        tile = _tile(names(same), link, count[first], verbs.get(first, ""), first in unread)
        drawn.append(tile)
    left = len(drawn) - _MAX_TILES
    return [*drawn[:_MAX_TILES], *([tag("li", f"... and {left} more")] if left > 0 else [])]


def _tile(called: str, link: str, count: Counter[str], verb: str, unread: bool) -> Markup:
    tags = [
        tag("span", f"{sign} {count[a]}", of=f"tag {a}", title=f"{count[a]} to {a}")
        for a, sign in SIGNS.items()
        if count[a]
    ]
    if unread:
        tags.append(tag("span", "could not be read", of="tag error"))
    elif not tags:
        tags.append(tag("span", "unchanged", of="tag"))
    looks = ""
    if verb:
        looks = "restart" if "restart" in verb else "stop" if "stop" in verb else "start"
        tags.append(tag("span", verb, of=f"tag {looks}"))
    shown = tag("a", called, href=link) if link else called
    return tag("li", tag("span", shown, of="name"), *tags, of="error" if unread else looks)


def _verbs(document: Document) -> dict[str, str]:
    """Return what OpenMeetings does in the course of the roll-out, by node: `restarts`, `stops`, ..."""
    does: dict[str, set[str]] = {}
    for step in document["rollout"]:
        verbs = openmeetings(step)
        for node in step["nodes"] if verbs else ():
            does.setdefault(node, set()).update(verbs)
    said = {}
    for node, verbs in does.items():
        if "restart" in verbs:
            said[node] = "restarts"
        elif verbs >= {"stop", "start"}:
            said[node] = "stops, then starts"
        else:
            said[node] = "stops" if "stop" in verbs else "starts"
    return said
