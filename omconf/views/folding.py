"""A thousand nodes on one screen: what is the same on many of them is drawn once.

Documents in, shorter documents out, for the views that people read. The JSON is always complete.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from omconf.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from omconf.views.document import Document

FEW = 6
"""As many nodes, items or findings are named one by one."""
SHOWN = 3
"""As many of more are."""
MAX_ITEMS = 30
"""More lines than these of one file tell nobody more."""
DIFFERS = "(differs by node)"


def names(listed: Sequence[str], what: str = "nodes") -> str:
    """Return a few names, or the first ones, the last one, and how many there are."""
    if len(listed) <= FEW:
        return ", ".join(listed)
    return f"{', '.join(listed[:SHOWN])} ... {listed[-1]} ({len(listed)} {what})"


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes with the same changes, and those changes.

    Where `differ`, only the files, the items and their actions are the same: an item whose value is
    not has `differs`, and the first node's value.
    """

    nodes: tuple[str, ...]
    changes: list[Document]
    differ: bool = False


def groups(changes: Iterable[Document]) -> list[Group]:
    """Put nodes with equal changes together; many nodes also where only values differ."""
    by_node: dict[str, list[Document]] = {}
    for change in changes:
        by_node.setdefault(change["node"], []).append(change)
    alike: dict[Hashable, list[str]] = {}
    for node, its in by_node.items():
        alike.setdefault(tuple(_form(change) for change in its), []).append(node)
    found = []
    for nodes in alike.values():
        equal: dict[Hashable, list[str]] = {}
        for node in nodes:
            equal.setdefault(tuple(_values(change) for change in by_node[node]), []).append(node)
        if len(equal) > 1 and len(nodes) > FEW:
            found.append(Group(tuple(nodes), _merged([by_node[node] for node in nodes]), True))
        else:
            found += [Group(tuple(same), by_node[same[0]]) for same in equal.values()]
    position = {node: number for number, node in enumerate(by_node)}
    return sorted(found, key=lambda group: position[group.nodes[0]])


def _form(change: Document) -> Hashable:
    """What has to be the same in changes that are drawn together: all but values and notes."""
    items = tuple(
        tuple(i.get(k) for k in ("key", "action", "secret", "hint", "cause"))
        for i in change["items"]
    )
    what = tuple(change[key] for key in ("path", "kind", "ownership", "action"))
    effect = repr(change.get("effect"))
    return (*what, change.get("cause"), items, effect, len(change.get("notes", ())))


def _values(change: Document) -> Hashable:
    values = tuple((i.get("before"), i.get("after")) for i in change["items"])
    return (values, tuple(change.get("notes", ())))


def _merged(nodes: list[list[Document]]) -> list[Document]:
    """Changes of the same form as one list, which marks what differs from the first node's."""
    result = []
    for its in zip(*nodes, strict=True):
        first = its[0]
        merged = {**first, "items": [_item(same) for same in zip(*_all(its, "items"), strict=True)]}
        if "notes" in first:
            notes = zip(*_all(its, "notes"), strict=True)
            merged["notes"] = [n[0] if len(set(n)) == 1 else f"{n[0]} {DIFFERS}" for n in notes]
        result.append(merged)
    return result


def _all(changes: Iterable[Document], key: str) -> list[list[Any]]:
    return [change[key] for change in changes]


def _item(same: Sequence[Document]) -> Document:
    values = {(item.get("before"), item.get("after")) for item in same}
    return same[0] if len(values) == 1 else {**same[0], "differs": True}


def items(change: Document) -> tuple[list[Document], str]:
    """The items to draw: many with the same value as one, and a note on those left out.

    An item that decides what the change costs is drawn by itself, and never left out.
    """
    deciding = set(change.get("effect", {}).get("decided_by", ()))
    alike: dict[Hashable, list[Document]] = {}
    for item in change["items"]:
        if item["key"] not in deciding:
            alike.setdefault(_but_key(item), []).append(item)
    drawn: list[tuple[Document, int]] = []
    for item in change["items"]:
        same = alike.get(_but_key(item), [])
        if item["key"] in deciding or len(same) <= FEW:
            drawn.append((item, 1))
        elif item is same[0]:
            drawn.append(({**item, "key": names([i["key"] for i in same], "items")}, len(same)))
    room = MAX_ITEMS - sum(item["key"] in deciding for item, _ in drawn)
    shown: list[Document] = []
    left: Counter[str] = Counter()
    for item, count in drawn:
        if item["key"] in deciding:
            shown.append(item)
        elif room > 0:
            room -= 1
            shown.append(item)
        else:
            left[item["action"]] += count
    actions = ", ".join(f"{count} to {action}" for action, count in left.items())
    return shown, f"... {left.total()} more items: {actions}" if left else ""


