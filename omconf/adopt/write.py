"""Writes the text of an imported spec: each value with its source, and quoted where YAML needs it."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from omconf.adopt.model import Fact
from omconf.cluster.resolve import natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from omconf.adopt.fold import Facts
    from omconf.adopt.model import Path

ORDER = (
    "omconf",
    "cluster",
    "openmeetings",
    "network",
    "hazelcast",
    "discovery",
    "database",
    "persistence",
    "storage",
    "kurento",
    "secrets",
    "node_defaults",
    "nodes",
)
_INNER = (
    *("release", "home", "webapp", "data_dir", "timezone", "service", "kind", "host", "server"),
    *("port", "name", "user", "group", "password", "address", "url"),
)
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*|[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""Plain words that some YAML readers do not read as text."""
_COLUMN = 40
_MAX_COMMENT = 160


def spec(
    facts: Facts,
    head: Sequence[str],
    gaps: Mapping[str, str],
    tail: Sequence[str],
) -> str:
    """Write a spec. `head` and `tail` are comments; `gaps` are missing nodes, with the reason."""
    data: dict[str, Any] = {"omconf": 1}
    for path in sorted(facts, key=_place):
        fact = facts[path]
        section = data
        for key in path[:-1]:
            section = section.setdefault(key, {})
        section[path[-1]] = fact
    document = _mapping(data, ())
    lines = _commented(head)
    body = dump(document)
    missing = "".join(f"  # {shown(name)} is missing: {shown(why)}\n" for name, why in gaps.items())
    end = _commented(tail)
    return lines + body + missing + (f"\n{end}" if end else "")


def body(mapping: Mapping[str, Mapping[str, Fact]]) -> str:
    """Write only nodes, as they are below `nodes:`."""
    return dump(_mapping(_ordered(mapping), ("nodes",)))


def flow(mapping: Mapping[str, Mapping[str, Fact]]) -> list[str]:
    """Write nodes as they are in the braces of `nodes: {...}`, one text each."""
    return [
        dump(node_of({name: {key: fact.value for key, fact in own.items()}})).strip()[1:-1]
        for name, own in _ordered(mapping).items()
    ]


def _ordered(mapping: Mapping[str, Mapping[str, Fact]]) -> dict[str, dict[str, Fact]]:
    return {
        name: {key: own[key] for key in sorted(own, key=lambda key: _place(("nodes", name, key)))}
        for name, own in mapping.items()
    }


def _commented(lines: Iterable[str]) -> str:
    return "".join(f"# {shown(line)}\n" if line else "#\n" for line in lines)


def _place(path: Path) -> tuple[Any, ...]:
    """The order of keys, as in the spec's reference."""
    first = ORDER.index(path[0]) if path[0] in ORDER else len(ORDER)
    rest = tuple(
        (_INNER.index(key) if key in _INNER else len(_INNER), natural(key)) for key in path[1:]
    )
    return (first, rest)


def dump(document: Any) -> str:
    """Write a ruamel.yaml document."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _mapping(data: Mapping[str, Any], above: Path) -> Any:
    from ruamel.yaml.comments import CommentedMap

    result = CommentedMap()
    for key, value in data.items():
        name = scalar(key)
        if isinstance(value, Fact):
            result[name] = node_of(value.value)
            comment(result, name, value.said)
        elif isinstance(value, dict):
            result[name] = _mapping(value, (*above, key))
        else:
            result[name] = node_of(value)
        if not above and key not in ("omconf", "cluster"):
            result.yaml_set_comment_before_after_key(name, before="\n")
    return result


def comment(mapping: Any, key: Any, text: str) -> None:
    """Append a comment to a value."""
    if not text:
        return
    mapping.yaml_add_eol_comment(f"# {shown(text)}", key, column=_COLUMN)


def node_of(value: Any) -> Any:
    """Convert a value for ruamel.yaml."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    if isinstance(value, dict):
        result = CommentedMap((scalar(key), node_of(inner)) for key, inner in value.items())
        result.fa.set_flow_style()
        return result
    if isinstance(value, list):
        listed = CommentedSeq(node_of(inner) for inner in value)
        listed.fa.set_flow_style()
        return listed
    return scalar(value) if isinstance(value, str) else value


def scalar(text: str) -> Any:
    """Quote a text, unless every YAML reader reads it as this text without quotes."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and len(text) < 200:
        return text
    return DoubleQuotedScalarString(text)


def shown(text: str) -> str:
    """Escape a text for a comment, which ends with its line."""
    flat = "".join(char if char.isprintable() else "�" for char in text)
    return flat if len(flat) <= _MAX_COMMENT else flat[: _MAX_COMMENT - 3] + "..."
