"""What nodes are called: by their instance-name, their host's name or what the source calls them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from omconf.adopt import hazelcast, host
from omconf.spec.checks import RESERVED, label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omconf.adopt.model import Seen


def give(
    nodes: Sequence[Seen], said: Mapping[str, str], taken: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Name the nodes; returns what each was called before, by its name, where that is another.

    `said` are names by what the source calls a node; `taken` are those of nodes of the spec.
    """
    own = {id(node): (hazelcast.name_of(node) or ("", 0))[0] for node in nodes}
    twins = Counter(label(name) for name in own.values())
    used = {*taken, *said.values()}
    before: dict[str, str] = {}
    for node in nodes:
        instance = own[id(node)]
        wanted = said.get(node.survey.label)
        if wanted is None:
            first = instance if twins[label(instance)] == 1 else ""
            others = [host.host_name(node).partition(".")[0], node.survey.label.rpartition("@")[2]]
            if label(instance) in map(label, others):
                first = instance  # of several with one name, the one that is called so
            wanted = _free([first, *others], used)
        used.add(wanted)
        node.name = wanted
        if instance and instance != wanted:
            before[wanted] = instance
    return before


def _free(candidates: Sequence[str], used: set[str]) -> str:
    """Make the first candidate that is free a node's name."""
    good = [name for text in candidates if (name := label(text)) and name not in RESERVED]
    for name in good:
        if name not in used:
            return name
    stem = (good or ["om"])[0][:58]
    number = 2 if good else 1
    while f"{stem}-{number}" in used:
        number += 1
    return f"{stem}-{number}"
