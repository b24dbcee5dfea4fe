"""The topology as a Mermaid flowchart, which forges draw inside Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omconf.topology.model import Role

if TYPE_CHECKING:
    from omconf.topology.model import Box, Topology

_SHAPES = {
    Role.NODE: ("[", "]"),
    Role.DATABASE: ("[(", ")]"),
    Role.DATA: ("[/", "/]"),
    Role.MEDIA: ("([", "])"),
}
# Mermaid takes the last `;` off any text like `style…:…#…;`, an entity's too (tried with 11).
_SPECIAL = re.compile(r"[\"#<>&%`\\$]|s(?=tyle)|c(?=lassDef)")


def draw(topology: Topology) -> str:
    """Draw the picture; what several nodes share is one label, to which their lines lead."""
    caption = escape(f"{topology.cluster}: {topology.discovery}")
    lines = ["flowchart LR", f'  subgraph cluster["{caption}"]']
    lines += [f"    {_box(f'n{i}', box)}" for i, box in enumerate(topology.nodes)]
    lines.append("  end")
    lines += [f"  {_box(f's{i}', box)}" for i, box in enumerate(topology.servers)]
    for i, link in enumerate(topology.links):
        nodes, label = " & ".join(f"n{n}" for n in link.nodes), escape(link.label)
        if link.runs:
            lines.append(f'  {nodes} -. "{label}" .- s{link.server}')
        else:
            lines.append(f'  {nodes} --- l{i}(["{label}"]) --> s{link.server}')
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Write text for a label in double quotes: Mermaid's entities are `#NUMBER;`."""
    return _SPECIAL.sub(lambda found: f"#{ord(found[0])};", text)


def _box(name: str, box: Box) -> str:
    opening, closing = _SHAPES[box.role]
    text = "<br/>".join(escape(line) for line in (box.title, *box.lines))
    return f'{name}{opening}"{text}"{closing}'
