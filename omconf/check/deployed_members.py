"""What only several deployed hazelcast.xml files show together: whether their nodes are one cluster.

What members may not differ in, and what becomes of them, was measured with real ones.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from omconf.diagnostics import Finding, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

SAME_NAME = Rule("OM313", Severity.WARNING, "the same instance-name on two deployed nodes")
APART = Rule("OM314", Severity.WARNING, "deployed nodes that cannot have formed one cluster")
DROPPED = Rule("OM315", Severity.WARNING, "remote commits that a deployed node drops")
STANDALONE = Rule("OM318", Severity.WARNING, "a deployed node on which no join is enabled")
TWO_NAMES = Rule("OM319", Severity.WARNING, "a deployed node that goes by a name not its own")

NAME = "instance-name"
ATTRIBUTE = "member-attributes/name"
_JOIN = "network/join/"


def findings(
    deployed: Mapping[str, Mapping[str, str]],
    lines: Mapping[str, Mapping[str, int]],
    asked: Collection[str],
    forms: Callable[[str], bool],
) -> Iterator[tuple[str, Finding]]:
    """Judge the items of nodes by name; only `asked` nodes are spoken of, the others are compared.

    `forms` tells whether members that differ in an item cannot be in one cluster.
    """
    names: dict[str, list[str]] = {}
    for node, items in deployed.items():
        names.setdefault(items.get(NAME, ""), []).append(node)
    forming = {
        node: {key: value for key, value in items.items() if forms(key)}
        for node, items in deployed.items()
    }
    most = Counter(tuple(sorted(f.items())) for f in forming.values()).most_common(1)
    common = dict(most[0][0]) if most else {}
    model = next((node for node, f in forming.items() if f == common), "")
    for node in sorted(asked):
        items, line = deployed[node], lines[node]
        name = items.get(NAME, "")
        twins = [other for other in names[name] if other != node]
        if name and twins:
            message = (
                f"{_listed(twins)} has the instance-name `{name}` too: OpenMeetings mixes them up."
            )
            yield node, Finding(SAME_NAME, line.get(NAME, 0), message)
        if items.get(ATTRIBUTE, name) != name:
            message = f"The attribute `name` is `{items[ATTRIBUTE]}`, the instance-name `{name}`."
            yield node, Finding(TWO_NAMES, line.get(ATTRIBUTE, 0), message)
        if len(deployed) > 1 and not any(_is_on(key, value) for key, value in items.items()):
            message = "No join is enabled: Hazelcast starts alone, and says so only in its log."
            yield node, Finding(STANDALONE, line.get(NAME, 0), message)
        elif forming[node] != common:
            keys = sorted(forming[node].items() ^ common.items())
            first = next((key for key, _ in keys if key in line), "")
            differ = ", ".join(dict.fromkeys(key for key, _ in keys))
            message = f"It cannot be in one cluster with {model}: {differ} differ."
            yield node, Finding(APART, line.get(first, 0), message)


def _is_on(key: str, value: str) -> bool:
    return key.startswith(_JOIN) and key.endswith("/enabled") and value == "true"


def _listed(nodes: list[str]) -> str:
    more = f" and {len(nodes) - 3} more" if len(nodes) > 3 else ""
    return ", ".join(nodes[:3]) + more