def _but_key(item: Document) -> Hashable:
    return tuple(
        item.get(key) for key in ("action", "before", "after", "secret", "hint", "cause", "differs")
    )


def notes(change: Document) -> list[str]:
    """The notes to draw: the first ones of many."""
    every: list[str] = change.get("notes", [])
    if len(every) <= FEW:
        return every
    return [*every[:SHOWN], f"... {len(every) - SHOWN} more like it"]


def steps(rollout: Iterable[Document]) -> list[Document]:
    """The steps to draw: the same commands on one node after the other are one."""
    alike: list[list[Document]] = []
    for step in rollout:
        last = alike[-1][0] if alike else None
        if last and _one_node(last) and _one_node(step) and _what(last) == _what(step):
            alike[-1].append(step)
        else:
            alike.append([step])
    return [_one_step(same) if len(same) > 1 else same[0] for same in alike]


def _one_step(same: list[Document]) -> Document:
    first = str(same[0]["step"]).partition("-")[0]
    nodes = [node for step in same for node in step["nodes"]]
    return {**same[0], "step": f"{first}-{same[-1]['step']}", "nodes": nodes}


def _one_node(step: Document) -> bool:
    return isinstance(step["step"], str) or len(step["nodes"]) == 1


def _what(step: Document) -> Document:
    return {key: value for key, value in step.items() if key not in ("step", "nodes")}


def findings(found: Sequence[Document]) -> list[Document]:
    """The findings to draw: the same on many nodes is one; of many of one rule, the first ones."""
    said: dict[Hashable, list[Document]] = {}
    for d in found:
        said.setdefault(_said(d), []).append(d)
    drawn: list[Document] = []
    count = {what: len({d.get("node") for d in same}) for what, same in said.items()}
    for d in found:
        same = said[_said(d)]
        if "node" not in d or count[_said(d)] <= FEW:
            drawn.append(d)
        elif d is same[0]:
            drawn.append(_together(same))
    return _first_ones(drawn)


def _said(d: Document) -> Hashable:
    """What has to be the same in findings on several nodes: all but the node and the line."""
    what = (d.get(key) for key in ("rule", "severity", "path", "message", "hint", "source"))
    return ("node" in d, *what)


def _together(same: list[Document]) -> Document:
    nodes = list(dict.fromkeys(d["node"] for d in same))
    apart = (
        {"line", "column", "end_line", "end_column"} if len({_line(d) for d in same}) > 1 else ()
    )
    return {k: v for k, v in same[0].items() if k not in apart} | {"node": names(nodes)}


def _line(d: Document) -> int | None:
    line: int | None = d.get("line")
    return line


def _first_ones(found: list[Document]) -> list[Document]:
    """Cut what one rule says of many nodes, or warns of in many lines of the spec."""
    alike: dict[Hashable, list[Document]] = {}
    for d in found:
        alike.setdefault(_about(d), []).append(d)
    result = []
    places = {
        about: len({other.get("node", number) for number, other in enumerate(same)})
        for about, same in alike.items()
    }
    for d in found:
        same = alike[_about(d)]
        if places[_about(d)] <= FEW or ("node" not in d and d["severity"] == "error"):
            result.append(d)
        elif any(d is first for first in same[:SHOWN]):
            result.append(d)
            if d is same[SHOWN - 1]:
                message = f"... and {len(same) - SHOWN} more of the same; `--json` lists them all."
                result.append({"rule": d["rule"], "severity": d["severity"], "message": message})
    return result


def _about(d: Document) -> Hashable:
    return (d["rule"], d["severity"], d.get("path"), "node" in d)
