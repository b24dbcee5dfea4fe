"""The topology in DOT, the language of Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.topology.model import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omconf.topology.model import Topology

_SHAPES = {
    Role.NODE: "box",
    Role.DATABASE: "cylinder",
    Role.DATA: "folder",
    Role.MEDIA: "component",
}
# Graphviz reads HTML's entities in a label, and a backslash as the start of one of its own codes.
_ESCAPES = str.maketrans({"&": "&amp;", '"': "&quot;", "\\": r"\\"})


def draw(topology: Topology) -> str:
    """Draw the picture; what several nodes share is one label, to which their lines lead."""
    lines = [
        f"digraph {_quoted(topology.cluster)} {{",
        "  rankdir=LR;",
        "  node [shape=box];",
        "  edge [arrowhead=none];",
        "  subgraph cluster_nodes {",
        f"    label={_quoted(f'{topology.cluster}: {topology.discovery}')};",
    ]
    for i, box in enumerate(topology.nodes):
        lines.append(f"    n{i} [label={_label((box.title, *box.lines))}];")
    lines.append("  }")
    for i, box in enumerate(topology.servers):
        label = _label((box.title, *box.lines))
        lines.append(f"  s{i} [shape={_SHAPES[box.role]}, label={label}];")
    for i, link in enumerate(topology.links):
        nodes, label = " ".join(f"n{n}" for n in link.nodes), _quoted(link.label)
        if link.runs:
            lines.append(f"  {{{nodes}}} -> s{link.server} [style=dashed, label={label}];")
        else:
            lines.append(f"  l{i} [shape=plaintext, label={label}];")
            lines.append(f"  {{{nodes}}} -> l{i};")
            lines.append(f"  l{i} -> s{link.server} [arrowhead=normal];")
    return "\n".join([*lines, "}"]) + "\n"


def _label(lines: Iterable[str]) -> str:
    return '"' + r"\n".join(_escape(line) for line in lines) + '"'


def _quoted(text: str) -> str:
    return f'"{_escape(text)}"'


def _escape(text: str) -> str:
    """Write text for a label in double quotes, in UTF-8: numbers above 65535 are not understood."""
    return text.translate(_ESCAPES)
