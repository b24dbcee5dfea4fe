"""Compares deployed hazelcast.xml files: whether their nodes can form one cluster.

Which differences are incompatible, and their effects, was measured with real members.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from omconf.diagnostics import Finding
from omconf.regex import regex
from omconf.rules import (
    COUNTS_AS_FALSE,
    NO_INTERFACE,
    SAME_NAME,
    SPLIT_CLUSTER,
    STANDALONE,
    TWO_NAMES,
    UNKNOWN,
    UNUSABLE_FILE,
)
from omconf.secrets import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping


VARIABLE = "${"
"""Begins a Java system property in hazelcast.xml, whose value is known only on the node."""
NAME = "instance-name"
ATTRIBUTE = "member-attributes/name"
_JOIN = "network/join/"
_INTERFACE = "network/interfaces/interface"
GROUP = f"{_JOIN}multicast/multicast-group"
PORT = f"{_JOIN}multicast/multicast-port"
PORT_TAKEN = "network/port"
PARTITIONS = "properties/hazelcast.partition.count"
DEFAULTS = {"cluster-name": "dev", GROUP: "224.2.2.3", PORT: "54327", PARTITIONS: "271"}
"""Hazelcast's default cluster-name."""
_SAYS_NOTHING = (
    {"network/port/port-count": "100"},
    {"network/outbound-ports/ports": "0"},
    {"network/port": "5701", "network/port/auto-increment": "true"},
    {f"{_JOIN}tcp-ip/connection-timeout-seconds": "5"},
)
"""Hazelcast's defaults (4.0.2 to 5.6.0): setting one changes nothing."""
_MULTICAST = {
    GROUP: DEFAULTS[GROUP],
    PORT: DEFAULTS[PORT],
    f"{_JOIN}multicast/multicast-time-to-live": "32",
    f"{_JOIN}multicast/multicast-timeout-seconds": "2",
}
"""Defaults of Hazelcast's multicast (MulticastConfig, 4.0 to 5.6)."""
_INTEGERS = frozenset(
    {
        PORT_TAKEN,
        f"{PORT_TAKEN}/port-count",
        f"{_JOIN}tcp-ip/connection-timeout-seconds",
        PARTITIONS,
        *_MULTICAST,
    }
    - {GROUP}
)
"""Items that Hazelcast reads by Integer.parseInt (measured)."""
SAID_BY_NOBODY = {"cluster-name": DEFAULTS["cluster-name"]}
_INTEGER = regex(r"([+-]?)0*([0-9]{1,10})")
_IMPORT = regex(r"import(?:\[[0-9]+\])?/resource")
_MATTERS = frozenset({*DEFAULTS, PORT_TAKEN})
_KINDS = {f"{_JOIN}tcp-ip", f"{_JOIN}multicast", _JOIN.rstrip("/")}
"""Names of the enabled join in `forming`; the last means none of these."""


def findings(
    deployed: Mapping[str, Mapping[str, str]],
    lines: Mapping[str, Mapping[str, int]],
    asked: Collection[str],
) -> Iterator[tuple[str, Finding]]:
    """Compare the items of nodes, by node; findings are yielded only for `asked` nodes."""
    names: dict[str, list[str]] = {}
    for node, items in deployed.items():
        names.setdefault(items.get(NAME, ""), []).append(node)
    model = _model(deployed, asked)
    wanted = forming(deployed.get(model, {}))
    for node in sorted(asked):
        items, line = deployed[node], lines[node]
        name = items.get(NAME, "")
        twins = len(names[name]) - 1
        if name and twins and VARIABLE not in name:
            some = [other for other in names[name][:4] if other != node]
            others = _listed(some, twins)
            message = (
                f"{others} {'has' if twins == 1 else 'have'} the same instance-name, `{name}`:"
                " OpenMeetings cannot distinguish them."
            )
            hint = f"Give each node its own: `<instance-name>{node}</instance-name>`."
            yield node, Finding(SAME_NAME, line.get(NAME, 0), message, hint)
        attribute = items.get(ATTRIBUTE, name)
        if attribute != name and VARIABLE not in name + attribute:
            message = f"The attribute `name` is `{attribute}`, the instance-name `{name}`."
            hint = "OpenMeetings reads the attribute, Hazelcast the element: use the same name in both."
            yield node, Finding(TWO_NAMES, line.get(ATTRIBUTE, 0), message, hint)
        if len(deployed) > 1:
            yield from ((node, finding) for finding in _unknown(items, line))
        if len(deployed) > 1 and not _joins(items) and not imports(items):
            message = "No join is enabled: Hazelcast starts alone and reports it only in its log."
            hint = 'Enable the join that the other nodes use: `<multicast enabled="true">`.'
            yield node, Finding(STANDALONE, line.get(NAME, 0), message, hint)
        elif keys := _parting(forming(items), wanted):
            first = next((key for key in line if key.startswith(keys[0])), "")
            verb = "differs" if len(keys) == 1 else "differ"
            message = f"It cannot form a cluster with {model}: {', '.join(keys)} {verb}."
            hint = (
                "Deploy the bundle to all nodes, then restart them all; separate"
                " clusters do not merge."
            )
            yield node, Finding(SPLIT_CLUSTER, line.get(first, 0), message, hint)


