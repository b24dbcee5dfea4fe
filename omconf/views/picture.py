"""The topology in a plan's document, drawn as on `omconf graph --format svg`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omconf.topology import svg
from omconf.topology.model import Box, Link, Role, Topology
from omconf.views.markup import image, tag
from omconf.views.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omconf.views.document import Document
    from omconf.views.markup import Markup

MAX_PICTURE = 200_000
"""Characters of a picture; the largest that omconf plans, of 30 nodes, takes a tenth of it."""

MAX_ENDS = 50_000
"""Links times the ends of all links; those of 30 nodes and five servers make 3,000."""


def draw(document: Document) -> Markup:
    """Draw the topology of a plan as an image, or say that it is too large."""
    topology = document["topology"]
    ends = sum(len(link["nodes"]) for link in topology["links"])
    if len(topology["links"]) * ends > MAX_ENDS or _letters(topology) > MAX_PICTURE:
        return _left_out()
    read = Topology(
        visible(document["cluster"] or ""),
        visible(topology["discovery"]),
        tuple(_box(box, Role.NODE) for box in topology["nodes"]),
        tuple(_box(box, Role(box["role"])) for box in topology["servers"]),
        tuple(_links(topology)),
    )
    drawing = svg.draw(read)
    if len(drawing) > MAX_PICTURE:
        return _left_out()
    return tag("div", image(drawing, svg.describe(read)), of="picture")


def _letters(topology: Document) -> int:
    """Count what the description will have: it names a node once for each link."""
    boxes = (*topology["nodes"], *topology["servers"])
    lengths = [len(box["title"]) for box in boxes]
    longest = max(lengths)
    lines = sum(len(line) for box in boxes for line in box["lines"])
    labels = sum(len(link["label"]) + longest * len(link["nodes"]) for link in topology["links"])
    return len(topology["discovery"]) + sum(lengths) + lines + labels


def _left_out() -> Markup:
    return tag("p", "The picture is left out to limit the size.", of="left")


def _links(topology: Document) -> Iterator[Link]:
    for link in topology["links"]:
        there = (node for node in link["nodes"] if node < len(topology["nodes"]))
        nodes = tuple(dict.fromkeys(there))
        if nodes and link["server"] < len(topology["servers"]):
            yield Link(nodes, link["server"], visible(link["label"]), link["runs"])


def _box(box: Document, role: Role) -> Box:
    return Box(role, visible(box["title"]), tuple(map(visible, box["lines"])))
