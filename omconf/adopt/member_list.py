"""Reads the member lists of `tcp-ip`: the members, and the name that most nodes use for each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from omconf.adopt.fold import majority
from omconf.adopt.model import Fact, Place
from omconf.artifacts.hazelcast import KIND
from omconf.formats import names
from omconf.hazelcast.items import MEMBER
from omconf.rules import NOT_KEPT
from omconf.secrets import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omconf.adopt.model import Common, Seen
    from omconf.artifacts.reading import Reading

_ENABLED = "network/join/tcp-ip/enabled"
_KEY = ("nodes", "*", "member")
_ONE_PATTERN = (
    "To list nodes by name, use an <interface> that matches all nodes, for example 10.1.1.*."
)
Listed = dict[str, tuple[str, str]]
"""The members of one list, by node (by host if it is not a node): the literal host, and the item."""

Said = tuple[str, Place, str]
"""What a list calls a member, where, and the item."""


def listed(reading: Reading, hosts: Mapping[str, str]) -> Listed | None:
    """Return the members of an enabled list; of two that are the same node, the first.

    `hosts` maps names to nodes.
    """
    if reading.items.get(_ENABLED) != "true":
        return None
    found: Listed = {}
    for key, value in reading.items.items():
        if key.startswith(MEMBER):
            host = value.rpartition(":")[0] or value
            found.setdefault(hosts.get(host.lower().rstrip("."), host), (host, key))
    return found


def facts(nodes: Sequence[Seen], common: Common) -> None:
    """Note the name that most lists use for a node, if it is not the address at which others see it."""
    kinds = [fact for node in nodes if (fact := node.fact("discovery", "kind"))]
    if not kinds or majority(kinds).value != "tcp-ip":
        return
    said: dict[str, dict[str, Said]] = {}
    for node in nodes:
        path = node.path(KIND.places[0])
        reading = KIND.read(node.text(path) or "")
        for member, (host, key) in (listed(reading, common.hosts) or {}).items():
            place = Place(node.name, path, reading.lines.get(key, 0))
            said.setdefault(member, {})[node.name] = (host, place, key)
    _unknown(nodes, said)
    for node in nodes:
        by = said.get(node.name, {})
        usual = Counter(host.lower() for host, *_ in by.values()).most_common(1)
        seen = node.fact("nodes", "*", "public_address") or node.fact("nodes", "*", "address")
        if not usual or (seen and usual[0][0] == str(seen.value).partition(":")[0]):
            continue
        same = {who: each for who, each in by.items() if each[0].lower() == usual[0][0]}
        host, place, _ = same.get(node.name) or next(iter(same.values()))
        if not names.HOST.fullmatch(host) or host.lower() in names.LOOPBACK:
            continue
        if _alone(nodes) and not names.NUMERIC.fullmatch(host):
            message = (
                f"`{quoted(host)}` in member lists is left out: Hazelcast ignores names that do not"
                " match its interfaces, and each node lists only its own address there."
            )
            node.say(NOT_KEPT, message, None, _ONE_PATTERN)
            continue
        node.facts.append(Fact(_KEY, host, place))


def _unknown(nodes: Sequence[Seen], said: Mapping[str, Mapping[str, Said]]) -> None:
    """Report members that are not among the imported nodes, and not another name of one.

    They are beside all of the nodes in every list that has them.
    """
    known = {node.name for node in nodes}
    others = Counter(name for each in known for name in said.get(each, ()) if name != each)
    whole = {name for name in known if others[name] == len(known) - 1}
    for member, by in said.items():
        if member in known or not by.keys() <= whole:
            continue
        for node in nodes:
            if node.name in by:
                host, _, key = by[node.name]
                why = f"{quoted(host)} is in the member lists but not in the source: import it, too"
                node.why[KIND.name, key] = why


def _alone(nodes: Sequence[Seen]) -> bool:
    """Tell whether the interfaces of most nodes match only the node itself."""
    chosen = [fact for node in nodes if (fact := node.fact("hazelcast", "interfaces"))]
    return bool(chosen) and majority(chosen).value is None