def _model(deployed: Mapping[str, Mapping[str, str]], asked: Collection[str]) -> str:
    """Return the node to compare with: one that matches the spec, or one of the majority."""
    fine = [node for node in deployed if node not in asked]
    if fine:
        return fine[0]
    alike = Counter(tuple(sorted(forming(items).items())) for items in deployed.values())
    most = alike.most_common(1)[0][0] if alike else ()
    return next((n for n, i in deployed.items() if tuple(sorted(forming(i).items())) == most), "")


def forming(items: Mapping[str, str]) -> dict[str, str]:
    """Return the settings in which members must not differ (measured), with Hazelcast's defaults."""
    kinds = ("tcp-ip", "multicast")
    kind = next((k for k in kinds if items.get(f"{_JOIN}{k}/enabled") == "true"), "")
    # A key that an imported file may set has no default here.
    defaults = dict.fromkeys(DEFAULTS, VARIABLE) if imports(items) else DEFAULTS
    found = {key: items.get(key, defaults[key]) for key in ("cluster-name", PARTITIONS)}
    some = any(_joining(key) and VARIABLE in value for key, value in items.items())
    if kind or not (some or imports(items)):
        found[f"{_JOIN}{kind}".rstrip("/")] = "enabled"
    if kind == "multicast":
        found |= {key: items.get(key, defaults[key]) for key in (GROUP, PORT)}
    if kind == "tcp-ip":
        found[PORT_TAKEN] = items.get(PORT_TAKEN, "5701")
    return {key: value for key, value in found.items() if VARIABLE not in value}


