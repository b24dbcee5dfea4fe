"""Folds the facts of many nodes into one spec: shared keys, and each node's own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omconf.adopt.model import ABSENT, Fact
from omconf.cluster import places
from omconf.cluster.resolve import natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from omconf.adopt.model import Path, Seen

Facts = dict["Path", Fact]
"""Facts of the spec by key; a node's own are below `("nodes", NAME)`."""
_DEFAULTS = ("url", "ssh", "member", "kurento_url")
"""Keys of a node in which a pattern may use `{name}` and `{address}`."""
HOME = "/opt/om"
"""The default of `openmeetings.home`."""
INTERFACE = ("network", "interface")
_LEAST = 2


def fold(nodes: Sequence[Seen], *, explicit: bool = False, patterns: bool = True) -> Facts:
    """Fold the facts of all nodes into one spec; values that must be equal are the majority's.

    With `explicit`, defaults are written too; with `patterns`, nodes share values that follow one,
    and their usual home and interface; without, each keeps its own.
    """
    nodes = sorted(nodes, key=lambda node: natural(node.name))
    shared: Facts = {}
    by_node = [{fact.path: fact for fact in reversed(node.facts)} for node in nodes]
    paths = dict.fromkeys(path for facts in by_node for path in facts if path[:1] != ("nodes",))
    for path in paths:
        votes = [
            facts.get(path, ABSENT)
            for node, facts in zip(nodes, by_node, strict=True)
            if path in facts or path[:-1] in node.covers
        ]
        winner = majority(votes)
        if isinstance(winner, Fact) and (explicit or winner.value != winner.default):
            shared[path] = winner
    result = {path: fact for path, fact in shared.items() if fact.value is not None}
    if patterns:
        result |= _homes(nodes)
    else:
        result.pop(INTERFACE, None)
    for node in nodes:
        result |= {
            ("nodes", node.name, fact.path[2]): fact
            for fact in reversed(node.facts)
            if fact.path[:2] == ("nodes", "*") and fact.value is not None
        }
        own = node.fact(*INTERFACE)
        if own and own.value is not None and not alike(own, result.get(INTERFACE)):
            result["nodes", node.name, "interface"] = own
    result = _variables(result)
    return _patterns(result, [node.name for node in nodes]) if patterns else result


def _variables(facts: Facts) -> Facts:
    """Give each secret its own variable, even if two keys would have the same name."""
    used: set[str] = set()
    result: Facts = {}
    for path in sorted(facts, key=lambda path: (len(path), path)):
        fact = facts[path]
        if isinstance(fact.value, dict) and (wanted := fact.value.get("env")):
            name, number = wanted, 2
            while name in used:
                name, number = f"{wanted}_{number}", number + 1
            used.add(name)
            fact = replace(fact, value={**fact.value, "env": name})
        result[path] = fact
    return {path: result[path] for path in facts}


def majority(votes: Sequence[Any]) -> Any:
    """Return the majority's fact; in a tie, the one of the first node."""
    groups: list[list[Any]] = []
    for vote in votes:
        same = next((group for group in groups if alike(group[0], vote)), None)
        if same is None:
            groups.append([vote])
        else:
            same.append(vote)
    return max(groups, key=len)[0] if groups else ABSENT


def alike(one: Any, other: Any) -> bool:
    """Tell whether two facts are equal."""
    if not isinstance(one, Fact) or not isinstance(other, Fact):
        return one is other
    if one.secret is not None and other.secret is not None:
        return one.secret == other.secret
    return bool(one.value == other.value and type(one.value) is type(other.value))


def _homes(nodes: Sequence[Seen]) -> Facts:
    """Write the home that most nodes have, and those of the others."""
    result: Facts = {}
    found = {node.name: fact for node in nodes if (fact := node.fact("nodes", "*", "home"))}
    usual = majority([*found.values()])
    if isinstance(usual, Fact):
        for name, fact in found.items():
            if alike(fact, usual):
                continue
            result["nodes", name, "home"] = fact
        if usual.value != HOME:
            result["openmeetings", "home"] = Fact(
                ("openmeetings", "home"), usual.value, usual.place
            )
    for node in nodes:
        node.facts = [fact for fact in node.facts if fact.path != ("nodes", "*", "home")]
    return result


def _patterns(facts: Facts, names: Iterable[str]) -> Facts:
    """Move what all nodes share to `node_defaults`, if a pattern can express it."""
    names = list(names)
    for key in _DEFAULTS:
        own = {name: facts.get(("nodes", name, key)) for name in names}
        known = {name: fact for name, fact in own.items() if fact is not None}
        if len(known) < _LEAST or len(known) < len(names):
            continue
        patterns = {}
        for name, fact in known.items():
            address = facts.get(("nodes", name, "address"))
            patterns[name] = _pattern(str(fact.value), name, str(address.value) if address else "")
        usual = Counter(patterns.values()).most_common(1)[0][0]
        holds = [name for name, pattern in patterns.items() if pattern == usual]
        if len(holds) < _LEAST or len(holds) * 2 <= len(names):
            continue
        said = known[holds[0]]
        path = ("node_defaults", key)
        if key == "kurento_url" and usual == str(said.value):
            path = ("kurento", "url")
        facts[path] = Fact(path, usual, said.place, guess=said.guess)
        for name in holds:
            del facts["nodes", name, key]
    return facts


def spread(facts: Facts, nodes: Sequence[Seen], key: str) -> None:
    """Give the nodes that follow a pattern of `node_defaults` their own values again."""
    del facts["node_defaults", key]
    for node in nodes:
        if own := node.fact("nodes", "*", key):
            facts.setdefault(("nodes", node.name, key), own)


def settle(facts: Facts, *, explicit: bool) -> None:
    """Leave out what follows from other values, unless that is to be `explicit`."""
    cluster = facts.get(("cluster",))
    name = facts.get(("hazelcast", "cluster_name"))
    if cluster and name and name.value == cluster.value and not explicit:
        del facts["hazelcast", "cluster_name"]
    kind = facts.get(("discovery", "kind"))
    if not explicit:
        multicast = kind is None or kind.value == "multicast"
        route = facts.get(("network", "multicast_route"))
        if route and route.value is multicast:
            del facts["network", "multicast_route"]
        share = facts.get(("storage", "share"))
        if share and cluster and share.value == f"openmeetings-{cluster.value}":
            del facts["storage", "share"]
    mode = facts.get(("database", "tls", "mode"))
    beside = any(path[:2] == ("database", "tls") and path[2] != "mode" for path in facts)
    if mode and mode.value == "verify-full" and beside and not explicit:
        del facts["database", "tls", "mode"]
    export, folder = facts.get(("storage", "export")), facts.get(("openmeetings", "data_dir"))
    if (
        export
        and not explicit
        and export.value == (folder.value if folder else places.DEFAULT_DATA_DIR)
    ):
        del facts["storage", "export"]
    if folder and folder.value == places.DEFAULT_DATA_DIR and not explicit:
        del facts["openmeetings", "data_dir"]


def _pattern(text: str, name: str, address: str) -> str:
    """Replace a node's name and address by `{name}` and `{address}`, once each."""
    if "{name}" in text or "{address}" in text:
        return text
    for own, word in ((address, "{address}"), (name, "{name}")):
        before, found, after = text.partition(own) if own else (text, "", "")
        bounded = not before[-1:].isalnum() and not after[:1].isalnum()
        if found and bounded and own not in after:
            return before + word + after
    return text
