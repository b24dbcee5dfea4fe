"""Names the nodes: by omconf's own record, instance-name, host name or their name in the source."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from omconf.adopt import hazelcast, host
from omconf.artifacts.hazelcast import KIND as HAZELCAST
from omconf.formats.names import INSTANCE, MAX_INSTANCE
from omconf.rules import MISSING_SETTING
from omconf.secrets import quoted
from omconf.spec.checks import RESERVED, label

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from omconf.adopt.model import Seen
    from omconf.diagnostics import Diagnostic

ONLY_NEW = "Import only the nodes that the spec lacks: --node NODE."
"""What to do about a node that the spec has already."""


def give(
    nodes: Sequence[Seen], said: Mapping[str, str], taken: frozenset[str] = frozenset()
) -> dict[str, str] | list[Diagnostic]:
    """Name the nodes; returns the previous names that differ, by name, or errors.

    `said` are chosen names by the node's name in the source; `taken` are names in the spec. A node
    whose own name is only `taken`, or was given to another node, is an error.
    """
    found: list[Diagnostic] = []
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
                first = instance  # of several with one name, the one that has it in the source
            recorded, _ = node.recorded("node") or ("", None)
            candidates = [recorded, first, *others]
            found += _conflict(node, candidates, said, taken)
            wanted = _free(candidates, used)
        elif wanted in taken:
            found.append(_in_spec(node, wanted))
        used.add(wanted)
        node.name = wanted
        if instance and instance != wanted:
            before[wanted] = instance
    if found:
        return found
    kept = _kept(nodes)
    return {name: old for name, old in before.items() if name not in kept}


def _conflict(
    node: Seen, candidates: Sequence[str], said: Mapping[str, str], taken: frozenset[str]
) -> Iterator[Diagnostic]:
    """Report a node whose own name another one was given, or which the spec has already."""
    own = [name for text in candidates if (name := label(text)) and name not in RESERVED]
    given = {name: other for other, name in said.items()}
    mine = quoted(node.survey.label)
    if own and own[0] in given:
        name, other = own[0], quoted(given[own[0]])
        message = f"--name gives `{other}` the name `{name}`, which `{mine}` has."
        hint = f"Choose another name, or name that node too: --name {mine}=NAME"
        yield MISSING_SETTING.at(None, message, hint=hint)
    elif own and taken.issuperset(own):
        yield _in_spec(node, own[0])


def _in_spec(node: Seen, name: str) -> Diagnostic:
    mine = quoted(node.survey.label)
    hint = f"{ONLY_NEW} If this is another node, name it: --name {mine}=NAME"
    return MISSING_SETTING.at(None, f"`{name}` is in the spec already.", hint=hint)


def _kept(nodes: Sequence[Seen]) -> set[str]:
    """Have nodes keep instance-names that differ from their names; returns these nodes."""
    kept: set[str] = set()
    own = {node.name: hazelcast.name_of(node) or ("", 0) for node in nodes}
    times = Counter(text for text, _ in own.values())
    for node in nodes:
        text, line = own[node.name]
        fits = INSTANCE.fullmatch(text) and len(text) <= MAX_INSTANCE
        if fits and times[text] == 1 and text not in own:
            place = (node.path(HAZELCAST.places[0]), line)
            node.tell(("nodes", "*", "instance_name"), text, place)
            kept.add(node.name)
    return kept


def _free(candidates: Sequence[str], used: set[str]) -> str:
    """Give a node the first free candidate as its name."""
    good = [name for text in candidates if (name := label(text)) and name not in RESERVED]
    for name in good:
        if name not in used:
            return name
    stem = (good or ["om"])[0][:58]
    number = 2 if good else 1
    while f"{stem}-{number}" in used:
        number += 1
    return f"{stem}-{number}"