def _parting(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Return the keys in which two members differ, as far as known."""
    unknown = (DEFAULTS.keys() | {PORT_TAKEN}) - (one.keys() & other.keys())
    if not (one.keys() & _KINDS and other.keys() & _KINDS):
        unknown |= _KINDS
    keys = sorted((one.keys() | other.keys()) - unknown)
    return [key for key in keys if one.get(key) != other.get(key)]


def settle_defaults(items: dict[str, str], lines: dict[str, int]) -> None:
    """Remove items equal to Hazelcast's defaults; add the defaults of an enabled multicast."""
    for said in _SAYS_NOTHING:
        if said.items() <= items.items():
            for key in said:
                del items[key]
    if items.get(PORT_TAKEN) == "5701" and f"{PORT_TAKEN}/auto-increment" not in items:
        del items[PORT_TAKEN]
    enabled = f"{_JOIN}multicast/enabled"
    if items.get(enabled) == "true" and not imports(items):
        for key, value in _MULTICAST.items():
            if key not in items:
                items[key] = value
                lines.setdefault(key, lines[enabled])


def truth(value: str) -> str:
    """Read a boolean as Hazelcast's DomConfigHelper does: `1` is false, too."""
    if VARIABLE in value:
        return value
    return "true" if value.strip().lower() in ("true", "yes", "on") else "false"


def is_boolean(key: str) -> bool:
    """Tell whether an item is a boolean, by its key."""
    return key.endswith(("/enabled", "/auto-increment"))


def settled(key: str, value: str) -> str:
    """Write a boolean or a number in one form, as Hazelcast reads it.

    To Java's Integer.parseInt a plus and zeros before a number do not count.
    """
    if is_boolean(key):
        return truth(value)
    number = _INTEGER.fullmatch(value) if key in _INTEGERS else None
    return str(int("".join(number.groups()))) if number else value


def two_joins(on: list[str], lines: Mapping[str, int]) -> Finding:
    """Report more than one enabled join in a file."""
    message = f"Two joins are enabled ({' and '.join(on)}): Hazelcast refuses to start."
    return Finding(
        UNUSABLE_FILE, lines.get(f"{_JOIN}{on[1]}/enabled", 0), message, "Keep only one of them."
    )


def counts_as_false(places: Mapping[str, int]) -> Iterator[Finding]:
    """Report each `1`, by key and line: it is true for XML Schema, false for Hazelcast."""
    for key, line in places.items():
        message = f"`{quoted(key)}` is `1`, which Hazelcast reads as false."
        yield Finding(COUNTS_AS_FALSE, line, message, "Write `true` or `false`.")


def no_interface(
    items: Mapping[str, str], lines: Mapping[str, int], addresses: Collection[str]
) -> Finding | None:
    """Report `<interfaces>` that match no address: Hazelcast does not start (measured)."""
    keys = [key for key in items if re.fullmatch(rf"{_INTERFACE}(?:\[[0-9]+\])?", key)]
    patterns = [items[key] for key in keys]
    if not patterns or items.get("network/interfaces/enabled") != "true":
        return None
    if any(VARIABLE in p or matches(p, address) for p in patterns for address in addresses):
        return None
    shown = ", ".join(f"`{quoted(pattern)}`" for pattern in patterns[:3])
    known = ", ".join(sorted(addresses))
    message = f"None of the interfaces ({shown}) matches {known}: Hazelcast would not start."
    hint = f"Write the node's own address: `<interface>{min(addresses)}</interface>`."
    return Finding(NO_INTERFACE, lines.get(keys[0], 0), message, hint)


def matches(pattern: str, address: str) -> bool:
    """Tell whether Hazelcast's pattern matches: each part a number, `*` or a range."""
    parts = pattern.split(".")
    numbers = address.split(".")
    return len(parts) == len(numbers) and all(map(_part_matches, parts, numbers))


def _part_matches(part: str, number: str) -> bool:
    low, dash, high = part.partition("-")
    if dash and low.isascii() and high.isascii() and low.isdigit() and high.isdigit():
        of_address = number.isascii() and number.isdigit()
        return of_address and int(low[:5]) <= int(number[:5]) <= int(high[:5])
    return part in ("*", number)


def _joins(items: Mapping[str, str]) -> bool:
    """Tell whether a join is enabled, or may be."""
    return any(
        _joining(key) and (value == "true" or VARIABLE in value) for key, value in items.items()
    )


def _joining(key: str) -> bool:
    return key.startswith(_JOIN) and key.endswith("/enabled")


def imports(items: Mapping[str, str]) -> list[str]:
    """Find the keys of `<import>`, which Hazelcast replaces by the elements of that file."""
    return [key for key in items if key.startswith("import") and _IMPORT.fullmatch(key)]


def _unknown(items: Mapping[str, str], lines: Mapping[str, int]) -> Iterator[Finding]:
    """Report settings that decide whether members meet but are not in the file."""
    keys = [k for k in items if VARIABLE in items[k] and (k in _MATTERS or _joining(k))]
    if keys:
        values = ", ".join(f"`{key}` (`{quoted(items[key])}`)" for key in keys[:3])
        more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
        message = (
            f"Java system properties set {values}{more}: the values are known only on the node, so"
            f" they are not compared."
        )
        hint = "Compare them on all nodes first; if a value changes, stop all nodes together."
        yield Finding(UNKNOWN, lines.get(keys[0], 0), message, hint)
    for key in imports(items)[:3]:
        message = f"`{quoted(items[key])}` is imported: that file is neither read nor compared."
        hint = (
            "Write its elements into hazelcast.xml, or check that the join settings in"
            " it are the same on all nodes."
        )
        yield Finding(UNKNOWN, lines.get(key, 0), message, hint)


def _listed(nodes: list[str], count: int) -> str:
    """Return up to three nodes in words, and the number of the others."""
    more = f" and {count - 3} more" if count > 3 else ""
    return ", ".join(nodes[:3]) + more
